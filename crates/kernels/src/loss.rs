//! Softmax cross-entropy from logits, forward and backward, and the count of right answers.

use crate::error::{ShapeError, check_fraction, check_len, check_sizes};
use crate::parallel::BLOCK;

/// Softmax cross-entropy over a number of classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    classes: usize,
    /// The part of each target that is spread evenly over the classes.
    smoothing: f64,
}

impl CrossEntropy {
    /// The loss against targets `one_hot(label) * (1 - label_smoothing) + label_smoothing / CLASSES`, as Keras
    /// defines them (Szegedy et al., 2016). With a `label_smoothing` of 0 the target is the label.
    ///
    /// # Errors
    /// If there are no classes, or the smoothing is not in [0, 1).
    pub fn new(classes: usize, label_smoothing: f64) -> Result<Self, ShapeError> {
        check_sizes(&[("the number of classes", classes)])?;
        check_fraction("label smoothing", label_smoothing)?;
        Ok(Self { classes, smoothing: label_smoothing })
    }

    /// The mean over the batch of `-sum(target * ln softmax(logits))`, from `logits (B, CLASSES)` and
    /// `labels (B)`; 0 for an empty batch.
    ///
    /// Computed from `ln(sum(exp(z - max))) - (z - max)`, which does not overflow; summed in `f64`, block after
    /// block of [`BLOCK`] pictures, as [`crate::plan::Plan::train`] sums it.
    ///
    /// # Errors
    /// If the lengths do not fit, or a label is not below the number of classes.
    pub fn loss(&self, logits: &[f32], labels: &[u32]) -> Result<f32, ShapeError> {
        Ok(self.scored(logits, labels, 0.0)?.0)
    }

    /// The gradient of the mean loss with respect to the logits, times `scale`:
    /// `(softmax - target) * scale / B`.
    ///
    /// # Errors
    /// If the lengths do not fit, or a label is not below the number of classes.
    pub fn backward(&self, logits: &[f32], labels: &[u32], scale: f32) -> Result<Vec<f32>, ShapeError> {
        Ok(self.scored(logits, labels, scale)?.1)
    }

    /// The mean loss and the gradient of the logits.
    fn scored(&self, logits: &[f32], labels: &[u32], scale: f32) -> Result<(f32, Vec<f32>), ShapeError> {
        check(self.classes, logits, labels)?;
        let mut gradient = vec![0.0; logits.len()];
        let factor = scale / labels.len() as f32;
        let block = self.classes * BLOCK;
        let blocks = logits.chunks(block).zip(labels.chunks(BLOCK)).zip(gradient.chunks_mut(block));
        let sum: f64 = blocks.map(|((z, labels), g)| self.score(z, labels, factor, g).loss).sum();
        Ok(((sum / labels.len().max(1) as f64) as f32, gradient))
    }

    /// Scores checked logits, and writes the gradient of the loss, times `factor`, to the beginning of
    /// `gradient`.
    pub(crate) fn score(&self, logits: &[f32], labels: &[u32], factor: f32, gradient: &mut [f32]) -> Scored {
        let mut scored = Scored { loss: 0.0, correct: 0 };
        // The targets of the other classes and of the label.
        let off = self.smoothing / self.classes as f64;
        let (on, off) = ((1.0 - self.smoothing + off) as f32, off as f32);
        let pictures = rows(logits, self.classes).zip(gradient.chunks_exact_mut(self.classes)).zip(labels);
        for ((z, p), &label) in pictures {
            let label = label as usize;
            let max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut total = 0.0;
            for (p, z) in p.iter_mut().zip(z) {
                *p = libm::expf(z - max);
                total += *p;
            }
            scored.loss += self.loss_of(z, label, max, libm::logf(total));
            scored.correct += usize::from(first_greatest(z) == label);
            p.iter_mut().for_each(|p| *p /= total);
            let of_label = p[label] - on;
            p.iter_mut().for_each(|p| *p = (*p - off) * factor);
            p[label] = of_label * factor;
        }
        scored
    }

    /// The loss of a picture, from the greatest of its logits and the logarithm of `sum(exp(z - max))`.
    fn loss_of(&self, z: &[f32], label: usize, max: f32, log_total: f32) -> f64 {
        let to_label = f64::from(log_total - (z[label] - max));
        // Not only faster: 0 times the infinite loss of a class that has a logit of -inf would be NaN.
        if self.smoothing == 0.0 {
            return to_label;
        }
        let mean = z.iter().map(|z| f64::from(z - max)).sum::<f64>() / self.classes as f64;
        let to_all = f64::from(log_total) - mean;
        (1.0 - self.smoothing) * to_label + self.smoothing * to_all
    }
}

/// The sum of some pictures' losses, and how many of them are right.
pub(crate) struct Scored {
    pub(crate) loss: f64,
    pub(crate) correct: usize,
}

/// How many pictures have their greatest logit at their label; the first of equal ones counts, as in Keras.
///
/// # Errors
/// If the lengths do not fit, or a label is not below `classes`.
pub fn count_correct(classes: usize, logits: &[f32], labels: &[u32]) -> Result<usize, ShapeError> {
    check(classes, logits, labels)?;
    Ok(rows(logits, classes).zip(labels).filter(|(z, label)| first_greatest(z) == **label as usize).count())
}

fn first_greatest(z: &[f32]) -> usize {
    let keep = |best: (usize, f32), (i, &z): (usize, &f32)| if z > best.1 { (i, z) } else { best };
    z.iter().enumerate().fold((0, f32::NEG_INFINITY), keep).0
}

