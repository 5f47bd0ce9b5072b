//! What the machine can do at most, to measure kernels by: multiply-adds on registers alone.

use std::hint::black_box;
use std::time::Instant;

use crate::simd::{Kernel, LANES, Lanes, Simd};

/// Rounds of a sample: about a millisecond.
const ROUNDS: usize = 200_000;
/// Samples, of which the fastest counts: the others were disturbed.
const SAMPLES: usize = 25;

/// The rate of fused multiply-adds on registers, in GFLOP/s (10⁹ additions and multiplications a second), of
/// `threads` threads at once. Takes some tens of milliseconds.
pub fn gflops(simd: Simd, threads: usize) -> f64 {
    let one = || (0..SAMPLES).map(|_| sample(simd)).fold(0.0, f64::max);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
        // A thread that measures cannot fail; if it could, it would count as nothing.
        one() + others.into_iter().map(|other| other.join().unwrap_or_default()).sum::<f64>()
    })
}

/// About a millisecond of fused multiply-adds on registers, on this thread; returns how many additions and
/// multiplications they were, which is always the same.
pub fn multiply_adds(simd: Simd) -> usize {
    let mut work = 0;
    simd.run(MultiplyAdds { work: &mut work });
    work
}

fn sample(simd: Simd) -> f64 {
    let began = Instant::now();
    let work = multiply_adds(simd);
    work as f64 / began.elapsed().as_secs_f64() / 1e9
}

struct MultiplyAdds<'a> {
    /// Additions and multiplications done.
    work: &'a mut usize,
}

impl Kernel for MultiplyAdds<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        // As many chains as hide the latency of an addition and stay in registers.
        if L::TILE_WIDTH == 2 { chains::<L, 12>(lanes, self.work) } else { chains::<L, 6>(lanes, self.work) }
    }
}

#[inline(always)]
fn chains<L: Lanes, const N: usize>(lanes: L, work: &mut usize) {
    let factor = lanes.splat(black_box(0.999));
    let term = lanes.splat(black_box(0.001));
    let mut sums = [lanes.splat(black_box(0.5)); N];
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = lanes.mul_add(*sum, factor, term);
        }
    }
    let mut total = lanes.splat(0.0);
    for sum in sums {
        total = lanes.add(total, sum);
    }
    let mut out = [0.0; LANES];
    lanes.store(total, &mut out);
    black_box(out);
    *work = ROUNDS * N * LANES * 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_has_a_rate() {
        for simd in Simd::available().into_iter().filter(|simd| simd.to_string() != "portable") {
            assert!(gflops(simd, 2).is_finite() && gflops(simd, 1) > 0.1, "{simd}");
        }
    }
}
