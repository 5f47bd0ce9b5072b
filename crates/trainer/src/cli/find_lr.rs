//! `trainer find-lr`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use candle_core::Device;
use clap::Args;
use dataset::loader::Loader;
use model::Network;
use serde_json::json;
use streams::Seed;
use trainer::Result;
use trainer::lr_search::LrSearch;

use super::output;
use super::progress::Counter;
use super::train::{execution, watch_for_interrupts};
use super::train_options::TrainOptions;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  trainer find-lr                                 for the tutorial's network on data/
  trainer find-lr --optimizer sgd --to 10 --dataset shapes")]
pub(crate) struct FindLrArgs {
    #[command(flatten)]
    options: TrainOptions,
    /// The lowest rate
    #[arg(long, default_value_t = 1e-6, value_name = "RATE")]
    from: f64,
    /// The highest rate
    #[arg(long, default_value_t = 1.0, value_name = "RATE")]
    to: f64,
    /// Steps from the lowest to the highest
    #[arg(long, default_value_t = 400, value_name = "N")]
    steps: usize,
    /// The loss over the rates, as a picture
    #[arg(long, default_value = "find-lr.png", value_name = "FILE.png")]
    out: PathBuf,
}

impl FindLrArgs {
    pub(crate) fn run(self) -> Result<()> {
        let how = execution(&self.options.execution)?;
        let config = self.options.config()?;
        let data = self.options.data.load(&config)?;
        let (shape, classes) = (data.dataset.pictures().shape(), data.dataset.classes().len());
        let architecture = config.model.architecture(shape, classes)?;
        let network = Network::new(&architecture, Seed(config.seed), &Device::Cpu, how.simd)?;
        let (dataset, places) = (&data.dataset, &data.split.train);
        let train = Loader::training(dataset, places, config.batch_size, Seed(config.seed), &config.augment)?
            .last_batch(config.last_batch);
        let stop = Arc::new(AtomicBool::new(false));
        watch_for_interrupts(&stop);
        let mut counter = Counter::new("searching", self.steps);
        let ends = [self.from, self.to];
        let found = rayon::scope(|_| {
            LrSearch::run(&network, &config, &train, ends, self.steps, &stop, |done| counter.at(done))
        })?;
        drop(counter);
        let subtitle =
            format!("{} on {}, {}", config.model, config.dataset, trainer::config::word(&config.optimizer));
        output::picture(&self.out, &found.figure(&subtitle))?;
        if self.options.execution.json == Some(true) {
            return output::line(
                json!({"suggestion": found.suggestion, "losses": found.losses, "smoothed": found.smoothed}),
            );
        }
        match found.suggestion {
            Some(rate) => output::line(format_args!("try --learning-rate {rate:.1e}")),
            None => output::line("the loss did not fall: no rate to suggest; look at the picture"),
        }
    }
}
