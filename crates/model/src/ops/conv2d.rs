//! Convolution with bias and activation as one candle op.

use candle_core::{Result, Shape, Tensor};
use kernels::Simd;
use kernels::activation::Activation;
use kernels::conv::{Conv2d, Gradients, InputGradient, Padding};

use super::layer::{self, Layer};
use super::{KernelResult, composed, wrap};

/// `act(conv(input, weights) + bias)`: `(B, H, W, IC)`, `(KH, KW, IC, OC)` and `(OC)` to `(B, OH, OW, OC)` with
/// `OH = (top + H + bottom - KH) / stride + 1`, rounded down, and `OW` likewise; `stride` is (down, right).
///
/// # Errors
/// If the shapes do not fit each other, or the tensors are not `f32` on one device.
pub fn conv2d(
    input: &Tensor,
    weights: &Tensor,
    bias: &Tensor,
    stride: [usize; 2],
    padding: Padding,
    activation: Activation,
    simd: Simd,
) -> Result<Tensor> {
    let (_, h, w, channels) = input.dims4()?;
    let (kh, kw, _, filters) = weights.dims4()?;
    let shape =
        Conv2d::new([h, w, channels], filters, [kh, kw], stride, padding, activation).map_err(wrap)?;
    #[cfg(feature = "cuda")]
    if input.device().is_cuda() {
        return super::on_cuda::conv2d(input, weights, bias, stride, padding, activation);
    }
    if !input.device().is_cpu() {
        return composed::conv2d(input, weights, bias, stride, padding, activation);
    }
    layer::apply(shape, simd, input, weights, bias)
}

impl Layer for Conv2d {
    const NAME: &'static str = "conv2d";

    fn output(&self, batch: usize) -> Shape {
        let [h, w, channels] = self.output_shape();
        (batch, h, w, channels).into()
    }

    fn forward(&self, simd: Simd, batch: usize, [x, w, b]: [&[f32]; 3]) -> KernelResult<Vec<f32>> {
        Conv2d::forward(self, simd, batch, x, w, b)
    }

    fn backward(
        &self,
        simd: Simd,
        batch: usize,
        [x, w, y, dy]: [&[f32]; 4],
        input: InputGradient,
    ) -> KernelResult<Gradients> {
        Conv2d::backward(self, simd, batch, x, w, y, dy, input)
    }
}
