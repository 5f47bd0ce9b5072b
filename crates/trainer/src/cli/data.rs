//! The options that say which pictures, and how they are split.

use std::path::PathBuf;
use std::sync::Mutex;

use clap::Args;
use dataset::split::{Protocol, Sizes};
use trainer::Result;
use trainer::config::{Config, DatasetName};
use trainer::data::Data;

use super::progress::Counter;

#[derive(Args, Debug)]
pub(crate) struct DataArgs {
    /// Pictures: `cifar10` from the data folder, drawn `shapes`, or a FOLDER with a subfolder of PNG or JPEG files
    /// for each class, or with `train`, `val` and `test` folders of such
    #[arg(long, default_value = "cifar10", value_name = "cifar10|shapes|FOLDER")]
    dataset: PathBuf,
    /// Folder that holds cifar-10-batches-bin
    #[arg(long, default_value = "data", value_name = "DIR")]
    data_dir: PathBuf,
    /// Height and width that pictures of a FOLDER are brought to [default: 32]
    #[arg(long, value_name = "PIXELS")]
    image_size: Option<usize>,
    /// Pictures to watch while learning: `holdout` (a part of its own) or `test` (the tutorial's own protocol)
    #[arg(long, default_value = "holdout", value_name = "PROTOCOL")]
    validation: Protocol,
    /// Training, validation and test part of all pictures, as `0.7,0.15,0.15`, `70%,15%,15%` or `4000,1000,1000`
    /// [default: the dataset's own; a fifth of the training pictures for each part it has not]
    #[arg(long, value_name = "SIZES")]
    split: Option<Sizes>,
    /// At most N training pictures, the other parts in proportion
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Names every random number of the run: same seed, same model bytes
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl DataArgs {
    /// A configuration with these options, and else the default.
    pub(crate) fn config(&self) -> Config {
        Config {
            dataset: DatasetName::from(self.dataset.clone()),
            image_size: self.image_size,
            validation: self.validation,
            split: self.split,
            limit: self.limit,
            seed: self.seed,
            ..Config::default()
        }
    }

    /// Loads the pictures of a configuration that was made from these options.
    pub(crate) fn load(&self, config: &Config) -> Result<Data> {
        let counter = Mutex::new(None);
        let shown = |done: usize, of: usize| {
            if let Ok(mut counter) = counter.lock() {
                counter.get_or_insert_with(|| Counter::new("reading pictures", of)).at(done);
            }
        };
        Data::load(config, &self.data_dir, &shown)
    }
}
