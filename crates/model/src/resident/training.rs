//! Training steps that a CUDA device makes by itself.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::Result;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, DevicePtr};

use kernels::loss::CrossEntropy;

use super::evaluation::Evaluation;
use super::layers::{Layers, Number, Parameters, Rooms};
use super::stages::{Laid, Stage};
use super::{Outcome, Pictures, Plan, Settings};
use crate::cuda::dense::Products;
use crate::cuda::graph::Graph;
use crate::cuda::launch::{Rows, cross_entropy_into, unwritten};
use crate::cuda::pictures::{DeviceBatches, DevicePictures};
use crate::cuda::step::{self, Clip, Epoch, Sums, Weights};
use crate::cuda::with_values;
use crate::optimizer::Optimizer;
use crate::{Error, Network, Precision};

/// A network that learns on a device.
pub(super) struct Training<R> {
    device: CudaDevice,
    products: Products,
    pictures: Arc<DevicePictures>,
    batches: DeviceBatches,
    stages: Vec<Stage>,
    /// Whether factors of f32 may be rounded to ten bits.
    rounds: bool,
    work: Work<R>,
    /// Whole batches, and the rest of the pictures.
    layers: Vec<Layers<R>>,
    /// The next step of the epoch.
    next: usize,
    batch: usize,
    epoch_pictures: usize,
    graphs: Graphs,
    evaluation: Option<Evaluation<R>>,
}

/// What a step works on; it lies where it lies, since captured steps know the places.
struct Work<R> {
    parameters: Parameters<R>,
    place: CudaSlice<u32>,
    rooms: Rooms<R>,
    labels: CudaSlice<u32>,
    row_losses: CudaSlice<f32>,
    row_correct: CudaSlice<u32>,
    sums: Sums,
    clip: Clip,
    epoch: Epoch,
    label_smoothing: f32,
}

/// Steps as they are launched again.
#[derive(Default)]
struct Graphs {
    /// By pictures of a batch.
    captured: HashMap<usize, Graph>,
    /// Batches of which a step was made: then all its kernels are loaded, and one can be captured.
    made: Vec<usize>,
    /// What they were captured with: places and settings.
    places: Vec<u64>,
    /// Not asked for, or the device refused.
    is_off: bool,
}

impl<R: Number> Training<R> {
    pub(super) fn new(
        device: &CudaDevice,
        network: &Network,
        stages: Vec<Stage>,
        pictures: &Pictures,
        settings: &Settings,
    ) -> Result<Self> {
        let Settings { batch, pictures: epoch_pictures, label_smoothing, clip_norm, precision, .. } =
            *settings;
        let rounds = precision == Precision::Tf32;
        if batch == 0 || epoch_pictures == 0 {
            candle_core::bail!("steps of {batch} pictures out of {epoch_pictures}: expected some of each")
        }
        let [h, w, c] = network.architecture().input();
        if pictures.shape != [c, h, w] {
            candle_core::bail!("pictures of {:?}, expected {:?}", pictures.shape, [c, h, w])
        }
        let classes = stages.last().map_or(0, |stage| stage.output.iter().product());
        // What is no loss is refused with the words of the CPU's.
        CrossEntropy::new(classes, label_smoothing).map_err(candle_core::Error::wrap)?;
        if let Some(label) = pictures.labels.iter().find(|&&label| usize::from(label) >= classes) {
            candle_core::bail!("label {label} is not below the number of classes, {classes}")
        }
        let batch = batch.min(epoch_pictures);
        let rest = epoch_pictures % batch;
        let sizes = [batch, rest].into_iter().filter(|&size| size > 0);
        let laid = Laid::new(stages, network.parameter_count());
        let layers: Vec<_> =
            sizes.map(|size| Layers::new(device, &laid.stages, size, rounds)).collect::<Result<_>>()?;
        let work = Work {
            parameters: Parameters::new(device, laid.room)?,
            place: device.clone_htod(&laid.places)?,
            rooms: Rooms::new(device, &layers, true)?,
            labels: device.alloc_zeros(batch)?,
            row_losses: unwritten(device, batch)?,
            row_correct: device.alloc_zeros(batch)?,
            sums: Sums::new(device, batch)?,
            clip: Clip::new(device, laid.room, clip_norm)?,
            epoch: Epoch::new(device, epoch_pictures.div_ceil(batch))?,
            label_smoothing: label_smoothing as f32,
        };
        let pictures =
            Arc::new(DevicePictures::new(device, pictures.shape, pictures.pixels, pictures.labels)?);
        Ok(Self {
            device: device.clone(),
            products: Products::new(device, rounds)?,
            batches: DeviceBatches::new(&pictures, &settings.variations, batch, epoch_pictures)?,
            pictures,
            stages: laid.stages,
            rounds,
            work,
            layers,
            next: 0,
            batch,
            epoch_pictures,
            graphs: Graphs { is_off: !settings.graphs, ..Graphs::default() },
            evaluation: None,
        })
    }

