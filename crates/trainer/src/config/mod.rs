//! Everything that decides the result of a run, as typed values and as `config.toml`.

mod choices;
mod dataset_name;
mod device_name;
mod network;

use dataset::Shape;
use dataset::augment::Augmentation;
use dataset::encoded::MOST_SIDE;
use dataset::loader::LastBatch;
use dataset::split::{Plan, Protocol, Sizes};
use model::Precision;
use model::optimizer::OptimizerSettings;
use serde::{Deserialize, Serialize};

pub use self::choices::{OptimizerName, Preset, choice, word};
pub use self::dataset_name::DatasetName;
pub use self::device_name::DeviceName;
pub use self::network::{BUILT_IN, LayerList, NetworkChoice};
use crate::Error;
use crate::early_stopping::Monitor;
use crate::schedule::Schedule;

/// Height and width of pictures in a folder where nothing else is asked: CIFAR-10's.
pub const IMAGE_SIZE: usize = Shape::CIFAR.height;

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
    /// Passes over the training pictures.
    pub epochs: u64,
    /// Pictures in a step.
    pub batch_size: usize,
    /// What becomes of a shorter last batch.
    pub last_batch: LastBatch,
    /// How weights follow their gradients.
    pub optimizer: OptimizerName,
    /// How much of the last step goes on in the next one; for `sgd`.
    pub momentum: f64,
    /// Whether momentum looks ahead (Nesterov, 1983).
    pub nesterov: bool,
    /// Decoupled weight decay: the share of each weight that a learning rate of 1 would take away in a step.
    pub weight_decay: f64,
    /// The step size.
    pub learning_rate: f64,
    /// How the step size changes.
    pub schedule: Schedule,
    /// Epochs, or a part of one, in which the step size rises to what the schedule says.
    pub warmup_epochs: f64,
    /// The part of each target that is spread evenly over the classes.
    pub label_smoothing: f64,
    /// Gradients longer than this, all weights together, are shortened to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// What tells which epoch is the best.
    pub monitor: Monitor,
    /// Epochs without a better one after which training ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<usize>,
    /// How much better an epoch must be to count as better.
    pub min_delta: f64,
    /// Whether the weights of the best epoch are taken in the end.
    pub restore_best: bool,
    /// The weights of every Nth epoch are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_every: Option<u64>,
    /// TensorBoard gets accuracy and loss every N steps, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_every: Option<u64>,
    /// Whether TensorBoard gets histograms of gradients.
    pub log_gradients: bool,
    /// TensorBoard gets predictions, mistakes and confusion as pictures every N epochs, and at the end; 0 for never.
    pub log_pictures: u64,
    /// Names every random stream of the run.
    pub seed: u64,
    /// Where it is computed: other devices sum in other orders.
    pub device: DeviceName,
    /// What it may round numbers to.
    #[serde(default)]
    pub precision: Precision,
    /// Which network. (In config.toml it comes last: it may be a table.)
    pub model: NetworkChoice,
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
            epochs: 10,
            batch_size: 32,
            last_batch: LastBatch::Keep,
            optimizer: OptimizerName::default(),
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            learning_rate: 1e-3,
            schedule: Schedule::default(),
            warmup_epochs: 0.0,
            label_smoothing: 0.0,
            clip_norm: None,
            monitor: Monitor::default(),
            early_stopping: None,
            min_delta: 0.0,
            restore_best: false,
            keep_every: None,
            log_every: None,
            log_gradients: false,
            log_pictures: 10,
            seed: 0,
            device: DeviceName::default(),
            precision: Precision::default(),
            model: NetworkChoice::default(),
        }
    }
}

