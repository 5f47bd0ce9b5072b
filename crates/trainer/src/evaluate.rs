//! A network's answers to pictures, without gradients.

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Device, Tensor};
use dataset::Dataset;
use dataset::loader::{Batch, Loader};
use model::{Network, score_logits};

use crate::Result;
use crate::callback::Metrics;
use crate::state::Sum;

/// Pictures in a batch of evaluation; changes no result.
const EVALUATION_BATCH: usize = 256;

/// Answers to some pictures, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// (N, CLASSES), row-major.
    pub logits: Vec<f32>,
    /// (N) labels.
    pub labels: Vec<u32>,
    /// Over all pictures.
    pub metrics: Metrics,
}

/// A network's answers to all pictures of a loader; `None` when stopped before the end.
///
/// # Errors
/// If the pictures do not fit the network, or the device fails.
pub fn answers(network: &Network, pictures: &Loader, stop: &AtomicBool) -> Result<Option<Answers>> {
    let (mut all, mut all_labels) = (Vec::new(), Vec::new());
    let mut batches = pictures.epoch(0)?;
    while let Some(batch) = batches.next_batch()? {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let (images, _) = tensors(batch, pictures, network.device())?;
        all.extend(network.logits(&images)?.flatten_all()?.to_vec1::<f32>()?);
        all_labels.extend_from_slice(&batch.labels);
    }
    Answers::of(all, all_labels).map(Some)
}

impl Answers {
    /// What logits (N, CLASSES), row-major, and labels (N) say.
    ///
    /// # Errors
    /// If they do not fit each other.
    pub fn of(logits: Vec<f32>, labels: Vec<u32>) -> Result<Self> {
        let mut sum = Sum::default();
        let classes = logits.len() / labels.len().max(1);
        for (logits, labels) in
            logits.chunks(EVALUATION_BATCH * classes.max(1)).zip(labels.chunks(EVALUATION_BATCH))
        {
            let tensor = Tensor::from_slice(logits, (labels.len(), classes), &Device::Cpu)?;
            let (loss, correct) = score_logits(&tensor, &Tensor::new(labels, &Device::Cpu)?)?;
            sum.add(loss, correct, labels.len());
        }
        Ok(Self { metrics: sum.metrics(), logits, labels })
    }
}

/// A loader for evaluation, in batches of a size that suits it.
///
/// # Errors
/// When a place is beyond the dataset.
pub fn evaluation_loader(dataset: &Dataset, places: &[usize]) -> Result<Loader> {
    Ok(Loader::evaluation(dataset, places, EVALUATION_BATCH)?)
}

/// A batch as candle has it: pictures `(B, C, H, W)` with values 0 to 1, and labels `(B)`.
///
/// # Errors
/// If the device cannot hold it.
pub fn tensors(batch: &Batch, loader: &Loader, device: &Device) -> Result<(Tensor, Tensor)> {
    let (size, shape) = (batch.labels.len(), loader.shape());
    // The tensor takes the numbers as they are: bytes are copied nowhere else.
    let mut images = Vec::new();
    batch.images(&mut images);
    let images = Tensor::from_vec(images, (size, shape.channels, shape.height, shape.width), device)?;
    Ok((images, Tensor::from_slice(&batch.labels, size, device)?))
}
