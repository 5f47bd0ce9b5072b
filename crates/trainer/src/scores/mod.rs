//! What a network's answers are worth: accuracy, confusion, precision and recall, calibration; knows nothing of
//! networks or pictures.

mod calibration;
mod table;
#[cfg(test)]
mod tests;

use kernels::loss::CrossEntropy;
use serde::Serialize;

use crate::{Error, Result};
pub use calibration::{BINS, Bin, Calibration};

/// The scores of some answers. Displayed as tables in plain text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Pictures that were answered.
    pub pictures: usize,
    /// Right answers, 0 to 1; 0 without pictures, as all shares here. Of equal logits the first is the answer.
    pub accuracy: f64,
    /// Mean softmax cross-entropy.
    pub loss: f64,
    /// Pictures whose class is among the two greatest logits, 0 to 1.
    pub top2_accuracy: f64,
    /// Pictures whose class is among the three greatest logits, 0 to 1.
    pub top3_accuracy: f64,
    /// Means over the classes, each counting the same.
    pub macro_average: Averages,
    /// Each class, in the order of the labels.
    pub classes: Vec<ClassScores>,
    /// How many pictures of each class got each answer: row after row `(TRUTH, PREDICTED)`.
    pub confusion: Vec<u64>,
    /// How far confidence can be believed.
    pub calibration: Calibration,
    #[serde(skip)]
    mistakes: Vec<Mistake>,
}

/// Scores of one class. What would be 0/0 is 0, as scikit-learn has it unless asked otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScores {
    /// The class.
    pub name: String,
    /// Of the pictures with this answer, the share that is of this class.
    pub precision: f64,
    /// Of the pictures of this class, the share with this answer.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// Pictures of this class.
    pub support: u64,
}

/// Means of the classes' scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Averages {
    /// See [`ClassScores`].
    pub precision: f64,
    /// See [`ClassScores`].
    pub recall: f64,
    /// See [`ClassScores`].
    pub f1: f64,
}

/// A wrong answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// The picture's place in the list that was scored.
    pub index: usize,
    /// The label of its class.
    pub truth: usize,
    /// The label that was answered.
    pub predicted: usize,
    /// The probability that the network gave to its answer; NaN if its logits had NaN or infinity.
    pub confidence: f32,
}

impl Scores {
    /// Scores the answers `logits (N, CLASSES)` to pictures with `labels (N)`. A logit that is NaN counts as the
    /// least of its row; the loss is then NaN.
    ///
    /// # Errors
    /// If there is no class, the lengths do not fit, or a label is not below the number of classes.
    pub fn of(classes: &[String], logits: &[f32], labels: &[u32]) -> Result<Self> {
        let count = classes.len();
        // It checks the lengths and the labels, too.
        let loss = CrossEntropy::new(count, 0.0).and_then(|loss| loss.loss(logits, labels));
        let loss = f64::from(loss.map_err(|error| Error::from(candle_core::Error::wrap(error)))?);
        let mut confusion = vec![0; count * count];
        let (mut among_two, mut among_three) = (0, 0);
        let mut mistakes = Vec::new();
        let mut answers = Vec::with_capacity(labels.len());
        for (index, (row, &label)) in logits.chunks_exact(count).zip(labels).enumerate() {
            let (truth, predicted) = (label as usize, answer(row));
            let confidence = probabilities(row)[predicted];
            let place = place(row, truth);
            among_two += u64::from(place < 2);
            among_three += u64::from(place < 3);
            confusion[truth * count + predicted] += 1;
            answers.push((confidence, truth == predicted));
            if truth != predicted {
                mistakes.push(Mistake { index, truth, predicted, confidence });
            }
        }
        // Of equal ones the first stays first.
        mistakes.sort_by(|a, b| believed(b).total_cmp(&believed(a)));
        let classes = class_scores(classes, &confusion);
        Ok(Self {
            pictures: labels.len(),
            accuracy: share((labels.len() - mistakes.len()) as u64, labels.len() as u64),
            loss,
            top2_accuracy: share(among_two, labels.len() as u64),
            top3_accuracy: share(among_three, labels.len() as u64),
            macro_average: averages(&classes),
            classes,
            confusion,
            calibration: Calibration::of(&answers),
            mistakes,
        })
    }

    /// The `k` wrong answers with the greatest confidence, the most confident first, or all if there are fewer.
    pub fn most_confident_mistakes(&self, k: usize) -> Vec<Mistake> {
        self.mistakes.iter().take(k).copied().collect()
    }
}

/// The softmax of a row of logits. Of a row with NaN or infinity none may be a number.
pub fn probabilities(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f32> = logits.iter().map(|logit| libm::expf(logit - max)).collect();
    let total: f32 = exps.iter().sum();
    exps.iter().map(|exp| exp / total).collect()
}

/// NaN as the least of all.
fn key(logit: f32) -> f32 {
    if logit.is_nan() { f32::NEG_INFINITY } else { logit }
}

/// The place of the first greatest, as the accuracy of training has it.
fn answer(row: &[f32]) -> usize {
    let greater = |best: usize, i: usize| if key(row[i]) > key(row[best]) { i } else { best };
    (0..row.len()).fold(0, greater)
}

/// How many logits come before the one of `label`: the greater ones, and equal ones to its left.
fn place(row: &[f32], label: usize) -> usize {
    let own = key(row[label]);
    let before = |&(i, &logit): &(usize, &f32)| key(logit) > own || (key(logit) == own && i < label);
    row.iter().enumerate().filter(before).count()
}

/// A confidence that can be ordered.
fn believed(mistake: &Mistake) -> f32 {
    if mistake.confidence.is_nan() { -1.0 } else { mistake.confidence }
}

/// 0/0 is 0.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn class_scores(names: &[String], confusion: &[u64]) -> Vec<ClassScores> {
    let count = names.len();
    let of_class = |(class, name): (usize, &String)| {
        let right = confusion[class * count + class];
        let support = confusion[class * count..][..count].iter().sum();
        let answered = confusion.iter().skip(class).step_by(count).sum();
        ClassScores {
            name: name.clone(),
            precision: share(right, answered),
            recall: share(right, support),
            f1: share(2 * right, support + answered),
            support,
        }
    };
    names.iter().enumerate().map(of_class).collect()
}

fn averages(classes: &[ClassScores]) -> Averages {
    let mean =
        |score: fn(&ClassScores) -> f64| classes.iter().map(score).sum::<f64>() / classes.len().max(1) as f64;
    Averages { precision: mean(|c| c.precision), recall: mean(|c| c.recall), f1: mean(|c| c.f1) }
}
