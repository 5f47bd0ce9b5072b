//! Two-dimensional convolution (cross-correlation, as all frameworks define it), forward and backward.
//!
//! `y[b][i][j][o] = act(bias[o] + sum over u, v, c of x[b][i*sh + u - pt][j*sw + v - pl][c] * w[u][v][c][o])`,
//! where `x` is 0 outside the picture.

mod gradient;
mod pooled;
mod strip;

use rayon::prelude::*;

pub use self::pooled::{ConvPool2d, Pooled};

use self::gradient::SumsGradient;
use self::strip::{Cut, Frame, Pictures, Rows};
use crate::activation::Activation;
use crate::error::{ShapeError, check_len, check_sizes};
use crate::panels::Panels;
use crate::parallel::BLOCK;
use crate::product::{self, Finish, Gather, padded};
use crate::simd::{LANES, Simd};

/// Zeros around a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

/// The shape of a convolution, checked once.
#[derive(Clone, Debug)]
pub struct Conv2d {
    input: [usize; 3],
    kernel: [usize; 2],
    filters: usize,
    stride: [usize; 2],
    padding: Padding,
    activation: Activation,
    output: [usize; 2],
}

/// The gradients of a convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// `(B, H, W, IC)`; `None` where it was not asked for.
    pub input: Option<Vec<f32>>,
    /// `(KH, KW, IC, OC)`.
    pub weights: Vec<f32>,
    /// `(OC)`.
    pub bias: Vec<f32>,
}

/// The gradients of what a layer learns.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// `(KH, KW, IC, OC)`.
    pub weights: Vec<f32>,
    /// `(OC)`.
    pub bias: Vec<f32>,
}

/// Whether the gradient of a layer's input is needed: not for the first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputGradient {
    /// Compute it.
    Needed,
    /// Leave it out.
    Skipped,
}

impl Conv2d {
    /// A convolution of pictures `(H, W, IC)` with `filters` kernels of `(KH, KW)`.
    ///
    /// # Errors
    /// If the kernel does not fit the padded picture, or a size is 0.
    pub fn new(
        input: [usize; 3],
        filters: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: Padding,
        activation: Activation,
    ) -> Result<Self, ShapeError> {
        let [height, width, channels] = input;
        check_sizes(&[
            ("the height", height),
            ("the width", width),
            ("the number of channels", channels),
            ("the number of filters", filters),
        ])?;
        let rows = input[0] + padding.top + padding.bottom;
        let columns = input[1] + padding.left + padding.right;
        let fits = kernel[0] <= rows && kernel[1] <= columns;
        if !fits || kernel.contains(&0) || stride.contains(&0) {
            return Err(ShapeError::Window {
                window: format!("{} x {}", kernel[0], kernel[1]),
                stride: format!("{} x {}", stride[0], stride[1]),
                picture: format!("{rows} x {columns}"),
            });
        }
        let output = [(rows - kernel[0]) / stride[0] + 1, (columns - kernel[1]) / stride[1] + 1];
        Ok(Self { input, kernel, filters, stride, padding, activation, output })
    }

    /// `(OH, OW, OC)`.
    pub fn output_shape(&self) -> [usize; 3] {
        [self.output[0], self.output[1], self.filters]
    }

    /// `(KH, KW, IC, OC)`.
    pub fn weight_shape(&self) -> [usize; 4] {
        [self.kernel[0], self.kernel[1], self.input[2], self.filters]
    }

