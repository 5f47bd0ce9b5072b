//! The learning rate of each step, as a formula; knows nothing of optimizers.
//!
//! All of it is IEEE basic operations and `libm`, so the rates are the same on every machine.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The share of a one-cycle schedule in which the rate rises, as PyTorch's `pct_start`.
const CYCLE_RISE: f64 = 0.3;
/// The base rate over the first of a one-cycle schedule, as PyTorch's `div_factor`.
const CYCLE_START: f64 = 25.0;
/// The first rate over the last of a one-cycle schedule, as PyTorch's `final_div_factor`.
const CYCLE_END: f64 = 1e4;
/// What a monitored value has to fall by to be better, as Keras' `ReduceLROnPlateau` has it.
const PLATEAU_MIN_DELTA: f64 = 1e-4;

const FORMS: &str =
    "constant, cosine, cosine:END_FRACTION, one-cycle, step:EPOCHS:FACTOR or plateau:PATIENCE:FACTOR";

/// How the learning rate changes during a run. Written as text: `constant`, `cosine`, `cosine:0.01`, `one-cycle`,
/// `step:30:0.1`, `plateau:5:0.5`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Schedule {
    /// The base rate throughout.
    #[default]
    Constant,
    /// Down half a wave of the cosine from the base rate, as Keras' `CosineDecay`.
    Cosine {
        /// What is left of the base rate at the end, 0 to 1.
        end_fraction: f64,
    },
    /// From a 25th of the base rate up to it and down to next to nothing, each by half a wave of the cosine: Smith
    /// and Topin, "Super-Convergence" (2017), with the defaults of PyTorch's `OneCycleLR`.
    OneCycle,
    /// Times a factor after every so many epochs, as PyTorch's `StepLR`.
    Step {
        /// At least 1.
        epochs: u64,
        /// Above 0, below 1.
        factor: f64,
    },
    /// Times a factor when so many epochs in a row brought nothing better, as Keras' `ReduceLROnPlateau`.
    Plateau {
        /// At least 1.
        patience: u64,
        /// Above 0, below 1.
        factor: f64,
    },
}

/// Where a run is, before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps since training began: 0 before the first.
    pub iterations: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Epochs of the whole run.
    pub epochs: u64,
}

impl Schedule {
    /// The learning rate of the step that comes next.
    ///
    /// Over the first `warmup_epochs` (to the nearest step) the rate grows by the same amount each step, from one of
    /// these amounts to what the schedule begins with; then the schedule begins, and has the rest of the run.
    /// `monitored` has a value for each epoch that is over, smaller is better; it alone decides a plateau, whose
    /// epochs count from the beginning of the run.
    pub fn rate(&self, base: f64, warmup_epochs: f64, at: Progress, monitored: &[f64]) -> f64 {
        // A cast takes NaN and negative numbers to 0 and stops at the largest number.
        let warmup = (warmup_epochs * at.steps_per_epoch as f64).round() as u64;
        let steps = at.epochs.saturating_mul(at.steps_per_epoch).saturating_sub(warmup);
        match at.iterations.checked_sub(warmup) {
            Some(step) => self.scheduled(base, step, steps, at.steps_per_epoch, monitored),
            None => {
                let share = (at.iterations + 1) as f64 / warmup as f64;
                self.scheduled(base, 0, steps, at.steps_per_epoch, monitored) * share
            }
        }
    }

    /// The rate of step `step` (from 0) of `steps` without warm-up.
    fn scheduled(&self, base: f64, step: u64, steps: u64, steps_per_epoch: u64, monitored: &[f64]) -> f64 {
        match *self {
            Self::Constant => base,
            Self::Cosine { end_fraction } => {
                wave(base, base * end_fraction, step as f64 / steps.max(1) as f64)
            }
            Self::OneCycle => {
                let (first, rise) = (base / CYCLE_START, CYCLE_RISE * steps as f64 - 1.0);
                let (step, last) = (step as f64, steps.saturating_sub(1) as f64);
                if step <= rise {
                    wave(first, base, step / rise)
                } else {
                    wave(base, first / CYCLE_END, (step - rise) / (last - rise))
                }
            }
            Self::Step { epochs, factor } => {
                reduced(base, factor, step / steps_per_epoch.max(1) / epochs.max(1))
            }
            Self::Plateau { patience, factor } => reduced(base, factor, plateaus(monitored, patience)),
        }
    }
}

