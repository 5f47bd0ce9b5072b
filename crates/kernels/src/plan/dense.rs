//! A dense layer of a plan. Its values go block by block; the gradient of its weights, which are most of a network's,
//! is summed over all blocks of a batch at once, so that it needs no sums of its own in each.

use rayon::prelude::*;

use super::block::Brought;
use crate::conv::lanes_of;
use crate::product::{self, Finish, Gather, Panels, Segment};
use crate::simd::{LANES, Simd};
use std::ops::Range;

/// Rows of the weights whose gradient is one piece of work; their sums stay in the first-level cache.
const ROWS: usize = 48;

/// A dense layer's shape, and where its parameters lie.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: Range<usize>,
    pub(super) bias: Range<usize>,
    pub(super) finish: Finish,
}

/// A layer's parameters as the kernels read them.
#[derive(Debug)]
pub(super) struct DenseWeights {
    forward: Panels,
    /// Turned, for the way back.
    backward: Option<Panels>,
    bias: Vec<f32>,
}

impl Dense {
    pub(super) fn pack(&self, parameters: &[f32], is_training: bool) -> DenseWeights {
        let (weights, outputs) = (&parameters[self.kernel.clone()], self.outputs);
        let copy = |k: usize, first: usize, to: &mut [f32]| {
            to.copy_from_slice(&weights[k * outputs + first..][..to.len()]);
        };
        let turn = |k: usize, first: usize, to: &mut [f32]| {
            for (to, row) in to.iter_mut().zip(weights[first * outputs..].chunks_exact(outputs)) {
                *to = row[k];
            }
        };
        DenseWeights {
            forward: Panels::of_rows(self.inputs, outputs, copy),
            backward: is_training.then(|| Panels::of_rows(outputs, self.inputs, turn)),
            bias: parameters[self.bias.clone()].to_vec(),
        }
    }

    /// `y (B, OUT)` of as many pictures as it has room for.
    pub(super) fn forward(&self, simd: Simd, weights: &DenseWeights, x: &[f32], y: &mut [f32]) {
        let rows = rows(y.len() / self.outputs, self.inputs);
        let segments = [Segment { start: 0, len: self.inputs }];
        let a = Gather { values: x, rows: &rows, segments: &segments };
        product::product(simd, a, &weights.forward, Some(&weights.bias), self.finish, y);
    }

    /// `dx (B, IN)` from `dy (B, OUT)`, the gradient before the activation.
    pub(super) fn input_gradient(&self, simd: Simd, weights: &DenseWeights, dy: &[f32], dx: &mut [f32]) {
        let Some(turned) = &weights.backward else { return };
        let rows = rows(dy.len() / self.outputs, self.outputs);
        let segments = [Segment { start: 0, len: self.outputs }];
        let a = Gather { values: dy, rows: &rows, segments: &segments };
        product::product(simd, a, turned, None, Finish::Keep, dx);
    }

    /// Adds the gradients of the layer's parameters to `gradient`, where all parameters lie, from the blocks' values
    /// and gradients of dense layer `layer`, block after block.
    pub(super) fn add_gradients(&self, simd: Simd, layer: usize, blocks: &[Brought], gradient: &mut [f32]) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let width = outputs.div_ceil(LANES);

        let blocks: Vec<_> = blocks
            .iter()
            .map(|block| {
                let dy = &block.gradients[layer][..block.pictures * outputs];
                (&block.values[layer][..], dy, lanes_of(dy, outputs), rows(block.pictures, inputs))
            })
            .collect();
        let sum = |first: usize, sums: &mut [[f32; LANES]]| {
            let segments = [Segment { start: first, len: sums.len() / width }];
            for (values, _, dy, rows) in &blocks {
                let a = Gather { values, rows, segments: &segments };
                product::accumulate_outer(simd, a, dy, sums);
            }
        };
        let kernel = &mut gradient[self.kernel.clone()];
        kernel.par_chunks_mut(ROWS * outputs).enumerate().for_each(|(piece, kernel)| {
            if outputs.is_multiple_of(LANES) {
                sum(piece * ROWS, kernel.as_chunks_mut().0);
                return;
            }
            let mut sums = lanes_of(kernel, outputs).into_owned();
            sum(piece * ROWS, &mut sums);
            for (sums, kernel) in sums.chunks_exact(width).zip(kernel.chunks_exact_mut(outputs)) {
                kernel.copy_from_slice(&sums.as_flattened()[..outputs]);
            }
        });
        let bias = &mut gradient[self.bias.clone()];
        for dy in blocks.iter().flat_map(|(_, dy, ..)| dy.chunks_exact(outputs)) {
            for (bias, dy) in bias.iter_mut().zip(dy) {
                *bias += dy;
            }
        }
    }
}

/// The gradient before a ReLU with result `y`, in place.
pub(super) fn through_relu(y: &[f32], dy: &mut [f32]) {
    for (dy, y) in dy.iter_mut().zip(y) {
        // A select, not a branch. NaN lets the gradient pass, so that it is not hidden.
        *dy = if *y <= 0.0 { 0.0 } else { *dy };
    }
}

/// Where rows of `len` values begin.
fn rows(count: usize, len: usize) -> Vec<usize> {
    (0..count).map(|row| row * len).collect()
}
