//! A whole network as one candle op: loss and gradient in one pass over [`kernels::plan`], on the CPU.
//!
//! The gradient is computed with the loss, while a block of pictures is in the cache, and handed out when `backward`
//! comes.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};
use kernels::Simd;
use kernels::plan::{Plan, PlanLayer};

use crate::Error;
use crate::architecture::{Activation, Architecture, Layer, Padding};
use crate::network::Loss;
use crate::ops::{with_values, wrap};

/// The plan of an architecture, where its layers allow one and the device is the CPU.
pub(crate) fn plan(
    architecture: &Architecture,
    device: &Device,
) -> std::result::Result<Option<Arc<Plan>>, Error> {
    let mut layers = Vec::new();
    for named in architecture.layers() {
        layers.push(match named.layer {
            Layer::Conv2d {
                filters,
                kernel,
                stride: [1, 1],
                padding: Padding::Valid,
                bias: true,
                activation: Activation::Relu,
            } => PlanLayer::ConvRelu { filters, kernel },
            Layer::MaxPool2d { window: [2, 2], stride: None | Some([2, 2]) } => PlanLayer::MaxPool2x2,
            // Between convolutions and dense layers, where a plan has it by itself.
            Layer::Flatten => continue,
            Layer::Dense { units: Some(units), bias: true, activation: Activation::Relu } => {
                PlanLayer::DenseRelu { units }
            }
            Layer::Dense { units: Some(classes), bias: true, activation: Activation::Linear } => {
                PlanLayer::Logits { classes }
            }
            _ => return Ok(None),
        });
    }
    if !device.is_cpu() {
        return Ok(None);
    }
    Ok(Plan::new(architecture.input(), &layers).map_err(wrap)?.map(Arc::new))
}

/// The loss of a batch, with the gradient of the weights.
pub(crate) fn loss(
    plan: &Plan,
    simd: Simd,
    weights: &Tensor,
    images: &Tensor,
    labels: &Tensor,
    label_smoothing: f64,
) -> Result<Loss> {
    let labels: Vec<u32> = labels.to_vec1()?;
    let outcome = with_values([weights, &images.contiguous()?], |[weights, images]| {
        plan.train(simd, weights, images, &labels, label_smoothing).map_err(wrap)
    })?;
    Ok(Loss { mean: with_gradient(weights, outcome.loss, outcome.gradient)?, correct: outcome.correct })
}

/// Logits without gradients.
pub(crate) fn logits(plan: &Plan, simd: Simd, weights: &Tensor, images: &Tensor) -> Result<Tensor> {
    let logits = with_values([weights, &images.contiguous()?], |[weights, images]| {
        plan.logits(simd, weights, images).map_err(wrap)
    })?;
    Tensor::from_vec(logits, (images.dim(0)?, plan.classes()), images.device())
}

/// A loss whose gradient with respect to `weights` is known already.
pub(crate) fn with_gradient(weights: &Tensor, loss: f32, gradient: Vec<f32>) -> Result<Tensor> {
    let gradient = Tensor::from_vec(gradient, weights.shape(), weights.device())?;
    weights.apply_op1(Ready { loss, gradient })
}

struct Ready {
    loss: f32,
    gradient: Tensor,
}

impl CustomOp1 for Ready {
    fn name(&self) -> &'static str {
        "network-loss"
    }

    fn cpu_fwd(&self, _weights: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.loss]), ().into()))
    }

    fn bwd(&self, _weights: &Tensor, _loss: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(match grad.to_scalar::<f32>()? {
            1.0 => self.gradient.clone(),
            scale => self.gradient.affine(f64::from(scale), 0.0)?,
        }))
    }
}
