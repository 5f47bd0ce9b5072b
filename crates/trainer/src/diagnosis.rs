//! What the curves of a run say: overfitting, underfitting, unstable or healthy, with the figures that say so and what
//! to do; looks at losses and accuracies alone.
//!
//! Training figures are means over an epoch while its weights change, with dropout and augmentation on. So a network
//! that does equally well on both parts shows a training accuracy *below* validation's: only a gap above 0 is taken
//! for a sign of anything.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::callback::Metrics;
use crate::early_stopping::{Monitor, best_epoch};

/// Fewer epochs have no trend: one change could be chance, and the first is always large.
const FEWEST_EPOCHS: usize = 4;
/// Epochs that have passed since the best for overfitting to be more than one bad epoch.
const EPOCHS_SINCE_BEST: usize = 2;
/// A rise of the validation loss over its lowest that is more than its flutter from epoch to epoch near the lowest
/// point, which is up to 1 % with 10,000 pictures.
const LOSS_RISE: f64 = 0.02;
/// What training accuracy must have gained meanwhile: with less, nothing was learned, by heart or otherwise.
const TRAIN_GAIN: f64 = 0.02;
/// Validation stalls when it gains at most this share of what training gains: three quarters of the rest are learned
/// by heart. A share, since 0.01 is much beside a gain of 0.02 and nothing beside one of 0.3.
const STALL: f64 = 0.25;
/// A gap in accuracy that tells of overfitting even while validation loss is still near its lowest.
const WIDE_GAP: f64 = 0.1;
/// Below this gap a rise of validation loss is not put down to overfitting: half the usual difference of two parts.
const NO_GAP: f64 = 0.02;
/// Both parts are poor below this share of the way from guessing to no error: 0.46 in ten classes, 0.7 in two.
const POOR: f64 = 0.4;
/// As good as guessing: within this share of the way.
const GUESSING: f64 = 0.05;
/// Both parts gain at least so much accuracy an epoch at the end: it pays to go on. Of ten more epochs the gain would
/// be some points even if it soon halved.
const STEEP: f64 = 0.01;
/// A rise of training loss over its lowest, as a share of the loss of guessing, ln(classes): 0.58 in ten classes. The
/// mean over an epoch falls almost always; relative to the lowest, small losses would jump all the time.
const JUMP: f64 = 0.25;
/// Mean change of validation accuracy from one epoch to the next that is an oscillation where it leads nowhere. Ten
/// times what a steady run shows on 10,000 pictures, twice what chance does on 100 other ones each time.
const SWING: f64 = 0.05;
/// Epochs that are looked at for oscillation: at least so many changes.
const SWINGS: usize = 4;

/// Losses and accuracies of an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Over the epoch, while the weights were changing.
    pub train: Metrics,
    /// After the epoch.
    pub validation: Metrics,
}

/// What a run suffers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It learns its training pictures by heart.
    Overfitting,
    /// It has not learned what there is to learn: the network cannot, or had too little time.
    Underfitting,
    /// Its loss jumps, or is no number, or validation goes up and down.
    Unstable,
    /// None of these.
    Healthy,
    /// Too few epochs to say.
    TooShort,
}

/// What the curves of a run say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// In a word.
    pub verdict: Verdict,
    /// Why: a sentence each, with epochs (counted from 1) and figures.
    pub evidence: Vec<String>,
    /// What to do, the best first; nothing of a healthy run.
    pub advice: Vec<String>,
}

impl Diagnosis {
    /// Looks at all epochs of a run in so many classes.
    ///
    /// The first that fits: a number is not finite: unstable; fewer than four epochs: too short; jumps or
    /// oscillation: unstable; overfitting; poor or steep at the end: underfitting; healthy.
    pub fn of(epochs: &[Epoch], classes: usize) -> Self {
        let curves = Curves::of(epochs, classes);
        not_finite(&curves)
            .or_else(|| too_short(&curves))
            .or_else(|| jumps(&curves))
            .or_else(|| oscillates(&curves))
            .or_else(|| past_its_best(&curves))
            .or_else(|| wide_gap(&curves))
            .or_else(|| poor(&curves))
            .or_else(|| steep(&curves))
            .unwrap_or_else(|| healthy(&curves))
    }

    fn new<const E: usize, const A: usize>(
        verdict: Verdict,
        evidence: [String; E],
        advice: [&str; A],
    ) -> Self {
        let advice = advice.iter().map(ToString::to_string).collect();
        Self { verdict, evidence: evidence.into(), advice }
    }
}

/// The four curves of a run with at least one epoch, where not said otherwise.
struct Curves {
    train_loss: Vec<f64>,
    train: Vec<f64>,
    loss: Vec<f64>,
    validation: Vec<f64>,
    classes: f64,
}

impl Curves {
    fn of(epochs: &[Epoch], classes: usize) -> Self {
        let curve = |of: fn(&Epoch) -> f32| epochs.iter().map(|epoch| f64::from(of(epoch))).collect();
        Self {
            train_loss: curve(|epoch| epoch.train.loss),
            train: curve(|epoch| epoch.train.accuracy),
            loss: curve(|epoch| epoch.validation.loss),
            validation: curve(|epoch| epoch.validation.accuracy),
            // Of one class there is nothing to learn, but nothing to divide by either.
            classes: classes.max(2) as f64,
        }
    }

