//! A whole network on blocks of pictures: loss and gradient in one pass through the layers and back, while a
//! block is in the cache.
//!
//! For networks of convolutions with ReLU (with 2x2 max pooling behind, or none), then dense layers with ReLU,
//! then a dense layer of logits: see [`Plan::new`]. Other networks go layer by layer.

mod backward;
mod block;
mod conv;
mod dense;
mod packed;
mod taken;
mod winograd;

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::error::{ShapeError, check_len};
use crate::loss::CrossEntropy;
use crate::parallel::BLOCK;
use crate::product::Finish;
use crate::simd::{LANES, Simd};
use block::{Brought, Target, Workspace};
use conv::{Input, Pool, Stage};
use dense::Dense;
use packed::{Conv, Packed};

/// A layer as a plan takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanLayer {
    /// A convolution with stride 1, no padding and ReLU.
    ConvRelu {
        /// Output channels.
        filters: usize,
        /// Height and width.
        kernel: [usize; 2],
    },
    /// Max pooling of 2x2 windows, behind a convolution.
    MaxPool2x2,
    /// A dense layer with ReLU.
    DenseRelu {
        /// Outputs.
        units: usize,
    },
    /// The last layer: dense, without activation.
    Logits {
        /// Outputs.
        classes: usize,
    },
}

/// What a batch brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Mean softmax cross-entropy.
    pub loss: f32,
    /// Right answers.
    pub correct: usize,
    /// The gradient of the mean loss, as the parameters lie.
    pub gradient: Vec<f32>,
}

/// A network, checked and laid out. Parameters lie one behind the other, layer by layer, kernel `(KH, KW, IC, OC)`
/// or `(IN, OUT)` before bias.
#[derive(Debug)]
pub struct Plan {
    input: [usize; 3],
    classes: usize,
    /// Rows of the first convolution's kernel.
    kernel_rows: usize,
    convs: Vec<Conv>,
    dense: Vec<Dense>,
    /// All parameters.
    len: usize,
    /// Values of a block's sums.
    sums: usize,
    /// Buffers that are not in use, for what comes.
    spare: Mutex<Spare>,
}

/// Buffers that are not in use: memory that is touched for the first time is dear.
#[derive(Debug, Default)]
struct Spare {
    workspaces: Vec<Workspace>,
    brought: Vec<Brought>,
    packed: Vec<(Purpose, Packed)>,
}

/// Blocks that are computed before their sums are added up.
const WAVE: usize = 64;

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Evaluate,
    Train,
}

impl Plan {
    /// Lays out a network for pictures `(H, W, C)`; `None` where its layers are others than a plan takes, or
    /// have sizes that it does not: convolutions need a multiple of 16 filters, and one without a pool a
    /// multiple of four outputs.
    ///
    /// # Errors
    /// If a window does not fit, or a size is 0.
    pub fn new(input: [usize; 3], layers: &[PlanLayer]) -> Result<Option<Self>, ShapeError> {
        let mut shape = input;
        let (mut len, mut sums) = (0, 0);
        let mut parameters = |count: usize| {
            len += count;
            len - count..len
        };
        let mut convs: Vec<Conv> = Vec::new();
        let mut dense: Vec<Dense> = Vec::new();
        let mut kernel_rows = 0;
        let Some((&PlanLayer::Logits { classes }, hidden)) = layers.split_last() else { return Ok(None) };
        let mut rest = hidden;
        while let Some((&PlanLayer::ConvRelu { filters, kernel }, behind)) = rest.split_first() {
            let pool =
                if behind.first() == Some(&PlanLayer::MaxPool2x2) { Pool::TwoByTwo } else { Pool::None };
            rest = if pool == Pool::None { behind } else { &behind[1..] };
            let is_first = convs.is_empty();
            let form = if is_first { Input::Columns } else { Input::Pixels };
            let Some(stage) = Stage::new(shape, filters, kernel, pool, form)? else { return Ok(None) };
            if is_first {
                kernel_rows = kernel[0];
            } else if !stage.has_input_gradient() {
                return Ok(None);
            }
            shape = stage.output_shape();
            let (kernel, bias) = (parameters(stage.depth() * filters), parameters(filters));
            let begin = sums;
            sums += filters * stage.filter_registers() * LANES + filters;
            convs.push(Conv { stage, kernel, bias, sums: begin..sums });
        }
        let mut inputs: usize = shape.iter().product();
        for layer in rest.iter().chain([&PlanLayer::Logits { classes }]) {
            let (outputs, finish) = match *layer {
                PlanLayer::DenseRelu { units } => (units, Finish::Relu),
                PlanLayer::Logits { classes } => (classes, Finish::Keep),
                _ => return Ok(None),
            };
            crate::error::check_sizes(&[("the number of outputs", outputs)])?;
            let (kernel, bias) = (parameters(inputs * outputs), parameters(outputs));
            dense.push(Dense { inputs, outputs, kernel, bias, finish });
            inputs = outputs;
        }
        let spare = Mutex::default();
        let plan = Self { input, classes, kernel_rows, convs, dense, len, sums, spare };
        // A network without convolutions is two products: nothing to gain here.
        Ok((!plan.convs.is_empty()).then_some(plan))
    }

    /// How many parameters the network has.
    pub fn parameter_count(&self) -> usize {
        self.len
    }