/// Between `start` and `end` along half a wave of the cosine, `share` of the way; `end` from the whole way on.
fn wave(start: f64, end: f64, share: f64) -> f64 {
    if share < 1.0 { end + (start - end) / 2.0 * (1.0 + libm::cos(PI * share)) } else { end }
}

/// `base` times `factor`, `times` over. Not `powi`, which rounds as the platform likes.
fn reduced(base: f64, factor: f64, times: u64) -> f64 {
    let mut rate = base;
    for _ in 0..times {
        if rate == 0.0 {
            break;
        }
        rate *= factor;
    }
    rate
}

/// How many times `patience` epochs in a row brought nothing better.
fn plateaus(monitored: &[f64], patience: u64) -> u64 {
    let (mut best, mut waited, mut count) = (f64::INFINITY, 0, 0);
    for &value in monitored {
        if value < best - PLATEAU_MIN_DELTA {
            (best, waited) = (value, 0);
            continue;
        }
        waited += 1;
        if waited >= patience {
            (waited, count) = (0, count + 1);
        }
    }
    count
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::Cosine { end_fraction: 0.0 } => f.write_str("cosine"),
            Self::Cosine { end_fraction } => write!(f, "cosine:{end_fraction}"),
            Self::OneCycle => f.write_str("one-cycle"),
            Self::Step { epochs, factor } => write!(f, "step:{epochs}:{factor}"),
            Self::Plateau { patience, factor } => write!(f, "plateau:{patience}:{factor}"),
        }
    }
}

impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let error = |reason: String| Error::Setting(format!("{text}: {reason}"));
        let count = |what: &str, word: &str| match word.parse::<u64>() {
            Ok(count) if count >= 1 => Ok(count),
            Ok(count) => Err(error(format!("{what} is {count}, expected at least 1"))),
            Err(_) => Err(error(format!("{what} is `{word}`, expected a whole number of at least 1"))),
        };
        let factor = |word: &str| match word.parse::<f64>() {
            Ok(factor) if factor > 0.0 && factor < 1.0 => Ok(factor),
            _ => Err(error(format!("the factor is `{word}`, expected a number above 0 and below 1"))),
        };
        match text.split(':').collect::<Vec<_>>()[..] {
            ["constant"] => Ok(Self::Constant),
            ["cosine"] => Ok(Self::Cosine { end_fraction: 0.0 }),
            // Plus zero, so that `-0` is written as it is read.
            ["cosine", word] => match word.parse::<f64>() {
                Ok(end) if (0.0..=1.0).contains(&end) => Ok(Self::Cosine { end_fraction: end + 0.0 }),
                _ => {
                    Err(error(format!("the fraction at the end is `{word}`, expected a number from 0 to 1")))
                }
            },
            ["one-cycle"] => Ok(Self::OneCycle),
            ["step", epochs, word] => {
                Ok(Self::Step { epochs: count("the number of epochs", epochs)?, factor: factor(word)? })
            }
            ["plateau", patience, word] => {
                Ok(Self::Plateau { patience: count("the patience", patience)?, factor: factor(word)? })
            }
            _ => Err(error(format!("there is no such schedule, expected {FORMS}"))),
        }
    }
}

