//! Fills a batch: the pictures of a step, varied.

use std::sync::Arc;

use super::{Batch, Loader};
use crate::Dataset;
use crate::augment::{Augmenter, Occasion};
use streams::Seed;

/// Fills the batches of one epoch, any of them at any time. Each thread has a clone.
#[derive(Clone, Debug)]
pub(super) struct Filler {
    dataset: Dataset,
    /// Places in the order of this epoch.
    order: Arc<Vec<usize>>,
    batch_size: usize,
    epoch: u64,
    varied: Option<(Seed, Augmenter)>,
}

impl Filler {
    pub(super) fn new(loader: &Loader, epoch: u64) -> Self {
        let order = loader.epoch_places(epoch);
        let varied = loader.varied().map(|(seed, augmenter)| (seed, augmenter.clone()));
        let (dataset, batch_size) = (loader.dataset.clone(), loader.batch_size);
        Self { dataset, order, batch_size, epoch, varied }
    }

    /// Replaces what is in `batch` by the pictures of `step`; by none where the epoch has no such step.
    pub(super) fn fill(&mut self, step: usize, batch: &mut Batch) {
        let pictures = self.dataset.pictures();
        let places = self.order.chunks(self.batch_size).nth(step).unwrap_or_default();
        batch.labels.clear();
        batch.labels.extend(places.iter().map(|&i| u32::from(pictures.label(i))));
        batch.samples.clear();
        batch.samples.extend(places.iter().map(|&i| self.dataset.digests()[i].name()));
        batch.pixels.clear();
        for (&i, &sample) in places.iter().zip(&batch.samples) {
            let first = batch.pixels.len();
            batch.pixels.extend_from_slice(pictures.picture(i));
            if let Some((seed, augmenter)) = &mut self.varied {
                let occasion = Occasion { seed: *seed, epoch: self.epoch, sample };
                augmenter.vary(&mut batch.pixels[first..], occasion);
            }
        }
    }
}
