//! The passes of batch normalisation over rows `(N, C)`: sums down the columns, and a line for every column.

use rayon::prelude::*;

use crate::simd::{Kernel, Lanes, Simd};

/// Elements in a block of rows, about.
const PIECE: usize = 16 * 1024;

/// Elements of the rows of a block: a number that the shape alone decides.
fn block(channels: usize) -> usize {
    (PIECE / channels).max(1) * channels
}

/// Sums over rows, for every channel.
pub(super) struct Sums {
    /// Of `a - centre of a`.
    pub(super) first: Vec<f64>,
    /// Of `(a - centre of a) * (b - centre of b)`.
    pub(super) product: Vec<f64>,
}

/// Sums over the rows of two inputs `a` and `b`, which may be the same, around a centre of each.
pub(super) fn sums(simd: Simd, channels: usize, inputs: [&[f32]; 2], centres: [&[f64]; 2]) -> Sums {
    let each = block(channels);
    let zeros = || Sums { first: vec![0.0; channels], product: vec![0.0; channels] };
    let blocks: Vec<Sums> = (inputs[0].par_chunks(each), inputs[1].par_chunks(each))
        .into_par_iter()
        .map(|(a, b)| {
            let mut sums = zeros();
            simd.run(AddUp { inputs: [a, b], centres, sums: &mut sums });
            sums
        })
        .collect();
    let mut total = zeros();
    for block in blocks {
        for (total, part) in [(&mut total.first, block.first), (&mut total.product, block.product)] {
            for (total, part) in total.iter_mut().zip(part) {
                *total += part;
            }
        }
    }
    total
}

/// Adds up a block of rows.
struct AddUp<'a> {
    inputs: [&'a [f32]; 2],
    centres: [&'a [f64]; 2],
    sums: &'a mut Sums,
}

impl Kernel for AddUp<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let channels = self.sums.first.len();
        let Self { inputs: [a, b], centres: [centre_a, centre_b], sums } = self;
        for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
            let columns =
                a.iter().zip(b).zip(centre_a).zip(centre_b).zip(&mut sums.first).zip(&mut sums.product);
            for (((((a, b), centre_a), centre_b), first), product) in columns {
                let a = f64::from(*a) - centre_a;
                let b = f64::from(*b) - centre_b;
                *first += a;
                *product = a.mul_add(b, *product);
            }
        }
    }
}

/// For every channel a line, `(x - mean) * slope + shift`.
#[derive(Default)]
pub(super) struct Affine {
    mean: Vec<f32>,
    slope: Vec<f32>,
    shift: Vec<f32>,
}

impl Affine {
    /// Adds the line of the next channel. What rounding takes from the mean goes into the shift.
    pub(super) fn push(&mut self, mean: f64, slope: f64, shift: f64) {
        let rounded = mean as f32;
        self.mean.push(rounded);
        self.slope.push(slope as f32);
        self.shift.push((shift - slope * (mean - f64::from(rounded))) as f32);
    }

    /// `(x - mean) * slope + shift`.
    pub(super) fn apply(&self, simd: Simd, x: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; x.len()];
        let each = block(self.mean.len());
        y.par_chunks_mut(each)
            .zip(x.par_chunks(each))
            .for_each(|(y, x)| simd.run(Apply { affine: self, x, y }));
        y
    }

    /// `((x - mean) * slope + (dy + shift)) * factor`.
    pub(super) fn apply_to_gradient(&self, simd: Simd, x: &[f32], dy: &[f32], factor: &[f32]) -> Vec<f32> {
        let mut dx = vec![0.0; x.len()];
        let each = block(self.mean.len());
        (dx.par_chunks_mut(each), x.par_chunks(each), dy.par_chunks(each))
            .into_par_iter()
            .for_each(|(dx, x, dy)| simd.run(ApplyToGradient { affine: self, x, dy, factor, dx }));
        dx
    }
}

struct Apply<'a> {
    affine: &'a Affine,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Affine { mean, slope, shift } = self.affine;
        for (x, y) in self.x.chunks_exact(mean.len()).zip(self.y.chunks_exact_mut(mean.len())) {
            for ((((y, x), mean), slope), shift) in y.iter_mut().zip(x).zip(mean).zip(slope).zip(shift) {
                *y = (x - mean).mul_add(*slope, *shift);
            }
        }
    }
}

struct ApplyToGradient<'a> {
    affine: &'a Affine,
    x: &'a [f32],
    dy: &'a [f32],
    factor: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for ApplyToGradient<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Affine { mean, slope, shift } = self.affine;
        let channels = mean.len();
        let rows = self.x.chunks_exact(channels).zip(self.dy.chunks_exact(channels));
        for (dx, (x, dy)) in self.dx.chunks_exact_mut(channels).zip(rows) {
            let lines = mean.iter().zip(slope).zip(shift).zip(self.factor);
            for (((dx, x), dy), (((mean, slope), shift), factor)) in dx.iter_mut().zip(x).zip(dy).zip(lines) {
                *dx = (x - mean).mul_add(*slope, dy + shift) * factor;
            }
        }
    }
}
