//! The loop over epochs and batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use candle_core::{Device, Tensor};
use dataset::Dataset;
use dataset::loader::{Batch, Loader};
use model::Network;
use model::optimizer::{Adam, sgd_step};

use crate::callback::{Callback, EpochEnd, Metrics, StepEnd};
use crate::config::{Config, OptimizerName};
use crate::{Error, Result};

/// Pictures in a batch of evaluation; changes no result.
const EVALUATION_BATCH: usize = 256;

/// Trains `network` for the configured epochs, with validation after each.
///
/// # Errors
/// [`Error::Interrupted`] when `stop` is set, [`Error::Diverged`] when the loss is no number any more; what a
/// callback or the device cannot go on with. Callbacks have had their `train_end` in every case.
pub fn fit(
    network: &Network,
    config: &Config,
    train: &Loader,
    validation: &Loader,
    callbacks: &mut [&mut dyn Callback],
    stop: &AtomicBool,
) -> Result<()> {
    let trained = epochs(network, config, train, validation, callbacks, stop);
    let mut ended = Ok(());
    for callback in callbacks {
        ended = ended.and(callback.train_end());
    }
    trained.and(ended)
}

fn epochs(
    network: &Network,
    config: &Config,
    train: &Loader,
    validation: &Loader,
    callbacks: &mut [&mut dyn Callback],
    stop: &AtomicBool,
) -> Result<()> {
    let mut optimizer = Optimizer::new(network, config)?;
    let mut iterations = 0;
    for epoch in 0..config.epochs {
        let began = Instant::now();
        let mut sum = Sum::default();
        let mut batches = train.epoch(epoch)?;
        for step in 1.. {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted { epoch: epoch + 1, step: step - 1 });
            }
            let Some(batch) = batches.next_batch()? else { break };
            let (images, labels) = tensors(batch, train, network.device())?;
            let model::Loss { mean, correct } = network.loss(&images, &labels)?;
            optimizer.step(network, &mean)?;
            iterations += 1;
            if iterations == 1 {
                tracing::debug!("the first step is done");
            }
            let loss = mean.to_scalar::<f32>()?;
            if !loss.is_finite() {
                return Err(Error::Diverged { epoch: epoch + 1, step, loss });
            }
            sum.add(loss, correct, batch.labels.len());
            let end = StepEnd {
                epoch,
                step,
                steps: train.steps() as u64,
                pictures: sum.pictures,
                train: sum.metrics(),
                elapsed: began.elapsed(),
            };
            callbacks.iter_mut().try_for_each(|callback| callback.step_end(&end))?;
        }
        let train_time = began.elapsed();
        let end = EpochEnd {
            epoch,
            iterations,
            steps: train.steps() as u64,
            train: sum.metrics(),
            validation: evaluate_until(network, validation, stop)?
                .ok_or(Error::Interrupted { epoch: epoch + 1, step: train.steps() as u64 })?,
            learning_rate: config.learning_rate,
            pictures: sum.pictures,
            train_time,
            time: began.elapsed(),
        };
        callbacks.iter_mut().try_for_each(|callback| callback.epoch_end(&end, network))?;
    }
    Ok(())
}

/// Loss and accuracy of a network over all pictures of a loader.
///
/// # Errors
/// If the pictures do not fit the network, or the device fails.
pub fn evaluate(network: &Network, pictures: &Loader) -> Result<Metrics> {
    Ok(evaluate_until(network, pictures, &AtomicBool::new(false))?.unwrap_or_default())
}

/// As [`evaluate`]; `None` when stopped before the end.
fn evaluate_until(network: &Network, pictures: &Loader, stop: &AtomicBool) -> Result<Option<Metrics>> {
    let mut sum = Sum::default();
    let mut batches = pictures.epoch(0)?;
    while let Some(batch) = batches.next_batch()? {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (images, labels) = tensors(batch, pictures, network.device())?;
        let (loss, correct) = network.score(&images, &labels)?;
        sum.add(loss, correct, batch.labels.len());
    }
    Ok(Some(sum.metrics()))
}

/// A loader for evaluation, in batches of a size that suits it.
///
/// # Errors
/// When a place is beyond the dataset.
pub fn evaluation_loader(dataset: &Dataset, places: &[usize]) -> Result<Loader> {
    Ok(Loader::evaluation(dataset, places, EVALUATION_BATCH)?)
}

fn tensors(batch: &Batch, loader: &Loader, device: &Device) -> Result<(Tensor, Tensor)> {
    let (size, shape) = (batch.labels.len(), loader.shape());
    // The tensor takes the numbers as they are: bytes are copied nowhere else.
    let mut images = Vec::new();
    batch.images(&mut images);
    let images = Tensor::from_vec(images, (size, shape.channels, shape.height, shape.width), device)?;
    Ok((images, Tensor::from_slice(&batch.labels, size, device)?))
}

enum Optimizer {
    Adam { adam: Adam, learning_rate: f64 },
    Sgd { learning_rate: f64 },
}

impl Optimizer {
    fn new(network: &Network, config: &Config) -> Result<Self> {
        let learning_rate = config.learning_rate;
        Ok(match config.optimizer {
            OptimizerName::Adam => {
                Self::Adam { adam: Adam::new(network, kernels::optimizer::Adam::default())?, learning_rate }
            }
            OptimizerName::Sgd => Self::Sgd { learning_rate },
        })
    }

    fn step(&mut self, network: &Network, loss: &Tensor) -> Result<()> {
        let gradients = loss.backward()?;
        match self {
            Self::Adam { adam, learning_rate } => adam.step(network, &gradients, *learning_rate)?,
            Self::Sgd { learning_rate } => sgd_step(network, &gradients, *learning_rate)?,
        }
        Ok(())
    }
}

/// Running sums over pictures.
#[derive(Default)]
struct Sum {
    loss: f64,
    correct: usize,
    pictures: usize,
}

impl Sum {
    fn add(&mut self, mean_loss: f32, correct: usize, pictures: usize) {
        self.loss += f64::from(mean_loss) * pictures as f64;
        self.correct += correct;
        self.pictures += pictures;
    }

    fn metrics(&self) -> Metrics {
        let n = self.pictures.max(1) as f64;
        Metrics { loss: (self.loss / n) as f32, accuracy: (self.correct as f64 / n) as f32 }
    }
}
