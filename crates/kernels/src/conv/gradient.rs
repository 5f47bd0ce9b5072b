//! The gradients of a convolution's weights and input, from the gradient of its sums.

use rayon::prelude::*;

use super::strip::{Cut, Frame, Pictures, Rows, Strip};
use super::{Conv2d, Parameters, STRIP};
use crate::activation::Activation;
use crate::panels::Panels;
use crate::product::{self, Finish, Gather, Segment, padded};
use crate::simd::{LANES, Simd};

/// The gradient of a convolution's sums, before activation and pool, computed row by row where it is needed.
pub(super) struct SumsGradient<'a> {
    /// `(OH, OW, OC)` before the pool.
    pub(super) shape: [usize; 3],
    pub(super) activation: Activation,
    /// The layer's result and its gradient.
    pub(super) y: &'a [f32],
    pub(super) dy: &'a [f32],
    /// For each result of a 2x2 pool the place in its window, 0 to 3, that it was taken from.
    pub(super) winners: Option<&'a [u8]>,
}

impl Rows for SumsGradient<'_> {
    fn copy_row(&self, picture: usize, row: usize, to: &mut [f32]) {
        let [rows, columns, filters] = self.shape;
        let Some(winners) = self.winners else {
            let here = (picture * rows + row) * columns * filters;
            let here = here..here + columns * filters;
            return self.activation.backward(&self.y[here.clone()], &self.dy[here], to);
        };
        to.fill(0.0);
        let (rows, columns) = (rows / 2, columns / 2);
        if row / 2 == rows {
            return;
        }
        let here = (picture * rows + row / 2) * columns * filters;
        let here = here..here + columns * filters;
        let mut before = vec![0.0; here.len()];
        self.activation.backward(&self.y[here.clone()], &self.dy[here.clone()], &mut before);
        let (winners, window_row) = (&winners[here], (row % 2 * 2) as u8);
        let pixels = winners.chunks_exact(filters).zip(before.chunks_exact(filters));
        for ((winners, before), to) in pixels.zip(to.chunks_exact_mut(2 * filters)) {
            for (place, to) in (window_row..).zip(to.chunks_exact_mut(filters)) {
                for ((to, before), winner) in to.iter_mut().zip(before).zip(winners) {
                    // All bits or none: which one won cannot be predicted.
                    *to = f32::from_bits(before.to_bits() & u32::from(*winner == place).wrapping_neg());
                }
            }
        }
    }

    fn in_memory(&self) -> Option<&[f32]> {
        None
    }
}

/// Registers of blocks' sums that are kept at a time: 4 MiB, or else one block.
const SUMS: usize = 64 * 1024;

/// Rows of weights in a piece of work are a multiple of this: whole tiles.
const PIECE: usize = 48;

/// Pieces of work for each thread: each copies what it needs of pictures and gradients, so not more.
const SHARES: usize = 2;

impl Conv2d {
    /// The gradients of weights and bias, summed over blocks of `block` pictures and the blocks in their order.
    pub(super) fn parameter_gradients(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        dy: &SumsGradient,
        block: usize,
    ) -> Parameters {
        let (depth, filters) = (self.depth(), self.filters);
        let width = padded(filters) / LANES;
        let blocks = batch.div_ceil(block);
        // A block's sums: a row for each row of the weights, and one for the bias.
        let block_len = (depth + 1) * width;
        let wave = (SUMS / block_len).clamp(1, blocks.max(1));
        let piece = match rayon::current_num_threads() {
            1 => depth,
            threads => depth.div_ceil((SHARES * threads).div_ceil(wave)).next_multiple_of(PIECE),
        };
        let outer = Outer::new(self, simd, x, dy, batch.min(block));
        let mut sums = vec![[0.0; LANES]; wave * block_len];
        let mut gradient = vec![0.0; (depth + 1) * filters];
        for first in (0..blocks).step_by(wave) {
            let sums = &mut sums[..wave.min(blocks - first) * block_len];
            let mut pieces = Vec::new();
            for (block_of_wave, sums) in sums.chunks_exact_mut(block_len).enumerate() {
                let begin = (first + block_of_wave) * block;
                let pictures = begin..batch.min(begin + block);
                let (weights, bias) = sums.split_at_mut(depth * width);
                let mut bias = Some(bias);
                for (n, weights) in weights.chunks_mut(piece * width).enumerate() {
                    pieces.push((pictures.clone(), n * piece, weights, bias.take()));
                }
            }
            pieces.into_par_iter().for_each(|(pictures, row, weights, bias)| {
                outer.sum(pictures, row, weights, bias);
            });
            gradient.par_chunks_mut(PIECE * filters).enumerate().for_each(|(n, gradient)| {
                for sums in sums.chunks_exact(block_len) {
                    let sums = sums[n * PIECE * width..].chunks_exact(width);
                    for (total, sums) in gradient.chunks_exact_mut(filters).zip(sums) {
                        for (total, sum) in total.iter_mut().zip(sums.as_flattened()) {
                            *total += sum;
                        }
                    }
                }
            });
        }
        let bias = gradient.split_off(depth * filters);
        Parameters { weights: gradient, bias }
    }

