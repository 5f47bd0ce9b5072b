//! The loop over epochs and batches: it computes, asks its policies what to do, does it, and tells its callbacks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use dataset::loader::{Batches, Loader};
use model::optimizer::{Optimizer, clip_global_norm, gradient_of};
use model::resident::Outcome;
use model::{Loss, Network, Training};
use streams::Seed;

use crate::callback::{Callback, EpochEnd, Marks, StepEnd};
use crate::checkpoint::Checkpoints;
use crate::config::Config;
use crate::evaluate::{Answers, answers, tensors};
use crate::history::{EpochRecord, costs};
use crate::on_device::OnDevice;
use crate::policy::{Action, Policy};
use crate::schedule::Progress;
use crate::state::State;
use crate::{Error, Result};

/// Trains a network: see the examples of this crate.
pub struct Trainer<'a> {
    network: &'a Network,
    config: &'a Config,
    optimizer: Optimizer,
    state: State,
    policies: Vec<Box<dyn Policy + 'a>>,
    checkpoints: Option<Checkpoints>,
    /// The best weights, where there are no checkpoints to keep them in.
    best: Option<Vec<u8>>,
    /// Where the device makes steps by itself.
    device: Option<OnDevice>,
    /// When the program began to train, and when it saved last.
    began: Instant,
    saved: Instant,
}

impl<'a> Trainer<'a> {
    /// A trainer that does nothing but train, with the configuration's optimizer, schedule and loss.
    ///
    /// # Errors
    /// If a setting is out of range, or the device cannot hold the optimizer's moments.
    pub fn new(network: &'a Network, config: &'a Config) -> Result<Self> {
        config.check()?;
        Ok(Self {
            network,
            config,
            optimizer: Optimizer::new(network, &config.optimizer_settings())?,
            state: State::default(),
            policies: Vec::new(),
            checkpoints: None,
            best: None,
            device: None,
            began: Instant::now(),
            saved: Instant::now(),
        })
    }

