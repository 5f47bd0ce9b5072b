//! The mean of each window.

use super::Windows;
use crate::error::ShapeError;

/// The shape of an average pooling layer. A window of the picture's size makes it global average pooling.
#[derive(Clone, Debug)]
pub struct AvgPool2d(Windows);

impl AvgPool2d {
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

    /// `y (B, OH, OW, C)` from `x (B, H, W, C)`: the places of a window added in row-major order, then divided
    /// by how many they are.
    ///
    /// # Errors
    /// If `x` does not have the length that its shape asks for.
    pub fn forward(&self, batch: usize, x: &[f32]) -> Result<Vec<f32>, ShapeError> {
        self.0.forward(batch, x, |x, y| self.forward_one(x, y))
    }

    /// `dx (B, H, W, C)` from the gradient `dy (B, OH, OW, C)` of the result: each place of a window takes an
    /// equal part. What a place takes from several windows is added in row-major order of the windows.
    ///
    /// # Errors
    /// If `dy` does not have the length that its shape asks for.
    pub fn backward(&self, batch: usize, dy: &[f32]) -> Result<Vec<f32>, ShapeError> {
        self.0.backward(batch, dy, |_, dy, dx| self.backward_one(dy, dx))
    }

    fn forward_one(&self, x: &[f32], y: &mut [f32]) {
        let channels = self.0.channels();
        let places = self.0.places() as f32;
        for (corner, y) in self.0.corners().zip(y.chunks_exact_mut(channels)) {
            y.copy_from_slice(&x[corner..][..channels]);
            for tap in self.0.taps().skip(1) {
                for (y, x) in y.iter_mut().zip(&x[corner + tap..][..channels]) {
                    *y += x;
                }
            }
            for y in y {
                *y /= places;
            }
        }
    }

    fn backward_one(&self, dy: &[f32], dx: &mut [f32]) {
        let channels = self.0.channels();
        let places = self.0.places() as f32;
        let mut part = vec![0.0; channels];
        for (corner, dy) in self.0.corners().zip(dy.chunks_exact(channels)) {
            for (part, dy) in part.iter_mut().zip(dy) {
                *part = dy / places;
            }
            for tap in self.0.taps() {
                for (dx, part) in dx[corner + tap..][..channels].iter_mut().zip(&part) {
                    *dx += part;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_takes_an_equal_part() {
        // The third column fills no window.
        let pool = AvgPool2d::new([2, 3, 1], [2, 2], [2, 2]).unwrap();
        assert_eq!(pool.forward(1, &[1.0, 2.0, 9.0, 4.0, 5.0, 9.0]).unwrap(), [3.0]);
        assert_eq!(pool.backward(1, &[8.0]).unwrap(), [2.0, 2.0, 0.0, 2.0, 2.0, 0.0]);
    }

    #[test]
    fn overlapping_windows_add_up() {
        let pool = AvgPool2d::new([1, 3, 2], [1, 2], [1, 1]).unwrap();
        let x = [1.0, 10.0, 3.0, 30.0, 5.0, 50.0];
        assert_eq!(pool.forward(1, &x).unwrap(), [2.0, 20.0, 4.0, 40.0]);
        assert_eq!(pool.backward(1, &[2.0, 4.0, 6.0, 8.0]).unwrap(), [1.0, 2.0, 4.0, 6.0, 3.0, 4.0]);
    }

    #[test]
    fn a_window_of_the_whole_picture_is_the_mean() {
        let pool = AvgPool2d::new([2, 2, 1], [2, 2], [1, 1]).unwrap();
        assert_eq!(pool.output_shape(), [1, 1, 1]);
        assert_eq!(pool.forward(2, &[1.0, 2.0, 3.0, 6.0, 0.0, 0.0, 0.0, 4.0]).unwrap(), [3.0, 1.0]);
    }

    #[test]
    fn nan_passes_and_lengths_are_checked() {
        let pool = AvgPool2d::new([1, 2, 1], [1, 2], [1, 1]).unwrap();
        assert!(pool.forward(1, &[1.0, f32::NAN]).unwrap()[0].is_nan());
        assert!(pool.forward(1, &[1.0]).is_err());
        assert!(pool.backward(1, &[1.0, 2.0]).is_err());
        assert_eq!(pool.forward(0, &[]).unwrap(), []);
    }
}
