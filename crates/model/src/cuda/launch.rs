//! The kernels of biases, losses and optimizers as functions: shapes are checked here, so that no kernel reads or writes
//! outside of its arguments.
//!
//! What ends on `_into` writes where it is told, what does not writes into room that it asks the device for.

use candle_core::Result;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, CudaViewMut, PushKernelArg};
use kernels::optimizer::{Adam, Momentum, MomentumKind};

use super::real::Real;
use super::{check, size};

/// Numbers that the next kernel writes, every one of them.
pub(crate) fn unwritten<T: Real>(device: &CudaDevice, len: usize) -> Result<CudaSlice<T>> {
    // SAFETY: nobody reads them before the kernel, which is launched on the same stream, has written them.
    unsafe { device.alloc::<T>(len.max(1)) }
}

/// Parts that a long sum is first added up in, always as many for as many numbers: a sum has one order.
pub(crate) fn parts(numbers: usize) -> usize {
    numbers.isqrt().next_power_of_two().clamp(1, 4096)
}

/// `act(sums + bias)`, in place, of `(ROWS, C, INNER)` and `(C)`; ReLU, or nothing.
pub(crate) fn bias_activation_into<R: Real>(
    device: &CudaDevice,
    sums: &mut CudaViewMut<'_, R>,
    bias: &CudaView<'_, R>,
    inner: usize,
    relu: bool,
) -> Result<()> {
    let (channels, threads) = (bias.len(), sums.len());
    if channels * inner == 0 || !threads.is_multiple_of(channels * inner) {
        candle_core::bail!("{threads} sums are no rows of {channels} channels of {inner} numbers")
    }
    let (n, c, inner, relu) = (size(threads)?, size(channels)?, size(inner)?, u32::from(relu));
    launch!(device, R, "bias_activation", threads, sums, bias, &n, &c, &inner, &relu);
    Ok(())
}

/// `act(sums + bias)` of `(ROWS, C)` and `(C)`; ReLU, or nothing.
pub(crate) fn bias_activation(
    device: &CudaDevice,
    sums: &CudaView<'_, f32>,
    bias: &CudaView<'_, f32>,
    relu: bool,
) -> Result<CudaSlice<f32>> {
    let mut y = unwritten(device, sums.len())?;
    device.memcpy_dtod(sums, &mut y)?;
    bias_activation_into(device, &mut y.slice_mut(..sums.len()), bias, 1, relu)?;
    Ok(y)
}

/// `dy`, in place, where `y` is above 0, else 0.
#[cfg(feature = "cudnn")]
pub(crate) fn relu_backward_into<R: Real>(
    device: &CudaDevice,
    y: &CudaView<'_, R>,
    dy: &mut CudaViewMut<'_, R>,
) -> Result<()> {
    let threads = y.len();
    check("the gradient", dy.len(), threads)?;
    let n = threads as u64;
    // The kernel may write where it reads.
    let place = dy.as_view();
    launch!(device, R, "relu_backward", threads, y, &place, &place, &n);
    Ok(())
}

/// `dy` where `y` is above 0, else 0.
pub(crate) fn relu_backward(
    device: &CudaDevice,
    y: &CudaView<'_, f32>,
    dy: &CudaView<'_, f32>,
) -> Result<CudaSlice<f32>> {
    check("the gradient", dy.len(), y.len())?;
    let mut dz = unwritten(device, y.len())?;
    let n = y.len() as u64;
    launch!(device, f32, "relu_backward", y.len(), y, dy, &mut dz, &n);
    Ok(dz)
}

/// The sum of all places `(ROWS, C, INNER)` along rows and inner, in an order that is always the same: `(C)`. `partial` has
/// room for [`parts`] of them times channels.
pub(crate) fn sum_places_into<R: Real>(
    device: &CudaDevice,
    values: &CudaView<'_, R>,
    inner: usize,
    partial: &mut CudaSlice<f32>,
    sums: &mut CudaViewMut<'_, R>,
) -> Result<()> {
    let channels = sums.len();
    if channels * inner == 0 || !values.len().is_multiple_of(channels * inner) {
        candle_core::bail!("{} values are no rows of {channels} channels of {inner} numbers", values.len())
    }
    let places = values.len() / channels;
    let parts = parts(places);
    if partial.len() < parts * channels {
        candle_core::bail!("room for {} sums, expected {parts} of {channels} channels", partial.len())
    }
    size(values.len())?;
    let (n, c, inner, p) = (size(places)?, size(channels)?, size(inner)?, size(parts)?);
    launch!(device, R, "sum_places_parts", parts * channels, values, &mut *partial, &n, &c, &inner, &p);
    launch!(device, R, "sum_places_finish", channels, &*partial, sums, &c, &p);
    Ok(())
}

