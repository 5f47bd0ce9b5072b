//! Activations that stand by themselves, element by element, forward and backward; knows nothing of layers.
//!
//! `exp`, `tanh` and the error function are `libm`'s, the same code on every machine.

use rayon::prelude::*;

use crate::error::{ShapeError, check_len};

/// Elements in a piece of work.
const PIECE: usize = 16 * 1024;

/// The slope of [`Curve::LeakyRelu`] below 0, that of Keras' layer.
pub const LEAKY_SLOPE: f32 = 0.3;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
    /// `x` above 0, else [`LEAKY_SLOPE`] times `x`.
    LeakyRelu,
    /// `x` above 0, else `exp(x) - 1` (Clevert et al., 2016).
    Elu,
    /// `x` times the normal distribution up to `x` (Hendrycks and Gimpel, 2016): `x (1 + erf(x / sqrt(2))) / 2`.
    Gelu,
    /// `x sigmoid(x)` (Elfwing et al., 2018).
    Silu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl Curve {
    /// `y` of every `x`.
    pub fn forward(self, x: &[f32]) -> Vec<f32> {
        match self {
            Self::Relu => map(x, |x| if x <= 0.0 { 0.0 } else { x }),
            Self::LeakyRelu => map(x, |x| if x <= 0.0 { x * LEAKY_SLOPE } else { x }),
            Self::Elu => map(x, |x| if x <= 0.0 { libm::expm1f(x) } else { x }),
            Self::Gelu => map(x, |x| x * below(x)),
            Self::Silu => map(x, |x| x * sigmoid(x)),
            Self::Sigmoid => map(x, sigmoid),
            Self::Tanh => map(x, libm::tanhf),
        }
    }

    /// `dx` from the `x` and `y` of [`forward`](Self::forward) and the gradient `dy` of `y`. Where a slope jumps, at
    /// 0, it is the lower one, as in Keras and PyTorch. A NaN lets the gradient pass, so that it is not hidden.
    ///
    /// # Errors
    /// If the slices differ in length.
    pub fn backward(self, x: &[f32], y: &[f32], dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
        check_len("result", y.len(), &[x.len()])?;
        check_len("gradient of the result", dy.len(), &[x.len()])?;
        Ok(match self {
            Self::Relu => slopes(x, y, dy, |x, _| if x <= 0.0 { 0.0 } else { 1.0 }),
            Self::LeakyRelu => slopes(x, y, dy, |x, _| if x <= 0.0 { LEAKY_SLOPE } else { 1.0 }),
            Self::Elu => slopes(x, y, dy, |x, y| if x <= 0.0 { y + 1.0 } else { 1.0 }),
            Self::Gelu => slopes(x, y, dy, |x, _| below(x) + x * density(x)),
            Self::Silu => slopes(x, y, dy, |x, y| {
                let s = sigmoid(x);
                s + y * (1.0 - s)
            }),
            Self::Sigmoid => slopes(x, y, dy, |_, y| y * (1.0 - y)),
            Self::Tanh => slopes(x, y, dy, |_, y| 1.0 - y * y),
        })
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

/// How much of the normal distribution lies below `x`. By `erfc`, which does not cancel far below 0.
fn below(x: f32) -> f32 {
    0.5 * libm::erfcf(-x * std::f32::consts::FRAC_1_SQRT_2)
}

/// The normal distribution's density, `exp(-x^2 / 2) / sqrt(2 pi)`.
fn density(x: f32) -> f32 {
    /// `1 / sqrt(2 pi)`.
    const PEAK: f32 = 0.398_942_3;
    PEAK * libm::expf(-0.5 * x * x)
}

fn map(x: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).for_each(|(y, x)| {
        for (y, x) in y.iter_mut().zip(x) {
            *y = f(*x);
        }
    });
    y
}

/// `dy` times the slope at each place.
fn slopes(x: &[f32], y: &[f32], dy: &[f32], slope: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    (dx.par_chunks_mut(PIECE), x.par_chunks(PIECE), y.par_chunks(PIECE), dy.par_chunks(PIECE))
        .into_par_iter()
        .for_each(|(dx, x, y, dy)| {
            for (((dx, x), y), dy) in dx.iter_mut().zip(x).zip(y).zip(dy) {
                *dx = slope(*x, *y) * dy;
            }
        });
    dx
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Curve; 7] =
        [Curve::Relu, Curve::LeakyRelu, Curve::Elu, Curve::Gelu, Curve::Silu, Curve::Sigmoid, Curve::Tanh];

    /// The definitions in `f64`.
    fn exact(curve: Curve, x: f64) -> f64 {
        match curve {
            Curve::Relu => x.max(0.0),
            Curve::LeakyRelu => x.max(0.3 * x),
            Curve::Elu => {
                if x > 0.0 {
                    x
                } else {
                    x.exp() - 1.0
                }
            }
            Curve::Gelu => x * (1.0 + libm::erf(x / 2f64.sqrt())) / 2.0,
            Curve::Silu => x / (1.0 + (-x).exp()),
            Curve::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Curve::Tanh => x.tanh(),
        }
    }

    #[test]
    fn values_and_slopes_are_those_of_the_definitions() {
        let x: Vec<f32> = (-400..400).map(|i| (i as f32 + 0.5) / 40.0).collect();
        for curve in ALL {
            let y = curve.forward(&x);
            let dx = curve.backward(&x, &y, &vec![2.0; x.len()]).unwrap();
            for ((x, y), dx) in x.iter().zip(&y).zip(&dx) {
                let at = f64::from(*x);
                let value = exact(curve, at);
                assert!((f64::from(*y) - value).abs() < 1e-6 * (1.0 + value.abs()), "{curve:?} of {x}: {y}");
                let slope = (exact(curve, at + 1e-5) - exact(curve, at - 1e-5)) / 2e-5;
                assert!(
                    (f64::from(*dx) - 2.0 * slope).abs() < 3e-6,
                    "{curve:?} at {x}: {dx}, {}",
                    2.0 * slope
                );
            }
        }
    }

    #[test]
    fn nothing_is_hidden_and_nothing_overflows() {
        for curve in ALL {
            let x = [f32::NAN, 100.0, -100.0, 0.0];
            let y = curve.forward(&x);
            assert!(y[0].is_nan() && y[1..].iter().all(|y| y.is_finite()), "{curve:?}: {y:?}");
            let dx = curve.backward(&x, &y, &[1.0; 4]).unwrap();
            assert!(dx[0] != 0.0 && dx[1..].iter().all(|dx| dx.is_finite()), "{curve:?}: {dx:?}");
            assert!(curve.backward(&x, &y, &[1.0; 3]).is_err());
        }
    }
}
