//! A step of the whole tutorial network, in pictures a second.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernels::Simd;
use kernels::plan::{Plan, PlanLayer};

fn network(c: &mut Criterion) {
    let conv = |filters| PlanLayer::ConvRelu { filters, kernel: [3, 3] };
    let layers = [
        conv(32),
        PlanLayer::MaxPool2x2,
        conv(64),
        PlanLayer::MaxPool2x2,
        conv(64),
        PlanLayer::DenseRelu { units: 64 },
        PlanLayer::Logits { classes: 10 },
    ];
    let plan = Plan::new([32, 32, 3], &layers).unwrap().unwrap();
    let values = |len: usize| (0..len).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5);
    let parameters: Vec<f32> = values(plan.parameter_count()).map(|x| x * 0.1).collect();
    let mut group = c.benchmark_group("tutorial");
    for batch in [32, 128] {
        let images: Vec<f32> = values(batch * 3072).map(|x| x + 0.5).collect();
        let labels: Vec<u32> = (0..batch as u32).map(|i| i % 10).collect();
        group.throughput(Throughput::Elements(batch as u64));
        for simd in Simd::available().into_iter().filter(|simd| simd.to_string() != "portable") {
            group.bench_function(format!("train/{batch}/{simd}"), |b| {
                b.iter(|| plan.train(simd, black_box(&parameters), &images, &labels, 0.0).unwrap());
            });
            group.bench_function(format!("logits/{batch}/{simd}"), |b| {
                b.iter(|| plan.logits(simd, black_box(&parameters), &images).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(networks, network);
criterion_main!(networks);
