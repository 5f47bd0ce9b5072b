//! Pictures a second, on one core: reading CIFAR-10's binary folder, batches without and with variations, and
//! each variation by itself.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dataset::augment::{Augmentation, Augmenter, Occasion};
use dataset::loader::Loader;
use dataset::{Dataset, Given, Pictures, Shape, Source, binary, shapes};
use streams::Seed;

/// Far more than any cache holds.
const PICTURES: usize = 20_000;

fn drawn() -> Dataset {
    shapes::draw(Seed(0), PICTURES, 1).unwrap()
}

/// Whole epochs through the background thread, made to numbers.
fn batches(c: &mut Criterion) {
    let dataset = drawn();
    let places: Vec<usize> = (0..PICTURES).collect();
    let mut group = c.benchmark_group("batches");
    group.throughput(Throughput::Elements(PICTURES as u64)).sample_size(10);
    group.measurement_time(Duration::from_secs(4));
    for name in ["none", "light", "standard"] {
        let augmentation: Augmentation = name.parse().unwrap();
        let loader = Loader::training(&dataset, &places, 32, Seed(0), &augmentation).unwrap();
        let (mut epoch, mut images) = (0, Vec::new());
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                let mut batches = loader.epoch(epoch).unwrap();
                while let Some(batch) = batches.next_batch().unwrap() {
                    batch.images(&mut images);
                    black_box(images.as_slice());
                }
                epoch += 1;
            });
        });
    }
    group.finish();
}

fn variations(c: &mut Criterion) {
    let dataset = drawn();
    let mut group = c.benchmark_group("variations");
    group.throughput(Throughput::Elements(1)).sample_size(20).measurement_time(Duration::from_secs(1));
    for op in [
        "flip",
        "shift:4",
        "crop:4",
        "rotate:15",
        "zoom:0.1",
        "brightness:0.1",
        "contrast:0.2",
        "noise:0.02",
        "cutout:8",
    ] {
        let mut augmenter = Augmenter::new(&op.parse().unwrap(), Shape::CIFAR);
        let (mut picture, mut sample) = (vec![0; Shape::CIFAR.len()], 0);
        group.bench_function(op, |b| {
            b.iter(|| {
                sample += 1;
                picture.copy_from_slice(dataset.pictures().picture(sample as usize % PICTURES));
                augmenter.vary(&mut picture, Occasion { seed: Seed(0), epoch: 0, sample });
                black_box(picture.as_slice());
            });
        });
    }
    group.finish();
}

/// All 60,000 pictures of a folder, hashed, from the page cache.
fn folder(c: &mut Criterion) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cifar");
    let count = 6 * binary::RECORDS;
    if !target.exists() {
        let drawn = shapes::draw(Seed(0), binary::RECORDS, 1).unwrap();
        let pixels = drawn.pictures().pixels()[..binary::RECORDS * Shape::CIFAR.len()].repeat(6);
        let labels = drawn.pictures().labels()[..binary::RECORDS].repeat(6);
        let pictures = Pictures::new(Shape::CIFAR, pixels, labels).unwrap();
        let given = Given { train: count - binary::RECORDS, validation: 0, test: binary::RECORDS };
        let dataset = Dataset::new(Source::Program, binary::CLASSES, pictures, given).unwrap();
        binary::write_folder(&dataset, &target).unwrap();
    }
    let mut group = c.benchmark_group("binary folder");
    group.throughput(Throughput::Elements(count as u64)).sample_size(10);
    group.bench_function("60,000 pictures", |b| {
        b.iter(|| black_box(binary::load(&target).unwrap()));
    });
    group.finish();
    let _ = fs::remove_dir_all(&target);
}

criterion_group!(benches, batches, variations, folder);
criterion_main!(benches);