    /// Has a policy decide along.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy + 'a) -> Self {
        self.policies.push(Box::new(policy));
        self
    }

    /// Saves into these checkpoints, and goes on from the last one, if there is one.
    ///
    /// # Errors
    /// If it cannot be read, or is of another network or optimizer.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Result<Self> {
        if let Some(state) = checkpoints.load(self.network, &mut self.optimizer)? {
            self.state = state;
        }
        self.checkpoints = Some(checkpoints);
        Ok(self)
    }

    /// Where training is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Trains until the last epoch, or until a policy or `stop` ends it.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when `stop` is set and [`Error::Paused`] when a policy asks for it: where there are
    /// checkpoints, training can go on from there. [`Error::Diverged`] when a loss is no number any more. What a
    /// callback, the disk or the device cannot go on with. Callbacks have had their `train_end` in every case.
    pub fn fit(
        &mut self,
        train: &Loader,
        validation: &Loader,
        callbacks: &mut [&mut dyn Callback],
        stop: &AtomicBool,
    ) -> Result<()> {
        (self.began, self.saved) = (Instant::now(), Instant::now());
        // First goes what was there: a device may have no room for two.
        self.device = None;
        let mut trained = OnDevice::new(self.network, self.config, train).map(|device| self.device = device);
        while trained.is_ok() && self.state.epoch < self.config.epochs && self.state.finished.is_none() {
            trained = self.epoch(train, validation, callbacks, stop);
        }
        for callback in callbacks {
            trained = trained.and(callback.train_end());
        }
        trained
    }

    /// Takes the weights of the best epoch, where the policies kept them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn restore_best(&self) -> Result<()> {
        match (&self.checkpoints, &self.best) {
            (Some(checkpoints), _) => checkpoints.restore_best(self.network),
            (None, Some(weights)) => Ok(self.network.load_safetensors(weights)?),
            (None, None) => Ok(()),
        }
    }

    fn epoch(
        &mut self,
        train: &Loader,
        validation: &Loader,
        callbacks: &mut [&mut dyn Callback],
        stop: &AtomicBool,
    ) -> Result<()> {
        let (began, before) = (Instant::now(), self.state.epoch_seconds);
        let steps = train.steps() as u64;
        let monitored = costs(&self.state.history, self.config.monitor);
        let (mut gradient, mut made_steps) = (None, false);
        let mut learning_rate =
            self.learning_rate(self.state.iterations.saturating_sub(1), steps, &monitored);
        let mut batches = self.begin(train)?;
        while self.state.step < steps {
            if stop.load(Ordering::Relaxed) {
                return self.interrupted(callbacks);
            }
            let rates = self.next_rates(steps, &monitored);
            let outcomes = match &mut batches {
                Some(batches) => self.step(batches, train, &rates, &mut gradient)?,
                None => self.steps_on_device(&rates)?,
            };
            if outcomes.is_empty() {
                break;
            }
            made_steps = true;
            let took = before + began.elapsed().as_secs_f64();
            for (outcome, rate) in outcomes.into_iter().zip(rates) {
                self.count(outcome, train)?;
                (learning_rate, self.state.epoch_seconds) = (rate, took);
                let end = self.step_end(steps, learning_rate);
                callbacks.iter_mut().try_for_each(|callback| callback.step_end(&end))?;
            }
            let end = self.step_end(steps, learning_rate);
            let actions: Vec<Action> = self.policies.iter().filter_map(|p| p.after_step(&end)).collect();
            actions.into_iter().try_for_each(|action| self.act(action, callbacks))?;
        }
        if let Some(device) = self.device.as_ref().filter(|_| self.config.log_gradients && made_steps) {
            gradient =
                Some(Tensor::from_vec(device.gradient()?, self.network.parameter_count(), &Device::Cpu)?);
        }
        // Stopped here, the resumed epoch would have no gradient to show.
        let never = AtomicBool::new(false);
        let until = if self.config.log_gradients { &never } else { stop };
        let Some(answers) = self.answers(train, validation, until)? else {
            return self.interrupted(callbacks);
        };
        let seconds = before + began.elapsed().as_secs_f64();
        self.epoch_end(steps, (learning_rate, seconds), &answers, gradient.as_ref(), callbacks)
    }

    /// Begins the epoch, or goes on with it; `None` where the device has the batches.
    fn begin(&mut self, train: &Loader) -> Result<Option<Batches>> {
        let (epoch, step) = (self.state.epoch, self.state.step as usize);
        match &mut self.device {
            Some(device) => device.begin(train, epoch, step).map(|()| None),
            None => Ok(Some(train.epoch_from(epoch, step)?)),
        }
    }

    /// The learning rates of the steps that come next: of one, or of as many as a device makes at once.
    fn next_rates(&self, steps: u64, monitored: &[f64]) -> Vec<f64> {
        let left = steps.saturating_sub(self.state.step);
        let count = self.device.as_ref().map_or(1, OnDevice::at_once) as u64;
        (0..count.min(left))
            .map(|step| self.learning_rate(self.state.iterations + step, steps, monitored))
            .collect()
    }

    /// Forward, backward, and a step of the optimizer; none where the batches have ended.
    fn step(
        &mut self,
        batches: &mut Batches,
        train: &Loader,
        rates: &[f64],
        last_gradient: &mut Option<Tensor>,
    ) -> Result<Vec<Outcome>> {
        let (Some(batch), Some(&learning_rate)) = (batches.next_batch()?, rates.first()) else {
            return Ok(Vec::new());
        };
        let (images, labels) = tensors(batch, train, self.network.device())?;
        let training = Training {
            label_smoothing: self.config.label_smoothing,
            seed: Seed(self.config.seed),
            epoch: self.state.epoch,
            samples: &batch.samples,
        };
        let Loss { mean, correct } = self.network.loss(&images, &labels, &training)?;
        let outcome = Outcome { loss: mean.to_scalar::<f32>()?, correct, pictures: batch.labels.len() };
        if outcome.loss.is_finite() {
            let mut gradient = gradient_of(self.network, &mean.backward()?)?;
            if let Some(most) = self.config.clip_norm {
                gradient = clip_global_norm(&gradient, most)?.0;
            }
            self.optimizer.step(self.network, &gradient, learning_rate)?;
            *last_gradient = Some(gradient);
        }
        Ok(vec![outcome])
    }

    fn steps_on_device(&mut self, rates: &[f64]) -> Result<Vec<Outcome>> {
        let Some(device) = &mut self.device else { return Ok(Vec::new()) };
        device.steps(self.network, &mut self.optimizer, rates)
    }

    /// Counts what came of a step.
    fn count(&mut self, outcome: Outcome, train: &Loader) -> Result<()> {
        let Outcome { loss, correct, pictures } = outcome;
        if !loss.is_finite() {
            return Err(self.diverged(loss, Some(train)));
        }
        self.state.step += 1;
        self.state.iterations += 1;
        if self.state.iterations == 1 {
            tracing::debug!("the first step is done");
        }
        self.state.sum.add(loss, correct, pictures);
        Ok(())
    }

    /// Answers to the validation pictures; `None` when stopped.
    fn answers(&mut self, train: &Loader, validation: &Loader, stop: &AtomicBool) -> Result<Option<Answers>> {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if let Some(device) = &mut self.device
            && let Some(answers) = device.answers(self.network, train, validation)?
        {
            return Ok(Some(answers));
        }
        answers(self.network, validation, stop)
    }

    fn epoch_end(
        &mut self,
        steps: u64,
        (learning_rate, seconds): (f64, f64),
        answers: &Answers,
        gradient: Option<&Tensor>,
        callbacks: &mut [&mut dyn Callback],
    ) -> Result<()> {
        let train = self.state.sum.metrics();
        if !answers.metrics.loss.is_finite() {
            return Err(self.diverged(answers.metrics.loss, None));
        }
        self.state.history.push(EpochRecord {
            epoch: self.state.epoch + 1,
            loss: train.loss,
            accuracy: train.accuracy,
            val_loss: answers.metrics.loss,
            val_accuracy: answers.metrics.accuracy,
            learning_rate,
            seconds,
        });
        let history = &self.state.history;
        let actions: Vec<Action> = self.policies.iter().filter_map(|p| p.after_epoch(history)).collect();
        let finishes = actions.iter().any(|action| matches!(action, Action::Finish(_)));
        let end = EpochEnd {
            epoch: self.state.epoch,
            epochs: self.config.epochs,
            iterations: self.state.iterations,
            steps,
            pictures: self.state.sum.pictures,
            train_time: Duration::from_secs_f64(self.state.epoch_seconds),
            history,
            network: self.network,
            answers,
            gradient,
            is_last: finishes || self.state.epoch + 1 == self.config.epochs,
        };
        callbacks.iter_mut().try_for_each(|callback| callback.epoch_end(&end))?;
        let history = std::mem::take(&mut self.state.history);
        self.state = State {
            epoch: self.state.epoch + 1,
            iterations: self.state.iterations,
            seconds: self.state.seconds + seconds,
            history,
            ..State::default()
        };
        // What is saved must be what all others have decided.
        let (saves, others): (Vec<_>, Vec<_>) =
            actions.into_iter().partition(|action| matches!(action, Action::Save));
        others.into_iter().chain(saves).try_for_each(|action| self.act(action, callbacks))
    }

    fn act(&mut self, action: Action, callbacks: &mut [&mut dyn Callback]) -> Result<()> {
        match action {
            Action::Save => self.save(callbacks),
            Action::KeepBest => match &self.checkpoints {
                Some(checkpoints) => checkpoints.keep_best(self.network),
                None => {
                    self.best = Some(self.network.to_safetensors()?);
                    Ok(())
                }
            },
            Action::KeepEpoch(epoch) => {
                self.checkpoints.as_ref().map_or(Ok(()), |kept| kept.keep_epoch(self.network, epoch))
            }
            Action::Finish(why) => {
                self.state.finished = Some(why);
                Ok(())
            }
            Action::Pause(why) => {
                self.save(callbacks)?;
                Err(Error::Paused { why, epoch: self.state.epoch + 1, step: self.state.step })
            }
        }
    }

    /// Saves, where there are checkpoints. Weights that are no numbers replace no good ones.
    fn save(&mut self, callbacks: &mut [&mut dyn Callback]) -> Result<()> {
        let Some(checkpoints) = &self.checkpoints else { return Ok(()) };
        if !self.network.values()?.iter().all(|weight| weight.is_finite()) {
            return Err(self.diverged(f32::NAN, None));
        }
        let mut marks = Marks::new();
        callbacks.iter_mut().try_for_each(|callback| callback.checkpoint(&mut marks))?;
        self.state.marks = marks;
        checkpoints.save(self.network, &self.optimizer, &self.state)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn interrupted(&mut self, callbacks: &mut [&mut dyn Callback]) -> Result<()> {
        self.save(callbacks)?;
        Err(Error::Interrupted { epoch: self.state.epoch + 1, step: self.state.step })
    }

    fn diverged(&self, loss: f32, train: Option<&Loader>) -> Error {
        let place = match train.map(|train| self.first_non_finite(train)) {
            Some(Ok(Some(place))) => format!("the first place without numbers is {place}"),
            Some(Err(error)) => format!("looking for the place: {error}"),
            _ => match self.weights_without_numbers() {
                Some(path) => format!("the first place without numbers is {path}"),
                None => "all weights are still numbers".to_owned(),
            },
        };
        Error::Diverged { epoch: self.state.epoch + 1, step: self.state.step + 1, loss, place }
    }

    /// Where the batch of this step stops being numbers.
    fn first_non_finite(&self, train: &Loader) -> Result<Option<String>> {
        let mut batches = train.epoch_from(self.state.epoch, self.state.step as usize)?;
        let Some(batch) = batches.next_batch()? else { return Ok(None) };
        let (images, _) = tensors(batch, train, self.network.device())?;
        Ok(self.network.first_non_finite(&images)?)
    }

    fn weights_without_numbers(&self) -> Option<String> {
        let values = self.network.values().ok()?;
        let mut parameters = self.network.parameters().iter();
        parameters.find(|p| !p.of(&values).iter().all(|weight| weight.is_finite())).map(|p| p.path())
    }

    fn learning_rate(&self, iterations: u64, steps_per_epoch: u64, monitored: &[f64]) -> f64 {
        let Config { learning_rate, warmup_epochs, epochs, schedule, .. } = self.config;
        let at = Progress { iterations, steps_per_epoch, epochs: *epochs };
        schedule.rate(*learning_rate, *warmup_epochs, at, monitored)
    }

    fn step_end(&self, steps: u64, learning_rate: f64) -> StepEnd {
        StepEnd {
            epoch: self.state.epoch,
            step: self.state.step,
            steps,
            iterations: self.state.iterations,
            pictures: self.state.sum.pictures,
            train: self.state.sum.metrics(),
            learning_rate,
            elapsed: Duration::from_secs_f64(self.state.epoch_seconds),
            running: self.began.elapsed(),
            unsaved: self.saved.elapsed(),
        }
    }
}
