//! A whole network as one candle op: loss and gradient in one pass over [`kernels::plan`], on the CPU.
//!
//! The op computes its gradient with its result, while a block of pictures is in the cache, and hands it out
//! when `backward` comes.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use kernels::Simd;
use kernels::plan::{Plan, PlanLayer};

use crate::Error;
use crate::architecture::{Activation, Architecture, Layer};
use crate::network::Loss;
use crate::ops::{f32s, u32s, with_values, wrap};

/// The plan of an architecture, where its layers allow one and the device is the CPU.
pub(crate) fn plan(
    architecture: &Architecture,
    device: &Device,
) -> std::result::Result<Option<Arc<Plan>>, Error> {
    let mut layers = Vec::new();
    for named in architecture.layers() {
        layers.push(match named.layer {
            Layer::Conv2d { filters, kernel, activation: Activation::Relu } => {
                PlanLayer::ConvRelu { filters, kernel }
            }
            Layer::MaxPool2d { window: [2, 2] } => PlanLayer::MaxPool2x2,
            // Between convolutions and dense layers, where a plan has it by itself.
            Layer::Flatten => continue,
            Layer::Dense { units, activation: Activation::Relu } => PlanLayer::DenseRelu { units },
            Layer::Dense { units, activation: Activation::Linear } => PlanLayer::Logits { classes: units },
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
    plan: &Arc<Plan>,
    simd: Simd,
    weights: &Tensor,
    images: &Tensor,
    labels: &Tensor,
) -> Result<Loss> {
    let found = Arc::new(Mutex::new(Found::default()));
    let op = Op { plan: plan.clone(), simd, found: found.clone() };
    let mean = weights.apply_op3(&images.contiguous()?, &labels.contiguous()?, op)?;
    let correct = found.lock().unwrap_or_else(PoisonError::into_inner).correct;
    Ok(Loss { mean, correct })
}

/// Logits without gradients.
pub(crate) fn logits(plan: &Plan, simd: Simd, weights: &Tensor, images: &Tensor) -> Result<Tensor> {
    let logits = with_values([weights, &images.contiguous()?], |[weights, images]| {
        plan.logits(simd, weights, images).map_err(wrap)
    })?;
    Tensor::from_vec(logits, (images.dim(0)?, plan.classes()), images.device())
}

struct Op {
    plan: Arc<Plan>,
    simd: Simd,
    found: Arc<Mutex<Found>>,
}

/// What the forward pass found besides the loss.
#[derive(Default)]
struct Found {
    correct: usize,
    gradient: Option<Tensor>,
}

impl CustomOp3 for Op {
    fn name(&self) -> &'static str {
        "network-loss"
    }

    fn cpu_fwd(
        &self,
        weights: &CpuStorage,
        weights_layout: &Layout,
        images: &CpuStorage,
        images_layout: &Layout,
        labels: &CpuStorage,
        labels_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (weights, images) = (f32s(weights, weights_layout)?, f32s(images, images_layout)?);
        let outcome =
            self.plan.train(self.simd, weights, images, u32s(labels, labels_layout)?).map_err(wrap)?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let len = outcome.gradient.len();
        let gradient = Tensor::from_vec(outcome.gradient, len, &Device::Cpu)?;
        *found = Found { correct: outcome.correct, gradient: Some(gradient) };
        Ok((CpuStorage::F32(vec![outcome.loss]), ().into()))
    }

    fn bwd(
        &self,
        _weights: &Tensor,
        _images: &Tensor,
        _labels: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let scale = grad.to_scalar::<f32>()?;
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let scaled = |gradient: &Tensor| match scale {
            1.0 => Ok(gradient.clone()),
            scale => gradient.affine(f64::from(scale), 0.0),
        };
        Ok((found.gradient.as_ref().map(scaled).transpose()?, None, None))
    }
}
