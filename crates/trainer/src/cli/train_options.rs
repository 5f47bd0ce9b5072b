//! The options of `trainer train`, from the command line and from a file.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use dataset::augment::Augmentation;
use dataset::loader::LastBatch;
use kernels::Simd;
use model::Precision;
use serde::Deserialize;
use trainer::Result;
use trainer::config::{Config, DeviceName, NetworkChoice, OptimizerName, Preset, choice};
use trainer::early_stopping::Monitor;
use trainer::schedule::Schedule;

use super::data::DataArgs;
use super::options::over;

/// More than any machine has cores, and few enough to start at once.
pub(crate) const MOST_THREADS: u16 = 1024;

#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct TrainOptions {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) learning: LearningOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) keeping: KeepingOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) execution: ExecutionOptions,
}

impl TrainOptions {
    /// These options, and those of `other` where there are none.
    pub(crate) fn over(self, other: Self) -> Self {
        Self {
            data: self.data.over(other.data),
            learning: self.learning.over(other.learning),
            keeping: self.keeping.over(other.keeping),
            execution: self.execution.over(other.execution),
        }
    }

    /// The preset's configuration with these options, and with the layers of a network's file.
    ///
    /// # Errors
    /// If the network's file is none.
    pub(crate) fn config(&self) -> Result<Config> {
        let config = Config::preset(self.learning.preset.unwrap_or_default());
        let config = self.keeping.apply(self.learning.apply(self.data.apply(config)));
        Ok(Config { model: config.model.resolved()?, ..config })
    }
}

#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Learning")]
pub(crate) struct LearningOptions {
    /// Settings to begin from; all other options go over them [default: tutorial]
    #[arg(long, value_name = "PRESET", value_parser = words::<Preset>(&["tutorial", "tutorial-plus"]))]
    pub(crate) preset: Option<Preset>,
    /// Network: `tutorial`, `tutorial-plus`, or a TOML file with layers [default: the preset's]
    #[arg(long, value_name = "MODEL", value_parser = network())]
    pub(crate) model: Option<NetworkChoice>,
    /// Passes over the training pictures [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,
    /// Pictures in a step [default: 32]
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<usize>,
    /// A shorter last batch of an epoch: keep it or drop it [default: keep]
    #[arg(long, value_name = "WORD", value_parser = words::<LastBatch>(&["keep", "drop"]))]
    pub(crate) last_batch: Option<LastBatch>,
    /// Random variations of training pictures: `none`, `light`, `standard`, or some of flip, shift:PIXELS, crop:PIXELS,
    /// rotate:DEGREES, zoom:SHARE, brightness:SHARE, contrast:SHARE, noise:SIGMA, cutout:PIXELS, parted by commas
    /// [default: none]
    #[arg(long, value_name = "OPS")]
    pub(crate) augment: Option<Augmentation>,
    /// How weights follow their gradients [default: adam]
    #[arg(long, value_name = "WORD", value_parser = words::<OptimizerName>(&["adam", "adamw", "sgd"]))]
    pub(crate) optimizer: Option<OptimizerName>,
    /// Step size [default: 0.001]
    #[arg(long, value_name = "RATE")]
    pub(crate) learning_rate: Option<f64>,
    /// How the step size changes: `constant`, `cosine[:END]`, `one-cycle`, `step:EPOCHS:FACTOR`,
    /// `plateau:PATIENCE:FACTOR` [default: constant]
    #[arg(long, value_name = "SCHEDULE")]
    pub(crate) schedule: Option<Schedule>,
    /// Epochs, or a part of one, in which the step size rises from nearly 0 [default: 0]
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) warmup_epochs: Option<f64>,
    /// Momentum of `sgd` [default: 0]
    #[arg(long, value_name = "SHARE")]
    pub(crate) momentum: Option<f64>,
    /// Momentum that looks ahead
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) nesterov: Option<bool>,
    /// Decoupled weight decay of `adamw` and `sgd` [default: 0; 0.004 for adamw]
    #[arg(long, value_name = "SHARE")]
    pub(crate) weight_decay: Option<f64>,
    /// Part of each target that is spread over all classes [default: 0]
    #[arg(long, value_name = "SHARE")]
    pub(crate) label_smoothing: Option<f64>,
    /// Shortens gradients that are longer than this, all weights together
    #[arg(long, value_name = "LENGTH")]
    pub(crate) clip_norm: Option<f64>,
    /// Where to compute: `cpu`, `cuda`, `cuda:N`, `metal`, or `auto` for the first of CUDA, Metal and the CPU that is
    /// there [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<DeviceName>,
    /// What a CUDA device may round numbers to: `f32`, `tf32` for factors of products, or `bf16` for all that layers store
    /// [default: f32]
    #[arg(long, value_name = "PRECISION")]
    pub(crate) precision: Option<Precision>,
}

over!(LearningOptions {
    preset,
    model,
    epochs,
    batch_size,
    last_batch,
    augment,
    optimizer,
    learning_rate,
    schedule,
    warmup_epochs,
    momentum,
    nesterov,
    weight_decay,
    label_smoothing,
    clip_norm,
    device,
    precision,
});

