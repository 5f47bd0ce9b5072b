//! Decisions about training, as pure functions of where it is: they read no clock and no file, and keep nothing
//! between calls, so a resumed run decides as one that was never stopped. What they ask for, the
//! [`Trainer`](crate::training::Trainer) carries out.

use std::time::Duration;

use crate::callback::StepEnd;
use crate::early_stopping::{Monitor, best_epoch, should_stop};
use crate::history::{EpochRecord, costs};

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Write the checkpoint that training goes on from.
    Save,
    /// Keep the weights as the best.
    KeepBest,
    /// Keep the weights of this epoch beside all others.
    KeepEpoch(u64),
    /// Training is done before its last epoch; the sentence says why.
    Finish(String),
    /// Save and stop; another day goes on. The sentence says why.
    Pause(String),
}

/// A rule about training.
pub trait Policy: Send {
    /// What is to be done after a step.
    fn after_step(&self, _step: &StepEnd) -> Option<Action> {
        None
    }

    /// What is to be done after the last epoch of a history.
    fn after_epoch(&self, _history: &[EpochRecord]) -> Option<Action> {
        None
    }
}

/// Saves after each epoch, and in the middle of one that takes long.
#[derive(Clone, Copy, Debug)]
pub struct SaveOften(pub Duration);

impl Policy for SaveOften {
    fn after_step(&self, step: &StepEnd) -> Option<Action> {
        // The end of the epoch is near enough.
        (step.unsaved >= self.0 && step.step < step.steps).then_some(Action::Save)
    }

    fn after_epoch(&self, _: &[EpochRecord]) -> Option<Action> {
        Some(Action::Save)
    }
}

/// Keeps the weights of the epoch that is best by a monitor.
#[derive(Clone, Copy, Debug)]
pub struct KeepBest(pub Monitor);

impl Policy for KeepBest {
    fn after_epoch(&self, history: &[EpochRecord]) -> Option<Action> {
        let best = best_epoch(&costs(history, self.0), 0.0)?;
        (best + 1 == history.len()).then_some(Action::KeepBest)
    }
}

/// Keeps the weights of every Nth epoch.
#[derive(Clone, Copy, Debug)]
pub struct KeepEvery(pub u64);

impl Policy for KeepEvery {
    fn after_epoch(&self, history: &[EpochRecord]) -> Option<Action> {
        let epoch = history.last()?.epoch;
        epoch.is_multiple_of(self.0.max(1)).then_some(Action::KeepEpoch(epoch))
    }
}

/// Ends training after some epochs without a better one, as Keras' `EarlyStopping`.
#[derive(Clone, Copy, Debug)]
pub struct EarlyStopping {
    /// What is to get better.
    pub monitor: Monitor,
    /// Epochs to wait for it.
    pub patience: usize,
    /// By how much.
    pub min_delta: f64,
}

impl Policy for EarlyStopping {
    fn after_epoch(&self, history: &[EpochRecord]) -> Option<Action> {
        let costs = costs(history, self.monitor);
        if !should_stop(&costs, self.patience, self.min_delta) {
            return None;
        }
        let best = best_epoch(&costs, self.min_delta)?;
        let value = history[best].value(self.monitor);
        Some(Action::Finish(format!(
            "{} has not got better for {} epochs; it was best in epoch {}, {value:.4}",
            self.monitor,
            self.patience,
            best + 1
        )))
    }
}

/// Pauses after some time.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit(pub Duration);

impl Policy for TimeLimit {
    fn after_step(&self, step: &StepEnd) -> Option<Action> {
        // After an epoch's last step its validation comes first.
        let is_over = step.running >= self.0 && step.step < step.steps;
        is_over.then(|| Action::Pause(format!("the time limit of {:.0?} is over", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::Metrics;

    fn history(val_losses: &[f32]) -> Vec<EpochRecord> {
        (1..)
            .zip(val_losses)
            .map(|(epoch, &val_loss)| EpochRecord {
                epoch,
                loss: 1.0,
                accuracy: 0.5,
                val_loss,
                val_accuracy: 0.5,
                learning_rate: 0.1,
                seconds: 1.0,
            })
            .collect()
    }

    fn step(seconds: u64) -> StepEnd {
        let second = Duration::from_secs(seconds);
        StepEnd {
            epoch: 0,
            step: 3,
            steps: 5,
            iterations: 3,
            pictures: 96,
            train: Metrics { loss: 1.0, accuracy: 0.5 },
            learning_rate: 0.1,
            elapsed: second,
            running: second,
            unsaved: second,
        }
    }

    #[test]
    fn epochs_decide() {
        let check = |policy: &dyn Policy, losses: &[f32], expected: Option<Action>| {
            assert_eq!(policy.after_epoch(&history(losses)), expected, "{losses:?}");
        };
        let best = KeepBest(Monitor::ValLoss);
        check(&best, &[2.0], Some(Action::KeepBest));
        check(&best, &[2.0, 1.0], Some(Action::KeepBest));
        check(&best, &[2.0, 2.0], None);
        check(&KeepEvery(2), &[2.0, 2.0], Some(Action::KeepEpoch(2)));
        check(&KeepEvery(2), &[2.0; 3], None);
        check(&SaveOften(Duration::MAX), &[2.0], Some(Action::Save));
        let early = EarlyStopping { monitor: Monitor::ValLoss, patience: 2, min_delta: 0.0 };
        check(&early, &[2.0, 1.0, 1.5], None);
        let why = "val_loss has not got better for 2 epochs; it was best in epoch 2, 1.0000";
        check(&early, &[2.0, 1.0, 1.5, 1.1], Some(Action::Finish(why.into())));
    }

    #[test]
    fn steps_decide() {
        let check = |policy: &dyn Policy, step: StepEnd, expected: Option<Action>| {
            assert_eq!(policy.after_step(&step), expected);
        };
        let minute = Duration::from_secs(60);
        check(&SaveOften(minute), step(59), None);
        check(&SaveOften(minute), step(60), Some(Action::Save));
        check(&SaveOften(minute), StepEnd { step: 5, ..step(60) }, None);
        check(&TimeLimit(minute), step(59), None);
        check(&TimeLimit(minute), StepEnd { step: 5, ..step(60) }, None);
        check(&TimeLimit(minute), step(60), Some(Action::Pause("the time limit of 60s is over".into())));
    }
}
