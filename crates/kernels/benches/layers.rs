//! Single layers, in additions and multiplications a second: `Gelem/s` is GFLOP/s, two for each multiply-add of the
//! formula, whatever the kernel computes. On all threads; `RAYON_NUM_THREADS` sets how many. The group `peak` is what
//! the machine can do at most in the same units.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kernels::activation::Activation;
use kernels::conv::{Conv2d, ConvPool2d, InputGradient, Padding};
use kernels::dense::Dense;
use kernels::pool::MaxPool2d;
use kernels::{Simd, peak};

/// The trainer's, which keeps the memory of results from step to step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VALID: Padding = Padding { top: 0, bottom: 0, left: 0, right: 0 };
const SAME: Padding = Padding { top: 1, bottom: 1, left: 1, right: 1 };

/// A 3x3 convolution with ReLU: name, batch, input, filters, padding.
type Layer = (&'static str, usize, [usize; 3], usize, Padding);

/// Those of the tutorial.
const TUTORIAL: [Layer; 3] = [
    ("conv2d", 32, [32, 32, 3], 32, VALID),
    ("conv2d_1", 32, [15, 15, 32], 64, VALID),
    ("conv2d_2", 32, [6, 6, 64], 64, VALID),
];

/// Those of residual networks for pictures of this size.
const RESIDUAL: [Layer; 6] = [
    ("64 at 32x32, batch 8", 8, [32, 32, 64], 64, SAME),
    ("64 at 32x32, batch 32", 32, [32, 32, 64], 64, SAME),
    ("128 at 16x16, batch 8", 8, [16, 16, 128], 128, SAME),
    ("128 at 16x16, batch 32", 32, [16, 16, 128], 128, SAME),
    ("256 at 8x8, batch 8", 8, [8, 8, 256], 256, SAME),
    ("256 at 8x8, batch 32", 32, [8, 8, 256], 256, SAME),
];

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7 % 13) as f32 / 6.5 - 1.0).collect()
}

fn instruction_sets() -> impl Iterator<Item = Simd> {
    Simd::available().into_iter().filter(|simd| simd.to_string() != "portable")
}

fn id(layer: &str, pass: &str, simd: Simd) -> BenchmarkId {
    BenchmarkId::new(format!("{layer}/{pass}"), simd)
}

fn registers(c: &mut Criterion) {
    let mut group = c.benchmark_group("peak");
    for simd in instruction_sets() {
        let flop = peak::multiply_adds(simd) * rayon::current_num_threads();
        group.throughput(Throughput::Elements(flop as u64));
        group.bench_function(simd.to_string(), |b| {
            b.iter(|| rayon::broadcast(|_| peak::multiply_adds(simd)));
        });
    }
    group.finish();
}

fn convolutions(c: &mut Criterion) {
    let mut group = c.benchmark_group("conv2d");
    for (name, batch, input, filters, padding) in TUTORIAL.into_iter().chain(RESIDUAL) {
        let conv = Conv2d::new(input, filters, [3, 3], [1, 1], padding, Activation::Relu).unwrap();
        let [oh, ow, oc] = conv.output_shape();
        let x = values(batch * input.iter().product::<usize>());
        let w = values(conv.weight_shape().iter().product());
        let bias = values(oc);
        let dy = values(batch * oh * ow * oc);
        group.throughput(Throughput::Elements((2 * batch * oh * ow * w.len()) as u64));
        for simd in instruction_sets() {
            let y = conv.forward(simd, batch, &x, &w, &bias).unwrap();
            group.bench_function(id(name, "forward", simd), |b| {
                b.iter(|| conv.forward(simd, batch, black_box(&x), &w, &bias).unwrap());
            });
            group.bench_function(id(name, "weight gradient", simd), |b| {
                b.iter(|| conv.weight_gradient(simd, batch, black_box(&x), &y, &dy).unwrap());
            });
            group.bench_function(id(name, "input gradient", simd), |b| {
                b.iter(|| conv.input_gradient(simd, batch, black_box(&w), &y, &dy).unwrap());
            });
        }
    }
    group.finish();
}

