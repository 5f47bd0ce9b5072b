//! One candle op for every layer with weights and a bias; knows nothing of what the layer computes.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use kernels::Simd;
use kernels::conv::{Gradients, InputGradient};

use super::{KernelResult, f32s, with_values, wrap};

/// A layer of [`kernels`] that makes `y` of `x`, weights and a bias.
pub(super) trait Layer: Send + Sync + 'static {
    /// What candle calls the op.
    const NAME: &'static str;

    /// The shape of the result for so many pictures.
    fn output(&self, batch: usize) -> Shape;

    /// `y` from `x`, weights and bias.
    fn forward(&self, simd: Simd, batch: usize, arguments: [&[f32]; 3]) -> KernelResult<Vec<f32>>;

    /// The gradients from `x`, weights, `y` and the gradient of `y`.
    fn backward(
        &self,
        simd: Simd,
        batch: usize,
        arguments: [&[f32]; 4],
        input: InputGradient,
    ) -> KernelResult<Gradients>;
}

/// Applies a layer, on the CPU.
pub(super) fn apply(
    layer: impl Layer,
    simd: Simd,
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
) -> Result<Tensor> {
    input.contiguous()?.apply_op3(&weights.contiguous()?, &bias.contiguous()?, Op { layer, simd })
}

struct Op<L> {
    layer: L,
    simd: Simd,
}

impl<L: Layer> CustomOp3 for Op<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let batch = x_layout.shape().dim(0)?;
        let arguments = [f32s(x, x_layout)?, f32s(w, w_layout)?, f32s(b, b_layout)?];
        let y = self.layer.forward(self.simd, batch, arguments).map_err(wrap)?;
        Ok((CpuStorage::F32(y), self.layer.output(batch)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let needed = if x.track_op() { InputGradient::Needed } else { InputGradient::Skipped };
        let gradients = with_values([x, w, y, &dy.contiguous()?], |arguments| {
            self.layer.backward(self.simd, x.dim(0)?, arguments, needed).map_err(wrap)
        })?;
        let tensor = |values: Vec<f32>, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((
            gradients.input.map(|values| tensor(values, x)).transpose()?,
            Some(tensor(gradients.weights, w)?),
            Some(tensor(gradients.bias, b)?),
        ))
    }
}