impl LearningOptions {
    fn apply(&self, config: Config) -> Config {
        let it = self.clone();
        let optimizer = it.optimizer.unwrap_or(config.optimizer);
        // Keras' AdamW decays by 0.004 where nothing is said.
        let decay = match (optimizer == config.optimizer, optimizer) {
            (true, _) => config.weight_decay,
            (false, OptimizerName::Adamw) => 0.004,
            (false, _) => 0.0,
        };
        Config {
            model: it.model.unwrap_or(config.model),
            epochs: it.epochs.unwrap_or(config.epochs),
            batch_size: it.batch_size.unwrap_or(config.batch_size),
            last_batch: it.last_batch.unwrap_or(config.last_batch),
            augment: it.augment.unwrap_or(config.augment),
            optimizer,
            learning_rate: it.learning_rate.unwrap_or(config.learning_rate),
            schedule: it.schedule.unwrap_or(config.schedule),
            warmup_epochs: it.warmup_epochs.unwrap_or(config.warmup_epochs),
            momentum: it.momentum.unwrap_or(config.momentum),
            nesterov: it.nesterov.unwrap_or(config.nesterov),
            weight_decay: it.weight_decay.unwrap_or(decay),
            label_smoothing: it.label_smoothing.unwrap_or(config.label_smoothing),
            clip_norm: it.clip_norm.or(config.clip_norm),
            device: it.device.unwrap_or(config.device),
            precision: it.precision.unwrap_or(config.precision),
            ..config
        }
    }
}

#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Watching and keeping")]
pub(crate) struct KeepingOptions {
    /// What tells which epoch is the best [default: val_loss]
    #[arg(long, value_name = "METRIC")]
    pub(crate) monitor: Option<Monitor>,
    /// Ends training after N epochs without a better one
    #[arg(long, value_name = "N")]
    pub(crate) early_stopping: Option<usize>,
    /// How much better an epoch must be to count [default: 0]
    #[arg(long, value_name = "DELTA")]
    pub(crate) min_delta: Option<f64>,
    /// Takes the weights of the best epoch in the end [default: true with --early-stopping, else false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) restore_best: Option<bool>,
    /// Keeps the weights of every Nth epoch
    #[arg(long, value_name = "N")]
    pub(crate) keep_every: Option<u64>,
    /// Logs accuracy and loss every N steps, too
    #[arg(long, value_name = "N")]
    pub(crate) log_every: Option<u64>,
    /// Logs histograms of gradients
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) log_gradients: Option<bool>,
    /// Logs predictions, mistakes, confusion and precision every N epochs and at the end; 0 for never [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) log_pictures: Option<u64>,
}

over!(KeepingOptions {
    monitor,
    early_stopping,
    min_delta,
    restore_best,
    keep_every,
    log_every,
    log_gradients,
    log_pictures,
});

impl KeepingOptions {
    fn apply(&self, config: Config) -> Config {
        let early_stopping = self.early_stopping.or(config.early_stopping);
        Config {
            monitor: self.monitor.unwrap_or(config.monitor),
            early_stopping,
            min_delta: self.min_delta.unwrap_or(config.min_delta),
            restore_best: self.restore_best.unwrap_or(config.restore_best || early_stopping.is_some()),
            keep_every: self.keep_every.or(config.keep_every),
            log_every: self.log_every.or(config.log_every),
            log_gradients: self.log_gradients.unwrap_or(config.log_gradients),
            log_pictures: self.log_pictures.unwrap_or(config.log_pictures),
            ..config
        }
    }
}

#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[command(next_help_heading = "Running (changes no result)")]
pub(crate) struct ExecutionOptions {
    /// Folder for this run, which must not be there yet [default: the next free runs/NNN-DATASET]
    #[arg(long, value_name = "DIR")]
    pub(crate) run_dir: Option<PathBuf>,
    /// Threads, 0 for one a core [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=i64::from(MOST_THREADS)))]
    pub(crate) threads: Option<u16>,
    /// Instruction set: auto, avx512, avx2, neon or portable [default: $KERNELS_SIMD, or auto]
    #[arg(long, value_name = "SET")]
    #[serde(default, deserialize_with = "simd")]
    pub(crate) simd: Option<Simd>,
    /// Seconds between two checkpoints within an epoch; there is one after each epoch besides [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) save_every: Option<u64>,
    /// Pauses after so long, saved: 90s, 30m, 8h; `--resume` goes on
    #[arg(long, value_name = "TIME", value_parser = time)]
    #[serde(default, deserialize_with = "time_text")]
    pub(crate) time_limit: Option<Duration>,
    /// No progress, only results and warnings
    #[arg(long, short, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) quiet: Option<bool>,
    /// Progress and results on stdout as JSON, an object a line
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) json: Option<bool>,
}

over!(ExecutionOptions { run_dir, threads, simd, save_every, time_limit, quiet, json });

/// Parses the words of a choice, and offers them for completion.
fn words<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| choice::<T>(&word))
}

fn network() -> impl TypedValueParser<Value = NetworkChoice> {
    clap::builder::StringValueParser::new().map(|word| NetworkChoice::named(&word))
}

/// `90s`, `30m`, `8h`.
fn time(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; expected seconds, minutes or hours as 90s, 30m or 8h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

fn time_text<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| time(&text).map_err(serde::de::Error::custom)).transpose()
}

fn simd<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Option<Simd>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}
