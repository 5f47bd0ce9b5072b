//! Batch normalisation over the last axis as candle ops, by a batch's own statistics and by given ones.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use kernels::Simd;
use kernels::batch_norm::{BatchNorm, Statistics};

use super::{composed, f32s, with_values, wrap};

/// A normalised batch, and what it was normalised by.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// `(B, ..., C)`.
    pub output: Tensor,
    /// The means `(C)` of the batch, without gradients.
    pub mean: Tensor,
    /// The biased variances `(C)` of the batch, without gradients.
    pub variance: Tensor,
}

/// `(input - mean) / sqrt(variance + epsilon) * gamma + beta` by the batch's own mean and variance, for training:
/// `(B, ..., C)`, `(C)` and `(C)` to `(B, ..., C)`.
///
/// # Errors
/// If the shapes do not fit each other, there are no rows, or the tensors are not `f32` on one device.
pub fn batch_norm(
    input: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
    simd: Simd,
) -> Result<Normalised> {
    let channels = gamma.dims1()?;
    let norm = checked(input, channels, epsilon)?;
    if !input.device().is_cpu() {
        return composed::batch_norm(input, gamma, beta, epsilon);
    }
    let statistics = Arc::new(OnceLock::new());
    let op = TrainingOp { norm, simd, statistics: statistics.clone() };
    let output = input.contiguous()?.apply_op3(&gamma.contiguous()?, &beta.contiguous()?, op)?;
    let Some(Statistics { mean, variance }) = statistics.get() else {
        candle_core::bail!("batch-norm left no statistics")
    };
    let tensor = |values: &[f64]| {
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        Tensor::from_vec(values, channels, input.device())
    };
    Ok(Normalised { output, mean: tensor(mean)?, variance: tensor(variance)? })
}

/// The same by given means and variances `(C)`, which get no gradients: for evaluation.
///
/// # Errors
/// If the shapes do not fit each other, or the tensors are not `f32` on one device.
pub fn batch_norm_inference(
    input: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    epsilon: f64,
    simd: Simd,
) -> Result<Tensor> {
    let norm = checked(input, gamma.dims1()?, epsilon)?;
    let (mean, variance) = (mean.detach().contiguous()?, variance.detach().contiguous()?);
    if !input.device().is_cpu() {
        return composed::normalise(input, gamma, beta, &mean, &variance, epsilon);
    }
    let op = InferenceOp { norm, epsilon, simd, mean, variance };
    input.contiguous()?.apply_op3(&gamma.contiguous()?, &beta.contiguous()?, op)
}

fn checked(input: &Tensor, channels: usize, epsilon: f64) -> Result<BatchNorm> {
    if input.dims().last() != Some(&channels) {
        candle_core::bail!("batch-norm of {channels} channels got an input of {:?}", input.shape());
    }
    BatchNorm::new(channels, epsilon).map_err(wrap)
}

struct TrainingOp {
    norm: BatchNorm,
    simd: Simd,
    /// What the forward pass found.
    statistics: Arc<OnceLock<Statistics>>,
}

impl CustomOp3 for TrainingOp {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gamma, beta) = (f32s(gamma, gamma_layout)?, f32s(beta, beta_layout)?);
        let (y, statistics) =
            self.norm.forward_training(self.simd, f32s(x, x_layout)?, gamma, beta).map_err(wrap)?;
        self.statistics.get_or_init(|| statistics);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(statistics) = self.statistics.get() else {
            candle_core::bail!("batch-norm's backward before its forward")
        };
        let gradients = with_values([x, gamma, &dy.contiguous()?], |[x, gamma, dy]| {
            self.norm.backward(self.simd, x, gamma, statistics, dy).map_err(wrap)
        })?;
        let tensor =
            |values: Vec<f32>, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device()).map(Some);
        Ok((tensor(gradients.input, x)?, tensor(gradients.gamma, gamma)?, tensor(gradients.beta, beta)?))
    }
}

struct InferenceOp {
    norm: BatchNorm,
    epsilon: f64,
    simd: Simd,
    mean: Tensor,
    variance: Tensor,
}

impl CustomOp3 for InferenceOp {
    fn name(&self) -> &'static str {
        "batch-norm-inference"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, gamma, beta) = (f32s(x, x_layout)?, f32s(gamma, gamma_layout)?, f32s(beta, beta_layout)?);
        let y = with_values([&self.mean, &self.variance], |[mean, variance]| {
            self.norm.forward_inference(self.simd, x, gamma, beta, mean, variance).map_err(wrap)
        })?;
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    /// Of candle's own ops: the gradient of an evaluation is seldom asked for, and has no kernel.
    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        _beta: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (x, gamma) = (x.detach(), gamma.detach());
        let scale = (&self.variance + self.epsilon)?.sqrt()?.recip()?;
        let normal = x.broadcast_sub(&self.mean)?.broadcast_mul(&scale)?;
        let over_rows = |values: &Tensor| values.reshape(((), gamma.elem_count()))?.sum(0);
        let dx = dy.broadcast_mul(&(&gamma * scale)?)?;
        Ok((Some(dx), Some(over_rows(&(dy * normal)?)?), Some(over_rows(dy)?)))
    }
}
