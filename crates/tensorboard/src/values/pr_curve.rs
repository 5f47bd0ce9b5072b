//! Precision-recall curves of the PR Curves dashboard, with TensorBoard's own arithmetic.

use prost::Message;

use crate::event::plugin;
use crate::message::plugin::PrCurvePluginData;
use crate::message::{DataType, PluginData, TensorProto};
use crate::{Event, InputError, Step, WallTime};

/// The plugin that draws the curves.
const PR_CURVES: &str = "pr_curves";
/// What TensorBoard puts under a fraction instead of 0.
const MINIMUM_COUNT: f64 = 1e-7;

/// How well a classifier tells two classes apart, at thresholds that lie evenly from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct PrCurve {
    thresholds: usize,
    /// True positives, false positives, true negatives, false negatives, precision, recall: six rows of as many
    /// numbers as there are thresholds.
    rows: Vec<f32>,
}

impl PrCurve {
    /// The number of thresholds that TensorBoard's own writer takes.
    pub const DEFAULT_THRESHOLDS: usize = 201;

    /// The curve of some samples: whether each is of the class, and how sure the classifier is of that, from 0
    /// to 1.
    ///
    /// # Errors
    /// If there are no samples, or not as many predictions as labels, or a prediction that is not from 0 to 1.
    pub fn new(labels: &[bool], predictions: &[f32]) -> Result<Self, InputError> {
        Self::with_thresholds(Self::DEFAULT_THRESHOLDS, labels, predictions)
    }

    /// As [`new`](Self::new), with another number of thresholds.
    ///
    /// # Errors
    /// As [`new`](Self::new), and at fewer than two thresholds.
    pub fn with_thresholds(
        thresholds: usize,
        labels: &[bool],
        predictions: &[f32],
    ) -> Result<Self, InputError> {
        Self::count(thresholds, labels, predictions, |_| 1.0)
    }

    /// As [`with_thresholds`](Self::with_thresholds), with samples that count as much as their weights say.
    ///
    /// # Errors
    /// As [`with_thresholds`](Self::with_thresholds), and if there are not as many weights, or one that is
    /// negative or not finite.
    pub fn weighted(
        thresholds: usize,
        labels: &[bool],
        predictions: &[f32],
        weights: &[f32],
    ) -> Result<Self, InputError> {
        if weights.len() != labels.len() {
            return Err(count_error("weights", weights.len(), labels.len()));
        }
        if let Some(index) = weights.iter().position(|&weight| !(weight >= 0.0 && weight.is_finite())) {
            return Err(InputError::number(
                "weight",
                index,
                weights[index],
                "a finite number that is not negative",
            ));
        }
        Self::count(thresholds, labels, predictions, |index| weights[index].into())
    }

    /// The precision at each threshold.
    pub fn precision(&self) -> &[f32] {
        &self.rows[4 * self.thresholds..5 * self.thresholds]
    }

    /// The recall at each threshold.
    pub fn recall(&self) -> &[f32] {
        &self.rows[5 * self.thresholds..]
    }

    /// `tensorboard.plugins.pr_curve.summary.pb`: a sample is in the bucket of the highest threshold that it
    /// reaches; positive at a threshold is what is in its bucket or a higher one.
    fn count(
        thresholds: usize,
        labels: &[bool],
        predictions: &[f32],
        weight: impl Fn(usize) -> f64,
    ) -> Result<Self, InputError> {
        if labels.is_empty() {
            return Err(InputError::Empty { what: "samples" });
        }
        if predictions.len() != labels.len() {
            return Err(count_error("predictions", predictions.len(), labels.len()));
        }
        if thresholds < 2 {
            let reason = "one at 0 and one at 1";
            return Err(InputError::Count { what: "thresholds", found: thresholds, expected: 2, reason });
        }
        let (mut tp, mut fp) = (vec![0.0; thresholds], vec![0.0; thresholds]);
        for (index, (&label, &prediction)) in labels.iter().zip(predictions).enumerate() {
            if !(0.0..=1.0).contains(&prediction) {
                let expected = "a number from 0 to 1: take the sigmoid or softmax of logits";
                return Err(InputError::number("prediction", index, prediction, expected));
            }
            // In f32, as numpy does with predictions of this type.
            let bucket = (prediction * (thresholds - 1) as f32).floor() as usize;
            let counts = if label { &mut tp } else { &mut fp };
            counts[bucket.min(thresholds - 1)] += weight(index);
        }
        for counts in [&mut tp, &mut fp] {
            for i in (0..thresholds - 1).rev() {
                counts[i] += counts[i + 1];
            }
        }
        let rest = |counts: &[f64]| -> Vec<f64> { counts.iter().map(|count| counts[0] - count).collect() };
        let (tn, false_negatives) = (rest(&fp), rest(&tp));
        let share = |others: &[f64]| -> Vec<f64> {
            tp.iter().zip(others).map(|(tp, other)| tp / (tp + other).max(MINIMUM_COUNT)).collect()
        };
        let (precision, recall) = (share(&fp), share(&false_negatives));
        let rows = [tp, fp, tn, false_negatives, precision, recall];
        Ok(Self { thresholds, rows: rows.into_iter().flatten().map(|value| value as f32).collect() })
    }
}

impl Event {
    /// One curve of a series.
    pub fn pr_curve(at: WallTime, tag: &str, step: Step, curve: &PrCurve) -> Self {
        let shape = [6, curve.thresholds as i64];
        let bytes = curve.rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        let content = PrCurvePluginData { version: 0, num_thresholds: curve.thresholds as u32 };
        let plugin = PluginData { content: content.encode_to_vec(), ..plugin(PR_CURVES) };
        Self::summary(at, tag, step, TensorProto::with(DataType::Float, &shape, bytes), plugin)
    }
}

fn count_error(what: &'static str, found: usize, expected: usize) -> InputError {
    InputError::Count { what, found, expected, reason: "one a label" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_classifier_has_both() {
        let curve = PrCurve::with_thresholds(3, &[true, false, true], &[1.0, 0.2, 0.7]).unwrap();
        assert_eq!(curve.precision(), [2.0 / 3.0, 1.0, 1.0]);
        assert_eq!(curve.recall(), [1.0, 1.0, 0.5]);
    }

    #[test]
    fn what_cannot_be_counted_is_an_error() {
        let check = |curve: Result<PrCurve, InputError>, expected: &str| {
            assert_eq!(curve.unwrap_err().to_string(), expected);
        };
        check(PrCurve::new(&[], &[]), "no samples: give at least one");
        check(PrCurve::new(&[true], &[]), "0 predictions, expected 1: one a label");
        check(
            PrCurve::with_thresholds(1, &[true], &[0.5]),
            "1 thresholds, expected 2: one at 0 and one at 1",
        );
        for (value, text) in [(f32::NAN, "NaN"), (-0.5, "-0.5"), (1.5, "1.5")] {
            let expected = format!(
                "prediction 1 is {text}, expected a number from 0 to 1: take the sigmoid or softmax of logits"
            );
            check(PrCurve::new(&[true, true], &[0.5, value]), &expected);
        }
        check(PrCurve::weighted(3, &[true], &[0.5], &[]), "0 weights, expected 1: one a label");
        check(
            PrCurve::weighted(3, &[true], &[0.5], &[-1.0]),
            "weight 0 is -1, expected a finite number that is not negative",
        );
    }
}
