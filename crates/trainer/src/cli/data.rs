//! The options that say which pictures, and how they are split.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::Args;
use dataset::split::{Protocol, Sizes};
use serde::Deserialize;
use trainer::Result;
use trainer::config::{Config, DatasetName};
use trainer::data::Data;
use trainer::saved_run::SavedRun;

use super::options::over;
use super::progress::Counter;

#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Pictures")]
pub(crate) struct DataArgs {
    /// Pictures: `cifar10` from the data folder, drawn `shapes`, or a FOLDER with a subfolder of PNG or JPEG files
    /// for each class, or with `train`, `val` and `test` folders of such [default: cifar10]
    #[arg(long, value_name = "cifar10|shapes|FOLDER")]
    pub(crate) dataset: Option<PathBuf>,
    /// Folder that holds cifar-10-batches-bin [default: data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Height and width that pictures of a FOLDER are brought to [default: 32]
    #[arg(long, value_name = "PIXELS")]
    pub(crate) image_size: Option<usize>,
    /// Pictures to watch while learning: `holdout` (a part of its own) or `test` (the tutorial's own protocol)
    /// [default: holdout]
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) validation: Option<Protocol>,
    /// Training, validation and test part of all pictures, as `0.7,0.15,0.15`, `70%,15%,15%` or `4000,1000,1000`
    /// [default: the dataset's own; a fifth of the training pictures for each part it has not]
    #[arg(long, value_name = "SIZES")]
    pub(crate) split: Option<Sizes>,
    /// At most N training pictures, the other parts in proportion
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Names every random number of the run: same seed, same model bytes [default: 0]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

over!(DataArgs { dataset, data_dir, image_size, validation, split, limit, seed });

impl DataArgs {
    /// A configuration with these options, and else as it is.
    pub(crate) fn apply(&self, config: Config) -> Config {
        Config {
            dataset: self.dataset.clone().map_or(config.dataset, DatasetName::from),
            image_size: self.image_size.or(config.image_size),
            validation: self.validation.unwrap_or(config.validation),
            split: self.split.or(config.split),
            limit: self.limit.or(config.limit),
            seed: self.seed.unwrap_or(config.seed),
            ..config
        }
    }

    /// The folder of datasets.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| "data".into())
    }

    /// Loads the pictures of a configuration that was made from these options.
    pub(crate) fn load(&self, config: &Config) -> Result<Data> {
        with_progress(|shown| Data::load(config, &self.data_dir(), shown))
    }
}

/// Loads the pictures that a run was on.
pub(crate) fn load_of(run: &SavedRun, data_dir: &Path) -> Result<Data> {
    with_progress(|shown| run.data(data_dir, shown))
}

fn with_progress<T>(load: impl FnOnce(&(dyn Fn(usize, usize) + Sync)) -> Result<T>) -> Result<T> {
    let counter = Mutex::new(None);
    load(&|done: usize, of: usize| {
        if let Ok(mut counter) = counter.lock() {
            counter.get_or_insert_with(|| Counter::new("reading pictures", of)).at(done);
        }
    })
}
