//! The kernels of pools as functions; shapes are checked here.
//!
//! What ends on `_into` writes where it is told, what does not writes into room that it asks the device for.

use candle_core::Result;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, CudaViewMut, PushKernelArg};

use super::launch::unwritten;
use super::real::Real;
use super::{check, size};

/// A pooling layer's sizes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolSizes {
    /// `(H, W, C)`.
    pub(crate) input: [usize; 3],
    /// `(OH, OW, C)`.
    pub(crate) output: [usize; 3],
    /// (height, width)
    pub(crate) window: [usize; 2],
    /// (down, right)
    pub(crate) stride: [usize; 2],
}

impl PoolSizes {
    /// As the kernels take them.
    fn all(&self, batch: usize) -> Result<[u32; 10]> {
        // Kernels count numbers by 32 bits.
        self.lengths(batch).into_iter().try_for_each(|numbers| size(numbers).map(drop))?;
        let ([h, w, c], [oh, ow, _]) = (self.input, self.output);
        let ([wh, ww], [down, right]) = (self.window, self.stride);
        let mut all = [0; 10];
        for (to, from) in all.iter_mut().zip([batch, h, w, c, oh, ow, wh, ww, down, right]) {
            *to = size(from)?;
        }
        Ok(all)
    }

    /// Numbers of the pictures before and after.
    fn lengths(&self, batch: usize) -> [usize; 2] {
        [self.input, self.output].map(|shape| batch * shape.iter().product::<usize>())
    }
}

/// `y (B, OH, OW, C)` from `x (B, H, W, C)`, by the kernel `$name`.
macro_rules! pool_forward {
    ($into:ident, $function:ident, $name:literal) => {
        /// `y (B, OH, OW, C)` from `x (B, H, W, C)`.
        pub(crate) fn $into<R: Real>(
            device: &CudaDevice,
            batch: usize,
            sizes: &PoolSizes,
            x: &CudaView<'_, R>,
            y: &mut CudaViewMut<'_, R>,
        ) -> Result<()> {
            let [inputs, outputs] = sizes.lengths(batch);
            check("the input", x.len(), inputs)?;
            check("the output", y.len(), outputs)?;
            let [b, h, w, c, oh, ow, wh, ww, down, right] = sizes.all(batch)?;
            launch!(device, R, $name, outputs, x, y, &b, &h, &w, &c, &oh, &ow, &wh, &ww, &down, &right);
            Ok(())
        }

        /// `y (B, OH, OW, C)` from `x (B, H, W, C)`.
        pub(crate) fn $function(
            device: &CudaDevice,
            batch: usize,
            sizes: &PoolSizes,
            x: &CudaView<'_, f32>,
        ) -> Result<CudaSlice<f32>> {
            let [_, outputs] = sizes.lengths(batch);
            let mut y = unwritten(device, outputs)?;
            $into(device, batch, sizes, x, &mut y.slice_mut(..outputs))?;
            Ok(y)
        }
    };
}
pool_forward!(max_pool_forward_into, max_pool_forward, "max_pool_forward");
pool_forward!(avg_pool_forward_into, avg_pool_forward, "avg_pool_forward");

/// `dx (B, H, W, C)` from `x` and `dy (B, OH, OW, C)`; `after_relu`: the gradient before the ReLU that gave `x`.
pub(crate) fn max_pool_backward_into<R: Real>(
    device: &CudaDevice,
    batch: usize,
    sizes: &PoolSizes,
    [x, dy]: [&CudaView<'_, R>; 2],
    dx: &mut CudaViewMut<'_, R>,
    after_relu: bool,
) -> Result<()> {
    let [inputs, outputs] = sizes.lengths(batch);
    check("the input", x.len(), inputs)?;
    check("the gradient", dy.len(), outputs)?;
    check("the input's gradient", dx.len(), inputs)?;
    let [b, h, w, c, oh, ow, wh, ww, down, right] = sizes.all(batch)?;
    let relu = u32::from(after_relu);
    launch!(
        device,
        R,
        "max_pool_backward",
        inputs,
        x,
        dy,
        dx,
        &b,
        &h,
        &w,
        &c,
        &oh,
        &ow,
        &wh,
        &ww,
        &down,
        &right,
        &relu
    );
    Ok(())
}

/// `dx (B, H, W, C)` from `x` and `dy (B, OH, OW, C)`.
pub(crate) fn max_pool_backward(
    device: &CudaDevice,
    batch: usize,
    sizes: &PoolSizes,
    x: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let [inputs, _] = sizes.lengths(batch);
    let mut dx = unwritten(device, inputs)?;
    max_pool_backward_into(device, batch, sizes, [x, dy], &mut dx.slice_mut(..inputs), false)?;
    Ok(dx)
}

/// `dx (B, H, W, C)` from `dy (B, OH, OW, C)`.
pub(crate) fn avg_pool_backward_into<R: Real>(
    device: &CudaDevice,
    batch: usize,
    sizes: &PoolSizes,
    dy: &CudaView<'_, R>,
    dx: &mut CudaViewMut<'_, R>,
) -> Result<()> {
    let [inputs, outputs] = sizes.lengths(batch);
    check("the gradient", dy.len(), outputs)?;
    check("the input's gradient", dx.len(), inputs)?;
    let [b, h, w, c, oh, ow, wh, ww, down, right] = sizes.all(batch)?;
    launch!(
        device,
        R,
        "avg_pool_backward",
        inputs,
        dy,
        dx,
        &b,
        &h,
        &w,
        &c,
        &oh,
        &ow,
        &wh,
        &ww,
        &down,
        &right
    );
    Ok(())
}

/// `dx (B, H, W, C)` from `dy (B, OH, OW, C)`.
pub(crate) fn avg_pool_backward(
    device: &CudaDevice,
    batch: usize,
    sizes: &PoolSizes,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let [inputs, _] = sizes.lengths(batch);
    let mut dx = unwritten(device, inputs)?;
    avg_pool_backward_into(device, batch, sizes, dy, &mut dx.slice_mut(..inputs))?;
    Ok(dx)
}
