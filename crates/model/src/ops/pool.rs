//! Max and average pooling as candle ops with right gradients.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use kernels::pool::{AvgPool2d, MaxPool2d};

use super::{KernelResult, composed, f32s, has_kernels, wrap};
#[cfg(feature = "cuda")]
use crate::cuda::pools::{self, PoolSizes};

/// The greatest of each window: `(B, H, W, C)` to `(B, OH, OW, C)` with `OH = (H - window) / stride + 1`, rounded
/// down, and `OW` likewise; `window` is (height, width), `stride` (down, right).
///
/// # Errors
/// If the window does not fit the picture, or the tensor is not `f32`.
pub fn max_pool2d(input: &Tensor, window: [usize; 2], stride: [usize; 2]) -> Result<Tensor> {
    let (_, h, w, channels) = input.dims4()?;
    let pool = MaxPool2d::new([h, w, channels], window, stride).map_err(wrap)?;
    if !has_kernels(input) {
        return composed::max_pool2d(input, window, stride);
    }
    input.contiguous()?.apply_op1(Op { pool, input: [h, w, channels], window, stride })
}

/// The mean of each window, with shapes as [`max_pool2d`].
///
/// # Errors
/// If the window does not fit the picture, or the tensor is not `f32`.
pub fn avg_pool2d(input: &Tensor, window: [usize; 2], stride: [usize; 2]) -> Result<Tensor> {
    let (_, h, w, channels) = input.dims4()?;
    let pool = AvgPool2d::new([h, w, channels], window, stride).map_err(wrap)?;
    if !has_kernels(input) {
        return composed::avg_pool2d(input, window, stride);
    }
    input.contiguous()?.apply_op1(Op { pool, input: [h, w, channels], window, stride })
}

/// A pooling layer of [`kernels`].
trait Pool: Clone + Send + Sync + 'static {
    /// What candle calls the op.
    const NAME: &'static str;

    fn output(&self) -> [usize; 3];

    fn forward(&self, batch: usize, x: &[f32]) -> KernelResult<Vec<f32>>;

    fn backward(&self, batch: usize, x: &[f32], dy: &[f32]) -> KernelResult<Vec<f32>>;

    #[cfg(feature = "cuda")]
    fn cuda_forward(x: &CudaStorage, layout: &Layout, sizes: &PoolSizes) -> Result<CudaStorage>;

    #[cfg(feature = "cuda")]
    fn cuda_backward(arguments: [(&CudaStorage, &Layout); 2], sizes: &PoolSizes) -> Result<CudaStorage>;
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

    #[cfg(feature = "cuda")]
    fn cuda_forward(x: &CudaStorage, layout: &Layout, sizes: &PoolSizes) -> Result<CudaStorage> {
        let y = pools::max_pool_forward(
            &x.device,
            layout.shape().dim(0)?,
            sizes,
            &crate::cuda::f32s(x, layout)?,
        )?;
        Ok(CudaStorage::wrap_cuda_slice(y, x.device.clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(arguments: [(&CudaStorage, &Layout); 2], sizes: &PoolSizes) -> Result<CudaStorage> {
        let [(x, x_layout), (dy, dy_layout)] = arguments;
        let (xs, dys) = (crate::cuda::f32s(x, x_layout)?, crate::cuda::f32s(dy, dy_layout)?);
        let dx = pools::max_pool_backward(&x.device, x_layout.shape().dim(0)?, sizes, &xs, &dys)?;
        Ok(CudaStorage::wrap_cuda_slice(dx, x.device.clone()))
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

    #[cfg(feature = "cuda")]
    fn cuda_forward(x: &CudaStorage, layout: &Layout, sizes: &PoolSizes) -> Result<CudaStorage> {
        let y = pools::avg_pool_forward(
            &x.device,
            layout.shape().dim(0)?,
            sizes,
            &crate::cuda::f32s(x, layout)?,
        )?;
        Ok(CudaStorage::wrap_cuda_slice(y, x.device.clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_backward(arguments: [(&CudaStorage, &Layout); 2], sizes: &PoolSizes) -> Result<CudaStorage> {
        let [(_, x_layout), (dy, layout)] = arguments;
        let dys = crate::cuda::f32s(dy, layout)?;
        let dx = pools::avg_pool_backward(&dy.device, x_layout.shape().dim(0)?, sizes, &dys)?;
        Ok(CudaStorage::wrap_cuda_slice(dx, dy.device.clone()))
    }
}

#[derive(Clone)]
struct Op<P> {
    pool: P,
    input: [usize; 3],
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the kernels of the CPU know it"))]
    window: [usize; 2],
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "the kernels of the CPU know it"))]
    stride: [usize; 2],
}

impl<P: Pool> Op<P> {
    #[cfg(feature = "cuda")]
    fn sizes(&self) -> PoolSizes {
        PoolSizes { input: self.input, output: self.pool.output(), window: self.window, stride: self.stride }
    }
}

impl<P: Pool> CustomOp1 for Op<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let batch = layout.shape().dim(0)?;
        let y = self.pool.forward(batch, f32s(x, layout)?).map_err(wrap)?;
        let [oh, ow, channels] = self.pool.output();
        Ok((CpuStorage::F32(y), (batch, oh, ow, channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let [oh, ow, channels] = self.pool.output();
        let shape = (layout.shape().dim(0)?, oh, ow, channels).into();
        Ok((P::cuda_forward(x, layout, &self.sizes())?, shape))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        x.apply_op2_no_bwd(&dy.contiguous()?, &Backward(self.clone())).map(Some)
    }
}

/// The gradient of the input, from the input and the gradient of the result.
struct Backward<P>(Op<P>);

impl<P: Pool> CustomOp2 for Backward<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let batch = x_layout.shape().dim(0)?;
        let dx = self.0.pool.backward(batch, f32s(x, x_layout)?, f32s(dy, dy_layout)?).map_err(wrap)?;
        let [h, w, channels] = self.0.input;
        Ok((CpuStorage::F32(dx), (batch, h, w, channels).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        dy: &CudaStorage,
        dy_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let dx = P::cuda_backward([(x, x_layout), (dy, dy_layout)], &self.0.sizes())?;
        Ok((dx, x_layout.shape().clone()))
    }
}
