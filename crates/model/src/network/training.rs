//! What a training step needs to know besides pictures and labels.

use streams::{Purpose, Seed};

use crate::Error;

/// How the loss of a training batch is computed. The default has no label smoothing and the seed and epoch 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training<'a> {
    /// The part of each target that is spread evenly over the classes, in [0, 1); see [`crate::cross_entropy`].
    pub label_smoothing: f64,
    /// What dropout draws from, with the layer's place, the epoch and the sample.
    pub seed: Seed,
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The names of the pictures, in the order of the batch: what is dropped of a picture depends on its name, not on
    /// its place. If empty, the places are the names.
    pub samples: &'a [u64],
}

impl Default for Training<'_> {
    fn default() -> Self {
        Self { label_smoothing: 0.0, seed: Seed(0), epoch: 0, samples: &[] }
    }
}

impl Training<'_> {
    /// The names of the pictures of a batch.
    pub(super) fn names(&self, batch: usize) -> Result<Vec<u64>, Error> {
        match self.samples.len() {
            0 => Ok((0..batch as u64).collect()),
            found if found == batch => Ok(self.samples.to_vec()),
            found => Err(Error::Samples { found, expected: batch }),
        }
    }
}

/// What the dropout in the network's place `index` draws for.
///
/// At most [`Architecture::MAX_LAYERS`](crate::Architecture::MAX_LAYERS) layers keep the word within eight characters.
pub(super) fn dropout_purpose(index: usize) -> Purpose {
    Purpose::new(&format!("drop{}", index % crate::Architecture::MAX_LAYERS))
}
