//! A dense layer with bias and activation as one candle op.

use candle_core::{Result, Shape, Tensor};
use kernels::Simd;
use kernels::activation::Activation;
use kernels::conv::{Gradients, InputGradient};
use kernels::dense::Dense;

use super::layer::{self, Layer};
use super::{KernelResult, composed, wrap};

/// `act(input · weights + bias)`: `(B, IN)`, `(IN, OUT)` and `(OUT)` to `(B, OUT)`.
///
/// # Errors
/// If the shapes do not fit each other, or the tensors are not `f32` on one device.
pub fn dense(
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    activation: Activation,
    simd: Simd,
) -> Result<Tensor> {
    input.dims2()?;
    #[cfg(feature = "cuda")]
    if input.device().is_cuda() {
        return super::on_cuda::dense(input, weights, bias, activation);
    }
    if !input.device().is_cpu() {
        return composed::dense(input, weights, bias, activation);
    }
    let (inputs, outputs) = weights.dims2()?;
    let dense = Dense::new(inputs, outputs, activation).map_err(wrap)?;
    layer::apply(Op { dense, outputs }, simd, input, weights, bias)
}

struct Op {
    dense: Dense,
    outputs: usize,
}

impl Layer for Op {
    const NAME: &'static str = "dense";

    fn output(&self, batch: usize) -> Shape {
        (batch, self.outputs).into()
    }

    fn forward(&self, simd: Simd, batch: usize, [x, w, b]: [&[f32]; 3]) -> KernelResult<Vec<f32>> {
        self.dense.forward(simd, batch, x, w, b)
    }

    fn backward(
        &self,
        simd: Simd,
        batch: usize,
        [x, w, y, dy]: [&[f32]; 4],
        input: InputGradient,
    ) -> KernelResult<Gradients> {
        self.dense.backward(simd, batch, x, w, y, dy, input)
    }
}
