//! The kernels of `step.cu` as functions; shapes are checked here.

use candle_core::Result;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, CudaViewMut, PushKernelArg};
use kernels::optimizer::{Adam, Momentum};

use super::launch::{kept, nesterov, parts, unwritten};
use super::real::Real;
use super::{check, size};

/// `to (B, COLUMNS, ROWS)` from `(B, ROWS, COLUMNS)`.
pub(crate) fn transpose<R: Real>(
    device: &CudaDevice,
    [batch, rows, columns]: [usize; 3],
    from: &CudaView<'_, R>,
    to: &mut CudaViewMut<'_, R>,
) -> Result<()> {
    let threads = batch * rows * columns;
    check("what is turned over", from.len(), threads)?;
    check("what is turned into", to.len(), threads)?;
    size(threads)?;
    let (b, r, c) = (size(batch)?, size(rows)?, size(columns)?);
    launch!(device, R, "transpose", threads, from, to, &b, &r, &c);
    Ok(())
}

/// Stored numbers as `f32`.
pub(crate) fn widen<R: Real>(
    device: &CudaDevice,
    numbers: &CudaView<'_, R>,
    to: &mut CudaViewMut<'_, f32>,
) -> Result<()> {
    check("what is widened into", to.len(), numbers.len())?;
    let n = size(numbers.len())?;
    launch!(device, R, "widen_numbers", numbers.len(), numbers, to, &n);
    Ok(())
}

/// An error where something has not as many numbers as places are for. Places are within it: who made it made them.
fn has_room(what: &str, found: usize, least: usize) -> Result<()> {
    if found >= least {
        return Ok(());
    }
    candle_core::bail!("{what} has {found} numbers, expected at least {least}")
}

/// Weights as layers read them, from the network's.
pub(crate) fn spread<R: Real>(
    device: &CudaDevice,
    weights: &CudaSlice<f32>,
    place: &CudaSlice<u32>,
    working: &mut CudaSlice<R>,
) -> Result<()> {
    check("the places", place.len(), weights.len())?;
    has_room("the working weights", working.len(), weights.len())?;
    let n = size(weights.len())?;
    launch!(device, R, "spread_weights", weights.len(), weights, place, working, &n);
    Ok(())
}

/// The gradient in the order of the network's weights, shortened where it was too long.
pub(crate) fn collect<R: Real>(
    device: &CudaDevice,
    gradient: &CudaSlice<R>,
    place: &CudaSlice<u32>,
    clip: &Clip,
) -> Result<CudaSlice<f32>> {
    has_room("the gradient", gradient.len(), place.len())?;
    let mut flat = unwritten(device, place.len())?;
    let n = size(place.len())?;
    launch!(device, R, "collect_gradient", place.len(), gradient, place, &clip.factor, &mut flat, &n);
    Ok(flat)
}

/// What a step finds and leaves in its epoch: all of it on the device.
pub(crate) struct Epoch {
    /// (1) The number of the step.
    pub(crate) step: CudaSlice<u32>,
    /// (STEPS) Mean losses.
    pub(crate) losses: CudaSlice<f32>,
    /// (STEPS) Right answers.
    pub(crate) correct: CudaSlice<u32>,
    /// (1) Not 0 from the first loss on that is no number.
    pub(crate) halted: CudaSlice<u32>,
    /// (STEPS) The optimizer's rates.
    pub(crate) rates: CudaSlice<f32>,
    /// (STEPS) Shares by which weights decay.
    pub(crate) decays: CudaSlice<f32>,
}

impl Epoch {
    /// Room for so many steps.
    pub(crate) fn new(device: &CudaDevice, steps: usize) -> Result<Self> {
        let steps = steps.max(1);
        Ok(Self {
            step: device.alloc_zeros(1)?,
            losses: device.alloc_zeros(steps)?,
            correct: device.alloc_zeros(steps)?,
            halted: device.alloc_zeros(1)?,
            rates: device.alloc_zeros(steps)?,
            decays: device.alloc_zeros(steps)?,
        })
    }
}

/// Room for the sums of a batch.
pub(crate) struct Sums {
    losses: CudaSlice<f32>,
    correct: CudaSlice<u32>,
}

impl Sums {
    /// For batches of at most so many pictures.
    pub(crate) fn new(device: &CudaDevice, batch: usize) -> Result<Self> {
        let room = parts(batch);
        Ok(Self { losses: unwritten(device, room)?, correct: device.alloc_zeros(room)? })
    }

    /// The mean loss and the right answers of this step, from those of each picture.
    pub(crate) fn report(
        &mut self,
        device: &CudaDevice,
        losses: &CudaView<'_, f32>,
        correct: &CudaView<'_, u32>,
        epoch: &mut Epoch,
    ) -> Result<()> {
        let batch = losses.len();
        check("the right answers", correct.len(), batch)?;
        let parts = parts(batch);
        if self.losses.len() < parts || self.correct.len() < parts {
            candle_core::bail!("room for {} sums, expected {parts}", self.losses.len())
        }
        let (n, p, b) = (batch as u64, size(parts)?, size(batch)?);
        let Self { losses: sums, correct: counts } = self;
        launch!(device, f32, "sum_in_order", parts, losses, &mut *sums, &n, &p);
        launch!(device, f32, "count_in_order", parts, correct, &mut *counts, &n, &p);
        let Epoch { step, losses, correct, halted, .. } = epoch;
        launch!(device, f32, "report_step", 1, &*sums, &*counts, &*step, losses, correct, halted, &p, &b);
        Ok(())
    }
}

