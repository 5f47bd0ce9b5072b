//! A whole run: load, train, test once, save.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use candle_core::Device;
use dataset::Shape;
use dataset::loader::{LastBatch, Loader};
use model::{Architecture, Network};
use serde::{Deserialize, Serialize};
use streams::Seed;

use crate::callback::{Callback, Metrics};
use crate::checkpoint::LastWeights;
use crate::config::{Config, DeviceName, Execution, ModelName, RunConfig, RunRecord};
use crate::data::Data;
use crate::event_log::EventLog;
use crate::fit::{evaluate, evaluation_loader, fit};
use crate::history::History;
use crate::run_folder::{RUNS, RunFolder};
use crate::variations::{Variations, variations};
use crate::{Error, Result};

/// The trained weights.
pub const MODEL_FILE: &str = "model.safetensors";
/// Their md5, as `md5sum` prints it.
pub const MD5_FILE: &str = "model.safetensors.md5";
/// Everything that decides the result.
pub const CONFIG_FILE: &str = "config.toml";
/// What came out; there only when the run is finished.
pub const RESULTS_FILE: &str = "results.toml";

/// A run that is ready to train.
#[derive(Debug)]
pub struct Run {
    config: Config,
    data: Data,
    network: Network,
    folder: RunFolder,
}

/// `results.toml`: what came out of a finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Results {
    /// Loss on the test part, after training.
    pub test_loss: f32,
    /// Accuracy on the test part, 0 to 1.
    pub test_accuracy: f32,
    /// Of the model file.
    pub model_md5: String,
    /// Epochs trained.
    pub epochs: u64,
    /// Seconds of training, validation included.
    pub seconds: f64,
}

impl Run {
    /// Makes the network for the data that `config` names, and the run folder with its `config.toml`.
    ///
    /// # Errors
    /// If a setting is out of range, the device is not to be had, the pictures do not fit the network, or the
    /// folder cannot be made.
    pub fn prepare(config: Config, data: Data, how: &Execution) -> Result<Self> {
        config.check()?;
        let train = data.split.train.len();
        if config.last_batch == LastBatch::Drop && train < config.batch_size {
            let size = config.batch_size;
            let message = format!(
                "--last-batch drop leaves nothing of {train} training pictures at --batch-size {size}"
            );
            return Err(Error::Setting(message));
        }
        let device = open_device(config.device)?;
        let (shape, classes) = (data.dataset.pictures().shape(), data.dataset.classes().len());
        let architecture = architecture(config.model, shape, classes)?;
        let network = Network::new(&architecture, Seed(config.seed), &device, how.simd)?;
        let folder = match &how.run_dir {
            Some(path) => RunFolder::create(path)?,
            None => RunFolder::next(Path::new(RUNS), &config.dataset.short())?,
        };
        let record = RunConfig {
            config: config.clone(),
            data: data.record(),
            run: RunRecord {
                command: how.command.clone(),
                trainer: env!("CARGO_PKG_VERSION").to_owned(),
                started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            },
        };
        folder.write(CONFIG_FILE, to_toml(&record)?.as_bytes())?;
        Ok(Self { config, data, network, folder })
    }

    /// Trains, tests once, and writes the model. `progress` listens along.
    ///
    /// # Errors
    /// As [`fit`]; what is whole by then is on the disk.
    pub fn train(&self, progress: &mut dyn Callback, stop: &AtomicBool) -> Result<Results> {
        // On one of the threads that compute, so that no step waits for another thread to wake.
        rayon::scope(|_| self.train_here(progress, stop))
    }

    fn train_here(&self, progress: &mut dyn Callback, stop: &AtomicBool) -> Result<Results> {
        let (dataset, split) = (&self.data.dataset, &self.data.split);
        let Config { seed, batch_size, last_batch, augment, .. } = &self.config;
        let train = Loader::training(dataset, &split.train, *batch_size, Seed(*seed), augment)?
            .last_batch(*last_batch);
        let validation = evaluation_loader(dataset, &split.validation)?;
        let test = evaluation_loader(dataset, &split.test)?;
        let mut events = EventLog::new(&self.folder, &self.network)?;
        if !augment.is_none() {
            events.variations(&variations(&self.data, &self.config, Variations::OF_A_RUN)?)?;
        }
        let mut history = History::new(&self.folder);
        let mut weights = LastWeights::new(&self.folder);
        let began = Instant::now();
        let callbacks: &mut [&mut dyn Callback] = &mut [&mut history, &mut events, &mut weights, progress];
        fit(&self.network, &self.config, &train, &validation, callbacks, stop)?;
        let time = began.elapsed();
        let tested = evaluate(&self.network, &test)?;
        self.save(tested, time)
    }

    fn save(&self, tested: Metrics, time: Duration) -> Result<Results> {
        let bytes = self.network.to_safetensors()?;
        let results = Results {
            test_loss: tested.loss,
            test_accuracy: tested.accuracy,
            model_md5: format!("{:x}", md5::compute(&bytes)),
            epochs: self.config.epochs,
            seconds: (time.as_secs_f64() * 1000.0).round() / 1000.0,
        };
        self.folder.write(MODEL_FILE, &bytes)?;
        self.folder.write(MD5_FILE, format!("{}  {MODEL_FILE}\n", results.model_md5).as_bytes())?;
        self.folder.write(RESULTS_FILE, to_toml(&results)?.as_bytes())?;
        Ok(results)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The pictures and their parts.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The folder of this run.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The network, trained or not.
    pub fn network(&self) -> &Network {
        &self.network
    }
}

/// The architecture of a name, for pictures of this shape in so many classes.
///
/// # Errors
/// If the pictures are too small for it.
pub fn architecture(model: ModelName, shape: Shape, classes: usize) -> Result<Architecture> {
    match model {
        ModelName::Tutorial => {
            Ok(Architecture::tutorial_for([shape.height, shape.width, shape.channels], classes)?)
        }
    }
}

fn open_device(name: DeviceName) -> Result<Device> {
    let (feature, device) = match name {
        DeviceName::Cpu => return Ok(Device::Cpu),
        DeviceName::Cuda => ("cuda", Device::new_cuda(0)),
        DeviceName::Metal => ("metal", Device::new_metal(0)),
    };
    device.map_err(|error| {
        let error = error.to_string();
        let why = error.lines().next().unwrap_or_default();
        Error::Setting(format!(
            "--device {feature} is not to be had: {why}; build with `--features {feature}` on a machine that has it, \
             or use --device cpu"
        ))
    })
}

fn to_toml<T: Serialize>(value: &T) -> Result<String> {
    toml::to_string(value)
        .map_err(|error| Error::Setting(format!("cannot write the settings as TOML: {error}")))
}
