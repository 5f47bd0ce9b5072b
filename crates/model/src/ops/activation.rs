//! Activations by themselves as a candle op.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use kernels::curve::Curve;

use super::{composed, f32s, with_values, wrap};
use crate::architecture::Activation;

/// The function of every element, of a tensor of any shape. On the CPU the same bits on every machine.
///
/// # Errors
/// If the tensor is not `f32`.
pub fn activate(input: &Tensor, function: Activation) -> Result<Tensor> {
    let curve = match function {
        Activation::Linear => return Ok(input.clone()),
        Activation::Relu => Curve::Relu,
        Activation::LeakyRelu => Curve::LeakyRelu,
        Activation::Elu => Curve::Elu,
        Activation::Gelu => Curve::Gelu,
        Activation::Silu => Curve::Silu,
        Activation::Sigmoid => Curve::Sigmoid,
        Activation::Tanh => Curve::Tanh,
    };
    if !input.device().is_cpu() {
        return composed::curve(input, curve);
    }
    input.contiguous()?.apply_op1(Op(curve))
}

struct Op(Curve);

impl CustomOp1 for Op {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.0.forward(f32s(x, layout)?)), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dx =
            with_values([x, y, &dy.contiguous()?], |[x, y, dy]| self.0.backward(x, y, dy).map_err(wrap))?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}