    /// A convolution of the framed `dy` with the kernel turned by 180 degrees.
    pub(super) fn gradient_of_input(
        &self,
        simd: Simd,
        batch: usize,
        weights: &[f32],
        dy: &SumsGradient,
    ) -> Vec<f32> {
        let [kh, kw] = self.kernel;
        let [h, w, channels] = self.input;
        let filters = self.filters;
        let panels = Panels::of_rows(kh * kw * filters, channels, |k, first, to| {
            let (tap, filter) = (k / filters, k % filters);
            let turned = kh * kw - 1 - tap;
            let rows = weights[(turned * channels + first) * filters..].chunks_exact(filters);
            for (to, row) in to.iter_mut().zip(rows) {
                *to = row[filter];
            }
        });
        super::convolve(simd, batch, &Frame::of_sums(self), [h, w], dy, &panels, None, Finish::Keep)
    }
}

/// Sums of the gradients of weights, for some pictures and some of the weights.
struct Outer<'a> {
    simd: Simd,
    x: Pictures<'a>,
    dy: &'a SumsGradient<'a>,
    frame: Frame,
    cut: Cut,
    windows: Vec<usize>,
    segments: Vec<Segment>,
}

impl<'a> Outer<'a> {
    fn new(conv: &Conv2d, simd: Simd, x: &'a [f32], dy: &'a SumsGradient, pictures: usize) -> Self {
        let frame = Frame::of_input(conv);
        let cut = Cut::new(pictures, conv.output, STRIP, 1);
        let (windows, segments) = (frame.windows(cut, conv.output[1]), frame.segments());
        Self { simd, x: conv.pictures(x), dy, frame, cut, windows, segments }
    }

    /// Sets `weights`, rows of registers from `first` on, and `bias` to the sums over `pictures`.
    fn sum(
        &self,
        pictures: std::ops::Range<usize>,
        first: usize,
        weights: &mut [[f32; LANES]],
        mut bias: Option<&mut [[f32; LANES]]>,
    ) {
        let filters = self.dy.shape[2];
        let width = padded(filters) / LANES;
        let segments = columns(&self.segments, first, weights.len() / width);
        weights.fill([0.0; LANES]);
        if let Some(bias) = &mut bias {
            bias.fill([0.0; LANES]);
        }
        let mut lanes = vec![[0.0; LANES]; self.windows.len() * width];
        for strip in self.cut.strips(pictures) {
            let dy = self.lanes_of(strip, &mut lanes);
            let framed = self.frame.strip(strip, &self.x);
            let a = Gather { values: &framed, rows: &self.windows[..dy.len() / width], segments: &segments };
            product::accumulate_outer(self.simd, a, dy, weights);
            if let Some(bias) = &mut bias {
                for dy in dy.chunks_exact(width) {
                    for (bias, dy) in bias.as_flattened_mut().iter_mut().zip(dy.as_flattened()) {
                        *bias += dy;
                    }
                }
            }
        }
    }

    /// The strip's rows of `dy` in whole registers. What fills up the last of a pixel is 0 in `lanes` and stays so.
    fn lanes_of<'l>(&self, strip: Strip, lanes: &'l mut [[f32; LANES]]) -> &'l [[f32; LANES]] {
        let [_, columns, filters] = self.dy.shape;
        let row_lanes = columns * padded(filters) / LANES;
        let lanes = &mut lanes[..strip.pictures * strip.rows * row_lanes];
        let mut pixels = vec![0.0; columns * filters];
        for (n, lanes) in lanes.chunks_exact_mut(row_lanes).enumerate() {
            let (picture, row) = (strip.picture + n / strip.rows, strip.row + n % strip.rows);
            let lanes = lanes.as_flattened_mut();
            if filters.is_multiple_of(LANES) {
                self.dy.copy_row(picture, row, lanes);
            } else {
                self.dy.copy_row(picture, row, &mut pixels);
                for (to, pixel) in lanes.chunks_exact_mut(padded(filters)).zip(pixels.chunks_exact(filters)) {
                    to[..filters].copy_from_slice(pixel);
                }
            }
        }
        lanes
    }
}

/// Columns `first..first + count` of those that the segments are.
fn columns(segments: &[Segment], first: usize, count: usize) -> Vec<Segment> {
    let mut before = 0;
    let mut columns = Vec::new();
    for segment in segments {
        let (from, to) = (first.max(before), (first + count).min(before + segment.len));
        if from < to {
            columns.push(Segment { start: segment.start + from - before, len: to - from });
        }
        before += segment.len;
    }
    columns
}
