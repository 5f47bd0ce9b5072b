//! The kernels as functions: shapes are checked here, so that no kernel reads or writes outside of its arguments.

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, PushKernelArg};
use candle_core::{Error, Result};
use kernels::optimizer::{Adam, Momentum, MomentumKind};

use super::{MODULE, blocks, ptx, size};

/// Parts that a long sum is first added up in: enough for all the cores of a device, and always as many, so that a sum
/// has one order.
const PARTS: usize = 1024;

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

/// Launches a kernel: its name, its threads, then its arguments in their order: slices and views by reference, numbers
/// as variables.
macro_rules! launch {
    ($device:expr, $name:literal, $threads:expr, $($argument:expr),+ $(,)?) => {{
        let threads: usize = $threads;
        if threads > 0 {
            let function = $device.get_or_load_custom_func($name, MODULE, ptx()?)?;
            let mut arguments = function.builder();
            $(arguments.arg($argument);)+
            // SAFETY: the arguments are of the types and in the order of the kernel, a kernel leaves threads
            // beyond its sizes out, and the slices have the lengths of these sizes: checked by the function around this.
            unsafe { arguments.launch(blocks(threads)?) }.map_err(Error::wrap)?;
        }
    }};
}
pub(super) use launch;

/// Numbers that the next kernel writes, every one of them.
fn unwritten(device: &CudaDevice, len: usize) -> Result<CudaSlice<f32>> {
    // SAFETY: nobody reads them before the kernel, which is launched on the same stream, has written them.
    unsafe { device.alloc::<f32>(len.max(1)) }
}

fn check(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    candle_core::bail!("{what} has {found} numbers, expected {expected}")
}

/// `y (B, OH, OW, C)` from `x (B, H, W, C)`, by the kernel `$name`.
macro_rules! pool_forward {
    ($function:ident, $name:literal) => {
        /// `y (B, OH, OW, C)` from `x (B, H, W, C)`.
        pub(crate) fn $function(
            device: &CudaDevice,
            batch: usize,
            sizes: &PoolSizes,
            x: &CudaView<'_, f32>,
        ) -> Result<CudaSlice<f32>> {
            check("the input", x.len(), batch * sizes.input.iter().product::<usize>())?;
            let threads = batch * sizes.output.iter().product::<usize>();
            let mut y = unwritten(device, threads)?;
            let [b, h, w, c, oh, ow, wh, ww, down, right] = sizes.all(batch)?;
            launch!(device, $name, threads, x, &mut y, &b, &h, &w, &c, &oh, &ow, &wh, &ww, &down, &right);
            Ok(y)
        }
    };
}
pool_forward!(max_pool_forward, "max_pool_forward");
pool_forward!(avg_pool_forward, "avg_pool_forward");

