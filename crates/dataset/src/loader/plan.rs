//! A whole epoch as lists of whole numbers, for devices that gather and vary pictures by themselves.

use super::Loader;
use crate::augment::{Augmenter, Occasion};
use crate::cores::each_certain;
use crate::{Error, Result};
use streams::Seed;

/// Pictures whose variations a thread draws at a time.
const DRAWN_AT_ONCE: usize = 64;

/// N pictures in the order of an epoch: step s has those from s * batch size on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochPlan {
    /// (N) places in the dataset.
    pub order: Vec<u32>,
    /// (N) names of the pictures, from their content, for random streams.
    pub samples: Vec<u64>,
    /// (N, WORDS) what is drawn for each picture, written as the table in [`augment::draw`](crate::augment::draw) says.
    pub variations: Vec<i32>,
    /// Words of a picture's record; 0 where pictures are not varied.
    pub words: usize,
}

impl Loader {
    /// What [`epoch`](Self::epoch) hands out, as numbers: the same pictures in the same order, varied alike. For 50,000
    /// pictures it is 16 ms of one core's work for `light` and 29 ms for `standard`, shared by all cores. It needs nothing
    /// of the epoch before, so a thread can make it while that one runs.
    ///
    /// # Errors
    /// When a place in the dataset has more than 32 bits.
    pub fn epoch_plan(&self, epoch: u64) -> Result<EpochPlan> {
        let places = &self.epoch_places(epoch)[..self.len()];
        let too_many = |_| Error::Unfit("more pictures than 32 bits can count".into());
        let order: Vec<u32> = places
            .iter()
            .map(|&place| u32::try_from(place))
            .collect::<std::result::Result<_, _>>()
            .map_err(too_many)?;
        let samples: Vec<u64> = places.iter().map(|&place| self.dataset.digests()[place].name()).collect();
        let (words, variations) = match self.varied() {
            Some((seed, augmenter)) => (augmenter.words(), draw(augmenter, seed, epoch, &samples)),
            None => (0, Vec::new()),
        };
        Ok(EpochPlan { order, samples, variations, words })
    }
}

/// The records of `samples`, (N, WORDS).
fn draw(augmenter: &Augmenter, seed: Seed, epoch: u64, samples: &[u64]) -> Vec<i32> {
    let words = augmenter.words();
    let mut variations = vec![0; samples.len() * words];
    let parts = variations.chunks_mut(DRAWN_AT_ONCE * words).zip(samples.chunks(DRAWN_AT_ONCE));
    each_certain(parts, |(to, samples)| {
        let mut drawn = Vec::with_capacity(to.len());
        for &sample in samples {
            augmenter.draw(Occasion { seed, epoch, sample }).for_each(|change| change.words(&mut drawn));
        }
        to.copy_from_slice(&drawn);
    });
    variations
}
