//! Event files read, in bytes a second: records alone, events, and the typed data of a run; of a file of scalars and of
//! one as Keras' callback writes it, where most bytes are histograms.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

mod data;

use std::fs;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tensorboard::{Error, EventReader, RecordReader, Run, Writer};

/// Some megabytes each: more than a processor's nearer caches hold.
const SCALARS: usize = 50_000;
const EPOCHS: usize = 500;

fn scalars(c: &mut Criterion) {
    file(c, "read scalars", |writer| {
        (0..SCALARS).try_for_each(|step| writer.scalar("epoch_loss", step, 0.5))
    });
}

fn mixed(c: &mut Criterion) {
    file(c, "read mixed", |writer| data::keras_like(writer, EPOCHS));
}

fn file(c: &mut Criterion, name: &str, fill: impl FnOnce(&mut Writer) -> Result<(), Error>) {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(dir.path()).unwrap();
    let path = writer.path().to_owned();
    fill(&mut writer).unwrap();
    writer.close().unwrap();
    let bytes = fs::read(path).unwrap();

    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("records", |b| {
        b.iter(|| {
            let mut records = RecordReader::new(black_box(&bytes[..]));
            while let Some(payload) = records.read().unwrap() {
                black_box(payload);
            }
        });
    });
    group.bench_function("events", |b| {
        b.iter(|| EventReader::new(black_box(&bytes[..])).map(Result::unwrap).map(black_box).count());
    });
    group.bench_function("run", |b| b.iter(|| Run::open(dir.path()).unwrap().read().unwrap()));
    group.finish();
}

criterion_group!(benches, scalars, mixed);
criterion_main!(benches);