/// `dx (B, H, W, C)` from `x` and `dy (B, OH, OW, C)`.
pub(crate) fn max_pool_backward(
    device: &CudaDevice,
    batch: usize,
    sizes: &PoolSizes,
    x: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let threads = batch * sizes.input.iter().product::<usize>();
    check("the input", x.len(), threads)?;
    check("the gradient", dy.len(), batch * sizes.output.iter().product::<usize>())?;
    let mut dx = unwritten(device, threads)?;
    let [b, h, w, c, oh, ow, wh, ww, down, right] = sizes.all(batch)?;
    launch!(
        device,
        "max_pool_backward",
        threads,
        x,
        dy,
        &mut dx,
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
    Ok(dx)
}

/// `dx (B, H, W, C)` from `dy (B, OH, OW, C)`.
pub(crate) fn avg_pool_backward(
    device: &CudaDevice,
    batch: usize,
    sizes: &PoolSizes,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let threads = batch * sizes.input.iter().product::<usize>();
    check("the gradient", dy.len(), batch * sizes.output.iter().product::<usize>())?;
    let mut dx = unwritten(device, threads)?;
    let [b, h, w, c, oh, ow, wh, ww, down, right] = sizes.all(batch)?;
    launch!(
        device,
        "avg_pool_backward",
        threads,
        dy,
        &mut dx,
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
    Ok(dx)
}

impl PoolSizes {
    fn all(&self, batch: usize) -> Result<[u32; 10]> {
        let ([h, w, c], [oh, ow, _]) = (self.input, self.output);
        let ([wh, ww], [down, right]) = (self.window, self.stride);
        let mut all = [0; 10];
        for (to, from) in all.iter_mut().zip([batch, h, w, c, oh, ow, wh, ww, down, right]) {
            *to = size(from)?;
        }
        Ok(all)
    }
}

/// `act(sums + bias)` of `(ROWS, C)` and `(C)`; ReLU, or nothing.
pub(crate) fn bias_activation(
    device: &CudaDevice,
    sums: &CudaView<'_, f32>,
    bias: &CudaView<'_, f32>,
    relu: bool,
) -> Result<CudaSlice<f32>> {
    let (channels, threads) = (bias.len(), sums.len());
    if channels == 0 || !threads.is_multiple_of(channels) {
        candle_core::bail!("{threads} sums are no rows of {channels} channels")
    }
    let mut y = unwritten(device, threads)?;
    device.memcpy_dtod(sums, &mut y)?;
    // The kernel counts sums by 32 bits.
    size(threads)?;
    let (rows, channels, relu) = ((threads / channels) as u64, size(channels)?, u32::from(relu));
    launch!(device, "bias_activation", threads, &mut y, bias, &rows, &channels, &relu);
    Ok(y)
}

/// `dy` where `y` is above 0, else 0.
pub(crate) fn relu_backward(
    device: &CudaDevice,
    y: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    let threads = y.len();
    check("the gradient", dy.len(), threads)?;
    let mut dz = unwritten(device, threads)?;
    let n = threads as u64;
    launch!(device, "relu_backward", threads, y, dy, &mut dz, &n);
    Ok(dz)
}

/// The sum of all rows `(ROWS, C)`, in an order that is always the same: `(C)`.
pub(crate) fn sum_rows(
    device: &CudaDevice,
    values: &CudaView<'_, f32>,
    channels: usize,
) -> Result<CudaSlice<f32>> {
    if channels == 0 || !values.len().is_multiple_of(channels) {
        candle_core::bail!("{} values are no rows of {channels} channels", values.len())
    }
    let rows = values.len() / channels;
    let parts = PARTS.min(rows.max(1));
    let mut partial = unwritten(device, parts * channels)?;
    let mut sums = unwritten(device, channels)?;
    let (rows, c, p) = (rows as u64, size(channels)?, size(parts)?);
    launch!(device, "sum_rows_parts", parts * channels, values, &mut partial, &rows, &c, &p);
    launch!(device, "sum_rows_finish", channels, &partial, &mut sums, &c, &p);
    Ok(sums)
}

/// Mean loss (1), and its gradient `(B, CLASSES)`, of logits `(B, CLASSES)` and labels `(B)`.
pub(crate) fn cross_entropy(
    device: &CudaDevice,
    logits: &CudaView<'_, f32>,
    labels: &CudaView<'_, u32>,
    smoothing: f32,
) -> Result<(CudaSlice<f32>, CudaSlice<f32>)> {
    let batch = labels.len();
    if batch == 0 || !logits.len().is_multiple_of(batch) {
        candle_core::bail!("{} logits are not those of {batch} labels", logits.len())
    }
    let classes = size(logits.len() / batch)?;
    let mut losses = unwritten(device, batch)?;
    let mut gradient = unwritten(device, logits.len())?;
    let mut correct = device.alloc_zeros::<u32>(batch)?;
    let (b, n, parts) = (size(batch)?, batch as u64, size(PARTS.min(batch))?);
    launch!(
        device,
        "cross_entropy",
        batch,
        logits,
        labels,
        &mut losses,
        &mut gradient,
        &mut correct,
        &b,
        &classes,
        &smoothing
    );
    let mut sums = unwritten(device, PARTS.min(batch))?;
    let mut mean = unwritten(device, 1)?;
    launch!(device, "sum_in_order", PARTS.min(batch), &losses, &mut sums, &n, &parts);
    launch!(device, "mean_in_order", 1, &sums, &mut mean, &parts, &n);
    Ok((mean, gradient))
}

/// A step of Adam with its corrected rate; weights decay by `decay` of themselves before.
pub(crate) fn adam(
    device: &CudaDevice,
    settings: &Adam,
    corrected_rate: f32,
    decay: f32,
    weights: &mut CudaSlice<f32>,
    gradient: &CudaView<'_, f32>,
    moments: [&mut CudaSlice<f32>; 2],
) -> Result<()> {
    let threads = gradient.len();
    let [mean, square] = moments;
    for (what, len) in
        [("the weights", weights.len()), ("the mean", mean.len()), ("the square", square.len())]
    {
        check(what, len, threads)?;
    }
    let n = threads as u64;
    // What is not kept is computed before it is rounded, as on the CPU.
    let (keep_1, keep_2) = ((1.0 - settings.beta_1) as f32, (1.0 - settings.beta_2) as f32);
    let epsilon = settings.epsilon;
    launch!(
        device,
        "adam",
        threads,
        weights,
        gradient,
        mean,
        square,
        &n,
        &corrected_rate,
        &keep_1,
        &keep_2,
        &epsilon,
        &decay
    );
    Ok(())
}

/// A step of plain descent.
pub(crate) fn sgd(
    device: &CudaDevice,
    rate: f32,
    decay: f32,
    weights: &mut CudaSlice<f32>,
    gradient: &CudaView<'_, f32>,
) -> Result<()> {
    let threads = gradient.len();
    check("the weights", weights.len(), threads)?;
    let n = threads as u64;
    launch!(device, "sgd", threads, weights, gradient, &n, &rate, &decay);
    Ok(())
}

/// A step with momentum.
pub(crate) fn momentum(
    device: &CudaDevice,
    settings: &Momentum,
    rate: f32,
    decay: f32,
    weights: &mut CudaSlice<f32>,
    gradient: &CudaView<'_, f32>,
    velocity: &mut CudaSlice<f32>,
) -> Result<()> {
    let threads = gradient.len();
    check("the weights", weights.len(), threads)?;
    check("the velocity", velocity.len(), threads)?;
    let (n, momentum) = (threads as u64, settings.momentum as f32);
    let nesterov = u32::from(matches!(settings.kind, MomentumKind::Nesterov));
    launch!(
        device, "momentum", threads, weights, gradient, velocity, &n, &rate, &momentum, &nesterov, &decay
    );
    Ok(())
}
