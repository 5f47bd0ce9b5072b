//! Fills a batch: the pictures of a step, varied, as numbers.

use std::sync::Arc;

use super::{Batch, Loader, Order, SHUFFLE};
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
    /// A picture that is being varied.
    bytes: Vec<u8>,
}

impl Filler {
    pub(super) fn new(loader: &Loader, epoch: u64) -> Self {
        let mut order = loader.places.clone();
        let mut varied = None;
        if let Order::Shuffled { seed, augmenter } = &loader.order {
            seed.stream(SHUFFLE, epoch, 0).shuffle(Arc::make_mut(&mut order).as_mut_slice());
            varied = augmenter.changes().then(|| (*seed, augmenter.clone()));
        }
        let (dataset, batch_size) = (loader.dataset.clone(), loader.batch_size);
        Self { dataset, order, batch_size, epoch, varied, bytes: Vec::new() }
    }

    /// Replaces what is in `batch` by the pictures of `step`; by none where the epoch has no such step.
    pub(super) fn fill(&mut self, step: usize, batch: &mut Batch) {
        let pictures = self.dataset.pictures();
        let places = self.order.chunks(self.batch_size).nth(step).unwrap_or_default();
        batch.labels.clear();
        batch.labels.extend(places.iter().map(|&i| u32::from(pictures.label(i))));
        let len = pictures.shape().len();
        batch.images.resize(places.len() * len, 0.0);
        for (&i, numbers) in places.iter().zip(batch.images.chunks_exact_mut(len.max(1))) {
            let Some((seed, augmenter)) = &mut self.varied else {
                to_unit(pictures.picture(i), numbers);
                continue;
            };
            self.bytes.clear();
            self.bytes.extend_from_slice(pictures.picture(i));
            let sample = self.dataset.digests()[i].name();
            augmenter.vary(&mut self.bytes, Occasion { seed: *seed, epoch: self.epoch, sample });
            to_unit(&self.bytes, numbers);
        }
    }
}

fn to_unit(bytes: &[u8], numbers: &mut [f32]) {
    for (number, &byte) in numbers.iter_mut().zip(bytes) {
        *number = UNIT[usize::from(byte)];
    }
}

/// A byte as a number in [0, 1]: divided by 255, not multiplied by its rounded inverse, so that it is what
/// `x / 255.0` gives in Keras.
const UNIT: [f32; 256] = {
    let (mut table, mut byte) = ([0.0; 256], 0);
    while byte < 256 {
        table[byte] = byte as f32 / 255.0;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_divided_by_255() {
        for byte in 0..=255u8 {
            assert_eq!(UNIT[usize::from(byte)], f32::from(byte) / 255.0);
        }
    }
}
