//! Batch normalisation over the last axis (Ioffe and Szegedy, 2015), forward and backward:
//! `y (N, C) = (x - mean) / sqrt(variance + epsilon) * gamma + beta`, where `N` counts all places of all pictures.
//!
//! Mean and variance are summed in `f64`: in `f32` the variance of numbers far from 0 would be noise. The rows
//! of a block, as many as its shape says, are added in order, and then the blocks in theirs.

mod rows;

use crate::error::{ShapeError, check_len, check_setting, check_sizes};
use crate::simd::Simd;
use rows::{Affine, sums};

/// Keras' value of what is added to the variance.
pub const EPSILON: f64 = 1e-3;
/// Keras' value of the part of a running statistic that a batch leaves as it is.
pub const MOMENTUM: f64 = 0.99;

/// The shape and the setting of a batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    channels: usize,
    epsilon: f64,
}

/// What a batch is normalised by, for every channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// The mean of the batch.
    pub mean: Vec<f64>,
    /// The mean of squared differences from the mean: the biased variance.
    pub variance: Vec<f64>,
}

/// Gradients of a batch normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// Of the input, `(N, C)`.
    pub input: Vec<f32>,
    /// Of the scale, `(C)`.
    pub gamma: Vec<f32>,
    /// Of the shift, `(C)`.
    pub beta: Vec<f32>,
}

impl Statistics {
    /// Moves running statistics `(C)` towards this batch's, as Keras does:
    /// `running = running * momentum + batch * (1 - momentum)`. Before the first batch the running mean is 0 and
    /// the running variance 1.
    ///
    /// # Errors
    /// If the lengths differ, or the momentum is not in [0, 1].
    pub fn update_running(
        &self,
        momentum: f64,
        mean: &mut [f32],
        variance: &mut [f32],
    ) -> Result<(), ShapeError> {
        check_setting("momentum", momentum, (0.0..=1.0).contains(&momentum), "a number in [0, 1]")?;
        check_len("running mean", mean.len(), &[self.mean.len()])?;
        check_len("running variance", variance.len(), &[self.variance.len()])?;
        let (keep, take) = (momentum as f32, (1.0 - momentum) as f32);
        for (running, batch) in [(mean, &self.mean), (variance, &self.variance)] {
            for (running, batch) in running.iter_mut().zip(batch) {
                *running = *running * keep + *batch as f32 * take;
            }
        }
        Ok(())
    }
}

impl BatchNorm {
    /// Normalisation of `channels` channels, `epsilon` (Keras: [`EPSILON`]) being added to variances.
    ///
    /// # Errors
    /// If there are no channels, or epsilon is not a finite number above 0.
    pub fn new(channels: usize, epsilon: f64) -> Result<Self, ShapeError> {
        check_sizes(&[("the number of channels", channels)])?;
        let right = epsilon > 0.0 && epsilon.is_finite();
        check_setting("epsilon", epsilon, right, "a finite number above 0")?;
        Ok(Self { channels, epsilon })
    }

    /// `y (N, C)` from `x (N, C)`, `gamma (C)` and `beta (C)`, normalised by the statistics of `x`, which come
    /// with it: for training. A channel with a NaN becomes NaN.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for, or there are no rows.
    pub fn forward_training(
        &self,
        simd: Simd,
        x: &[f32],
        gamma: &[f32],
        beta: &[f32],
    ) -> Result<(Vec<f32>, Statistics), ShapeError> {
        let rows = self.rows(x)?;
        check_sizes(&[("the number of rows", rows)])?;
        self.check(&[("gamma", gamma), ("beta", beta)])?;
        let statistics = self.statistics(simd, rows, x);
        let y = self.normalise(simd, x, gamma, beta, &statistics);
        Ok((y, statistics))
    }

