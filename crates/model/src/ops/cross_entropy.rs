//! Mean softmax cross-entropy from logits as one candle op.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Storage, Tensor};
use kernels::loss::CrossEntropy;

use super::{composed, f32s, u32s, with_values, wrap};

/// The mean over the batch of `-sum(target * ln softmax(logits))`: `(B, CLASSES)` `f32` and `(B)` `u32` to a scalar.
///
/// The target is `one_hot(label) * (1 - label_smoothing) + label_smoothing / CLASSES`, as in Keras and PyTorch
/// (Szegedy et al., 2016): the label itself where the smoothing is 0.
///
/// # Errors
/// If the shapes do not fit, a label is not below the number of classes, the smoothing is not in [0, 1), or the
/// types are others.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor, label_smoothing: f64) -> Result<Tensor> {
    let (_, classes) = logits.dims2()?;
    let loss = CrossEntropy::new(classes, label_smoothing).map_err(wrap)?;
    #[cfg(feature = "cuda")]
    if logits.device().is_cuda() {
        return super::on_cuda::cross_entropy(logits, labels, label_smoothing);
    }
    if !logits.device().is_cpu() {
        return composed::cross_entropy(logits, labels, label_smoothing);
    }
    logits.contiguous()?.apply_op2(&labels.contiguous()?, Op(loss))
}

struct Op(CrossEntropy);

impl CustomOp2 for Op {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(
        &self,
        z: &CpuStorage,
        z_layout: &Layout,
        labels: &CpuStorage,
        layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let loss = self.0.loss(f32s(z, z_layout)?, u32s(labels, layout)?).map_err(wrap)?;
        Ok((CpuStorage::F32(vec![loss]), ().into()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        labels: &Tensor,
        _loss: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let scale = grad.to_scalar::<f32>()?;
        let (storage, layout) = labels.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { candle_core::bail!("expected labels on the CPU") };
        let labels = u32s(storage, layout)?;
        let gradient = with_values([logits], |[z]| self.0.backward(z, labels, scale).map_err(wrap))?;
        Ok((Some(Tensor::from_vec(gradient, logits.shape(), logits.device())?), None))
    }
}
