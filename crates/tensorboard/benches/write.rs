//! Scalars and histograms written: as bytes alone, and by [`Writer`] into a new file until they are with the system,
//! so that no disk is measured.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

mod data;

use std::hint::black_box;
use std::io;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tensorboard::{Error, Event, EventWriter, Histogram, Step, WallTime, Writer};

/// Points in a file.
const SCALARS: usize = 10_000;
const HISTOGRAMS: usize = 100;

/// One event after the other, encoded, framed and thrown away.
fn encoded(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    let at = WallTime::now();
    let histogram = Histogram::of(&data::normal(data::VALUES));
    let mut events = EventWriter::new(io::sink());
    group.throughput(Throughput::Elements(1));
    group.bench_function("scalar", |b| {
        b.iter(|| events.write(&Event::scalar(at, black_box("epoch_loss"), Step(7), 0.5)).unwrap());
    });
    group.bench_function("histogram of 30 buckets", |b| {
        b.iter(|| {
            let event = Event::histogram(at, "dense/kernel", Step(7), black_box(&histogram));
            events.write(&event).unwrap();
        });
    });
    group.finish();
}

fn files(c: &mut Criterion) {
    let values = data::normal(data::VALUES);
    let mut group = c.benchmark_group("file");
    let mut bench = |name: &str, count: usize, add: &dyn Fn(&mut Writer, usize) -> Result<(), Error>| {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(name, |b| {
            // Folder and writer are given back, so that closing and removing them does not count.
            b.iter_batched(
                || tempfile::tempdir().unwrap(),
                |dir| {
                    let mut writer = Writer::create(dir.path()).unwrap();
                    (0..count).try_for_each(|step| add(&mut writer, step)).unwrap();
                    writer.flush().unwrap();
                    (writer, dir)
                },
                BatchSize::PerIteration,
            );
        });
    };
    bench("scalars", SCALARS, &|writer, step| writer.scalar("epoch_loss", step, 0.5));
    bench("histograms of 65,536 f32", HISTOGRAMS, &|writer, step| {
        writer.histogram("dense/kernel", step, black_box(&values)).map(drop)
    });
    group.finish();
}

criterion_group!(benches, encoded, files);
criterion_main!(benches);