    pub(super) fn begin(&mut self, plan: &Plan, step: usize) -> Result<()> {
        self.batches.begin_epoch(plan.order, plan.variations)?;
        let number = u32::try_from(step).map_err(candle_core::Error::wrap)?;
        self.device.memcpy_htod(&[number], &mut self.work.epoch.step)?;
        self.device.memcpy_htod(&[0u32], &mut self.work.epoch.halted)?;
        self.next = step;
        Ok(())
    }

    pub(super) fn steps(
        &mut self,
        network: &Network,
        optimizer: &mut Optimizer,
        rates: &[f64],
    ) -> std::result::Result<Vec<Outcome>, Error> {
        let (first, until) = (self.next, self.next + rates.len());
        let steps = self.epoch_pictures.div_ceil(self.batch);
        if until > steps {
            return Err(candle_core::Error::Msg(format!("step {until} of an epoch of {steps}")).into());
        }
        let (rates, decays) = optimizer.rates(rates);
        let epoch = &mut self.work.epoch;
        if !rates.is_empty() {
            self.device.memcpy_htod(&rates, &mut epoch.rates.slice_mut(first..until))?;
            self.device.memcpy_htod(&decays, &mut epoch.decays.slice_mut(first..until))?;
        }
        with_values(network.weights(), |_, weights| {
            let Work { place, parameters, .. } = &mut self.work;
            step::spread(&self.device, weights, place, &mut parameters.working)?;
            (first..until).try_for_each(|number| self.step(number, optimizer, weights))
        })?;
        self.next = until;
        let outcomes = self.outcomes(first, until)?;
        optimizer.count(outcomes.iter().filter(|outcome| outcome.loss.is_finite()).count() as u64);
        Ok(outcomes)
    }

    /// Waits for steps that were asked for.
    fn outcomes(&self, first: usize, until: usize) -> Result<Vec<Outcome>> {
        if first == until {
            return Ok(Vec::new());
        }
        let epoch = &self.work.epoch;
        let losses = self.device.clone_dtoh(&epoch.losses.slice(first..until))?;
        let correct = self.device.clone_dtoh(&epoch.correct.slice(first..until))?;
        let mut outcomes = Vec::with_capacity(losses.len());
        for ((number, loss), correct) in (first..).zip(losses).zip(correct) {
            outcomes.push(Outcome { loss, correct: correct as usize, pictures: self.size(number) });
            if !loss.is_finite() {
                break;
            }
        }
        Ok(outcomes)
    }

    /// Pictures of a step.
    fn size(&self, number: usize) -> usize {
        self.batch.min(self.epoch_pictures - number * self.batch)
    }

