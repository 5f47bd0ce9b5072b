//! Histograms of `f32` slices, and beside each the least that any histogram has to do: the smallest and the largest of
//! the values.

#![allow(missing_docs, reason = "a benchmark")]

mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tensorboard::Histogram;

/// The smallest and the largest weight of the tutorial network, and more than a processor's caches hold.
const COUNTS: [usize; 3] = [864, data::VALUES, 1 << 24];

fn histograms(c: &mut Criterion) {
    let mut group = c.benchmark_group("histogram");
    for count in COUNTS {
        let values = data::normal(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("30 buckets", count), |b| {
            b.iter(|| Histogram::of(black_box(&values)));
        });
        group.bench_function(BenchmarkId::new("smallest and largest", count), |b| {
            b.iter(|| data::range(black_box(&values)));
        });
    }
    group.finish();
}

criterion_group!(benches, histograms);
criterion_main!(benches);
