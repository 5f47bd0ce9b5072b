//! The CUDA kernels of this crate on the CPU, where a C compiler takes their source, against the crate `kernels` and
//! `f64` loops, and those of pictures against the crate `dataset`; knows nothing of devices.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod host;
mod layers;
mod loss;
mod optimizers;
mod pictures;
mod pools;
#[path = "../../src/cuda/stages.rs"]
mod stages;
mod step;

use streams::{Purpose, Seed, Stream};

/// How far a result may be off where it is rounded in another order than what it is compared with.
const ROUNDING: f64 = 1e-6;

/// Random numbers, the same for the same case.
fn stream(case: u64) -> Stream {
    Seed(1).stream(Purpose::new("test"), 0, case)
}

/// Numbers in [-1, 1).
fn numbers(stream: &mut Stream, len: usize) -> Vec<f32> {
    (0..len).map(|_| stream.uniform_f32(-1.0, 1.0)).collect()
}

/// A number out of low..=high.
fn size(stream: &mut Stream, low: usize, high: usize) -> usize {
    low + stream.below((high - low + 1) as u32) as usize
}

/// Numbers out of a few, so that many are equal.
fn chosen(stream: &mut Stream, len: usize, from: &[f32]) -> Vec<f32> {
    (0..len).map(|_| from[stream.below(from.len() as u32) as usize]).collect()
}

/// Where nothing is rounded, or all in the same order: equal numbers, and NaN where NaN is expected.
#[track_caller]
fn check_equal(what: &str, found: &[f32], expected: &[f32]) {
    let same = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
    let equal = found.len() == expected.len() && found.iter().zip(expected).all(same);
    assert!(equal, "{what}:\nfound    {found:?}\nexpected {expected:?}");
}

/// Numbers within [`ROUNDING`] of parts of `scale`, or of themselves where they are greater; infinite and NaN where
/// that is expected.
#[track_caller]
fn check_near(what: &str, found: &[f32], exact: &[f64], scale: f64) {
    let near = |(a, b): (&f32, &f64)| {
        let a = f64::from(*a);
        a == *b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= ROUNDING * scale.max(b.abs())
    };
    let all = found.len() == exact.len() && found.iter().zip(exact).all(near);
    assert!(all, "{what}:\nfound {found:?}\nexact {exact:?}");
}
