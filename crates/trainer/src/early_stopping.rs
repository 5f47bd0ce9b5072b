//! Which epoch was best, and when to wait no longer for a better one, as Keras' `EarlyStopping`; knows nothing of
//! networks or files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The figure of an epoch that decides which epoch is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Loss over the validation part.
    #[default]
    ValLoss,
    /// Accuracy over the validation part.
    ValAccuracy,
    /// Loss over the training part, while the weights were changing.
    Loss,
    /// Accuracy over the training part, while the weights were changing.
    Accuracy,
}

impl Monitor {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ValLoss, Self::ValAccuracy, Self::Loss, Self::Accuracy];

    /// Its name, as Keras has it: `val_loss`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ValLoss => "val_loss",
            Self::ValAccuracy => "val_accuracy",
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
        }
    }

    /// A value of this figure, turned so that smaller is better. NaN becomes infinity: the worst there is.
    pub fn cost(&self, value: f64) -> f64 {
        match self {
            _ if value.is_nan() => f64::INFINITY,
            Self::ValLoss | Self::Loss => value,
            Self::ValAccuracy | Self::Accuracy => -value,
        }
    }
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Monitor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|monitor| monitor.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::Setting(format!("{text}: there is no such figure to monitor, expected one of {names}"))
        })
    }
}

/// The place of the epoch whose weights are to be kept, `None` before the first epoch. An epoch is better than the
/// best before it if its cost is lower by more than `min_delta`; the first is best while all costs are infinite.
pub fn best_epoch(costs: &[f64], min_delta: f64) -> Option<usize> {
    if costs.is_empty() { None } else { Some(last_better(costs, min_delta).unwrap_or(0)) }
}

/// Whether training should end after the last of these epochs: none of the last `patience` was better than the best
/// before. The first epoch never ends it, and a patience of 0 is one of 1.
pub fn should_stop(costs: &[f64], patience: usize, min_delta: f64) -> bool {
    // An epoch before which nothing was finite is one more to wait, as in Keras.
    let waited = last_better(costs, min_delta).map_or(costs.len(), |best| costs.len() - 1 - best);
    costs.len() > 1 && waited >= patience.max(1)
}

/// The last epoch that was better than all before it.
fn last_better(costs: &[f64], min_delta: f64) -> Option<usize> {
    let (mut best, mut place) = (f64::INFINITY, None);
    for (epoch, &cost) in costs.iter().enumerate() {
        // A comparison with NaN is false.
        if cost + min_delta.abs() < best {
            (best, place) = (cost, Some(epoch));
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn monitors_are_keras_words() {
        for monitor in Monitor::ALL {
            assert_eq!(monitor.to_string().parse::<Monitor>().unwrap(), monitor);
            assert_eq!(serde_json::to_string(&monitor).unwrap(), format!("\"{monitor}\""));
        }
        assert_eq!(Monitor::default().to_string(), "val_loss");
        assert_eq!(
            "valloss".parse::<Monitor>().unwrap_err().to_string(),
            "valloss: there is no such figure to monitor, expected one of val_loss, val_accuracy, loss, accuracy"
        );
    }

    #[test]
    fn smaller_costs_are_better() {
        let check = |monitor: Monitor, value: f64, expect: f64| assert_eq!(monitor.cost(value), expect);
        check(Monitor::ValLoss, 1.5, 1.5);
        check(Monitor::Loss, 1.5, 1.5);
        check(Monitor::ValAccuracy, 0.75, -0.75);
        check(Monitor::Accuracy, 0.75, -0.75);
        for monitor in Monitor::ALL {
            check(monitor, f64::NAN, f64::INFINITY);
        }
    }

    #[test]
    fn training_stops_when_nothing_got_better() {
        let check = |costs: &[f64], patience: usize, min_delta: f64, best: Option<usize>, stop: bool| {
            assert_eq!(best_epoch(costs, min_delta), best, "{costs:?}");
            assert_eq!(should_stop(costs, patience, min_delta), stop, "{costs:?}");
        };
        check(&[], 0, 0.0, None, false);
        check(&[1.0], 0, 0.0, Some(0), false);
        check(&[1.0, 0.5], 0, 0.0, Some(1), false);
        check(&[1.0, 1.0], 0, 0.0, Some(0), true);
        check(&[1.0, 1.0], 1, 0.0, Some(0), true);
        check(&[1.0, 0.5, 0.6], 2, 0.0, Some(1), false);
        check(&[1.0, 0.5, 0.6, 0.5], 2, 0.0, Some(1), true);
        // Small steps down are nothing better one by one, but together.
        check(&[1.0, 0.95, 0.92], 2, 0.1, Some(0), true);
        check(&[1.0, 0.95, 0.89], 2, 0.1, Some(2), false);
        check(&[f64::INFINITY, f64::INFINITY], 2, 0.0, Some(0), true);
        check(&[f64::NAN, 1.0, 2.0], 2, 0.0, Some(1), false);
        check(&[f64::NEG_INFINITY, 1.0], 1, 0.0, Some(0), true);
    }

    /// Keras' callback, epoch by epoch: the epochs it would have trained, and the best of these.
    fn keras(costs: &[f64], patience: usize, min_delta: f64) -> (Option<usize>, usize) {
        let (mut wait, mut best, mut best_epoch) = (0, f64::INFINITY, 0);
        for (epoch, &current) in costs.iter().enumerate() {
            wait += 1;
            if current + min_delta < best {
                (best, best_epoch, wait) = (current, epoch, 0);
                continue;
            }
            if wait >= patience && epoch > 0 {
                return (Some(epoch), best_epoch);
            }
        }
        (None, best_epoch)
    }

    /// Few different costs, so that equal ones are common.
    fn costs() -> impl Strategy<Value = Vec<f64>> {
        let cost = prop_oneof![8 => (0..6).prop_map(|n| f64::from(n) / 4.0), 1 => Just(f64::INFINITY)];
        prop::collection::vec(cost, 0..20)
    }

    proptest! {
        #[test]
        fn training_ends_where_keras_ends_it(
            costs in costs(),
            patience in 0..6usize,
            min_delta in prop_oneof![Just(0.0), Just(0.3)],
        ) {
            let stop = (1..=costs.len()).find(|&n| should_stop(&costs[..n], patience, min_delta));
            let (expect, best) = keras(&costs, patience, min_delta);
            prop_assert_eq!(stop.map(|n| n - 1), expect);
            let seen = &costs[..stop.unwrap_or(costs.len())];
            prop_assert_eq!(best_epoch(seen, min_delta), (!seen.is_empty()).then_some(best));
        }

        #[test]
        fn without_a_delta_the_best_is_the_first_of_the_smallest(costs in costs()) {
            let smallest = costs.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert_eq!(best_epoch(&costs, 0.0), costs.iter().position(|&cost| cost == smallest));
        }
    }
}
