//! Dense (fully connected) layers, forward and backward: `y (B, OUT) = act(x (B, IN) · w (IN, OUT) + bias)`.
//!
//! A dense layer is a convolution of pictures of one pixel with a kernel of one pixel. Only its gradients of weights
//! are summed in another order: over the whole batch, since there is but one pixel a picture.

use crate::activation::Activation;
use crate::conv::{Conv2d, Gradients, InputGradient, Padding};
use crate::error::{ShapeError, check_len, check_sizes};
use crate::simd::Simd;

/// The shape of a dense layer.
#[derive(Clone, Debug)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    conv: Conv2d,
}

impl Dense {
    /// A layer from `inputs` to `outputs` numbers.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn new(inputs: usize, outputs: usize, activation: Activation) -> Result<Self, ShapeError> {
        check_sizes(&[("the number of inputs", inputs), ("the number of outputs", outputs)])?;
        let conv = Conv2d::new([1, 1, inputs], outputs, [1, 1], [1, 1], Padding::default(), activation)?;
        Ok(Self { inputs, outputs, conv })
    }

    /// `y (B, OUT)` from `x (B, IN)`, weights `(IN, OUT)` and bias `(OUT)`.
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
        self.check(batch, x, weights)?;
        check_len("bias", bias.len(), &[self.outputs])?;
        Ok(self.conv.result(simd, batch, x, weights, bias))
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
        self.check(batch, x, weights)?;
        check_len("result", y.len(), &[batch, self.outputs])?;
        check_len("gradient of the result", dy.len(), &[batch, self.outputs])?;
        self.conv.backward_in_one_block(simd, batch, x, weights, y, dy, input_gradient)
    }

    fn check(&self, batch: usize, x: &[f32], weights: &[f32]) -> Result<(), ShapeError> {
        check_len("input", x.len(), &[batch, self.inputs])?;
        check_len("weights", weights.len(), &[self.inputs, self.outputs])
    }
}
