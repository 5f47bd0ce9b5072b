//! One block of pictures on its way through the layers and back: the buffers, and the order of the kernels.

use rayon::prelude::*;

use super::backward::Carriers;
use super::conv::{SHORT_WINDOW, Taken};
use super::packed::{Packed, Weights};
use super::winograd::Scratch;
use super::{Plan, dense};
use crate::aligned::Aligned;
use crate::loss;
use crate::parallel::BLOCK;
use crate::simd::Simd;

/// The buffers of a block, and what it brought.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Pictures in the block now.
    pub(super) pictures: usize,
    /// The input of each layer, convolutions first, then dense layers; the logits behind.
    pub(super) values: Vec<Aligned>,
    /// The gradient of each of them; none for the pictures.
    pub(super) gradients: Vec<Aligned>,
    taken: Vec<Vec<Taken>>,
    scratch: Scratch,
    carriers: Carriers,
    /// Gradients of the convolutions' parameters: of each the kernel, filter by filter, and the bias.
    pub(super) sums: Aligned,
    /// The sum of the losses.
    pub(super) loss: f64,
    pub(super) correct: usize,
}

/// Values to spare behind pictures: kernels read whole registers, and windows as long as the short ones.
const SPARE: usize = SHORT_WINDOW;

impl Workspace {
    pub(super) fn new(plan: &Plan) -> Self {
        let convs = plan.convs.iter().map(|conv| conv.stage.input_len());
        let dense = plan.dense.iter().map(|dense| dense.inputs);
        let lengths: Vec<usize> = convs.chain(dense).chain([plan.classes]).collect();
        let buffer = |len: &usize| Aligned::zeros(len * BLOCK + SPARE);
        let taken = |len: usize| vec![Taken::default(); len * BLOCK];
        let channels = plan.convs.iter().map(|conv| conv.stage.channels()).max();
        Self {
            pictures: 0,
            values: lengths.iter().map(buffer).collect(),
            gradients: std::iter::once(Aligned::default()).chain(lengths[1..].iter().map(buffer)).collect(),
            taken: plan.convs.iter().map(|conv| taken(conv.stage.taken_len())).collect(),
            scratch: Scratch::new(channels.unwrap_or(0)),
            carriers: Carriers::default(),
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

    /// Logits of pictures `(B, C, H, W)`, at most a block of them.
    pub(super) fn forward(&mut self, plan: &Plan, simd: Simd, packed: &Packed, images: &[f32]) {
        let [h, w, channels] = plan.input;
        self.pictures = images.len() / (h * w * channels);
        columns(images, plan.input, plan.kernel_rows, &mut self.values[0]);
        for (layer, (conv, weights)) in plan.convs.iter().zip(&packed.convs).enumerate() {
            let (before, after) = self.values.split_at_mut(layer + 1);
            let stage = &conv.stage;
            let (x, bias) = (&before[layer], &weights.bias);
            let y = &mut after[0][..self.pictures * stage.output_len()];
            let taken = &mut self.taken[layer][..self.pictures * stage.taken_len()];
            match &weights.forward {
                Weights::Plain(weights) => stage.forward(simd, x, weights, bias, y, taken),
                Weights::ByTile(weights) => {
                    stage.forward_by_tiles(simd, x, weights, bias, &mut self.scratch, y, taken);
                }
            }
        }
        for (i, (dense, weights)) in plan.dense.iter().zip(&packed.dense).enumerate() {
            let (before, after) = self.values.split_at_mut(plan.convs.len() + i + 1);
            let x = &before[plan.convs.len() + i];
            dense.forward(simd, weights, x, &mut after[0][..self.pictures * dense.outputs]);
        }
    }

    /// The logits of the last [`forward`](Self::forward).
    pub(super) fn logits(&self, plan: &Plan) -> &[f32] {
        &self.values[self.values.len() - 1][..self.pictures * plan.classes]
    }

    /// Loss, right answers, and gradients of all values and of the convolutions' parameters, of the last
    /// [`forward`](Self::forward), as a part of a batch.
    pub(super) fn backward(
        &mut self,
        plan: &Plan,
        simd: Simd,
        packed: &Packed,
        labels: &[u32],
        batch: usize,
    ) {
        let last = self.values.len() - 1;
        let scored = loss::score(
            plan.classes,
            &self.values[last][..self.pictures * plan.classes],
            labels,
            1.0 / batch as f32,
            &mut self.gradients[last],
        );
        (self.loss, self.correct) = (scored.loss, scored.correct);
        for (i, (dense, weights)) in plan.dense.iter().zip(&packed.dense).enumerate().rev() {
            let layer = plan.convs.len() + i;
            let (before, after) = self.gradients.split_at_mut(layer + 1);
            let dy = &mut after[0][..self.pictures * dense.outputs];
            if i + 1 < plan.dense.len() {
                dense::through_relu(&self.values[layer + 1], dy);
            }
            dense.input_gradient(simd, weights, dy, &mut before[layer][..self.pictures * dense.inputs]);
        }
        self.sums.fill(0.0);
        for layer in (0..plan.convs.len()).rev() {
            self.conv_backward(plan, simd, packed, layer);
        }
    }

    fn conv_backward(&mut self, plan: &Plan, simd: Simd, packed: &Packed, layer: usize) {
        let conv = &plan.convs[layer];
        let stage = &conv.stage;
        let (before, after) = self.gradients.split_at_mut(layer + 1);
        let dy = &after[0][..self.pictures * stage.output_len()];
        let taken = &self.taken[layer][..self.pictures * stage.taken_len()];
        let (kernel, bias) = self.sums[conv.sums.clone()].split_at_mut(conv.kernel_sums());
        let (x, kernel) = (&self.values[layer], kernel.as_chunks_mut().0);
        match &packed.convs[layer].by_filter {
            Some(weights) => {
                let len = self.pictures * stage.input_len();
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
