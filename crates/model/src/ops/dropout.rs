//! Dropout from named streams as a candle op.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use kernels::dropout::{Dropout, Mask};
use streams::Stream;

use super::{composed, f32s, with_values, wrap};

/// Each element of `(B, ...)` dropped (0) with the probability `rate`, or else divided by `1 - rate`.
///
/// `stream(i)` opens the stream that decides over the sample at place `i` of the batch, whose elements draw from it
/// in row-major order: the same are dropped on every device.
///
/// # Errors
/// If the rate is not in [0, 1), or the tensor is not `f32`.
pub fn dropout(
    input: &Tensor,
    rate: f32,
    stream: impl Fn(usize) -> Stream + Send + Sync + 'static,
) -> Result<Tensor> {
    let dropout = Dropout::new(rate).map_err(wrap)?;
    if !input.device().is_cpu() {
        return composed::dropout(input, dropout, stream);
    }
    input.contiguous()?.apply_op1(Op { dropout, stream, mask: OnceLock::new() })
}

struct Op<S> {
    dropout: Dropout,
    stream: S,
    /// What the forward pass drew.
    mask: OnceLock<Mask>,
}

impl<S: Fn(usize) -> Stream + Send + Sync> CustomOp1 for Op<S> {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let batch = layout.shape().dim(0)?;
        let (y, mask) = self.dropout.forward(batch, f32s(x, layout)?, &self.stream).map_err(wrap)?;
        // The names of the streams are fixed, so a second pass would draw the same.
        self.mask.get_or_init(|| mask);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let Some(mask) = self.mask.get() else { candle_core::bail!("dropout's backward before its forward") };
        let dx = with_values([&dy.contiguous()?], |[dy]| self.dropout.backward(mask, dy).map_err(wrap))?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}
