//! The learning rate search: trains for some steps while the rate grows, and watches the loss (Smith, 2017).

use std::sync::atomic::{AtomicBool, Ordering};

use dataset::loader::Loader;
use figures::{Figure, learning_rate_curve};
use model::optimizer::{Optimizer, gradient_of};
use model::{Network, Training};
use streams::Seed;

use crate::config::Config;
use crate::evaluate::tensors;
use crate::find_lr::{Smoothed, rates, suggest};
use crate::{Error, Result};

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct LrSearch {
    /// (rate, loss of the batch).
    pub losses: Vec<(f64, f64)>,
    /// (rate, smoothed loss).
    pub smoothed: Vec<(f64, f64)>,
    /// The rate to begin with; `None` where the loss did not fall.
    pub suggestion: Option<f64>,
}

impl LrSearch {
    /// Trains the network, which is changed by it, while the rate grows from `lowest` to `highest` over `steps` steps, or
    /// until the loss explodes. `progress` is told how many steps are done.
    ///
    /// # Errors
    /// [`Error::Setting`] where the rates are no numbers above 0 in this order; [`Error::Interrupted`] when `stop` is
    /// set; what the device cannot go on with.
    pub fn run(
        network: &Network,
        config: &Config,
        train: &Loader,
        [lowest, highest]: [f64; 2],
        steps: usize,
        stop: &AtomicBool,
        mut progress: impl FnMut(usize),
    ) -> Result<Self> {
        let rates = rates(lowest, highest, steps);
        if rates.is_empty() {
            let found = format!("--from {lowest} --to {highest} --steps {steps}");
            return Err(Error::Setting(format!(
                "{found}: expected two numbers above 0, the lower first, and steps"
            )));
        }
        let mut optimizer = Optimizer::new(network, &config.optimizer_settings())?;
        let (mut losses, mut curve) = (Vec::new(), Vec::new());
        let mut smoothed = Smoothed::default();
        let mut epoch = 0;
        let mut batches = train.epoch(epoch)?;
        for (step, rate) in rates.into_iter().enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted { epoch: epoch + 1, step: step as u64 });
            }
            let batch = match batches.next_batch()? {
                Some(batch) => batch,
                None => {
                    epoch += 1;
                    batches = train.epoch(epoch)?;
                    let Some(batch) = batches.next_batch()? else { break };
                    batch
                }
            };
            let (images, labels) = tensors(batch, train, network.device())?;
            let (label_smoothing, seed) = (config.label_smoothing, Seed(config.seed));
            let training = Training { label_smoothing, seed, epoch, samples: &batch.samples };
            let mean = network.loss(&images, &labels, &training)?.mean;
            let loss = f64::from(mean.to_scalar::<f32>()?);
            curve.push((rate, smoothed.add(loss)));
            losses.push((rate, loss));
            if smoothed.exploded() {
                break;
            }
            optimizer.step(network, &gradient_of(network, &mean.backward()?)?, rate)?;
            progress(step + 1);
        }
        let suggestion = suggest(&curve);
        Ok(Self { losses, smoothed: curve, suggestion })
    }

    /// The losses over the rates, with the suggestion.
    pub fn figure(&self, subtitle: &str) -> Figure {
        learning_rate_curve(&self.losses, &self.smoothed, self.suggestion, subtitle)
    }
}
