//! Pooling in the place of candle's `max_pool2d` and `avg_pool2d`.

use candle_core::{Module, Result, Tensor, ToUsize2};

use super::layout::{channels_first, channels_last};
use crate::ops;

/// Where the windows of a pooling layer lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Windows {
    window: [usize; 2],
    stride: [usize; 2],
}

/// The greatest of each window: `(B, C, H, W)` to `(B, C, OH, OW)`. The first of equal ones takes the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastMaxPool2d(Windows);

/// The mean of each window: `(B, C, H, W)` to `(B, C, OH, OW)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastAvgPool2d(Windows);

impl FastMaxPool2d {
    /// Windows of a size, or of (height, width), side by side.
    pub fn new(window: impl ToUsize2) -> Self {
        Self(Windows::side_by_side(window))
    }

    /// The same windows, a stride or (down, right) apart.
    #[must_use]
    pub fn with_stride(self, stride: impl ToUsize2) -> Self {
        Self(self.0.apart(stride))
    }
}

impl FastAvgPool2d {
    /// Windows of a size, or of (height, width), side by side.
    pub fn new(window: impl ToUsize2) -> Self {
        Self(Windows::side_by_side(window))
    }

    /// The same windows, a stride or (down, right) apart.
    #[must_use]
    pub fn with_stride(self, stride: impl ToUsize2) -> Self {
        Self(self.0.apart(stride))
    }
}

impl Module for FastMaxPool2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Windows { window, stride } = self.0;
        channels_first(&ops::max_pool2d(&channels_last(x)?, window, stride)?)
    }
}

impl Module for FastAvgPool2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Windows { window, stride } = self.0;
        channels_first(&ops::avg_pool2d(&channels_last(x)?, window, stride)?)
    }
}

impl Windows {
    fn side_by_side(window: impl ToUsize2) -> Self {
        let window = window.to_usize2().into();
        Self { window, stride: window }
    }

    fn apart(self, stride: impl ToUsize2) -> Self {
        Self { stride: stride.to_usize2().into(), ..self }
    }
}
