//! Activations that a layer applies to its result, and their backward pass.

use crate::product::Finish;

/// What a layer applies to its sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
}

impl Activation {
    pub(crate) fn finish(self) -> Finish {
        match self {
            Self::Linear => Finish::Keep,
            Self::Relu => Finish::Relu,
        }
    }

    /// Writes the gradient before the activation, from the layer's result `y` and the gradient `dy` of the result.
    /// ReLU's gradient at 0 is 0, as in Keras and PyTorch.
    pub(crate) fn backward(self, y: &[f32], dy: &[f32], before: &mut [f32]) {
        match self {
            Self::Linear => before.copy_from_slice(dy),
            Self::Relu => {
                for ((before, &y), &dy) in before.iter_mut().zip(y).zip(dy) {
                    // A select, not a branch. NaN lets the gradient pass, so that it is not hidden.
                    *before = if y <= 0.0 { 0.0 } else { dy };
                }
            }
        }
    }
}
