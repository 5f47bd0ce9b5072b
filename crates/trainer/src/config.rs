//! Everything that decides the result of a run, as typed values and as `config.toml`.

use std::path::PathBuf;

use dataset::augment::Augmentation;
use dataset::encoded::MOST_SIDE;
use dataset::loader::LastBatch;
use dataset::split::{Plan, Protocol, Sizes};
use dataset::{Shape, Source};
use serde::{Deserialize, Serialize};

use crate::Error;
pub use crate::dataset_name::DatasetName;

/// Height and width of pictures in a folder where nothing else is asked: CIFAR-10's.
pub const IMAGE_SIZE: usize = Shape::CIFAR.height;

/// Which network to train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelName {
    /// The network of the Keras tutorial.
    #[default]
    Tutorial,
}

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerName {
    /// Adam with Keras' settings.
    #[default]
    Adam,
    /// Plain stochastic gradient descent.
    Sgd,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceName {
    /// The CPU, with this workspace's kernels.
    #[default]
    Cpu,
    /// The first CUDA device.
    Cuda,
    /// The first Metal device.
    Metal,
}

/// What decides the result of a run, besides the pictures themselves. Thread count and instruction set are
/// not here: they change nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Which pictures.
    pub dataset: DatasetName,
    /// Height and width that pictures of a folder are brought to; [`IMAGE_SIZE`] where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    /// Which pictures validation is on.
    pub validation: Protocol,
    /// Sizes of the three parts; the dataset's own parts where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Sizes>,
    /// At most so many training pictures, the other parts in proportion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Random variations of training pictures.
    pub augment: Augmentation,
    /// Which network.
    pub model: ModelName,
    /// Passes over the training pictures.
    pub epochs: u64,
    /// Pictures in a step.
    pub batch_size: usize,
    /// What becomes of a shorter last batch.
    pub last_batch: LastBatch,
    /// How weights follow their gradients.
    pub optimizer: OptimizerName,
    /// The step size.
    pub learning_rate: f64,
    /// Names every random stream of the run.
    pub seed: u64,
    /// Where it is computed: other devices sum in other orders.
    pub device: DeviceName,
}

impl Default for Config {
    /// The tutorial's settings.
    fn default() -> Self {
        Self {
            dataset: DatasetName::default(),
            image_size: None,
            validation: Protocol::Holdout,
            split: None,
            limit: None,
            augment: Augmentation::none(),
            model: ModelName::default(),
            epochs: 10,
            batch_size: 32,
            last_batch: LastBatch::Keep,
            optimizer: OptimizerName::default(),
            learning_rate: 1e-3,
            seed: 0,
            device: DeviceName::default(),
        }
    }
}

impl Config {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// [`Error::Setting`], naming the setting and what was expected.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::Setting(message));
        if self.epochs == 0 {
            return refuse("--epochs is 0, expected at least 1".into());
        }
        if self.batch_size == 0 {
            return refuse("--batch-size is 0, expected at least 1".into());
        }
        if self.image_size.is_some() && !matches!(self.dataset, DatasetName::Folder(_)) {
            return refuse(format!("--image-size is for folders of pictures, not for {}", self.dataset));
        }
        if let Some(side) = self.image_size.filter(|side| !(1..=MOST_SIDE).contains(side)) {
            return refuse(format!("--image-size is {side}, expected 1 to {MOST_SIDE}"));
        }
        if self.split.is_some() && self.validation == Protocol::Test {
            let parts = "--split has sizes for three parts, but with --validation test there are two";
            return refuse(format!("{parts}: leave out one of these options"));
        }
        if self.limit == Some(0) {
            return refuse("--limit is 0, expected at least one picture of each class".into());
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse(format!("--learning-rate is {}, expected a number above 0", self.learning_rate));
        }
        Ok(())
    }

    /// How the pictures are to be split.
    pub fn plan(&self) -> Plan {
        Plan { protocol: self.validation, sizes: self.split, limit: self.limit }
    }
}

/// `config.toml`: the configuration, what it was applied to, and how it was started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunConfig {
    /// The configuration, resolved.
    pub config: Config,
    /// The pictures.
    pub data: DataRecord,
    /// How it was started.
    pub run: RunRecord,
}

/// The pictures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DataRecord {
    /// Where they come from.
    pub source: Source,
    /// The same in words.
    pub description: String,
    /// SHA-256 of their content.
    pub fingerprint: String,
    /// Pictures in the training part.
    pub train: usize,
    /// Pictures in the validation part.
    pub validation: usize,
    /// Pictures in the test part.
    pub test: usize,
    /// Names of the classes.
    pub classes: Vec<String>,
}

/// How a run was started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunRecord {
    /// The command line.
    pub command: Vec<String>,
    /// Version of this crate.
    pub trainer: String,
    /// Seconds since 1970.
    pub started: u64,
}

/// How a run is carried out: changes nothing of its result.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The run folder to make; `None` for the next free name in `runs`.
    pub run_dir: Option<PathBuf>,
    /// The instruction set.
    pub simd: kernels::Simd,
    /// The command line, for the record.
    pub command: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_tutorials() {
        let text = toml::to_string(&Config::default()).unwrap();
        let expected = "dataset = \"cifar10\"\nvalidation = \"holdout\"\naugment = \"none\"\nmodel = \"tutorial\"\n\
            epochs = 10\nbatch-size = 32\nlast-batch = \"keep\"\noptimizer = \"adam\"\nlearning-rate = 0.001\nseed = 0\ndevice = \"cpu\"\n";
        assert_eq!(text, expected);
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let check = |change: fn(&mut Config), expected: &str| {
            let mut config = Config::default();
            change(&mut config);
            assert_eq!(config.check().unwrap_err().to_string(), expected);
        };
        check(|c| c.epochs = 0, "--epochs is 0, expected at least 1");
        check(|c| c.batch_size = 0, "--batch-size is 0, expected at least 1");
        check(|c| c.image_size = Some(64), "--image-size is for folders of pictures, not for cifar10");
        check(
            |c| (c.dataset, c.image_size) = (DatasetName::Folder("mine".into()), Some(0)),
            "--image-size is 0, expected 1 to 1024",
        );
        check(
            |c| (c.split, c.validation) = (Some(Sizes::Counts([1, 1, 1])), Protocol::Test),
            "--split has sizes for three parts, but with --validation test there are two: leave out one of these options",
        );
        check(|c| c.learning_rate = f64::NAN, "--learning-rate is NaN, expected a number above 0");
        assert!(Config::default().check().is_ok());
    }
}
