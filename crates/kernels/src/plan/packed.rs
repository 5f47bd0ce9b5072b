//! The parameters of a step as the kernels read them: transformed, turned, and at the beginning of cache lines.

use std::ops::Range;

use rayon::prelude::*;

use super::conv::Stage;
use super::dense::DenseWeights;
use super::{Plan, Purpose, winograd};
use crate::aligned::Aligned;
use crate::simd::{LANES, Simd};

/// A convolution of a plan: its stage, and where its parameters and a block's sums of them lie.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    pub(super) stage: Stage,
    pub(super) kernel: Range<usize>,
    pub(super) bias: Range<usize>,
    /// The kernel's, filter by filter, and then the bias'.
    pub(super) sums: Range<usize>,
}

impl Conv {
    /// How many of the sums are the kernel's.
    pub(super) fn kernel_sums(&self) -> usize {
        self.stage.filters() * self.stage.filter_registers() * LANES
    }
}

/// All parameters.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) convs: Vec<ConvWeights>,
    pub(super) dense: Vec<DenseWeights>,
}

/// A convolution's parameters.
#[derive(Debug)]
pub(super) struct ConvWeights {
    pub(super) forward: Weights,
    pub(super) bias: Aligned,
    /// Filter by filter, for the way back; none where the input needs no gradient.
    pub(super) by_filter: Option<Aligned>,
}

/// A convolution's weights for the way forward.
#[derive(Debug)]
pub(super) enum Weights {
    /// `(KH, KW, IC, OC)`, for a sum by the definition.
    Plain(Aligned),
    /// Transformed, for tiles of outputs.
    ByTile(Aligned),
}

impl Packed {
    /// Buffers, filled by [`fill`](Self::fill).
    pub(super) fn new(plan: &Plan, purpose: Purpose) -> Self {
        let convs = plan.convs.iter().enumerate().map(|(layer, conv)| {
            let stage = &conv.stage;
            let forward = if stage.by_tiles() {
                let len = winograd::weights_len(stage.channels(), stage.filters());
                Weights::ByTile(Aligned::zeros(len))
            } else {
                Weights::Plain(Aligned::zeros(stage.depth() * stage.filters()))
            };
            let by_filter =
                (layer > 0 && purpose == Purpose::Train).then(|| Aligned::zeros(conv.kernel_sums()));
            ConvWeights { forward, bias: Aligned::zeros(stage.filters()), by_filter }
        });
        Self { convs: convs.collect(), dense: Vec::new() }
    }

    /// Reads all parameters.
    pub(super) fn fill(&mut self, plan: &Plan, simd: Simd, parameters: &[f32], purpose: Purpose) {
        let (convs, dense) = (&mut self.convs, &mut self.dense);
        let pack = |dense: &super::Dense| dense.pack(parameters, purpose == Purpose::Train);
        rayon::join(
            || {
                convs.par_iter_mut().zip(&plan.convs).for_each(|(to, conv)| to.fill(conv, simd, parameters));
            },
            || *dense = plan.dense.iter().map(pack).collect(),
        );
    }
}

impl ConvWeights {
    fn fill(&mut self, conv: &Conv, simd: Simd, parameters: &[f32]) {
        let stage = &conv.stage;
        let weights = &parameters[conv.kernel.clone()];
        self.bias.copy_from_slice(&parameters[conv.bias.clone()]);
        match &mut self.forward {
            Weights::Plain(to) => to.copy_from_slice(weights),
            Weights::ByTile(to) => {
                winograd::transform_weights(simd, stage.channels(), stage.filters(), weights, to);
            }
        }
        if let Some(to) = &mut self.by_filter {
            stage.by_filter(weights, to);
        }
    }
}
