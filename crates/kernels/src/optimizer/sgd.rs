//! Gradient descent, plain and with momentum.

use rayon::prelude::*;

use super::{PIECE, check_lengths};
use crate::error::ShapeError;
use crate::simd::{Kernel, Lanes, Simd};

/// One step of plain gradient descent: `w -= rate * g`.
///
/// # Errors
/// If the slices differ in length.
pub fn sgd(simd: Simd, rate: f32, weights: &mut [f32], gradient: &[f32]) -> Result<(), ShapeError> {
    check_lengths(weights, &[("gradient", gradient)])?;
    weights
        .par_chunks_mut(PIECE)
        .zip(gradient.par_chunks(PIECE))
        .for_each(|(weights, gradient)| simd.run(Plain { rate, weights, gradient }));
    Ok(())
}

struct Plain<'a> {
    rate: f32,
    weights: &'a mut [f32],
    gradient: &'a [f32],
}

impl Kernel for Plain<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        for (w, &g) in self.weights.iter_mut().zip(self.gradient) {
            *w -= self.rate * g;
        }
    }
}

/// Gradient descent with momentum, as Keras' `SGD` does it where its momentum is not 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// The part of the velocity that is kept, in [0, 1].
    pub momentum: f64,
    /// What the weights move by.
    pub kind: MomentumKind,
}

/// What the weights move by, once the velocity is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MomentumKind {
    /// The velocity (Polyak, 1964).
    #[default]
    Polyak,
    /// Where the velocity leads from there: Nesterov's momentum, as Sutskever et al. (2013) write it.
    Nesterov,
}

impl Momentum {
    /// One step: `velocity = momentum * velocity - rate * g`, then `w += velocity`, or with Nesterov's momentum
    /// `w += momentum * velocity - rate * g`. The velocity is 0 before the first step.
    ///
    /// # Errors
    /// If the slices differ in length.
    pub fn step(
        &self,
        simd: Simd,
        rate: f32,
        weights: &mut [f32],
        gradient: &[f32],
        velocity: &mut [f32],
    ) -> Result<(), ShapeError> {
        check_lengths(weights, &[("gradient", gradient), ("velocity", velocity)])?;
        let (momentum, kind) = (self.momentum as f32, self.kind);
        (weights.par_chunks_mut(PIECE), gradient.par_chunks(PIECE), velocity.par_chunks_mut(PIECE))
            .into_par_iter()
            .for_each(|(weights, gradient, velocity)| {
                simd.run(Step { rate, momentum, kind, weights, gradient, velocity });
            });
        Ok(())
    }
}

/// A step of some parameters.
struct Step<'a> {
    rate: f32,
    momentum: f32,
    kind: MomentumKind,
    weights: &'a mut [f32],
    gradient: &'a [f32],
    velocity: &'a mut [f32],
}

impl Kernel for Step<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { rate, momentum, .. } = self;
        let parameters = self.weights.iter_mut().zip(self.gradient).zip(self.velocity);
        match self.kind {
            MomentumKind::Polyak => {
                for ((w, &g), v) in parameters {
                    *v = *v * momentum - g * rate;
                    *w += *v;
                }
            }
            MomentumKind::Nesterov => {
                for ((w, &g), v) in parameters {
                    *v = *v * momentum - g * rate;
                    *w += *v * momentum - g * rate;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_step() {
        let mut w = [1.0, 2.0];
        sgd(Simd::best(), 0.5, &mut w, &[1.0, -1.0]).unwrap();
        assert_eq!(w, [0.5, 2.5]);
        assert!(sgd(Simd::best(), 0.1, &mut w, &[0.0; 3]).is_err());
    }

    /// By hand: momentum 0.5, rate 0.25, gradients 4 and then 8; every number is exact.
    #[test]
    fn two_steps_by_hand() {
        let run = |kind| {
            let (mut w, mut v) = ([1.0], [0.0]);
            let momentum = Momentum { momentum: 0.5, kind };
            momentum.step(Simd::best(), 0.25, &mut w, &[4.0], &mut v).unwrap();
            let first = (w[0], v[0]);
            momentum.step(Simd::best(), 0.25, &mut w, &[8.0], &mut v).unwrap();
            (first, (w[0], v[0]))
        };
        assert_eq!(run(MomentumKind::Polyak), ((0.0, -1.0), (-2.5, -2.5)));
        assert_eq!(run(MomentumKind::Nesterov), ((-0.5, -1.0), (-3.75, -2.5)));
    }

    #[test]
    fn lengths_are_checked() {
        let momentum = Momentum { momentum: 0.9, kind: MomentumKind::Nesterov };
        assert!(momentum.step(Simd::best(), 0.1, &mut [0.0; 2], &[0.0; 2], &mut [0.0]).is_err());
        assert!(momentum.step(Simd::best(), 0.1, &mut [0.0; 2], &[0.0; 1], &mut [0.0; 2]).is_err());
    }
}