fn pooled_convolutions(c: &mut Criterion) {
    let mut group = c.benchmark_group("conv_pool2d");
    for (name, batch, input, filters, padding) in [TUTORIAL[0], TUTORIAL[1], RESIDUAL[1]] {
        let conv = Conv2d::new(input, filters, [3, 3], [1, 1], padding, Activation::Relu).unwrap();
        let [oh, ow, oc] = conv.output_shape();
        let layer = ConvPool2d::new(conv).unwrap();
        let x = values(batch * input.iter().product::<usize>());
        let w = values(layer.weight_shape().iter().product());
        let bias = values(oc);
        let dy = values(batch * layer.output_shape().iter().product::<usize>());
        let flop = (2 * batch * oh * ow * w.len()) as u64;
        for simd in instruction_sets() {
            let pooled = layer.forward(simd, batch, &x, &w, &bias).unwrap();
            group.throughput(Throughput::Elements(flop));
            group.bench_function(id(name, "forward", simd), |b| {
                b.iter(|| layer.forward(simd, batch, black_box(&x), &w, &bias).unwrap());
            });
            group.throughput(Throughput::Elements(2 * flop));
            group.bench_function(id(name, "both gradients", simd), |b| {
                let needed = InputGradient::Needed;
                b.iter(|| layer.backward(simd, batch, black_box(&x), &w, &pooled, &dy, needed).unwrap());
            });
        }
    }
    group.finish();
}

fn dense(c: &mut Criterion) {
    let mut group = c.benchmark_group("dense");
    const BATCH: usize = 32;
    for (inputs, outputs) in [(1024, 64), (1024, 1024)] {
        let layer = Dense::new(inputs, outputs, Activation::Relu).unwrap();
        let (x, w) = (values(BATCH * inputs), values(inputs * outputs));
        let (bias, dy) = (values(outputs), values(BATCH * outputs));
        let (name, flop) = (format!("{inputs} to {outputs}"), (2 * BATCH * inputs * outputs) as u64);
        for simd in instruction_sets() {
            let y = layer.forward(simd, BATCH, &x, &w, &bias).unwrap();
            group.throughput(Throughput::Elements(flop));
            group.bench_function(id(&name, "forward", simd), |b| {
                b.iter(|| layer.forward(simd, BATCH, black_box(&x), &w, &bias).unwrap());
            });
            group.throughput(Throughput::Elements(2 * flop));
            group.bench_function(id(&name, "both gradients", simd), |b| {
                let needed = InputGradient::Needed;
                b.iter(|| layer.backward(simd, BATCH, black_box(&x), &w, &y, &dy, needed).unwrap());
            });
        }
    }
    group.finish();
}

/// Pooling multiplies nothing: it is measured in bytes that it reads and writes.
fn pooling(c: &mut Criterion) {
    let mut group = c.benchmark_group("max_pool2d");
    const BATCH: usize = 32;
    let pool = MaxPool2d::new([30, 30, 32], [2, 2], [2, 2]).unwrap();
    let x = values(BATCH * 30 * 30 * 32);
    let dy = values(BATCH * 15 * 15 * 32);
    group.throughput(Throughput::Bytes(size_of_val(&x[..]) as u64 + size_of_val(&dy[..]) as u64));
    group.bench_function("forward", |b| b.iter(|| pool.forward(BATCH, black_box(&x)).unwrap()));
    group.throughput(Throughput::Bytes(2 * size_of_val(&x[..]) as u64 + size_of_val(&dy[..]) as u64));
    group.bench_function("backward", |b| b.iter(|| pool.backward(BATCH, black_box(&x), &dy).unwrap()));
    group.finish();
}

criterion_group! {
    name = layers;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1200));
    targets = registers, convolutions, pooled_convolutions, dense, pooling
}
criterion_main!(layers);
