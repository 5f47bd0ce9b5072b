//! Pooling over windows of a picture, forward and backward; knows nothing of the layers around it.
//!
//! Windows do not go past the edge: trailing rows and columns that fill no window are left out, as in Keras
//! and PyTorch. Each channel by itself; all channels of a place are computed side by side.

mod average;
mod max;

pub use average::AvgPool2d;
pub use max::MaxPool2d;

use crate::error::{ShapeError, check_len, check_sizes};
use crate::parallel;

/// Where the windows of a picture lie.
#[derive(Clone, Debug)]
struct Windows {
    /// `(H, W, C)`.
    input: [usize; 3],
    window: [usize; 2],
    stride: [usize; 2],
    /// Rows and columns of windows.
    output: [usize; 2],
}

impl Windows {
    fn new(input: [usize; 3], window: [usize; 2], stride: [usize; 2]) -> Result<Self, ShapeError> {
        check_sizes(&[("the number of channels", input[2])])?;
        let fits = window[0] <= input[0] && window[1] <= input[1];
        // Places are counted in 32 bits.
        let countable = window[0].checked_mul(window[1]).is_some_and(|places| u32::try_from(places).is_ok());
        if !fits || !countable || window.contains(&0) || stride.contains(&0) {
            return Err(ShapeError::Window {
                window: format!("{} x {}", window[0], window[1]),
                stride: format!("{} x {}", stride[0], stride[1]),
                picture: format!("{} x {}", input[0], input[1]),
            });
        }
        let output = [(input[0] - window[0]) / stride[0] + 1, (input[1] - window[1]) / stride[1] + 1];
        Ok(Self { input, window, stride, output })
    }

    /// `(OH, OW, C)`.
    fn output_shape(&self) -> [usize; 3] {
        [self.output[0], self.output[1], self.channels()]
    }

    fn channels(&self) -> usize {
        self.input[2]
    }

    /// Places in a window.
    fn places(&self) -> usize {
        self.window[0] * self.window[1]
    }

    /// `y (B, OH, OW, C)` from `x (B, H, W, C)`: `one(x, y)` computes a picture.
    fn forward(
        &self,
        batch: usize,
        x: &[f32],
        one: impl Fn(&[f32], &mut [f32]) + Sync,
    ) -> Result<Vec<f32>, ShapeError> {
        let [h, w, channels] = self.input;
        check_len("input", x.len(), &[batch, h, w, channels])?;
        let each: usize = self.output_shape().iter().product();
        let mut y = vec![0.0; batch * each];
        parallel::blocks_mut(&mut y, each, |block, y| {
            let pictures = x.chunks_exact(h * w * channels).skip(block * parallel::BLOCK);
            for (y, x) in y.chunks_exact_mut(each).zip(pictures) {
                one(x, y);
            }
        });
        Ok(y)
    }

    /// `dx (B, H, W, C)` from `dy (B, OH, OW, C)`: `one(picture, dy, dx)` adds up what a picture's windows give.
    fn backward(
        &self,
        batch: usize,
        dy: &[f32],
        one: impl Fn(usize, &[f32], &mut [f32]) + Sync,
    ) -> Result<Vec<f32>, ShapeError> {
        let [oh, ow, channels] = self.output_shape();
        check_len("gradient of the result", dy.len(), &[batch, oh, ow, channels])?;
        let each: usize = self.input.iter().product();
        let mut dx = vec![0.0; batch * each];
        parallel::blocks_mut(&mut dx, each, |block, dx| {
            let first = block * parallel::BLOCK;
            let pictures = dy.chunks_exact(oh * ow * channels).enumerate().skip(first);
            for (dx, (picture, dy)) in dx.chunks_exact_mut(each).zip(pictures) {
                one(picture, dy, dx);
            }
        });
        Ok(dx)
    }

    /// Where the windows of a picture begin, in row-major order.
    fn corners(&self) -> impl Iterator<Item = usize> {
        let [_, width, channels] = self.input;
        let ([rows, columns], [down, right]) = (self.output, self.stride);
        (0..rows).flat_map(move |i| (0..columns).map(move |j| (i * down * width + j * right) * channels))
    }

    /// Distances of the places of a window from its first, in row-major order.
    fn taps(&self) -> impl Iterator<Item = usize> {
        let [_, width, channels] = self.input;
        let [rows, columns] = self.window;
        (0..rows).flat_map(move |u| (0..columns).map(move |v| (u * width + v) * channels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        assert!(Windows::new([2, 2, 1], [3, 1], [1, 1]).is_err());
        assert!(Windows::new([2, 2, 1], [1, 3], [1, 1]).is_err());
        assert!(Windows::new([2, 2, 1], [1, 1], [0, 1]).is_err());
        assert!(Windows::new([2, 2, 1], [1, 0], [1, 1]).is_err());
        assert!(Windows::new([2, 2, 0], [1, 1], [1, 1]).is_err());
        let error = Windows::new([2, 4, 1], [3, 1], [1, 2]).unwrap_err();
        assert_eq!(error.to_string(), "a window of 3 x 1 with stride 1 x 2 does not fit a picture of 2 x 4");
    }

    #[test]
    fn windows_lie_as_far_apart_as_the_stride_says() {
        // Rows of 5 places of 2 channels.
        let windows = Windows::new([4, 5, 2], [2, 3], [2, 1]).unwrap();
        assert_eq!(windows.output_shape(), [2, 3, 2]);
        assert_eq!(windows.corners().collect::<Vec<_>>(), [0, 2, 4, 20, 22, 24]);
        assert_eq!(windows.taps().collect::<Vec<_>>(), [0, 2, 4, 10, 12, 14]);
    }
}
