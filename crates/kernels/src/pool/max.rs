//! The greatest of each window.

use super::Windows;
use crate::error::{ShapeError, check_len};

/// The shape of a max pooling layer. The first maximum of a window in row-major order takes the whole gradient.
#[derive(Clone, Debug)]
pub struct MaxPool2d(Windows);

impl MaxPool2d {
    /// Pooling of pictures `(H, W, C)` over `window` (height, width), `stride` apart.
    ///
    /// # Errors
    /// If the window does not fit the picture, or a size is 0.
    pub fn new(input: [usize; 3], window: [usize; 2], stride: [usize; 2]) -> Result<Self, ShapeError> {
        Windows::new(input, window, stride).map(Self)
    }

    /// `(OH, OW, C)`.
    pub fn output_shape(&self) -> [usize; 3] {
        self.0.output_shape()
    }

    /// `y (B, OH, OW, C)` from `x (B, H, W, C)`. A window with a NaN gives NaN.
    ///
    /// # Errors
    /// If `x` does not have the length that its shape asks for.
    pub fn forward(&self, batch: usize, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
        self.0.forward(batch, x, |x, y| self.forward_one(x, y))
    }

    /// `dx (B, H, W, C)` from `x` and the gradient `dy (B, OH, OW, C)` of the result.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    pub fn backward(&self, batch: usize, x: &[f32], dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
        let [h, w, channels] = self.0.input;
        check_len("input", x.len(), &[batch, h, w, channels])?;
        let each = h * w * channels;
        self.0.backward(batch, dy, |picture, dy, dx| self.backward_one(&x[picture * each..][..each], dy, dx))
    }

    fn forward_one(&self, x: &[f32], y: &mut [f32]) {
        let channels = self.0.channels();
        for (corner, y) in self.0.corners().zip(y.chunks_exact_mut(channels)) {
            y.copy_from_slice(&x[corner..][..channels]);
            for tap in self.0.taps().skip(1) {
                for (y, &x) in y.iter_mut().zip(&x[corner + tap..][..channels]) {
                    *y = if beats(x, *y) { x } else { *y };
                }
            }
        }
    }

    fn backward_one(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let channels = self.0.channels();
        let taps: Vec<usize> = self.0.taps().collect();
        let mut best = vec![0.0; channels];
        // The number of the winning tap, as wide as a value so that both are selected alike.
        let mut from = vec![0u32; channels];
        for (corner, dy) in self.0.corners().zip(dy.chunks_exact(channels)) {
            best.copy_from_slice(&x[corner..][..channels]);
            from.fill(0);
            for (number, tap) in (0u32..).zip(&taps).skip(1) {
                let x = &x[corner + tap..][..channels];
                for ((best, from), &x) in best.iter_mut().zip(&mut from).zip(x) {
                    // Selects, not branches: which one wins cannot be predicted.
                    let wins = beats(x, *best);
                    *best = if wins { x } else { *best };
                    *from = if wins { number } else { *from };
                }
            }
            for (channel, (from, dy)) in from.iter().zip(dy).enumerate() {
                dx[corner + taps[*from as usize] + channel] += dy;
            }
        }
    }
}

/// Whether a later value takes the place of the best so far: only if greater, or the first NaN.
#[inline(always)]
fn beats(x: f32, best: f32) -> bool {
    x > best || (x.is_nan() && !best.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_maximum_takes_the_gradient() {
        // A 5x5 picture: its fifth row and column fill no window.
        let pool = MaxPool2d::new([5, 5, 1], [2, 2], [2, 2]).unwrap();
        #[rustfmt::skip]
        let x = [
            0.0, 0.0, 1.0, 3.0, 9.0,
            0.0, 0.0, 3.0, 2.0, 9.0,
            1.0, 2.0, 5.0, 5.0, 9.0,
            4.0, 3.0, 5.0, 5.0, 9.0,
            9.0, 9.0, 9.0, 9.0, 9.0,
        ];
        assert_eq!(pool.forward(1, &x).unwrap(), [0.0, 3.0, 4.0, 5.0]);
        #[rustfmt::skip]
        let expected = [
            1.0, 0.0, 0.0, 2.0, 0.0,
            0.0, 0.0, 0.0, 0.0, 0.0,
            0.0, 0.0, 4.0, 0.0, 0.0,
            3.0, 0.0, 0.0, 0.0, 0.0,
            0.0, 0.0, 0.0, 0.0, 0.0,
        ];
        assert_eq!(pool.backward(1, &x, &[1.0, 2.0, 3.0, 4.0]).unwrap(), expected);
    }

    #[test]
    fn overlapping_windows_add_up() {
        let pool = MaxPool2d::new([1, 3, 1], [1, 2], [1, 1]).unwrap();
        assert_eq!(pool.forward(1, &[1.0, 2.0, 0.0]).unwrap(), [2.0, 2.0]);
        assert_eq!(pool.backward(1, &[1.0, 2.0, 0.0], &[10.0, 5.0]).unwrap(), [0.0, 15.0, 0.0]);
    }

    #[test]
    fn nan_passes() {
        let pool = MaxPool2d::new([1, 3, 1], [1, 3], [1, 3]).unwrap();
        for x in [[f32::NAN, 1.0, 2.0], [1.0, f32::NAN, 2.0], [1.0, 2.0, f32::NAN]] {
            assert!(pool.forward(1, &x).unwrap()[0].is_nan());
        }
    }
}
