//! A convolution with its activation and a 2x2 max pool behind it, a strip at a time while it is in the cache.

use rayon::prelude::*;

use super::gradient::SumsGradient;
use super::strip::{Cut, Frame};
use super::{Conv2d, Gradients, InputGradient, strip_windows};
use crate::error::{ShapeError, check_len};
use crate::parallel::BLOCK;
use crate::pool::MaxPool2d;
use crate::product::{self, Gather};
use crate::simd::{Kernel, LANES, Lanes, Simd};

/// A [`Conv2d`] and, behind it, a [`MaxPool2d`] with windows of 2x2, 2 apart: the same numbers as the two one after
/// the other, but only the pooled result is written.
#[derive(Clone, Debug)]
pub struct ConvPool2d {
    conv: Conv2d,
    /// Rows and columns of the pooled result.
    output: [usize; 2],
}

/// What [`ConvPool2d::forward`] gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    /// `(B, OH, OW, OC)`.
    pub values: Vec<f32>,
    /// For each value the place in its window that it was taken from, in row-major order, 0 to 3.
    pub winners: Vec<u8>,
}

impl ConvPool2d {
    /// Puts the pool behind a convolution. Its last row or column is left out if their number is odd.
    ///
    /// # Errors
    /// If the convolution's result has less than two rows or columns.
    pub fn new(conv: Conv2d) -> Result<Self, ShapeError> {
        let [oh, ow, _] = MaxPool2d::new(conv.output_shape(), [2, 2], [2, 2])?.output_shape();
        Ok(Self { conv, output: [oh, ow] })
    }

    /// `(OH, OW, OC)`.
    pub fn output_shape(&self) -> [usize; 3] {
        [self.output[0], self.output[1], self.conv.filters]
    }

    /// `(KH, KW, IC, OC)`.
    pub fn weight_shape(&self) -> [usize; 4] {
        self.conv.weight_shape()
    }

    /// The pooled result of `x (B, H, W, IC)`, weights `(KH, KW, IC, OC)` and bias `(OC)`.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    pub fn forward(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        weights: &[f32],
        bias: &[f32],
    ) -> Result<Pooled, ShapeError> {
        let conv = &self.conv;
        conv.check(batch, x, Some(weights))?;
        check_len("bias", bias.len(), &[conv.filters])?;
        let filters = conv.filters;
        let panels = conv.panels(weights);
        let frame = Frame::of_input(conv);
        let [rows, columns] = self.output.map(|size| 2 * size);
        let wanted = strip_windows(batch * rows * columns, &panels);
        let cut = Cut::new(batch, [rows, columns], wanted, 2);
        let (windows, segments) = (frame.windows(cut, columns), frame.segments());
        let x = conv.pictures(x);
        let len = batch * self.output_shape().iter().product::<usize>();
        let mut pooled = Pooled { values: vec![0.0; len], winners: vec![0; len] };
        let each = self.output[1] * filters;
        let values = cut.split(&mut pooled.values, each);
        let winners = cut.split(&mut pooled.winners, each);
        let pieces: Vec<_> = cut.strips(0..batch).zip(values.zip(winners)).collect();
        pieces.into_par_iter().for_each(|(strip, (values, winners))| {
            let framed = frame.strip(strip, &x);
            let mut sums = vec![0.0; 4 * values.len()];
            let a = Gather { values: &framed, rows: &windows[..sums.len() / filters], segments: &segments };
            product::product(simd, a, &panels, Some(bias), conv.activation.finish(), &mut sums);
            let row = columns * filters;
            simd.run(PoolRows { channels: filters, row, rows: &sums, values, winners });
        });
        Ok(pooled)
    }

    /// The gradients, from the input `x`, what [`forward`](Self::forward) gave and the gradient `dy` of its values.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    #[expect(clippy::too_many_arguments, reason = "the terms of the formula")]
    pub fn backward(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        weights: &[f32],
        pooled: &Pooled,
        dy: &[f32],
        input_gradient: InputGradient,
    ) -> Result<Gradients, ShapeError> {
        let conv = &self.conv;
        conv.check(batch, x, Some(weights))?;
        let [oh, ow, filters] = self.output_shape();
        for (name, len) in [
            ("result", pooled.values.len()),
            ("winners", pooled.winners.len()),
            ("gradient of the result", dy.len()),
        ] {
            check_len(name, len, &[batch, oh, ow, filters])?;
        }
        let dy = SumsGradient {
            shape: conv.output_shape(),
            activation: conv.activation,
            y: &pooled.values,
            dy,
            winners: Some(&pooled.winners),
        };
        Ok(conv.gradients(simd, batch, x, weights, &dy, input_gradient, BLOCK))
    }
}

/// Pools rows of pixels, two into one, as [`MaxPool2d`] does: the first maximum wins, or the first NaN.
struct PoolRows<'a> {
    channels: usize,
    /// Values of a row of pixels.
    row: usize,
    rows: &'a [f32],
    values: &'a mut [f32],
    winners: &'a mut [u8],
}

impl Kernel for PoolRows<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channels, row, rows, values, winners } = self;
        let columns = row / channels / 2;
        let infinity = lanes.splat(f32::INFINITY);
        let pixels = values.chunks_exact_mut(channels).zip(winners.chunks_exact_mut(channels));
        for (n, (values, winners)) in pixels.enumerate() {
            let first = n / columns * 2 * row + n % columns * 2 * channels;
            let window = [first, first + channels, first + row, first + row + channels];
            let groups = values.chunks_mut(LANES).zip(winners.chunks_mut(LANES));
            for (group, (values, winners)) in groups.enumerate() {
                let len = values.len();
                let mut best = lanes.load(&sixteen(&rows[window[0] + group * LANES..][..len]));
                // Places are small numbers in registers of `f32`, which only pass through.
                let mut winner = lanes.splat(f32::from_bits(0));
                for (place, at) in (1..).zip(&window[1..]) {
                    let x = lanes.load(&sixteen(&rows[at + group * LANES..][..len]));
                    let wins = lanes.above(x, best);
                    let place = lanes.select(wins, lanes.splat(f32::from_bits(place)), winner);
                    let x = lanes.select(wins, x, best);
                    // Above infinity is only NaN, which stays.
                    let stays = lanes.above(best, infinity);
                    winner = lanes.select(stays, winner, place);
                    best = lanes.select(stays, best, x);
                }
                let mut sixteen = [[0.0; LANES]; 2];
                lanes.store(best, &mut sixteen[0]);
                lanes.store(winner, &mut sixteen[1]);
                values.copy_from_slice(&sixteen[0][..len]);
                for (to, winner) in winners.iter_mut().zip(&sixteen[1]) {
                    *to = winner.to_bits() as u8;
                }
            }
        }
    }
}

/// At most 16 values, filled up with zeros.
#[inline(always)]
fn sixteen(values: &[f32]) -> [f32; LANES] {
    if let Some(all) = values.first_chunk() {
        return *all;
    }
    let mut filled = [0.0; LANES];
    filled[..values.len()].copy_from_slice(values);
    filled
}