/// The number of the next step.
pub(crate) fn next(device: &CudaDevice, epoch: &mut Epoch) -> Result<()> {
    launch!(device, f32, "next_step", 1, &mut epoch.step);
    Ok(())
}

/// Shortens gradients that are longer than something.
pub(crate) struct Clip {
    longest: Option<f32>,
    squares: CudaSlice<f64>,
    /// (1) What a gradient is to be multiplied with.
    factor: CudaSlice<f32>,
}

impl Clip {
    /// For gradients of so many numbers; without a longest one they stay as they are.
    pub(crate) fn new(device: &CudaDevice, numbers: usize, longest: Option<f64>) -> Result<Self> {
        let squares = device.alloc_zeros(parts(numbers))?;
        Ok(Self {
            longest: longest.map(|longest| longest as f32),
            squares,
            factor: device.clone_htod(&[1f32])?,
        })
    }

    /// Finds the factor.
    pub(crate) fn measure<R: Real>(&mut self, device: &CudaDevice, gradient: &CudaSlice<R>) -> Result<()> {
        let Some(longest) = self.longest else { return Ok(()) };
        let parts = parts(gradient.len());
        check("the squares", self.squares.len(), parts)?;
        let (n, p) = (size(gradient.len())?, size(parts)?);
        launch!(device, R, "square_parts", parts, gradient, &mut self.squares, &n, &p);
        launch!(device, R, "clip_factor", 1, &self.squares, &mut self.factor, &p, &longest);
        Ok(())
    }
}

/// What a step of an optimizer works on.
pub(crate) struct Weights<'a, R> {
    /// The network's.
    pub(crate) weights: &'a mut CudaSlice<f32>,
    /// The same as layers read them.
    pub(crate) working: &'a mut CudaSlice<R>,
    /// As layers wrote it.
    pub(crate) gradient: &'a CudaSlice<R>,
    /// Where a weight is in both.
    pub(crate) place: &'a CudaSlice<u32>,
    pub(crate) epoch: &'a Epoch,
    pub(crate) clip: &'a Clip,
}

impl<R: Real> Weights<'_, R> {
    fn threads(&self, moments: &[&CudaSlice<f32>]) -> Result<usize> {
        let threads = self.weights.len();
        has_room("the working weights", self.working.len(), threads)?;
        has_room("the gradient", self.gradient.len(), threads)?;
        check("the places", self.place.len(), threads)?;
        moments.iter().try_for_each(|moment| check("the optimizer's moments", moment.len(), threads))?;
        Ok(threads)
    }

    /// A step of Adam, whose rates are corrected ones.
    pub(crate) fn adam(
        self,
        device: &CudaDevice,
        settings: &Adam,
        [mean, square]: [&mut CudaSlice<f32>; 2],
    ) -> Result<()> {
        let threads = self.threads(&[mean, square])?;
        let Self { weights, working, gradient, place, epoch, clip } = self;
        let Epoch { step, halted, rates, decays, .. } = epoch;
        let ([keep_1, keep_2], epsilon, n) = (kept(settings), settings.epsilon, size(threads)?);
        let factor = &clip.factor;
        launch!(
            device,
            R,
            "adam_step",
            threads,
            weights,
            working,
            gradient,
            place,
            step,
            halted,
            factor,
            rates,
            decays,
            mean,
            square,
            &n,
            &keep_1,
            &keep_2,
            &epsilon
        );
        Ok(())
    }

    /// A step of plain descent.
    pub(crate) fn sgd(self, device: &CudaDevice) -> Result<()> {
        let threads = self.threads(&[])?;
        let Self { weights, working, gradient, place, epoch, clip } = self;
        let Epoch { step, halted, rates, decays, .. } = epoch;
        let (factor, n) = (&clip.factor, size(threads)?);
        launch!(
            device, R, "sgd_step", threads, weights, working, gradient, place, step, halted, factor, rates,
            decays, &n
        );
        Ok(())
    }

    /// A step with momentum.
    pub(crate) fn momentum(
        self,
        device: &CudaDevice,
        settings: &Momentum,
        velocity: &mut CudaSlice<f32>,
    ) -> Result<()> {
        let threads = self.threads(&[velocity])?;
        let Self { weights, working, gradient, place, epoch, clip } = self;
        let Epoch { step, halted, rates, decays, .. } = epoch;
        let (factor, n) = (&clip.factor, size(threads)?);
        let (momentum, nesterov) = (settings.momentum as f32, nesterov(settings));
        launch!(
            device,
            R,
            "momentum_step",
            threads,
            weights,
            working,
            gradient,
            place,
            step,
            halted,
            factor,
            rates,
            decays,
            velocity,
            &n,
            &momentum,
            &nesterov
        );
        Ok(())
    }
}
