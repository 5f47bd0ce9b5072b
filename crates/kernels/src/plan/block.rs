//! One block of pictures on its way through the layers and back: the buffers, and the order of the kernels.

use rayon::prelude::*;

use super::backward::Carriers;
use super::conv::SHORT_WINDOW;
use super::packed::{Packed, Weights};
use super::taken::Taken;
use super::winograd::Scratch;
use super::{Plan, dense};
use crate::aligned::Aligned;
use crate::loss::CrossEntropy;
use crate::parallel::BLOCK;
use crate::simd::Simd;

/// The buffers of the convolutions, for one block after another: those of a thread stay in its cache.
#[derive(Debug)]
pub(super) struct Workspace {
    /// The input of each convolution.
    values: Vec<Aligned>,
    /// The gradient of each of them, none for the pictures; that of the last one's result behind.
    gradients: Vec<Aligned>,
    taken: Vec<Vec<Taken>>,
    scratch: Scratch,
    carriers: Carriers,
}

/// What a block brings: its part of the loss and of the convolutions' gradients, and what those of the dense layers are
/// made of.
#[derive(Debug)]
pub(super) struct Brought {
    /// Pictures in the block.
    pub(super) pictures: usize,
    /// The input of each dense layer; the logits behind.
    pub(super) values: Vec<Aligned>,
    /// The gradient of each dense layer's result, before its activation.
    pub(super) gradients: Vec<Aligned>,
    /// Gradients of the convolutions' parameters: of each the kernel, filter by filter, and the bias.
    pub(super) sums: Aligned,
    /// The sum of the losses.
    pub(super) loss: f64,
    pub(super) correct: usize,
}

/// Values to spare behind pictures: kernels read whole registers, and windows as long as the short ones.
const SPARE: usize = SHORT_WINDOW;

/// Room for a block of pictures with so many values each.
fn buffer(len: usize) -> Aligned {
    Aligned::zeros(len * BLOCK + SPARE)
}

impl Brought {
    pub(super) fn new(plan: &Plan) -> Self {
        let inputs = plan.dense.iter().map(|dense| dense.inputs);
        Self {
            pictures: 0,
            values: inputs.chain([plan.classes]).map(buffer).collect(),
            gradients: plan.dense.iter().map(|dense| buffer(dense.outputs)).collect(),
            sums: Aligned::zeros(plan.sums),
            loss: 0.0,
            correct: 0,
        }
    }

    /// Adds what other blocks brought of the convolutions' gradients, of the loss and of right answers, in their
    /// order.
    pub(super) fn add(&mut self, others: &[Self]) {
        const PIECE: usize = 8 * 1024;
        self.sums.par_chunks_mut(PIECE).enumerate().for_each(|(piece, total)| {
            for other in others {
                let other = &other.sums[piece * PIECE..][..total.len()];
                for (total, other) in total.iter_mut().zip(other) {
                    *total += other;
                }
            }
        });
        for other in others {
            self.loss += other.loss;
            self.correct += other.correct;
        }
    }

    /// The logits of the block.
    pub(super) fn logits(&self, plan: &Plan) -> &[f32] {
        &self.values[plan.dense.len()][..self.pictures * plan.classes]
    }
}

/// What a block's logits are to be.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) loss: &'a CrossEntropy,
    pub(super) labels: &'a [u32],
    /// Pictures of the whole batch.
    pub(super) batch: usize,
}

impl Workspace {
    pub(super) fn new(plan: &Plan) -> Self {
        let inputs = || plan.convs.iter().map(|conv| conv.stage.input_len());
        let flat = plan.dense.first().map_or(0, |dense| dense.inputs);
        let taken = |len: usize| vec![Taken::default(); len * BLOCK];
        Self {
            values: inputs().map(buffer).collect(),
            gradients: [0].into_iter().chain(inputs().skip(1)).chain([flat]).map(buffer).collect(),
            taken: plan.convs.iter().map(|conv| taken(conv.stage.taken_len())).collect(),
            scratch: Scratch::new(plan.convs.iter().map(|conv| conv.stage.channels()).max().unwrap_or(0)),
            carriers: Carriers::default(),
        }
    }

