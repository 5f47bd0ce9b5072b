//! Dropout in the place of `candle_nn::Dropout`, from named streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{ModuleT, Result, Tensor};
use streams::{Purpose, Seed};

use crate::ops;

/// In training, each element of `(B, ...)` is dropped (0) with a probability, or else divided by what is left of 1.
///
/// Every number has a name: (seed, purpose, epoch, sample). [`forward_samples`](Self::forward_samples) takes the
/// epoch and the samples from the caller, so that what is dropped of a picture does not depend on its batch.
/// As candle's [`ModuleT`] it does not know them: it counts its passes in training, takes their number for the
/// epoch and the place in the batch for the sample. The same passes in the same order give the same numbers; a
/// run that goes on from a checkpoint calls [`set_passes`](Self::set_passes). A clone is the same layer and
/// shares the count.
#[derive(Clone, Debug)]
pub struct FastDropout {
    rate: f32,
    seed: Seed,
    purpose: Purpose,
    passes: Arc<AtomicU64>,
}

impl FastDropout {
    /// Drops with the probability `rate`. Each layer of a network needs a purpose of its own, or they drop alike.
    pub fn new(rate: f32, seed: Seed, purpose: Purpose) -> Self {
        Self { rate, seed, purpose, passes: Arc::default() }
    }

    /// A pass of training over samples with these numbers, one for each place of the batch.
    ///
    /// # Errors
    /// If there are more or fewer samples than `x` has, or the rate is not in [0, 1).
    pub fn forward_samples(&self, x: &Tensor, epoch: u64, samples: &[u64]) -> Result<Tensor> {
        if x.dim(0)? != samples.len() {
            candle_core::bail!("{} numbers of samples for a batch of {:?}", samples.len(), x.shape());
        }
        let (seed, purpose, samples) = (self.seed, self.purpose, samples.to_vec());
        ops::dropout(x, self.rate, move |place| seed.stream(purpose, epoch, samples[place]))
    }

    /// How many passes [`ModuleT::forward_t`] made in training.
    pub fn passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    /// Goes on as if so many passes had been made.
    pub fn set_passes(&self, passes: u64) {
        self.passes.store(passes, Ordering::Relaxed);
    }
}

impl ModuleT for FastDropout {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        if !train {
            return Ok(x.clone());
        }
        let pass = self.passes.fetch_add(1, Ordering::Relaxed);
        let samples: Vec<u64> = (0..x.dim(0)? as u64).collect();
        self.forward_samples(x, pass, &samples)
    }
}
