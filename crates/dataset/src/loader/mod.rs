//! Batches of pictures, shuffled for training or in fixed order, made ready in the background. Knows
//! nothing of what is computed with them.

mod background;
mod fill;
mod plan;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use streams::{Purpose, Seed};

pub use self::background::Batches;
use self::fill::Filler;
pub use self::plan::EpochPlan;
use crate::augment::{Augmentation, Augmenter};
use crate::{Dataset, Error, Result, Shape};

const SHUFFLE: Purpose = Purpose::new("shuffle");

/// B pictures and their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// (B, C, H, W), row-major bytes.
    pub pixels: Vec<u8>,
    /// (B) labels.
    pub labels: Vec<u32>,
    /// (B) names of the pictures, from their content, for random streams.
    pub samples: Vec<u64>,
}

impl Batch {
    /// Replaces what is in `images` by the pixels as numbers in [0, 1], (B, C, H, W): each byte divided by 255,
    /// as Keras does it, and not multiplied by its rounded inverse, which gives other numbers for every second byte.
    pub fn images(&self, images: &mut Vec<f32>) {
        images.clear();
        images.extend(self.pixels.iter().map(|&byte| f32::from(byte) / 255.0));
    }
}

/// What becomes of the pictures that are left over when an epoch is cut into batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LastBatch {
    /// They are a last, shorter batch, as in Keras.
    #[default]
    Keep,
    /// They are left out of this epoch.
    Drop,
}

/// Hands out some of a dataset's pictures in batches, epoch after epoch.
#[derive(Clone, Debug)]
pub struct Loader {
    dataset: Dataset,
    places: Arc<Vec<usize>>,
    batch_size: usize,
    last_batch: LastBatch,
    workers: NonZeroUsize,
    order: Order,
}

/// In which order, and as which variations, the pictures come.
#[derive(Clone, Debug)]
enum Order {
    /// As the places have them, unvaried.
    Fixed,
    /// Anew in every epoch; varied where there is an augmenter.
    Shuffled { seed: Seed, augmenter: Option<Augmenter> },
}

impl Loader {
    /// For training on the pictures at `places`: shuffled anew in every epoch, and varied. Which picture comes
    /// when depends on the order of `places`, so that of a [`Split`](crate::split::Split) is the right one.
    ///
    /// # Errors
    /// When a place is beyond the dataset, or `batch_size` is 0.
    pub fn training(
        dataset: &Dataset,
        places: &[usize],
        batch_size: usize,
        seed: Seed,
        augmentation: &Augmentation,
    ) -> Result<Self> {
        let augmenter =
            (!augmentation.is_none()).then(|| Augmenter::new(augmentation, dataset.pictures().shape()));
        Self::new(dataset, places, batch_size, Order::Shuffled { seed, augmenter })
    }

    /// For evaluation on the pictures at `places`: always in their order, unvaried.
    ///
    /// # Errors
    /// When a place is beyond the dataset, or `batch_size` is 0.
    pub fn evaluation(dataset: &Dataset, places: &[usize], batch_size: usize) -> Result<Self> {
        Self::new(dataset, places, batch_size, Order::Fixed)
    }

    fn new(dataset: &Dataset, places: &[usize], batch_size: usize, order: Order) -> Result<Self> {
        let count = dataset.pictures().len();
        if let Some(place) = places.iter().find(|&&place| place >= count) {
            return Err(Error::Unfit(format!("there is no picture {place} among {count}")));
        }
        if batch_size == 0 {
            return Err(Error::Unfit("a batch of 0 pictures: expected at least 1".into()));
        }
        Ok(Self {
            dataset: dataset.clone(),
            places: Arc::new(places.to_vec()),
            batch_size,
            last_batch: LastBatch::Keep,
            workers: NonZeroUsize::MIN,
            order,
        })
    }

    /// Keeps a short last batch, as by default, or drops it.
    #[must_use]
    pub fn last_batch(self, last_batch: LastBatch) -> Self {
        Self { last_batch, ..self }
    }

    /// Prepares batches on so many threads instead of one; changes nothing of what is in them.
    #[must_use]
    pub fn workers(self, workers: NonZeroUsize) -> Self {
        Self { workers, ..self }
    }

    /// Pictures in an epoch.
    pub fn len(&self) -> usize {
        match self.last_batch {
            LastBatch::Keep => self.places.len(),
            LastBatch::Drop => self.places.len() / self.batch_size * self.batch_size,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Batches in an epoch.
    pub fn steps(&self) -> usize {
        self.len().div_ceil(self.batch_size)
    }

    /// Pictures in a batch, but in a short last one.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Where the pictures are.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// What varies the pictures; nothing where they stay as they are.
    pub fn augmenter(&self) -> Option<&Augmenter> {
        self.varied().map(|(_, augmenter)| augmenter)
    }

    /// Shape of one picture.
    pub fn shape(&self) -> Shape {
        self.dataset.pictures().shape()
    }

    /// Starts an epoch, counted from 0.
    ///
    /// # Errors
    /// When the system has no thread to prepare batches on.
    pub fn epoch(&self, epoch: u64) -> Result<Batches> {
        self.epoch_from(epoch, 0)
    }

    /// Goes on with an epoch after `step` of its batches: the others are those of [`epoch`](Self::epoch).
    ///
    /// # Errors
    /// When the system has no thread to prepare batches on.
    pub fn epoch_from(&self, epoch: u64, step: usize) -> Result<Batches> {
        Batches::start(&Filler::new(self, epoch), step..self.steps(), self.workers)
    }

    /// Places in the order of an epoch, those of a dropped batch too.
    fn epoch_places(&self, epoch: u64) -> Arc<Vec<usize>> {
        let mut places = self.places.clone();
        if let Order::Shuffled { seed, .. } = self.order {
            seed.stream(SHUFFLE, epoch, 0).shuffle(Arc::make_mut(&mut places).as_mut_slice());
        }
        places
    }

    fn varied(&self) -> Option<(Seed, &Augmenter)> {
        match &self.order {
            Order::Shuffled { seed, augmenter: Some(augmenter) } => Some((*seed, augmenter)),
            Order::Shuffled { augmenter: None, .. } | Order::Fixed => None,
        }
    }
}
