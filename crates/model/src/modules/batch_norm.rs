//! Batch normalisation in the place of `candle_nn::BatchNorm`.

use candle_core::{ModuleT, Result, Tensor, Var};
use candle_nn::{BatchNorm, BatchNormConfig, VarBuilder};
use kernels::Simd;

use super::layout::{channels_first, channels_last};
use crate::ops;

/// `(B, C, ...)` normalised for each channel: by the batch's statistics in training, else by running ones.
///
/// Running statistics are candle's and PyTorch's: `running * (1 - momentum) + batch * momentum`, the variance
/// unbiased. A batch with one number for each channel has no such variance; its biased one, 0, is taken.
#[derive(Clone, Debug)]
pub struct FastBatchNorm {
    running_mean: Var,
    running_variance: Var,
    /// The variables of a module that learns its scale and shift, else 1 and 0.
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
    momentum: f64,
}

impl FastBatchNorm {
    /// A module from its tensors, each `(num_features)`, with candle's momentum of 0.1.
    ///
    /// # Errors
    /// If a tensor has another shape, or epsilon is below 0.
    pub fn new(
        num_features: usize,
        running_mean: Tensor,
        running_var: Tensor,
        weight: Tensor,
        bias: Tensor,
        epsilon: f64,
    ) -> Result<Self> {
        Self::of(&BatchNorm::new(num_features, running_mean, running_var, weight, bias, epsilon)?)
    }

    /// The running means `(C)`.
    pub fn running_mean(&self) -> &Tensor {
        self.running_mean.as_tensor()
    }

    /// The running variances `(C)`.
    pub fn running_var(&self) -> &Tensor {
        self.running_variance.as_tensor()
    }

    fn of(layer: &BatchNorm) -> Result<Self> {
        let mean = layer.running_mean();
        let (weight, bias) = match layer.weight_and_bias() {
            Some((weight, bias)) => (weight.clone(), bias.clone()),
            // A variable's likeness is none: these are not learnt.
            None => (mean.ones_like()?, mean.zeros_like()?),
        };
        Ok(Self {
            // Both are variables already, so these are the same ones.
            running_mean: Var::from_tensor(mean)?,
            running_variance: Var::from_tensor(layer.running_var())?,
            weight,
            bias,
            epsilon: layer.eps(),
            momentum: layer.momentum(),
        })
    }

    fn forward_train(&self, x: &Tensor) -> Result<Tensor> {
        let batch = ops::batch_norm(x, &self.weight, &self.bias, self.epsilon, Simd::best())?;
        let rows = x.elem_count() / self.weight.elem_count().max(1);
        let unbiased = rows as f64 / rows.saturating_sub(1).max(1) as f64;
        let moved = |running: &Var, batch: &Tensor, factor: f64| {
            let kept = (running.as_detached_tensor() * (1.0 - self.momentum))?;
            running.set(&(kept + (batch * (self.momentum * factor))?)?)
        };
        moved(&self.running_mean, &batch.mean, 1.0)?;
        moved(&self.running_variance, &batch.variance, unbiased)?;
        Ok(batch.output)
    }
}

impl ModuleT for FastBatchNorm {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = channels_last(x)?;
        let y = if train {
            self.forward_train(&x)?
        } else {
            let (mean, variance) = (self.running_mean(), self.running_var());
            ops::batch_norm_inference(
                &x,
                &self.weight,
                &self.bias,
                mean,
                variance,
                self.epsilon,
                Simd::best(),
            )?
        };
        channels_first(&y)
    }
}

/// As `candle_nn::batch_norm`, whose variables it makes: `running_mean`, `running_var` and, where it is to learn
/// them, `weight` and `bias`.
///
/// # Errors
/// If the configuration says not to remove the mean, or epsilon is below 0, or the variables are there in another
/// shape.
pub fn fast_batch_norm(
    num_features: usize,
    config: impl Into<BatchNormConfig>,
    vb: VarBuilder,
) -> Result<FastBatchNorm> {
    let config = config.into();
    if !config.remove_mean {
        candle_core::bail!("a fast batch-norm removes the mean; got remove_mean = false");
    }
    FastBatchNorm::of(&candle_nn::batch_norm(num_features, config, vb)?)
}