/// The sum of all rows `(ROWS, C)`, in an order that is always the same: `(C)`.
pub(crate) fn sum_rows(
    device: &CudaDevice,
    values: &CudaView<'_, f32>,
    channels: usize,
) -> Result<CudaSlice<f32>> {
    let mut partial = unwritten(device, parts(values.len() / channels.max(1)) * channels)?;
    let mut sums = unwritten(device, channels)?;
    sum_places_into(device, values, 1, &mut partial, &mut sums.slice_mut(..channels))?;
    Ok(sums)
}

/// What a loss leaves for each row of logits.
pub(crate) struct Rows<'a, R> {
    /// `(B)`.
    pub(crate) losses: CudaViewMut<'a, f32>,
    /// `(B, CLASSES)`, of the mean loss.
    pub(crate) gradient: CudaViewMut<'a, R>,
    /// `(B)`, 1 where the answer is right, else 0.
    pub(crate) correct: CudaViewMut<'a, u32>,
}

/// Losses, gradients and right answers of logits `(B, CLASSES)` and labels `(B)`.
pub(crate) fn cross_entropy_into<R: Real>(
    device: &CudaDevice,
    logits: &CudaView<'_, R>,
    labels: &CudaView<'_, u32>,
    smoothing: f32,
    rows: &mut Rows<'_, R>,
) -> Result<()> {
    let batch = labels.len();
    if batch == 0 || !logits.len().is_multiple_of(batch) {
        candle_core::bail!("{} logits are not those of {batch} labels", logits.len())
    }
    check("the losses", rows.losses.len(), batch)?;
    check("the gradient", rows.gradient.len(), logits.len())?;
    check("the right answers", rows.correct.len(), batch)?;
    let (b, classes) = (size(batch)?, size(logits.len() / batch)?);
    launch!(
        device,
        R,
        "cross_entropy",
        batch,
        logits,
        labels,
        &mut rows.losses,
        &mut rows.gradient,
        &mut rows.correct,
        &b,
        &classes,
        &smoothing
    );
    Ok(())
}

/// Mean loss (1), and its gradient `(B, CLASSES)`, of logits `(B, CLASSES)` and labels `(B)`.
pub(crate) fn cross_entropy(
    device: &CudaDevice,
    logits: &CudaView<'_, f32>,
    labels: &CudaView<'_, u32>,
    smoothing: f32,
) -> Result<(CudaSlice<f32>, CudaSlice<f32>)> {
    let batch = labels.len();
    let mut losses = unwritten(device, batch)?;
    let mut gradient = unwritten(device, logits.len())?;
    let mut correct = device.alloc_zeros::<u32>(batch.max(1))?;
    let mut rows = Rows {
        losses: losses.slice_mut(..batch),
        gradient: gradient.slice_mut(..logits.len()),
        correct: correct.slice_mut(..batch),
    };
    cross_entropy_into(device, logits, labels, smoothing, &mut rows)?;
    let parts = parts(batch);
    let mut sums = unwritten::<f32>(device, parts)?;
    let mut mean = unwritten(device, 1)?;
    let (n, p) = (batch as u64, size(parts)?);
    launch!(device, f32, "sum_in_order", parts, &losses, &mut sums, &n, &p);
    launch!(device, f32, "mean_in_order", 1, &sums, &mut mean, &p, &n);
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
    let [keep_1, keep_2] = kept(settings);
    let epsilon = settings.epsilon;
    launch!(
        device,
        f32,
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

/// What of a gradient Adam's moments take: computed before it is rounded, as on the CPU.
pub(crate) fn kept(settings: &Adam) -> [f32; 2] {
    [(1.0 - settings.beta_1) as f32, (1.0 - settings.beta_2) as f32]
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
    launch!(device, f32, "sgd", threads, weights, gradient, &n, &rate, &decay);
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
    let nesterov = nesterov(settings);
    launch!(
        device, f32, "momentum", threads, weights, gradient, velocity, &n, &rate, &momentum, &nesterov,
        &decay
    );
    Ok(())
}

/// As the kernels take it.
pub(crate) fn nesterov(settings: &Momentum) -> u32 {
    u32::from(matches!(settings.kind, MomentumKind::Nesterov))
}
