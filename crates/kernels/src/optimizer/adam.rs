//! Adam: steps by the running means of gradients and of their squares.

use rayon::prelude::*;

use super::{PIECE, check_lengths};
use crate::error::ShapeError;
use crate::simd::{Kernel, Lanes, Simd};

/// The settings of Adam (Kingma and Ba, 2015). With [`decay_weights`](super::decay_weights) before each step it
/// is AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the mean of gradients.
    pub beta_1: f64,
    /// Decay of the mean of squared gradients.
    pub beta_2: f64,
    /// Added to the root of the mean of squares, before the bias correction as in Keras.
    pub epsilon: f32,
}

impl Default for Adam {
    /// Keras' defaults.
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

impl Adam {
    /// The learning rate with both bias corrections in it, for the step counted from 1:
    /// `lr * sqrt(1 - beta_2^t) / (1 - beta_1^t)`, rounded to `f32` where Keras rounds.
    pub fn corrected_rate(&self, learning_rate: f64, step: u64) -> f32 {
        let power = |beta: f64| libm::pow(f64::from(beta as f32), step as f64) as f32;
        learning_rate as f32 * (1.0 - power(self.beta_2)).sqrt() / (1.0 - power(self.beta_1))
    }

    /// One step: `m += (g - m)(1 - beta_1)`, `v += (g^2 - v)(1 - beta_2)`,
    /// `w -= rate * m / (sqrt(v) + epsilon)`, with `rate` from [`corrected_rate`](Self::corrected_rate).
    ///
    /// # Errors
    /// If the four slices differ in length.
    pub fn step(
        &self,
        simd: Simd,
        rate: f32,
        weights: &mut [f32],
        gradient: &[f32],
        mean: &mut [f32],
        square: &mut [f32],
    ) -> Result<(), ShapeError> {
        check_lengths(weights, &[("gradient", gradient), ("first moment", mean), ("second moment", square)])?;
        let (keep_1, keep_2) = ((1.0 - self.beta_1) as f32, (1.0 - self.beta_2) as f32);
        let epsilon = self.epsilon;
        (
            weights.par_chunks_mut(PIECE),
            gradient.par_chunks(PIECE),
            mean.par_chunks_mut(PIECE),
            square.par_chunks_mut(PIECE),
        )
            .into_par_iter()
            .for_each(|(weights, gradient, mean, square)| {
                simd.run(Step { rate, keep_1, keep_2, epsilon, weights, gradient, mean, square });
            });
        Ok(())
    }
}

/// A step of some parameters.
struct Step<'a> {
    rate: f32,
    /// `1 - beta_1`.
    keep_1: f32,
    /// `1 - beta_2`.
    keep_2: f32,
    epsilon: f32,
    weights: &'a mut [f32],
    gradient: &'a [f32],
    mean: &'a mut [f32],
    square: &'a mut [f32],
}

impl Kernel for Step<'_> {
    /// The formula as it stands: no element depends on another, so the compiler fills whole registers.
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { rate, keep_1, keep_2, epsilon, .. } = self;
        for (((w, &g), m), v) in self.weights.iter_mut().zip(self.gradient).zip(self.mean).zip(self.square) {
            *m += (g - *m) * keep_1;
            *v += (g * g - *v) * keep_2;
            *w -= rate * *m / (v.sqrt() + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::decay_weights;

    /// Fifty steps of 40 parameters against Keras' formula in `f64`.
    fn follows_keras(decay: f64) {
        let adam = Adam::default();
        let gradients: Vec<f32> =
            (0..40).map(|i| ((i * 37 % 19) as f32 - 9.0) * 10f32.powi(i % 5 - 4)).collect();
        let (mut w, mut m, mut v) = (vec![0.5f32; 40], vec![0.0; 40], vec![0.0; 40]);
        let mut exact: Vec<[f64; 3]> = vec![[0.5, 0.0, 0.0]; 40];
        for step in 1..=50 {
            let sign = if step % 3 == 0 { -1.0 } else { 1.0 };
            let g: Vec<f32> = gradients.iter().map(|g| g * sign).collect();
            decay_weights(Simd::best(), 1e-3, decay, &mut w);
            adam.step(Simd::best(), adam.corrected_rate(1e-3, step), &mut w, &g, &mut m, &mut v).unwrap();
            for (e, g) in exact.iter_mut().zip(&g) {
                let (g, b1, b2) = (f64::from(*g), 0.9f64, 0.999f64);
                e[0] -= e[0] * decay * 1e-3;
                e[1] += (g - e[1]) * (1.0 - b1);
                e[2] += (g * g - e[2]) * (1.0 - b2);
                let t = step as f64;
                let rate = 1e-3 * (1.0 - b2.powf(t)).sqrt() / (1.0 - b1.powf(t));
                e[0] -= rate * e[1] / (e[2].sqrt() + 1e-7);
            }
        }
        for (w, e) in w.iter().zip(exact) {
            assert!((f64::from(*w) - e[0]).abs() < 1e-6, "{w} {}", e[0]);
        }
    }

    #[test]
    fn adam_follows_the_formula_in_f64() {
        follows_keras(0.0);
    }

    #[test]
    fn adam_with_weight_decay_follows_the_formula_in_f64() {
        follows_keras(0.3);
    }

    #[test]
    fn lengths_are_checked() {
        let step = |g: &[f32], m: &mut [f32], v: &mut [f32]| {
            Adam::default().step(Simd::best(), 0.1, &mut [0.0; 2], g, m, v)
        };
        assert!(step(&[0.0; 2], &mut [0.0; 2], &mut [0.0; 2]).is_ok());
        assert!(step(&[0.0; 3], &mut [0.0; 2], &mut [0.0; 2]).is_err());
        assert!(step(&[0.0; 2], &mut [0.0; 1], &mut [0.0; 2]).is_err());
        assert!(step(&[0.0; 2], &mut [0.0; 2], &mut []).is_err());
    }
}