    /// `y (B, OH, OW, OC)` from `x (B, H, W, IC)`, weights `(KH, KW, IC, OC)` and bias `(OC)`.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    pub fn forward(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        weights: &[f32],
        bias: &[f32],
    ) -> Result<Vec<f32>, ShapeError> {
        self.check(batch, x, Some(weights))?;
        check_len("bias", bias.len(), &[self.filters])?;
        Ok(self.result(simd, batch, x, weights, bias))
    }

    /// The gradients, from the input `x`, the result `y` of [`forward`](Self::forward) and its gradient `dy`.
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    #[expect(clippy::too_many_arguments, reason = "the terms of the formula")]
    pub fn backward(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        weights: &[f32],
        y: &[f32],
        dy: &[f32],
        input_gradient: InputGradient,
    ) -> Result<Gradients, ShapeError> {
        self.check(batch, x, Some(weights))?;
        let dy = self.sums_gradient(batch, y, dy)?;
        Ok(self.gradients(simd, batch, x, weights, &dy, input_gradient, BLOCK))
    }

    /// Only the gradients of weights and bias: see [`backward`](Self::backward).
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    pub fn weight_gradient(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        y: &[f32],
        dy: &[f32],
    ) -> Result<Parameters, ShapeError> {
        self.check(batch, x, None)?;
        let dy = self.sums_gradient(batch, y, dy)?;
        Ok(self.parameter_gradients(simd, batch, x, &dy, BLOCK))
    }

    /// Only the gradient of the input, `(B, H, W, IC)`: see [`backward`](Self::backward).
    ///
    /// # Errors
    /// If a slice does not have the length that its shape asks for.
    pub fn input_gradient(
        &self,
        simd: Simd,
        batch: usize,
        weights: &[f32],
        y: &[f32],
        dy: &[f32],
    ) -> Result<Vec<f32>, ShapeError> {
        check_len("weights", weights.len(), &self.weight_shape())?;
        let dy = self.sums_gradient(batch, y, dy)?;
        Ok(self.gradient_of_input(simd, batch, weights, &dy))
    }

    /// [`forward`](Self::forward), of slices whose lengths are right.
    pub(crate) fn result(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        weights: &[f32],
        bias: &[f32],
    ) -> Vec<f32> {
        let (panels, finish) = (self.panels(weights), self.activation.finish());
        let frame = Frame::of_input(self);
        convolve(simd, batch, &frame, self.output, &self.pictures(x), &panels, Some(bias), finish)
    }

    /// All gradients, of slices whose lengths are right, in blocks of `block` pictures.
    #[expect(clippy::too_many_arguments, reason = "the terms of the formula")]
    fn gradients(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        weights: &[f32],
        dy: &SumsGradient,
        input_gradient: InputGradient,
        block: usize,
    ) -> Gradients {
        let parameters = self.parameter_gradients(simd, batch, x, dy, block);
        let input = match input_gradient {
            InputGradient::Needed => Some(self.gradient_of_input(simd, batch, weights, dy)),
            InputGradient::Skipped => None,
        };
        Gradients { input, weights: parameters.weights, bias: parameters.bias }
    }

    /// [`backward`](Self::backward), with the gradients of weights summed over the pictures in one go.
    #[expect(clippy::too_many_arguments, reason = "the terms of the formula")]
    pub(crate) fn backward_in_one_block(
        &self,
        simd: Simd,
        batch: usize,
        x: &[f32],
        weights: &[f32],
        y: &[f32],
        dy: &[f32],
        input_gradient: InputGradient,
    ) -> Result<Gradients, ShapeError> {
        let dy = self.sums_gradient(batch, y, dy)?;
        Ok(self.gradients(simd, batch, x, weights, &dy, input_gradient, batch.max(1)))
    }

    fn sums_gradient<'a>(
        &self,
        batch: usize,
        y: &'a [f32],
        dy: &'a [f32],
    ) -> Result<SumsGradient<'a>, ShapeError> {
        let shape = self.output_shape();
        let [oh, ow, filters] = shape;
        check_len("result", y.len(), &[batch, oh, ow, filters])?;
        check_len("gradient of the result", dy.len(), &[batch, oh, ow, filters])?;
        Ok(SumsGradient { shape, activation: self.activation, y, dy, winners: None })
    }

    fn panels(&self, weights: &[f32]) -> Panels {
        Panels::of_rows(self.depth(), self.filters, |k, first, to| {
            to.copy_from_slice(&weights[k * self.filters + first..][..to.len()]);
        })
    }

    fn pictures<'a>(&self, values: &'a [f32]) -> Pictures<'a> {
        let [rows, columns, channels] = self.input;
        Pictures { values, rows, row_len: columns * channels }
    }

    fn depth(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.input[2]
    }

    fn check(&self, batch: usize, x: &[f32], weights: Option<&[f32]>) -> Result<(), ShapeError> {
        let [h, w, channels] = self.input;
        check_len("input", x.len(), &[batch, h, w, channels])?;
        weights.map_or(Ok(()), |weights| check_len("weights", weights.len(), &self.weight_shape()))
    }
}

/// Windows of a strip at most: many tiles for each reading of the weights, or of their sums, and yet the strip's
/// input stays in the second-level cache.
const STRIP: usize = 192;

/// Multiply-adds that are worth a piece of work of their own: some 40 µs.
const WORTH: usize = 1 << 21;

/// Strips for each thread, so that the last to finish is not much later than the others.
const SHARES: usize = 4;

/// Windows of a strip, of `windows` in all: what there is evenly for all threads, within reason.
fn strip_windows(windows: usize, panels: &Panels) -> usize {
    let even = windows / (SHARES * rayon::current_num_threads());
    even.min(STRIP).max(WORTH / (panels.depth() * panels.columns()))
}

/// A result for each of the `grid` (rows, columns) of windows of each picture, strip by strip.
#[expect(clippy::too_many_arguments, reason = "the terms of the formula")]
fn convolve(
    simd: Simd,
    batch: usize,
    frame: &Frame,
    grid: [usize; 2],
    source: &impl Rows,
    panels: &Panels,
    bias: Option<&[f32]>,
    finish: Finish,
) -> Vec<f32> {
    let columns = panels.columns();
    let cut = Cut::new(batch, grid, strip_windows(batch * grid[0] * grid[1], panels), 1);
    let (windows, segments) = (frame.windows(cut, grid[1]), frame.segments());
    let mut out = vec![0.0; batch * grid[0] * grid[1] * columns];
    let pieces: Vec<_> = cut.strips(0..batch).zip(cut.split(&mut out, grid[1] * columns)).collect();
    pieces.into_par_iter().for_each(|(strip, out)| {
        let framed = frame.strip(strip, source);
        let a = Gather { values: &framed, rows: &windows[..out.len() / columns], segments: &segments };
        product::product(simd, a, panels, bias, finish, out);
    });
    out
}

/// Rows of `columns` values in whole registers, filled up with zeros.
pub(crate) fn lanes_of(values: &[f32], columns: usize) -> std::borrow::Cow<'_, [[f32; LANES]]> {
    if columns.is_multiple_of(LANES) {
        return values.as_chunks().0.into();
    }
    let width = padded(columns) / LANES;
    let mut lanes = vec![[0.0; LANES]; values.len() / columns * width];
    for (to, from) in lanes.chunks_exact_mut(width).zip(values.chunks_exact(columns)) {
        to.as_flattened_mut()[..columns].copy_from_slice(from);
    }
    lanes.into()
}
