//! Steps of optimizers over a flat list of parameters, in place, as Keras defines them; knows nothing of layers
//! or schedules.
//!
//! Every operation is rounded by itself, in the order of the formulas, as Keras rounds: multiply-adds are not
//! fused here. All of them are exact in IEEE 754, so instruction sets and threads do not change a bit.

mod adam;
mod sgd;

use rayon::prelude::*;

use crate::error::{ShapeError, check_len};
use crate::simd::{Kernel, Lanes, Simd};

pub use adam::Adam;
pub use sgd::{Momentum, MomentumKind, sgd};

/// Parameters in a piece of work; a shorter list is done by one thread.
const PIECE: usize = 16 * 1024;

/// Decoupled weight decay (Loshchilov and Hutter, 2019): `w -= w * decay * learning_rate`.
///
/// Called before the step of an optimizer, on the weights that are to decay (often not on biases): with
/// [`Adam`] it makes what Keras calls `AdamW`, whose `weight_decay` is 0.004 by default.
pub fn decay_weights(simd: Simd, learning_rate: f64, decay: f64, weights: &mut [f32]) {
    let (rate, decay) = (learning_rate as f32, decay as f32);
    weights.par_chunks_mut(PIECE).for_each(|weights| simd.run(Decay { rate, decay, weights }));
}

struct Decay<'a> {
    rate: f32,
    decay: f32,
    weights: &'a mut [f32],
}

impl Kernel for Decay<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        for w in self.weights {
            *w -= *w * self.decay * self.rate;
        }
    }
}

/// Checks that what belongs to the weights is as long as they are.
fn check_lengths(weights: &[f32], others: &[(&'static str, &[f32])]) -> Result<(), ShapeError> {
    others.iter().try_for_each(|(name, other)| check_len(name, other.len(), &[weights.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decay_by_rate_and_decay() {
        let mut w = [1.0, -2.0, 0.0, 1e6];
        decay_weights(Simd::best(), 0.5, 0.25, &mut w);
        assert_eq!(w, [0.875, -1.75, 0.0, 875_000.0]);
        let mut w = [f32::NAN, 3.0];
        decay_weights(Simd::best(), 0.1, 0.0, &mut w);
        assert!(w[0].is_nan() && w[1] == 3.0);
    }
}
