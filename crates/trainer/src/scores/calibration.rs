//! Whether a network is right as often as it says: Guo et al., "On Calibration of Modern Neural Networks" (2017).

use serde::Serialize;

/// Bins of confidence, all of the same width, as in Guo et al. Bin `i` has what lies above `i / BINS` and up to
/// `(i + 1) / BINS`.
pub const BINS: usize = 15;

/// Confidence beside accuracy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// The expected calibration error: the mean over the pictures of how far confidence and accuracy of their bin lie
    /// apart, 0 to 1.
    pub error: f64,
    /// The [`BINS`] bins, from the least confidence to the greatest.
    pub bins: Vec<Bin>,
}

/// Answers of about the same confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    /// How many.
    pub count: u64,
    /// Their mean confidence, 0 to 1; 0 if there are none.
    pub confidence: f64,
    /// The share that is right, 0 to 1; 0 if there are none.
    pub accuracy: f64,
}

impl Calibration {
    /// From the confidence of each answer and whether it is right. A confidence of NaN is in no bin.
    pub(super) fn of(answers: &[(f32, bool)]) -> Self {
        let mut bins = vec![Bin::default(); BINS];
        for &(confidence, right) in answers.iter().filter(|(confidence, _)| !confidence.is_nan()) {
            let confidence = f64::from(confidence);
            // A cast takes what is below 0 to 0.
            let place = ((confidence * BINS as f64).ceil() - 1.0) as usize;
            let bin = &mut bins[place.min(BINS - 1)];
            bin.count += 1;
            bin.confidence += confidence;
            bin.accuracy += f64::from(u8::from(right));
        }
        // Until here they were sums.
        let apart: f64 = bins.iter().map(|bin| (bin.confidence - bin.accuracy).abs()).sum();
        let count: u64 = bins.iter().map(|bin| bin.count).sum();
        for bin in &mut bins {
            let count = bin.count.max(1) as f64;
            bin.confidence /= count;
            bin.accuracy /= count;
        }
        Self { error: apart / count.max(1) as f64, bins }
    }
}
