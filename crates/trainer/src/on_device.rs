//! Training steps that a device makes by itself, as far as a run is concerned: which pictures, how many steps at a time.
//! Knows nothing of what a step is.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dataset::loader::{EpochPlan, Loader};
use model::Network;
use model::optimizer::Optimizer;
use model::resident::{Outcome, Pictures, Plan, Resident, Settings, Variations};

use crate::config::Config;
use crate::evaluate::Answers;
use crate::{Error, Result};

/// How long steps should take that are asked for at once: a user who stops a run waits for them.
const AT_ONCE: Duration = Duration::from_millis(50);
/// The most of them.
const MOST: usize = 1024;

/// Training on a device.
#[derive(Debug)]
pub(crate) struct OnDevice {
    resident: Resident,
    /// The epoch after this one, as it is being drawn.
    next: Option<(u64, JoinHandle<dataset::Result<EpochPlan>>)>,
    /// Steps that are asked for at once.
    at_once: usize,
    /// Steps that were made, until it is known whether they are captured.
    made: Option<usize>,
}

impl OnDevice {
    /// The way to train on the device of a network; `None` where steps are made one by one.
    ///
    /// # Errors
    /// If the device has no room for the pictures.
    pub(crate) fn new(network: &Network, config: &Config, train: &Loader) -> Result<Option<Self>> {
        let (pictures, shape) = (train.dataset().pictures(), train.shape());
        let codes = train.augmenter().map(|augmenter| augmenter.codes()).unwrap_or_default();
        let levels = train.augmenter().map_or(&[][..], |augmenter| augmenter.noise_levels());
        let all = Pictures {
            shape: [shape.channels, shape.height, shape.width],
            pixels: pictures.pixels(),
            labels: pictures.labels(),
        };
        let settings = Settings {
            batch: train.batch_size(),
            pictures: train.len(),
            label_smoothing: config.label_smoothing,
            clip_norm: config.clip_norm,
            precision: config.precision,
            variations: Variations { codes: &codes, levels },
            graphs: true,
        };
        let resident = Resident::new(network, &all, &settings)?;
        Ok(resident.map(|resident| Self { resident, next: None, at_once: 1, made: Some(0) }))
    }

    /// Begins an epoch at a step. The next one is drawn meanwhile.
    ///
    /// # Errors
    /// If the device fails, or the system has no thread.
    pub(crate) fn begin(&mut self, train: &Loader, epoch: u64, step: usize) -> Result<()> {
        let drawn = match self.next.take() {
            Some((drawn, thread)) if drawn == epoch => thread.join().ok().transpose()?,
            _ => None,
        };
        let plan = match drawn {
            Some(plan) => plan,
            None => train.epoch_plan(epoch)?,
        };
        self.resident.begin(&Plan { order: &plan.order, variations: &plan.variations }, step)?;
        let train = train.clone();
        let draw =
            thread::Builder::new().name("next epoch".into()).spawn(move || train.epoch_plan(epoch + 1));
        let draw = draw.map_err(|cause| {
            Error::Setting(format!("cannot start a thread that draws the next epoch: {cause}"))
        })?;
        self.next = Some((epoch + 1, draw));
        Ok(())
    }

    /// How many steps to ask for next.
    pub(crate) fn at_once(&self) -> usize {
        self.at_once
    }

    /// Makes a step for each rate: see [`Resident::steps`].
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn steps(
        &mut self,
        network: &Network,
        optimizer: &mut Optimizer,
        rates: &[f64],
    ) -> Result<Vec<Outcome>> {
        let began = Instant::now();
        let outcomes = self.resident.steps(network, optimizer, rates)?;
        self.at_once = match began.elapsed() {
            taken if taken < AT_ONCE / 2 && rates.len() >= self.at_once => (2 * self.at_once).min(MOST),
            taken if taken > AT_ONCE => (self.at_once / 2).max(1),
            _ => self.at_once,
        };
        // The first step of a size loads what it needs, the second is captured.
        self.made = self.made.map(|made| made + outcomes.len()).filter(|_| !self.resident.is_captured());
        if self.made.is_some_and(|made| made > 3) {
            self.made = None;
            tracing::warn!("the device does not capture steps: each of their kernels is launched by itself");
        }
        Ok(outcomes)
    }

    /// The gradient of the last step, a number for each weight.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn gradient(&self) -> Result<Vec<f32>> {
        Ok(self.resident.gradient()?)
    }

    /// Answers to pictures of the training pictures' dataset; `None` where they are of another one.
    ///
    /// # Errors
    /// If the device fails.
    pub(crate) fn answers(
        &mut self,
        network: &Network,
        train: &Loader,
        pictures: &Loader,
    ) -> Result<Option<Answers>> {
        let [all, asked] = [train, pictures].map(|loader| loader.dataset().pictures());
        if !std::ptr::eq(all.pixels(), asked.pixels()) || pictures.is_empty() {
            return Ok(None);
        }
        let places = pictures.epoch_plan(0)?.order;
        let labels: Vec<u32> = places.iter().map(|&place| u32::from(all.label(place as usize))).collect();
        Answers::of(self.resident.logits(network, &places)?, labels).map(Some)
    }
}
