//! Pictures as bytes with their labels; knows nothing of files or classes' names.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Shape of one picture: planes of rows of pixels, (C, H, W).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Colour planes: 3 for red, green, blue.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl Shape {
    /// A CIFAR-10 picture: red, green and blue planes of 32 x 32.
    pub const CIFAR: Self = Self { channels: 3, height: 32, width: 32 };

    /// Values in one picture: C * H * W.
    #[expect(clippy::len_without_is_empty, reason = "a number of values, not a container")]
    pub const fn len(self) -> usize {
        self.channels * self.height * self.width
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// N pictures of one shape, (N, C, H, W) row-major bytes, and a label for each. A clone shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    shape: Shape,
    pixels: Arc<Vec<u8>>,
    labels: Arc<Vec<u8>>,
}

impl Pictures {
    /// Takes (N, C, H, W) `pixels` and N `labels`.
    ///
    /// # Errors
    /// When the number of pixels is not N * C * H * W.
    pub fn new(shape: Shape, pixels: Vec<u8>, labels: Vec<u8>) -> Result<Self> {
        if labels.len().checked_mul(shape.len()) != Some(pixels.len()) {
            return Err(Error::Pixels { shape, labels: labels.len(), pixels: pixels.len() });
        }
        Ok(Self { shape, pixels: Arc::new(pixels), labels: Arc::new(labels) })
    }

    /// Number of pictures, N.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Shape of one picture.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The bytes (C, H, W) of picture `i`.
    ///
    /// # Panics
    /// When `i` is not less than [`len`](Self::len), as slices do.
    pub fn picture(&self, i: usize) -> &[u8] {
        let len = self.shape.len();
        &self.pixels[i * len..][..len]
    }

    /// The label of picture `i`.
    ///
    /// # Panics
    /// When `i` is not less than [`len`](Self::len), as slices do.
    pub fn label(&self, i: usize) -> u8 {
        self.labels[i]
    }

    /// All pixels, (N, C, H, W).
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels, (N).
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Shape = Shape { channels: 3, height: 1, width: 2 };

    #[test]
    fn a_picture_is_its_own_bytes() {
        let two = Pictures::new(SMALL, (0..12).collect(), vec![7, 9]).unwrap();
        assert_eq!((two.len(), two.is_empty()), (2, false));
        assert_eq!((two.picture(1), two.label(1)), (&[6, 7, 8, 9, 10, 11][..], 9));
    }

    #[test]
    fn pixels_must_fit_the_labels() {
        let error = Pictures::new(SMALL, vec![0; 11], vec![0, 1]).unwrap_err();
        assert_eq!(error.to_string(), "2 pictures of 3x1x2 need 12 bytes of pixels, found 11");
    }
}