impl TryFrom<String> for Schedule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rates of all steps of a run of `epochs` of `steps` steps each.
    fn rates(text: &str, base: f64, warmup: f64, [epochs, steps]: [u64; 2], monitored: &[f64]) -> Vec<f64> {
        let schedule: Schedule = text.parse().unwrap();
        let at = |iterations| Progress { iterations, steps_per_epoch: steps, epochs };
        (0..epochs * steps).map(|i| schedule.rate(base, warmup, at(i), monitored)).collect()
    }

    fn close(found: &[f64], expect: &[f64]) {
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!((found - expect).abs() <= 1e-12 * expect.abs(), "{found} is not {expect}");
        }
    }

    #[test]
    fn constant_is_the_base_rate_itself() {
        assert_eq!(rates("constant", 0.1, 0.0, [2, 2], &[1.0]), [0.1; 4]);
    }

    #[test]
    fn a_cosine_goes_down_half_a_wave() {
        // cos 0, 45, 90 and 135 degrees: (1 + cos) / 2.
        let root = 0.5f64.sqrt() / 2.0;
        close(&rates("cosine", 1.0, 0.0, [2, 2], &[]), &[1.0, 0.5 + root, 0.5, 0.5 - root]);
        close(&rates("cosine:0.5", 2.0, 0.0, [4, 1], &[]), &[2.0, 1.5 + root, 1.5, 1.5 - root]);
        let beyond = Progress { iterations: 9, steps_per_epoch: 2, epochs: 2 };
        assert_eq!(Schedule::Cosine { end_fraction: 0.25 }.rate(1.0, 0.0, beyond, &[]), 0.25);
    }

    /// PyTorch's formula by hand for ten steps: up from 0.04 at step 0 to 1 at step 0.3 * 10 - 1 = 2, down to
    /// 0.04 / 1e4 at step 9. In between (1 + cos) / 2 of 90 degrees and of sevenths of 180.
    #[test]
    fn one_cycle_is_pytorchs() {
        let end = 4e-6;
        let down = |cos: f64| end + (1.0 - end) / 2.0 * (1.0 + cos);
        let [a, b, c] = [0.900_968_867_902_419_1, 0.623_489_801_858_733_6, 0.222_520_933_956_314_4];
        close(
            &rates("one-cycle", 1.0, 0.0, [5, 2], &[]),
            &[0.04, 0.52, 1.0, down(a), down(b), down(c), down(-c), down(-b), down(-a), end],
        );
        // Too short to rise: no panic, and numbers above 0.
        for steps in 1..4 {
            assert!(
                rates("one-cycle", 1.0, 0.0, [1, steps], &[]).iter().all(|&rate| rate > 0.0 && rate <= 1.0)
            );
        }
    }

    #[test]
    fn steps_count_whole_epochs() {
        assert_eq!(rates("step:2:0.5", 1.0, 0.0, [5, 1], &[]), [1.0, 1.0, 0.5, 0.5, 0.25]);
        assert_eq!(rates("step:1:0.5", 1.0, 0.0, [2, 2], &[]), [1.0, 1.0, 0.5, 0.5]);
    }

    #[test]
    fn a_plateau_is_keras() {
        let check = |monitored: &[f64], expect: f64| {
            let rate = rates("plateau:2:0.5", 1.0, 0.0, [1, 1], monitored)[0];
            assert_eq!(rate, expect, "{monitored:?}");
        };
        check(&[], 1.0);
        check(&[3.0, 2.0, 1.0], 1.0);
        check(&[1.0, 1.0], 1.0);
        check(&[1.0, 1.0, 1.0], 0.5);
        // The count begins anew after a reduction, and after something better.
        check(&[1.0, 1.0, 1.0, 1.0], 0.5);
        check(&[1.0, 1.0, 1.0, 1.0, 1.0], 0.25);
        check(&[1.0, 1.0, 0.5, 0.6], 1.0);
        // Better by less than Keras' min_delta is not better; NaN never is.
        check(&[1.0, 0.99995, 0.99992], 0.5);
        check(&[1.0, 0.9998, 0.9996], 1.0);
        check(&[f64::NAN, f64::NAN, 1.0], 0.5);
        check(&[f64::INFINITY, f64::INFINITY, 1.0], 0.5);
    }

    #[test]
    fn warm_up_comes_first() {
        assert_eq!(rates("constant", 1.0, 1.0, [2, 4], &[]), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(rates("constant", 1.0, 0.5, [1, 4], &[]), [0.5, 1.0, 1.0, 1.0]);
        // The schedule has what is left of the run.
        close(&rates("cosine", 1.0, 0.5, [1, 4], &[]), &[0.5, 1.0, 1.0, 0.5]);
        close(&rates("one-cycle", 1.0, 1.0, [6, 2], &[])[..4], &[0.02, 0.04, 0.04, 0.52]);
        assert_eq!(rates("step:1:0.5", 1.0, 1.0, [3, 2], &[]), [0.5, 1.0, 1.0, 1.0, 0.5, 0.5]);
        // Longer than the run, and no number at all.
        assert_eq!(rates("cosine", 1.0, 2.0, [1, 2], &[]), [0.25, 0.5]);
        assert_eq!(rates("constant", 1.0, f64::NAN, [1, 2], &[]), [1.0, 1.0]);
        assert_eq!(rates("constant", 1.0, -3.0, [1, 2], &[]), [1.0, 1.0]);
    }

    #[test]
    fn text_is_read_and_written() {
        let check = |text: &str, expect: Schedule| {
            assert_eq!(text.parse::<Schedule>().unwrap(), expect);
            assert_eq!(expect.to_string(), text);
            let json = serde_json::to_string(&expect).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), expect);
        };
        check("constant", Schedule::default());
        check("cosine", Schedule::Cosine { end_fraction: 0.0 });
        check("cosine:0.01", Schedule::Cosine { end_fraction: 0.01 });
        check("one-cycle", Schedule::OneCycle);
        check("step:30:0.1", Schedule::Step { epochs: 30, factor: 0.1 });
        check("plateau:5:0.5", Schedule::Plateau { patience: 5, factor: 0.5 });
        assert_eq!("cosine:-0".parse::<Schedule>().unwrap().to_string(), "cosine");
    }

    #[test]
    fn wrong_text_is_one_clear_error() {
        let check = |text: &str, expect: &str| {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert_eq!(error, format!("{text}: {expect}"));
            let json = serde_json::from_str::<Schedule>(&format!("\"{text}\"")).unwrap_err();
            assert!(json.to_string().starts_with(&error), "{json}");
        };
        check("step:0:0.5", "the number of epochs is 0, expected at least 1");
        check("plateau:0:0.5", "the patience is 0, expected at least 1");
        check("step:x:0.5", "the number of epochs is `x`, expected a whole number of at least 1");
        check("step:1:1", "the factor is `1`, expected a number above 0 and below 1");
        check("plateau:1:nan", "the factor is `nan`, expected a number above 0 and below 1");
        check("cosine:2", "the fraction at the end is `2`, expected a number from 0 to 1");
        for text in ["", "linear", "step", "step:1", "step:1:0.5:2", "constant:1", "cosine:0:0"] {
            check(text, &format!("there is no such schedule, expected {FORMS}"));
        }
    }

    fn any_schedule() -> impl Strategy<Value = Schedule> {
        let factor = 1e-6..0.999_999f64;
        prop_oneof![
            Just(Schedule::Constant),
            (0.0..=1.0f64).prop_map(|end_fraction| Schedule::Cosine { end_fraction }),
            Just(Schedule::OneCycle),
            (1..=u64::MAX, factor.clone()).prop_map(|(epochs, factor)| Schedule::Step { epochs, factor }),
            (1..9u64, factor).prop_map(|(patience, factor)| Schedule::Plateau { patience, factor }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(schedule in any_schedule()) {
            prop_assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
        }

        #[test]
        fn rates_lie_between_nothing_and_the_base(
            schedule in any_schedule(),
            base in 1e-9..1e3f64,
            warmup in 0.0..5.0f64,
            [epochs, steps_per_epoch] in [1..40u64, 1..40u64],
            place in 0.0..1.0f64,
            monitored in prop::collection::vec(any::<f64>(), 0..40),
        ) {
            let iterations = (place * (epochs * steps_per_epoch) as f64) as u64;
            let at = Progress { iterations, steps_per_epoch, epochs };
            let rate = schedule.rate(base, warmup, at, &monitored);
            prop_assert!(rate > 0.0 && rate <= base * (1.0 + 1e-15), "{}", rate);
        }
    }
}