    /// Classes that logits tell apart.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Loss, right answers and gradient for pictures `(B, C, H, W)`, planes as files and candle have them. What
    /// `label_smoothing` is, [`CrossEntropy::new`] says.
    ///
    /// # Errors
    /// If the lengths do not fit, a label is not below the number of classes, or the smoothing is not in [0, 1).
    pub fn train(
        &self,
        simd: Simd,
        parameters: &[f32],
        images: &[f32],
        labels: &[u32],
        label_smoothing: f64,
    ) -> Result<Outcome, ShapeError> {
        self.check(parameters, images, labels.len())?;
        let loss = CrossEntropy::new(self.classes, label_smoothing)?;
        crate::loss::check_labels(self.classes, labels)?;
        let packed = self.pack(simd, parameters, Purpose::Train);
        let each: usize = self.input.iter().product();
        let mut gradient = vec![0.0; self.len];
        let mut total: Option<Brought> = None;
        // Wave after wave, so that a large batch does not keep what each of its blocks brings.
        for (images, mine) in images.chunks(each * BLOCK * WAVE).zip(labels.chunks(BLOCK * WAVE)) {
            let mut blocks: Vec<Brought> = images
                .par_chunks(each * BLOCK)
                .zip(mine.par_chunks(BLOCK))
                .map(|(images, mine)| {
                    let (mut space, mut brought) = self.buffers();
                    space.forward(self, simd, &packed, images, &mut brought);
                    let target = Target { loss: &loss, labels: mine, batch: labels.len() };
                    space.backward(self, simd, &packed, target, &mut brought);
                    self.spare().workspaces.push(space);
                    brought
                })
                .collect();
            for (i, dense) in self.dense.iter().enumerate() {
                dense.add_gradients(simd, i, &blocks, &mut gradient);
            }
            // The first block of the first wave is what the others are added to.
            let mut sum = total.take().unwrap_or_else(|| blocks.remove(0));
            sum.add(&blocks);
            self.spare().brought.append(&mut blocks);
            total = Some(sum);
        }
        self.spare().packed.push((Purpose::Train, packed));
        let Some(total) = total else { return Ok(Outcome { loss: 0.0, correct: 0, gradient }) };
        for conv in &self.convs {
            let (kernel, bias) = total.sums[conv.sums.clone()].split_at(conv.kernel_sums());
            conv.stage.by_depth(kernel, &mut gradient[conv.kernel.clone()]);
            gradient[conv.bias.clone()].copy_from_slice(bias);
        }
        let loss = (total.loss / labels.len().max(1) as f64) as f32;
        let correct = total.correct;
        self.spare().brought.push(total);
        Ok(Outcome { loss, correct, gradient })
    }

    /// Logits `(B, CLASSES)` of pictures `(B, C, H, W)`.
    ///
    /// # Errors
    /// If the lengths do not fit.
    pub fn logits(&self, simd: Simd, parameters: &[f32], images: &[f32]) -> Result<Vec<f32>, ShapeError> {
        let each: usize = self.input.iter().product();
        let batch = images.len() / each;
        self.check(parameters, images, batch)?;
        let packed = self.pack(simd, parameters, Purpose::Evaluate);
        let mut logits = vec![0.0; batch * self.classes];
        logits.par_chunks_mut(self.classes * BLOCK).zip(images.par_chunks(each * BLOCK)).for_each(
            |(logits, images)| {
                let (mut space, mut brought) = self.buffers();
                space.forward(self, simd, &packed, images, &mut brought);
                logits.copy_from_slice(brought.logits(self));
                let mut spare = self.spare();
                spare.workspaces.push(space);
                spare.brought.push(brought);
            },
        );
        self.spare().packed.push((Purpose::Evaluate, packed));
        Ok(logits)
    }

    fn check(&self, parameters: &[f32], images: &[f32], batch: usize) -> Result<(), ShapeError> {
        let [h, w, c] = self.input;
        check_len("parameters", parameters.len(), &[self.len])?;
        check_len("images", images.len(), &[batch, c, h, w])
    }

    fn buffers(&self) -> (Workspace, Brought) {
        let mut spare = self.spare();
        let (space, brought) = (spare.workspaces.pop(), spare.brought.pop());
        drop(spare);
        (space.unwrap_or_else(|| Workspace::new(self)), brought.unwrap_or_else(|| Brought::new(self)))
    }

    fn pack(&self, simd: Simd, parameters: &[f32], purpose: Purpose) -> Packed {
        let packed = &mut self.spare().packed;
        let spare = packed.iter().position(|(of, _)| *of == purpose).map(|at| packed.swap_remove(at).1);
        let mut packed = spare.unwrap_or_else(|| Packed::new(self, purpose));
        packed.fill(self, simd, parameters, purpose);
        packed
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        // What panicked elsewhere has left a list of buffers, whole or shorter.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tiles of AVX-512 are run here also where the machine has none.
    #[test]
    fn tiles_of_any_width_give_the_same_bits() {
        let conv = |filters| PlanLayer::ConvRelu { filters, kernel: [3, 3] };
        let (dense, logits) = (PlanLayer::DenseRelu { units: 40 }, PlanLayer::Logits { classes: 5 });
        let pooled = [conv(32), PlanLayer::MaxPool2x2, conv(64), PlanLayer::MaxPool2x2, dense, logits];
        let bare = [conv(48), conv(32), conv(64), logits];
        for (input, layers) in [([14, 13, 3], &pooled[..]), ([8, 10, 2], &bare[..])] {
            let plan = Plan::new(input, layers).unwrap().unwrap();
            let values = |len: usize| (0..len).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5);
            let parameters: Vec<f32> = values(plan.parameter_count()).map(|x| x * 0.3).collect();
            let images: Vec<f32> = values(9 * input.iter().product::<usize>()).collect();
            let outcome =
                |simd| plan.train(simd, &parameters, &images, &[0, 1, 2, 3, 4, 0, 1, 2, 3], 0.0).unwrap();
            let expected = outcome(Simd::best());
            assert!(expected.gradient.iter().filter(|g| **g != 0.0).count() > plan.parameter_count() / 2);
            assert!(outcome(Simd::portable_wide()) == expected, "{layers:?}");
        }
    }
}
