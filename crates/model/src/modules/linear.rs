//! A dense layer in the place of `candle_nn::Linear`.

use candle_core::{Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder};
use kernels::Simd;
use kernels::activation::Activation;

use super::layout::in_out;
use crate::ops;

/// `(..., IN)` to `(..., OUT)`, with weights `(OUT, IN)` and, where there is one, a bias `(OUT)`.
#[derive(Clone, Debug)]
pub struct FastLinear {
    layer: Linear,
    activation: Activation,
}

impl FastLinear {
    /// A dense layer.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self::of(Linear::new(weight, bias))
    }

    /// The same with `max(x, 0)` of the result, in the same pass.
    #[must_use]
    pub fn with_relu(self) -> Self {
        Self { activation: Activation::Relu, ..self }
    }

    /// The weights `(OUT, IN)`.
    pub fn weight(&self) -> &Tensor {
        self.layer.weight()
    }

    /// The bias `(OUT)`.
    pub fn bias(&self) -> Option<&Tensor> {
        self.layer.bias()
    }

    fn of(layer: Linear) -> Self {
        Self { layer, activation: Activation::Linear }
    }
}

impl Module for FastLinear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let weight = self.weight();
        let (outputs, inputs) = weight.dims2()?;
        let mut shape = x.dims().to_vec();
        let Some(last) = shape.last_mut().filter(|last| **last == inputs) else {
            candle_core::bail!("a dense layer of {inputs} inputs got {:?}", x.shape());
        };
        *last = outputs;
        let bias = match self.bias() {
            Some(bias) => bias.clone(),
            None => Tensor::zeros(outputs, weight.dtype(), weight.device())?,
        };
        let rows = x.reshape((x.elem_count() / inputs.max(1), inputs))?;
        ops::dense(&rows, &in_out(weight)?, &bias, self.activation, Simd::best())?.reshape(shape)
    }
}

/// As `candle_nn::linear`, whose variables it makes: `weight` and `bias`.
///
/// # Errors
/// If the variables are there in another shape.
pub fn fast_linear(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<FastLinear> {
    candle_nn::linear(inputs, outputs, vb).map(FastLinear::of)
}

/// As `candle_nn::linear_no_bias`, whose variable it makes: `weight`.
///
/// # Errors
/// If the variable is there in another shape.
pub fn fast_linear_no_bias(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<FastLinear> {
    candle_nn::linear_no_bias(inputs, outputs, vb).map(FastLinear::of)
}
