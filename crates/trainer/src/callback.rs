//! What listens to the training loop.

use std::collections::BTreeMap;
use std::time::Duration;

use candle_core::Tensor;
use model::Network;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::evaluate::Answers;
use crate::history::EpochRecord;

/// Mean loss and share of right answers over some pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Mean softmax cross-entropy.
    pub loss: f32,
    /// Right answers, 0 to 1.
    pub accuracy: f32,
}

/// Where the loop is after a step.
#[derive(Clone, Copy, Debug)]
pub struct StepEnd {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// Steps of this epoch so far.
    pub step: u64,
    /// Steps of an epoch.
    pub steps: u64,
    /// Steps since training began.
    pub iterations: u64,
    /// Pictures of this epoch so far.
    pub pictures: usize,
    /// Over the epoch so far, as Keras shows it.
    pub train: Metrics,
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// Time of this epoch so far.
    pub elapsed: Duration,
    /// Time of training since the program was started.
    pub running: Duration,
    /// Time since the last checkpoint, or since the program was started.
    pub unsaved: Duration,
}

/// What an epoch brought.
#[derive(Clone, Copy, Debug)]
pub struct EpochEnd<'a> {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// All epochs, if nothing ends training before.
    pub epochs: u64,
    /// Steps since training began.
    pub iterations: u64,
    /// Steps of this epoch.
    pub steps: u64,
    /// Pictures trained on.
    pub pictures: usize,
    /// Time of the training steps.
    pub train_time: Duration,
    /// The history with this epoch as its last line.
    pub history: &'a [EpochRecord],
    /// The network as it is now.
    pub network: &'a Network,
    /// The network's answers to the validation pictures.
    pub answers: &'a Answers,
    /// The gradient of the epoch's last step, where there was one.
    pub gradient: Option<&'a Tensor>,
    /// Whether training ends after this epoch.
    pub is_last: bool,
}

impl EpochEnd<'_> {
    /// This epoch's line of the history.
    pub fn record(&self) -> EpochRecord {
        // The loop calls after the line is added; without one there was no epoch.
        self.history.last().copied().unwrap_or(EpochRecord {
            epoch: self.epoch + 1,
            loss: f32::NAN,
            accuracy: 0.0,
            val_loss: f32::NAN,
            val_accuracy: 0.0,
            learning_rate: 0.0,
            seconds: 0.0,
        })
    }

    /// Pictures trained on in a second.
    pub fn images_per_second(&self) -> f64 {
        self.pictures as f64 / self.train_time.as_secs_f64().max(1e-9)
    }
}

/// Marks by which listeners find their places again after a resume, by names of their own.
pub type Marks = BTreeMap<String, u64>;

/// Listens to the training loop. An error ends training.
pub trait Callback: Send {
    /// After each training step; where a device makes some by itself, for each of them after the last.
    ///
    /// # Errors
    /// Whatever the listener cannot go on with.
    fn step_end(&mut self, _step: &StepEnd) -> Result<()> {
        Ok(())
    }

    /// After each epoch and its validation.
    ///
    /// # Errors
    /// Whatever the listener cannot go on with.
    fn epoch_end(&mut self, _epoch: &EpochEnd) -> Result<()> {
        Ok(())
    }

    /// Before a checkpoint: makes sure that what was written is on the disk, and says where it is.
    ///
    /// # Errors
    /// If the disk refuses.
    fn checkpoint(&mut self, _marks: &mut Marks) -> Result<()> {
        Ok(())
    }

    /// When training ends, finished or not: makes sure that what was written is on the disk.
    ///
    /// # Errors
    /// If the disk refuses.
    fn train_end(&mut self) -> Result<()> {
        Ok(())
    }
}
