//! Max and average pooling as candle ops with right gradients.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use kernels::pool::{AvgPool2d, MaxPool2d};

use super::{KernelResult, composed, f32s, with_values, wrap};

/// The greatest of each window: `(B, H, W, C)` to `(B, OH, OW, C)` with `OH = (H - window) / stride + 1`, rounded
/// down, and `OW` likewise; `window` is (height, width), `stride` (down, right).
///
/// # Errors
/// If the window does not fit the picture, or the tensor is not `f32`.
pub fn max_pool2d(input: &Tensor, window: [usize; 2], stride: [usize; 2]) -> Result<Tensor> {
    let (_, h, w, channels) = input.dims4()?;
    let pool = MaxPool2d::new([h, w, channels], window, stride).map_err(wrap)?;
    if !input.device().is_cpu() {
        return composed::max_pool2d(input, window, stride);
    }
    input.contiguous()?.apply_op1(Op(pool))
}

/// The mean of each window, with shapes as [`max_pool2d`].
///
/// # Errors
/// If the window does not fit the picture, or the tensor is not `f32`.
pub fn avg_pool2d(input: &Tensor, window: [usize; 2], stride: [usize; 2]) -> Result<Tensor> {
    let (_, h, w, channels) = input.dims4()?;
    let pool = AvgPool2d::new([h, w, channels], window, stride).map_err(wrap)?;
    if !input.device().is_cpu() {
        return composed::avg_pool2d(input, window, stride);
    }
    input.contiguous()?.apply_op1(Op(pool))
}

/// A pooling layer of [`kernels`].
trait Pool: Send + Sync + 'static {
    /// What candle calls the op.
    const NAME: &'static str;

    fn output(&self) -> [usize; 3];

    fn forward(&self, batch: usize, x: &[f32]) -> KernelResult<Vec<f32>>;

    fn backward(&self, batch: usize, x: &[f32], dy: &[f32]) -> KernelResult<Vec<f32>>;
}

impl Pool for MaxPool2d {
    const NAME: &'static str = "max-pool2d";

    fn output(&self) -> [usize; 3] {
        self.output_shape()
    }

    fn forward(&self, batch: usize, x: &[f32]) -> KernelResult<Vec<f32>> {
        MaxPool2d::forward(self, batch, x)
    }

    fn backward(&self, batch: usize, x: &[f32], dy: &[f32]) -> KernelResult<Vec<f32>> {
        MaxPool2d::backward(self, batch, x, dy)
    }
}

impl Pool for AvgPool2d {
    const NAME: &'static str = "avg-pool2d";

    fn output(&self) -> [usize; 3] {
        self.output_shape()
    }

    fn forward(&self, batch: usize, x: &[f32]) -> KernelResult<Vec<f32>> {
        AvgPool2d::forward(self, batch, x)
    }

    fn backward(&self, batch: usize, _x: &[f32], dy: &[f32]) -> KernelResult<Vec<f32>> {
        AvgPool2d::backward(self, batch, dy)
    }
}

struct Op<P>(P);

impl<P: Pool> CustomOp1 for Op<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let batch = layout.shape().dim(0)?;
        let y = self.0.forward(batch, f32s(x, layout)?).map_err(wrap)?;
        let [oh, ow, channels] = self.0.output();
        Ok((CpuStorage::F32(y), (batch, oh, ow, channels).into()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dx = with_values([x, &dy.contiguous()?], |[xs, dys]| {
            self.0.backward(x.dim(0)?, xs, dys).map_err(wrap)
        })?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}