    fn len(&self) -> usize {
        self.loss.len()
    }

    /// The place of the last epoch.
    fn end(&self) -> usize {
        self.len() - 1
    }

    /// The place of the epoch with the lowest validation loss.
    fn best(&self) -> usize {
        let costs: Vec<f64> = self.loss.iter().map(|&loss| Monitor::ValLoss.cost(loss)).collect();
        best_epoch(&costs, 0.0).unwrap_or(0)
    }

    fn gap(&self, epoch: usize) -> f64 {
        self.train[epoch] - self.validation[epoch]
    }

    /// The share of the way from guessing (0) to no error (1).
    fn skill(&self, accuracy: f64) -> f64 {
        let chance = 1.0 / self.classes;
        (accuracy - chance) / (1.0 - chance)
    }

    /// Whether since this epoch training has gained, and validation next to nothing of it.
    fn by_heart_since(&self, epoch: usize) -> bool {
        let gain = |curve: &[f64]| curve[self.end()] - curve[epoch];
        gain(&self.train) >= TRAIN_GAIN && gain(&self.validation) <= STALL * gain(&self.train)
    }

    /// Both accuracies and their gap since an epoch, in words.
    fn gap_since(&self, epoch: usize) -> [String; 2] {
        let (from, to, end) = (epoch + 1, self.len(), self.end());
        let (before, after) = (self.validation[epoch], self.validation[end]);
        let moved = if after < before { "fell" } else { "went" };
        [
            format!(
                "from epoch {from} to {to} training accuracy rose from {:.4} to {:.4}, validation accuracy {moved} \
                 from {before:.4} to {after:.4}",
                self.train[epoch], self.train[end]
            ),
            format!("the gap between them grew from {:.4} to {:.4}", self.gap(epoch), self.gap(end)),
        ]
    }

    /// What to know of a training accuracy below validation's, where it is.
    fn negative_gap(&self) -> Option<String> {
        let gap = self.gap(self.end());
        (gap < 0.0).then(|| {
            format!(
                "training accuracy lies {:.4} below validation accuracy, as it is measured while weights change, \
                 with dropout and augmentation on",
                -gap
            )
        })
    }
}

fn not_finite(curves: &Curves) -> Option<Diagnosis> {
    let named = [
        ("training loss", &curves.train_loss),
        ("training accuracy", &curves.train),
        ("validation loss", &curves.loss),
        ("validation accuracy", &curves.validation),
    ];
    let first = |(name, curve): (&'static str, &Vec<f64>)| {
        let epoch = curve.iter().position(|value| !value.is_finite())?;
        Some((epoch, name, curve[epoch]))
    };
    let (epoch, name, value) = named.into_iter().filter_map(first).min_by_key(|(epoch, ..)| *epoch)?;
    Some(Diagnosis::new(
        Verdict::Unstable,
        [format!("{name} is {value} in epoch {}", epoch + 1)],
        ["a lower --learning-rate, a tenth of it to begin with", "a slow start: --warmup-epochs 1"],
    ))
}

fn too_short(curves: &Curves) -> Option<Diagnosis> {
    let epochs = curves.len();
    (epochs < FEWEST_EPOCHS).then(|| {
        let what = if epochs == 1 { "epoch shows" } else { "epochs show" };
        Diagnosis::new(
            Verdict::TooShort,
            [format!("{epochs} {what} no trend: at least {FEWEST_EPOCHS} are needed")],
            ["more --epochs"],
        )
    })
}

fn jumps(curves: &Curves) -> Option<Diagnosis> {
    let jump = JUMP * libm::log(curves.classes);
    let mut lowest = 0;
    for (epoch, &loss) in curves.train_loss.iter().enumerate() {
        let least = curves.train_loss[lowest];
        if loss - least >= jump {
            return Some(Diagnosis::new(
                Verdict::Unstable,
                [format!(
                    "training loss jumped from {least:.4} in epoch {} to {loss:.4} in epoch {}",
                    lowest + 1,
                    epoch + 1
                )],
                ["a lower --learning-rate", "a slow start: --warmup-epochs 1", "a larger --batch-size"],
            ));
        }
        if loss < least {
            lowest = epoch;
        }
    }
    None
}

fn oscillates(curves: &Curves) -> Option<Diagnosis> {
    let changes = (curves.len() / 2).max(SWINGS);
    let from = curves.end().checked_sub(changes)?;
    let window = &curves.validation[from..];
    let path: f64 = window.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    let swing = path / changes as f64;
    let led = (window[changes] - window[0]).abs();
    let low = window.iter().copied().fold(f64::INFINITY, f64::min);
    let high = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (swing >= SWING && led <= path / 2.0).then(|| {
        Diagnosis::new(
            Verdict::Unstable,
            [format!(
                "validation accuracy goes up and down between {low:.4} and {high:.4} from epoch {} to {}, by {swing:.4} \
                 an epoch",
                from + 1,
                curves.len()
            )],
            [
                "a --learning-rate that falls: --schedule cosine",
                "a lower --learning-rate or a larger --batch-size",
                "more validation pictures, if they are few",
            ],
        )
    })
}

