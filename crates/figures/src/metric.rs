//! What is measured once an epoch, and how it is named, written and put on an axis; knows nothing of pictures.

use crate::axes;
use crate::numbers;
use crate::ticks::Ticks;

/// What a picture over the epochs shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Part of the pictures classified rightly, 0 to 1; the highest is best.
    Accuracy,
    /// Mean loss; the lowest is best.
    Loss,
    /// The learning rate of the optimizer; none is best.
    LearningRate,
}

impl Metric {
    /// The tag under which Keras' TensorBoard callback writes the metric.
    pub fn tag(self) -> &'static str {
        match self {
            Metric::Accuracy => "epoch_accuracy",
            Metric::Loss => "epoch_loss",
            Metric::LearningRate => "epoch_learning_rate",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Metric::Accuracy => "Accuracy over epochs",
            Metric::Loss => "Loss over epochs",
            Metric::LearningRate => "Learning rate over epochs",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Metric::Accuracy => "accuracy",
            Metric::Loss => "loss",
            Metric::LearningRate => "learning rate",
        }
    }

    /// A value as its axis counts it.
    pub(crate) fn on_axis(self, value: f64) -> f64 {
        match self {
            Metric::Accuracy => value * 100.0,
            Metric::Loss | Metric::LearningRate => value,
        }
    }

    pub(crate) fn tick_label(self, label: String) -> String {
        match self {
            Metric::Accuracy => format!("{label} %"),
            Metric::Loss | Metric::LearningRate => label,
        }
    }

    pub(crate) fn written(self, value: f64) -> String {
        match self {
            Metric::Accuracy => numbers::percent(value),
            Metric::Loss => numbers::short(value),
            Metric::LearningRate => numbers::rate(value),
        }
    }

    /// Whether `a` is better than `b`; `None` where neither can be.
    pub(crate) fn better(self, a: f64, b: f64) -> Option<bool> {
        match self {
            Metric::Accuracy => Some(a > b),
            Metric::Loss => Some(a < b),
            Metric::LearningRate => None,
        }
    }

    /// The axis from the smallest and largest value on it.
    pub(crate) fn axis(self, low: f64, high: f64) -> Ticks {
        const WANTED: u32 = 7;
        /// Part of the span kept free on both sides, so that no marker sits on the frame.
        const FREE: f64 = 0.03;
        let (pad, least, most) = match self {
            Metric::Accuracy => (5.0, 0.0, 100.0),
            Metric::Loss | Metric::LearningRate => {
                (if low == 0.0 { 0.1 } else { low.abs() * 0.1 }, 0.0, f64::INFINITY)
            }
        };
        let wide = axes::widened(low, high, pad);
        let free = (wide.1 - wide.0) * FREE;
        Ticks::around((wide.0 - free).max(low.min(least)), (wide.1 + free).min(high.max(most)), WANTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_stays_between_0_and_100_percent() {
        let labels = |low, high| Metric::Accuracy.axis(low, high).labels();
        assert_eq!(labels(100.0, 100.0).last().map(String::as_str), Some("100"));
        assert_eq!(labels(0.0, 0.0).first().map(String::as_str), Some("0"));
        assert_eq!(labels(46.0, 73.0), ["45", "50", "55", "60", "65", "70", "75"]);
    }
}