    /// `y (N, C)` from `x (N, C)`, `gamma (C)` and `beta (C)`, normalised by running statistics `(C)`: for
    /// evaluation, where what a picture becomes does not depend on the others of its batch.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    pub fn forward_inference(
        &self,
        simd: Simd,
        x: &[f32],
        gamma: &[f32],
        beta: &[f32],
        mean: &[f32],
        variance: &[f32],
    ) -> Result<Vec<f32>, ShapeError> {
        self.rows(x)?;
        let running = [("running mean", mean), ("running variance", variance)];
        self.check(&[("gamma", gamma), ("beta", beta), running[0], running[1]])?;
        let [mean, variance] = [mean, variance].map(|values| values.iter().map(|v| f64::from(*v)).collect());
        Ok(self.normalise(simd, x, gamma, beta, &Statistics { mean, variance }))
    }

    /// The gradients of [`forward_training`](Self::forward_training), from its input, its statistics and the
    /// gradient `dy (N, C)` of its result. With `n = (x - mean) / sqrt(variance + epsilon)`:
    /// `dgamma = sum(dy * n)`, `dbeta = sum(dy)`,
    /// `dx = gamma / sqrt(variance + epsilon) * (dy - dbeta / N - n * dgamma / N)`.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for, or there are no rows.
    pub fn backward(
        &self,
        simd: Simd,
        x: &[f32],
        gamma: &[f32],
        statistics: &Statistics,
        dy: &[f32],
    ) -> Result<Gradients, ShapeError> {
        let rows = self.rows(x)?;
        check_sizes(&[("the number of rows", rows)])?;
        check_len("gradient of the result", dy.len(), &[rows, self.channels])?;
        self.check(&[("gamma", gamma)])?;
        check_len("mean", statistics.mean.len(), &[self.channels])?;
        check_len("variance", statistics.variance.len(), &[self.channels])?;
        let zeros = vec![0.0; self.channels];
        let sums = sums(simd, self.channels, [dy, x], [&zeros, &statistics.mean]);
        let mut gradients = Gradients { input: Vec::new(), gamma: Vec::new(), beta: Vec::new() };
        let (mut affine, mut factor) = (Affine::default(), Vec::new());
        for (c, scale) in self.scales(statistics).enumerate() {
            let (dbeta, dgamma) = (sums.first[c], sums.product[c] * scale);
            gradients.beta.push(dbeta as f32);
            gradients.gamma.push(dgamma as f32);
            affine.push(statistics.mean[c], -scale * dgamma / rows as f64, -dbeta / rows as f64);
            factor.push((f64::from(gamma[c]) * scale) as f32);
        }
        gradients.input = affine.apply_to_gradient(simd, x, dy, &factor);
        Ok(gradients)
    }

    /// Mean and variance of every channel.
    fn statistics(&self, simd: Simd, rows: usize, x: &[f32]) -> Statistics {
        // Sums of differences from the first row: they cancel less than sums of numbers far from 0, and are 0
        // where all rows are the same (Chan, Golub and LeVeque, 1983).
        let first: Vec<f64> = x[..self.channels].iter().map(|x| f64::from(*x)).collect();
        let sums = sums(simd, self.channels, [x, x], [&first, &first]);
        let mut statistics = Statistics { mean: Vec::new(), variance: Vec::new() };
        for c in 0..self.channels {
            let mean = sums.first[c] / rows as f64;
            let variance = sums.product[c] / rows as f64 - mean * mean;
            statistics.mean.push(first[c] + mean);
            // Rounding may leave less than nothing; NaN stays.
            statistics.variance.push(if variance < 0.0 { 0.0 } else { variance });
        }
        statistics
    }

    fn normalise(
        &self,
        simd: Simd,
        x: &[f32],
        gamma: &[f32],
        beta: &[f32],
        statistics: &Statistics,
    ) -> Vec<f32> {
        let mut affine = Affine::default();
        for (c, scale) in self.scales(statistics).enumerate() {
            affine.push(statistics.mean[c], f64::from(gamma[c]) * scale, f64::from(beta[c]));
        }
        affine.apply(simd, x)
    }

    /// `1 / sqrt(variance + epsilon)` of every channel.
    fn scales(&self, statistics: &Statistics) -> impl Iterator<Item = f64> {
        statistics.variance.iter().map(|variance| 1.0 / (variance + self.epsilon).sqrt())
    }

    fn rows(&self, x: &[f32]) -> Result<usize, ShapeError> {
        let rows = x.len() / self.channels;
        check_len("input", x.len(), &[rows, self.channels])?;
        Ok(rows)
    }

    fn check(&self, of_channels: &[(&'static str, &[f32])]) -> Result<(), ShapeError> {
        of_channels.iter().try_for_each(|(name, values)| check_len(name, values.len(), &[self.channels]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_by_hand() {
        // Means 2 and 10, variances 1 and 0.
        let norm = BatchNorm::new(2, 3.0).unwrap();
        let (y, statistics) =
            norm.forward_training(Simd::best(), &[1.0, 10.0, 3.0, 10.0], &[4.0, 1.0], &[0.5, -1.0]).unwrap();
        assert_eq!(statistics, Statistics { mean: vec![2.0, 10.0], variance: vec![1.0, 0.0] });
        assert_eq!(y, [-1.5, -1.0, 2.5, -1.0]);
        let (mut mean, mut variance) = ([0.0, 2.0], [1.0, 1.0]);
        statistics.update_running(0.75, &mut mean, &mut variance).unwrap();
        assert_eq!((mean, variance), ([0.5, 4.0], [1.0, 0.75]));
        let y =
            norm.forward_inference(Simd::best(), &[3.0, 7.0], &[2.0, 1.0], &[0.0; 2], &[1.0; 2], &[1.0, 6.0]);
        assert_eq!(y.unwrap(), [2.0, 2.0]);
    }

    /// Of one row nothing is left but beta, so x has no gradient.
    #[test]
    fn one_row() {
        let norm = BatchNorm::new(1, EPSILON).unwrap();
        let (y, statistics) = norm.forward_training(Simd::best(), &[0.1], &[2.0], &[0.3]).unwrap();
        assert_eq!(y, [0.3]);
        let gradients = norm.backward(Simd::best(), &[0.1], &[2.0], &statistics, &[0.7]).unwrap();
        assert_eq!(gradients, Gradients { input: vec![0.0], gamma: vec![0.0], beta: vec![0.7] });
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(BatchNorm::new(1, epsilon), Err(ShapeError::Setting { .. })));
        }
        assert!(BatchNorm::new(0, EPSILON).is_err());
        let norm = BatchNorm::new(2, EPSILON).unwrap();
        let train = |x: &[f32], gamma: &[f32]| norm.forward_training(Simd::best(), x, gamma, &[0.0; 2]);
        assert!(train(&[0.0; 4], &[1.0; 2]).is_ok());
        assert!(train(&[0.0; 3], &[1.0; 2]).is_err());
        assert!(train(&[0.0; 4], &[1.0; 3]).is_err());
        assert_eq!(train(&[], &[1.0; 2]), Err(ShapeError::Zero("the number of rows")));
        let statistics = Statistics { mean: vec![0.0; 2], variance: vec![1.0; 2] };
        assert!(norm.backward(Simd::best(), &[0.0; 4], &[1.0; 2], &statistics, &[0.0; 2]).is_err());
        assert!(statistics.update_running(1.5, &mut [0.0; 2], &mut [0.0; 2]).is_err());
        assert!(statistics.update_running(0.5, &mut [0.0; 1], &mut [0.0; 2]).is_err());
    }
}