impl Config {
    /// The settings of a preset.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Tutorial => Self::default(),
            Preset::TutorialPlus => Self {
                augment: Augmentation::light(),
                epochs: 10,
                batch_size: 64,
                optimizer: OptimizerName::Adamw,
                weight_decay: 0.01,
                learning_rate: 2e-3,
                schedule: Schedule::OneCycle,
                model: NetworkChoice::TutorialPlus,
                ..Self::default()
            },
        }
    }

    /// Checks what types cannot say.
    ///
    /// # Errors
    /// [`Error::Setting`], naming the setting and what was expected.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::Setting(message));
        self.check_numbers()?;
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
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), Error> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let not_negative = |x: f64| x >= 0.0 && x.is_finite();
        let sgd = self.optimizer == OptimizerName::Sgd;
        let rows = [
            ("learning-rate", self.learning_rate, positive(self.learning_rate), "a number above 0"),
            ("momentum", self.momentum, (0.0..1.0).contains(&self.momentum), "a number in [0, 1)"),
            ("weight-decay", self.weight_decay, not_negative(self.weight_decay), "a number of at least 0"),
            ("warmup-epochs", self.warmup_epochs, not_negative(self.warmup_epochs), "a number of at least 0"),
            (
                "label-smoothing",
                self.label_smoothing,
                (0.0..1.0).contains(&self.label_smoothing),
                "a number in [0, 1)",
            ),
            (
                "clip-norm",
                self.clip_norm.unwrap_or(1.0),
                self.clip_norm.is_none_or(positive),
                "a number above 0",
            ),
            ("min-delta", self.min_delta, not_negative(self.min_delta), "a number of at least 0"),
            ("momentum", self.momentum, sgd || self.momentum == 0.0, "0, for it is of --optimizer sgd"),
            ("early-stopping", 0.0, self.early_stopping != Some(0), "at least 1 epoch"),
            ("keep-every", 0.0, self.keep_every != Some(0), "at least 1 epoch"),
            ("log-every", 0.0, self.log_every != Some(0), "at least 1 step"),
        ];
        if let Some((name, found, _, expected)) = rows.into_iter().find(|(_, _, right, _)| !right) {
            return Err(Error::Setting(format!("--{name} is {found}, expected {expected}")));
        }
        if self.nesterov && self.momentum == 0.0 {
            return Err(Error::Setting("--nesterov is for --optimizer sgd with a --momentum above 0".into()));
        }
        if self.weight_decay > 0.0 && self.optimizer == OptimizerName::Adam {
            return Err(Error::Setting("--weight-decay is not for adam: use --optimizer adamw".into()));
        }
        Ok(())
    }

    /// The optimizer with its settings.
    pub fn optimizer_settings(&self) -> OptimizerSettings {
        let adam = kernels::optimizer::Adam::default();
        match self.optimizer {
            OptimizerName::Adam => OptimizerSettings::adam(adam),
            OptimizerName::Adamw => OptimizerSettings::adamw(adam, self.weight_decay),
            OptimizerName::Sgd => OptimizerSettings::sgd(self.momentum, self.nesterov, self.weight_decay),
        }
    }

    /// How the pictures are to be split.
    pub fn plan(&self) -> Plan {
        Plan { protocol: self.validation, sizes: self.split, limit: self.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_tutorials() {
        let text = toml::to_string(&Config::default()).unwrap();
        let learning = "augment = \"none\"\nepochs = 10\nbatch-size = 32\nlast-batch = \"keep\"\noptimizer = \"adam\"\n\
            momentum = 0.0\nnesterov = false\nweight-decay = 0.0\nlearning-rate = 0.001\nschedule = \"constant\"\n\
            warmup-epochs = 0.0\nlabel-smoothing = 0.0\n";
        let keeping = "monitor = \"val_loss\"\nmin-delta = 0.0\nrestore-best = false\nlog-gradients = false\nlog-pictures = 10\n";
        let expected = format!(
            "dataset = \"cifar10\"\nvalidation = \"holdout\"\n{learning}{keeping}seed = 0\ndevice = \"cpu\"\nprecision = \"f32\"\nmodel = \"tutorial\"\n"
        );
        assert_eq!(text, expected);
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), Config::default());
    }

    #[test]
    fn presets_can_be_used() {
        for preset in [Preset::Tutorial, Preset::TutorialPlus] {
            let config = Config::preset(preset);
            config.check().unwrap();
            assert_eq!(toml::from_str::<Config>(&toml::to_string(&config).unwrap()).unwrap(), config);
        }
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
        check(|c| c.momentum = 0.9, "--momentum is 0.9, expected 0, for it is of --optimizer sgd");
        check(|c| c.nesterov = true, "--nesterov is for --optimizer sgd with a --momentum above 0");
        check(|c| c.weight_decay = 0.1, "--weight-decay is not for adam: use --optimizer adamw");
        check(|c| c.label_smoothing = 1.0, "--label-smoothing is 1, expected a number in [0, 1)");
        check(|c| c.clip_norm = Some(0.0), "--clip-norm is 0, expected a number above 0");
        check(|c| c.early_stopping = Some(0), "--early-stopping is 0, expected at least 1 epoch");
        assert!(Config::default().check().is_ok());
    }
}