fn rows(logits: &[f32], classes: usize) -> std::slice::ChunksExact<'_, f32> {
    logits.chunks_exact(classes)
}

fn check(classes: usize, logits: &[f32], labels: &[u32]) -> Result<(), ShapeError> {
    check_sizes(&[("the number of classes", classes)])?;
    check_len("logits", logits.len(), &[labels.len(), classes])?;
    check_labels(classes, labels)
}

/// Checks that labels are below the number of classes.
pub(crate) fn check_labels(classes: usize, labels: &[u32]) -> Result<(), ShapeError> {
    match labels.iter().position(|&label| label as usize >= classes) {
        Some(picture) => Err(ShapeError::Label { label: labels[picture], picture, classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(classes: usize) -> CrossEntropy {
        CrossEntropy::new(classes, 0.0).unwrap()
    }

    #[test]
    fn a_known_loss() {
        // ln(1 + e + e^2) - 2 and ln(3).
        let loss = plain(3).loss(&[0.0, 1.0, 2.0, 5.0, 5.0, 5.0], &[2, 0]).unwrap();
        let expected = ((1.0 + 1f64.exp() + 2f64.exp()).ln() - 2.0 + 3f64.ln()) / 2.0;
        assert!((f64::from(loss) - expected).abs() < 1e-7);
    }

    /// The definition in `f64`: the mean of `-sum(target * ln softmax)`.
    fn exact(z: &[f64], labels: &[u32], smoothing: f64) -> f64 {
        let classes = z.len() / labels.len();
        let of_picture = |(z, label): (&[f64], &u32)| -> f64 {
            let log_total = z.iter().map(|z| z.exp()).sum::<f64>().ln();
            let target = |k| {
                f64::from(u8::from(k == *label as usize)) * (1.0 - smoothing) + smoothing / classes as f64
            };
            z.iter().enumerate().map(|(k, z)| target(k) * (log_total - z)).sum()
        };
        z.chunks(classes).zip(labels).map(of_picture).sum::<f64>() / labels.len() as f64
    }

    #[test]
    fn loss_and_gradient_are_the_definition_and_its_slope() {
        let logits = [0.3, -1.2, 0.7, 2.0, 0.1, -0.4];
        let labels = [1, 0];
        for smoothing in [0.0, 0.1, 0.9] {
            let loss = CrossEntropy::new(3, smoothing).unwrap();
            let mut z = logits.map(f64::from);
            let found = f64::from(loss.loss(&logits, &labels).unwrap());
            assert!((found - exact(&z, &labels, smoothing)).abs() < 1e-6, "{smoothing}");
            let gradient = loss.backward(&logits, &labels, 2.0).unwrap();
            // By central differences.
            for i in 0..z.len() {
                let at = z[i];
                z[i] = at + 1e-5;
                let up = exact(&z, &labels, smoothing);
                z[i] = at - 1e-5;
                let slope = (up - exact(&z, &labels, smoothing)) / 2e-5;
                z[i] = at;
                assert!((f64::from(gradient[i]) - 2.0 * slope).abs() < 1e-6, "{smoothing} {i}");
            }
        }
    }

    /// keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1) by its formula:
    /// targets 0.05 and 0.95, softmax 1/2 and 1/2.
    #[test]
    fn smoothing_of_even_logits_changes_the_gradient_only() {
        let smoothed = CrossEntropy::new(2, 0.1).unwrap();
        assert_eq!(smoothed.loss(&[3.0, 3.0], &[1]), plain(2).loss(&[3.0, 3.0], &[1]));
        let gradient = smoothed.backward(&[3.0, 3.0], &[1], 1.0).unwrap();
        assert!((gradient[0] - 0.45).abs() < 1e-7 && (gradient[1] + 0.45).abs() < 1e-7, "{gradient:?}");
    }

    #[test]
    fn smoothing_outside_its_range_is_refused() {
        for smoothing in [-0.1, 1.0, f64::NAN] {
            assert!(matches!(CrossEntropy::new(2, smoothing), Err(ShapeError::Setting { .. })));
        }
        let error = CrossEntropy::new(2, 1.5).unwrap_err();
        assert_eq!(error.to_string(), "label smoothing is 1.5; expected a number in [0, 1)");
        assert!(CrossEntropy::new(0, 0.0).is_err());
    }

    #[test]
    fn a_logit_of_minus_infinity_is_a_class_that_is_ruled_out() {
        let logits = [0.0, f32::NEG_INFINITY];
        assert_eq!(plain(2).loss(&logits, &[0]), Ok(0.0));
        assert_eq!(CrossEntropy::new(2, 0.1).unwrap().loss(&logits, &[0]), Ok(f32::INFINITY));
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let loss = plain(2).loss(&[1e4, -1e4], &[1]).unwrap();
        assert_eq!(loss, 2e4);
    }

    #[test]
    fn ties_go_to_the_first_and_bad_labels_are_errors() {
        assert_eq!(count_correct(2, &[1.0, 1.0, 1.0, 1.0], &[0, 1]), Ok(1));
        assert!(matches!(
            plain(2).loss(&[0.0; 4], &[0, 2]),
            Err(ShapeError::Label { label: 2, picture: 1, classes: 2 })
        ));
        assert!(matches!(plain(2).loss(&[0.0; 3], &[0, 1]), Err(ShapeError::Length { .. })));
    }
}