    /// Asks for a step, by a captured one where there is one.
    fn step(&mut self, number: usize, optimizer: &mut Optimizer, weights: &mut CudaSlice<f32>) -> Result<()> {
        let size = self.size(number);
        let places = places_of(&self.device, optimizer, weights);
        if self.graphs.places != places {
            // Another optimizer may have kernels that are not loaded yet.
            self.graphs = Graphs { places, is_off: self.graphs.is_off, ..Graphs::default() };
        }
        if !self.graphs.is_off
            && self.graphs.made.contains(&size)
            && !self.graphs.captured.contains_key(&size)
        {
            let device = self.device.clone();
            match Graph::capture(&device, || self.enqueue(size, optimizer, weights)) {
                Some(graph) => _ = self.graphs.captured.insert(size, graph),
                None => self.graphs.is_off = true,
            }
        }
        if let Some(graph) = self.graphs.captured.get_mut(&size) {
            return graph.launch();
        }
        self.enqueue(size, optimizer, weights)?;
        if !self.graphs.made.contains(&size) {
            self.graphs.made.push(size);
        }
        Ok(())
    }

    /// Asks for all that a step is, on the device's stream.
    fn enqueue(
        &mut self,
        size: usize,
        optimizer: &mut Optimizer,
        weights: &mut CudaSlice<f32>,
    ) -> Result<()> {
        let Self { device, products, pictures, batches, work, layers, .. } = self;
        let Some(layers) = layers.iter().find(|layers| layers.batch() == size) else {
            candle_core::bail!("a batch of {size} pictures was not expected")
        };
        let Work { parameters, place, rooms, labels, row_losses, row_correct, sums, clip, epoch, .. } = work;
        let mut images = rooms.outputs[0].slice_mut(..size * pictures.values());
        batches.enqueue(&epoch.step, size, &mut images, labels)?;
        layers.forward(device, products, &parameters.working, rooms)?;
        let Rooms { outputs, gradients, .. } = rooms;
        let (Some(logits), Some(gradient)) = (outputs.last(), gradients.last_mut()) else {
            candle_core::bail!("a network without layers")
        };
        let mut rows = Rows {
            losses: row_losses.slice_mut(..size),
            gradient: gradient.slice_mut(..layers.logits()),
            correct: row_correct.slice_mut(..size),
        };
        let logits = logits.slice(..layers.logits());
        cross_entropy_into(device, &logits, &labels.slice(..size), work.label_smoothing, &mut rows)?;
        sums.report(device, &row_losses.slice(..size), &row_correct.slice(..size), epoch)?;
        layers.backward(device, products, parameters, rooms)?;
        clip.measure(device, &parameters.gradient)?;
        let Parameters { working, gradient } = parameters;
        optimizer.enqueue(device, Weights { weights, working, gradient, place, epoch, clip })?;
        step::next(device, epoch)
    }

    pub(super) fn gradient(&self) -> Result<Vec<f32>> {
        let Work { parameters, place, clip, .. } = &self.work;
        self.device.clone_dtoh(&step::collect(&self.device, &parameters.gradient, place, clip)?)
    }

    pub(super) fn logits(&mut self, network: &Network, places: &[u32]) -> Result<Vec<f32>> {
        if self.evaluation.as_ref().is_none_or(|evaluation| evaluation.pictures() != places.len()) {
            self.evaluation =
                Some(Evaluation::new(&self.device, &self.stages, &self.pictures, places.len(), self.rounds)?);
        }
        let Self { device, products, evaluation, work, .. } = self;
        let Some(evaluation) = evaluation else { candle_core::bail!("expected rooms for evaluation") };
        let Work { parameters, place, .. } = work;
        with_values(network.weights(), |_, weights| {
            step::spread(device, weights, place, &mut parameters.working)
        })?;
        evaluation.logits(device, products, &parameters.working, places)
    }

    pub(super) fn is_captured(&self) -> bool {
        !self.graphs.captured.is_empty()
    }
}

/// All that a captured step knows and that is not ours.
fn places_of(device: &CudaDevice, optimizer: &Optimizer, weights: &CudaSlice<f32>) -> Vec<u64> {
    let stream = device.cuda_stream();
    let mut places = optimizer.captured(device);
    places.push(weights.device_ptr(&stream).0);
    places
}