/// Overfitting: validation loss has turned upwards for good while training went on.
fn past_its_best(curves: &Curves) -> Option<Diagnosis> {
    let (best, end) = (curves.best(), curves.end());
    let (lowest, last) = (curves.loss[best], curves.loss[end]);
    let rise = last / lowest - 1.0;
    let overfits = end - best >= EPOCHS_SINCE_BEST
        && rise >= LOSS_RISE
        && curves.by_heart_since(best)
        && curves.gap(end) >= NO_GAP;
    overfits.then(|| {
        let [accuracies, gap] = curves.gap_since(best);
        overfitting(
            best,
            [
                format!(
                    "validation loss was lowest in epoch {} ({lowest:.4}) and is {:.1} % higher in epoch {} ({last:.4})",
                    best + 1,
                    100.0 * rise,
                    end + 1
                ),
                accuracies,
                gap,
            ],
        )
    })
}

/// Overfitting: training goes on, validation does not follow, and they are far apart.
fn wide_gap(curves: &Curves) -> Option<Diagnosis> {
    let middle = curves.end() / 2;
    let overfits = curves.gap(curves.end()) >= WIDE_GAP && curves.by_heart_since(middle);
    overfits.then(|| {
        let best = curves.best();
        let [accuracies, gap] = curves.gap_since(middle);
        let lowest = format!("validation loss was lowest in epoch {} ({:.4})", best + 1, curves.loss[best]);
        overfitting(best, [accuracies, gap, lowest])
    })
}

fn overfitting(best: usize, evidence: [String; 3]) -> Diagnosis {
    let early = format!("take the weights of epoch {}, or stop early", best + 1);
    let advice = [
        "vary the training pictures: --augment standard, or more of it",
        &early,
        "more training pictures, dropout or weight decay, or a smaller network",
    ];
    Diagnosis::new(Verdict::Overfitting, evidence, advice)
}

/// Underfitting: both parts are poor.
fn poor(curves: &Curves) -> Option<Diagnosis> {
    let end = curves.end();
    let (train, validation) = (curves.train[end], curves.validation[end]);
    let skill = curves.skill(train).max(curves.skill(validation));
    if skill >= POOR {
        return None;
    }
    let accuracies = format!(
        "in epoch {} training accuracy is {train:.4} and validation accuracy {validation:.4}; guessing among {} \
         classes is right in {:.4}",
        end + 1,
        curves.classes,
        1.0 / curves.classes
    );
    Some(if skill < GUESSING {
        Diagnosis::new(
            Verdict::Underfitting,
            [accuracies, "that is no better than guessing".to_owned()],
            [
                "another --learning-rate: ten times lower, then ten times higher",
                "look whether pictures and labels belong together",
            ],
        )
    } else {
        Diagnosis::new(
            Verdict::Underfitting,
            [accuracies],
            ["more --epochs, or another --learning-rate", "less augmentation or dropout", "a larger network"],
        )
    })
}

/// Underfitting: too little time.
fn steep(curves: &Curves) -> Option<Diagnosis> {
    let end = curves.end();
    let from = end - (curves.len() / 3).max(2);
    let gain = |curve: &[f64]| (curve[end] - curve[from]) / (end - from) as f64;
    let (train, validation) = (gain(&curves.train), gain(&curves.validation));
    (train >= STEEP && validation >= STEEP).then(|| {
        Diagnosis::new(
            Verdict::Underfitting,
            [format!(
                "both accuracies still rise: from epoch {} to {} by {train:.4} an epoch in training, to {:.4}, and by \
                 {validation:.4} in validation, to {:.4}",
                from + 1,
                end + 1,
                curves.train[end],
                curves.validation[end]
            )],
            ["more --epochs", "or a higher --learning-rate"],
        )
    })
}

fn healthy(curves: &Curves) -> Diagnosis {
    let (end, best) = (curves.end(), curves.best());
    let mut diagnosis = Diagnosis::new(
        Verdict::Healthy,
        [
            format!(
                "in epoch {} training accuracy is {:.4} and validation accuracy {:.4}",
                end + 1,
                curves.train[end],
                curves.validation[end]
            ),
            format!("validation loss was lowest in epoch {} ({:.4})", best + 1, curves.loss[best]),
        ],
        [],
    );
    diagnosis.evidence.extend(curves.negative_gap());
    diagnosis
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Self::Overfitting => "overfitting",
            Self::Underfitting => "underfitting",
            Self::Unstable => "unstable",
            Self::Healthy => "healthy",
            Self::TooShort => "too short to say",
        })
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.verdict)?;
        self.evidence.iter().try_for_each(|line| write!(f, "\n  {line}"))?;
        self.advice.iter().try_for_each(|line| write!(f, "\n  try: {line}"))
    }
}

#[cfg(test)]
mod tests;