    /// Logits, and all values on the way to them, of pictures `(B, C, H, W)`, at most a block of them.
    pub(super) fn forward(
        &mut self,
        plan: &Plan,
        simd: Simd,
        packed: &Packed,
        images: &[f32],
        brought: &mut Brought,
    ) {
        let [h, w, channels] = plan.input;
        let pictures = images.len() / (h * w * channels);
        brought.pictures = pictures;
        columns(images, plan.input, plan.kernel_rows, &mut self.values[0]);
        for (layer, (conv, weights)) in plan.convs.iter().zip(&packed.convs).enumerate() {
            let (before, after) = self.values.split_at_mut(layer + 1);
            let stage = &conv.stage;
            let (x, bias) = (&before[layer], &weights.bias);
            let y = after.first_mut().unwrap_or(&mut brought.values[0]);
            let y = &mut y[..pictures * stage.output_len()];
            let taken = &mut self.taken[layer][..pictures * stage.taken_len()];
            match &weights.forward {
                Weights::Plain(weights) => stage.forward(simd, x, weights, bias, y, taken),
                Weights::ByTile(weights) => {
                    stage.forward_by_tiles(simd, x, weights, bias, &mut self.scratch, y, taken);
                }
            }
        }
        for (i, (dense, weights)) in plan.dense.iter().zip(&packed.dense).enumerate() {
            let (before, after) = brought.values.split_at_mut(i + 1);
            dense.forward(simd, weights, &before[i], &mut after[0][..pictures * dense.outputs]);
        }
    }

    /// What a block brings, as a part of a batch, after its [`forward`](Self::forward).
    pub(super) fn backward(
        &mut self,
        plan: &Plan,
        simd: Simd,
        packed: &Packed,
        target: Target,
        brought: &mut Brought,
    ) {
        let Brought { pictures, values, gradients, sums, loss, correct } = brought;
        let last = plan.dense.len();
        let logits = &values[last][..*pictures * plan.classes];
        let factor = 1.0 / target.batch as f32;
        let scored = target.loss.score(logits, target.labels, factor, &mut gradients[last - 1]);
        (*loss, *correct) = (scored.loss, scored.correct);
        for (i, (dense, weights)) in plan.dense.iter().zip(&packed.dense).enumerate().rev() {
            let (before, after) = gradients.split_at_mut(i);
            let dy = &mut after[0][..*pictures * dense.outputs];
            if i + 1 < last {
                dense::through_relu(&values[i + 1], dy);
            }
            let dx = before.last_mut().unwrap_or(&mut self.gradients[plan.convs.len()]);
            dense.input_gradient(simd, weights, dy, &mut dx[..*pictures * dense.inputs]);
        }
        sums.fill(0.0);
        for layer in (0..plan.convs.len()).rev() {
            self.conv_backward(plan, simd, packed, layer, *pictures, sums);
        }
    }

    fn conv_backward(
        &mut self,
        plan: &Plan,
        simd: Simd,
        packed: &Packed,
        layer: usize,
        pictures: usize,
        sums: &mut [f32],
    ) {
        let conv = &plan.convs[layer];
        let stage = &conv.stage;
        let (before, after) = self.gradients.split_at_mut(layer + 1);
        let dy = &after[0][..pictures * stage.output_len()];
        let taken = &self.taken[layer][..pictures * stage.taken_len()];
        let (kernel, bias) = sums[conv.sums.clone()].split_at_mut(conv.kernel_sums());
        let (x, kernel) = (&self.values[layer], kernel.as_chunks_mut().0);
        match &packed.convs[layer].by_filter {
            Some(weights) => {
                let len = pictures * stage.input_len();
                let dx = &mut before[layer][..len];
                let carriers = &mut self.carriers;
                stage.backward(simd, &x[..len], weights, dy, taken, carriers, kernel, bias, dx);
            }
            None => stage.backward_of_first(simd, x, dy, taken, kernel, bias),
        }
    }
}

/// Planes `(B, C, H, W)` to columns of `rows` pixels `(B, H - rows + 1, W, rows, C)`.
fn columns(images: &[f32], [h, w, channels]: [usize; 3], rows: usize, to: &mut [f32]) {
    let (places, column) = (h + 1 - rows, rows * channels);
    for (image, to) in images.chunks_exact(channels * h * w).zip(to.chunks_exact_mut(places * w * column)) {
        for (i, to) in to.chunks_exact_mut(w * column).enumerate() {
            for u in 0..rows {
                let plane = |channel: usize| &image[(channel * h + i + u) * w..][..w];
                if channels == 3 {
                    let pixels = plane(0).iter().zip(plane(1)).zip(plane(2));
                    for (to, ((r, g), b)) in to.chunks_exact_mut(column).zip(pixels) {
                        to[3 * u..][..3].copy_from_slice(&[*r, *g, *b]);
                    }
                    continue;
                }
                for channel in 0..channels {
                    for (to, from) in to.chunks_exact_mut(column).zip(plane(channel)) {
                        to[u * channels + channel] = *from;
                    }
                }
            }
        }
    }
}
