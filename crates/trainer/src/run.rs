//! A whole run: load, train, test once, save.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use dataset::loader::{LastBatch, Loader};
use kernels::Simd;
use model::resident::Resident;
use model::{Network, Precision};
use serde::{Deserialize, Serialize};
use streams::Seed;

use crate::callback::Callback;
use crate::checkpoint::{self, Checkpoints};
use crate::config::Config;
use crate::data::Data;
use crate::diagnosis::{Diagnosis, Epoch};
use crate::evaluate::{Answers, answers, evaluation_loader};
use crate::event_log::{EventLog, Start};
use crate::history::{EpochRecord, HistoryFiles};
use crate::policy::{EarlyStopping, KeepBest, KeepEvery, SaveOften, TimeLimit};
use crate::record::{Execution, RunConfig, RunRecord};
use crate::report::{REPORT_FILE, report};
use crate::run_folder::{RUNS, RunFolder};
use crate::saved_run::SavedRun;
use crate::scores::Scores;
use crate::state::State;
use crate::training::Trainer;
use crate::{Error, Result};

/// The trained weights.
pub const MODEL_FILE: &str = "model.safetensors";
/// Their md5, as `md5sum` prints it.
pub const MD5_FILE: &str = "model.safetensors.md5";
/// Everything that decides the result.
pub const CONFIG_FILE: &str = "config.toml";
/// What came out; there only when the run is finished.
pub const RESULTS_FILE: &str = "results.toml";

/// A run that is ready to train, from its beginning or from where it was stopped.
#[derive(Debug)]
pub struct Run {
    config: Config,
    data: Data,
    network: Network,
    folder: RunFolder,
    start: Start,
    how: Execution,
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
    /// The epoch whose weights are in the model file.
    pub weights_of_epoch: u64,
    /// Why training ended before its last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Seconds of training, validation included.
    pub seconds: f64,
    /// How many test pictures of each class got each answer: a row for each true class, a column for each answer.
    pub confusion: Vec<Vec<u64>>,
    /// What the curves show.
    pub diagnosis: Diagnosis,
}

impl Run {
    /// Makes the network for the data that `config` names, and the run folder with its `config.toml`.
    ///
    /// # Errors
    /// If a setting is out of range, the device is not to be had, the pictures do not fit the network, or the
    /// folder cannot be made.
    pub fn prepare(config: Config, data: Data, how: &Execution) -> Result<Self> {
        let config = Config { model: config.model.resolved()?, device: config.device.resolved()?, ..config };
        let network = network(&config, &data, how.simd)?;
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
        Ok(Self { config, data, network, folder, start: Start::Anew, how: how.clone() })
    }

    /// Takes up a run that was stopped, on the pictures that it was on.
    ///
    /// # Errors
    /// If another program trains there, the pictures are others, or the folder cannot be written to.
    pub fn resume(run: &SavedRun, data: Data, how: &Execution) -> Result<Self> {
        let folder = RunFolder::open(&run.folder)?;
        let config = run.config().clone();
        let network = network(&config, &data, how.simd)?;
        Ok(Self { config, data, network, folder, start: Start::Again, how: how.clone() })
    }

    /// Trains, tests once, and writes the model. `progress` listens along.
    ///
    /// # Errors
    /// As [`Trainer::fit`]; what is whole by then is on the disk.
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
        let mut trainer =
            Trainer::new(&self.network, &self.config)?.checkpoints(Checkpoints::new(&self.folder))?;
        let mut events = EventLog::new(
            &self.folder,
            &self.network,
            &self.config,
            &self.data,
            self.start,
            trainer.state(),
        )?;
        let mut history = HistoryFiles::new(&self.folder, &trainer.state().history)?;
        trainer = self.with_policies(trainer);
        trainer.fit(&train, &validation, &mut [&mut history, &mut events, progress], stop)?;
        let state = trainer.state().clone();
        if self.config.restore_best {
            trainer.restore_best()?;
        }
        let interrupted = Error::Interrupted { epoch: state.epoch, step: train.steps() as u64 };
        let tested = answers(&self.network, &test, stop)?.ok_or(interrupted)?;
        let results = self.save(&tested, &state)?;
        self.finish(&mut events, &tested, &results)?;
        Ok(results)
    }

    fn with_policies<'a>(&self, trainer: Trainer<'a>) -> Trainer<'a> {
        let Config { monitor, min_delta, .. } = self.config;
        let mut trainer = trainer.policy(KeepBest(monitor)).policy(SaveOften(self.how.save_every));
        if let Some(patience) = self.config.early_stopping {
            trainer = trainer.policy(EarlyStopping { monitor, patience, min_delta });
        }
        if let Some(epochs) = self.config.keep_every {
            trainer = trainer.policy(KeepEvery(epochs));
        }
        if let Some(limit) = self.how.time_limit {
            trainer = trainer.policy(TimeLimit(limit));
        }
        trainer
    }

    fn save(&self, tested: &Answers, state: &State) -> Result<Results> {
        let bytes = self.network.to_safetensors()?;
        let classes = self.data.dataset.classes();
        let scores = Scores::of(classes, &tested.logits, &tested.labels)?;
        let results = Results {
            test_loss: tested.metrics.loss,
            test_accuracy: tested.metrics.accuracy,
            model_md5: format!("{:x}", md5::compute(&bytes)),
            epochs: state.epoch,
            weights_of_epoch: self.weights_of(&state.history),
            stopped: state.finished.clone(),
            seconds: (state.seconds * 1000.0).round() / 1000.0,
            confusion: scores.confusion.chunks(classes.len().max(1)).map(<[u64]>::to_vec).collect(),
            diagnosis: diagnosed(&state.history, classes.len()),
        };
        self.folder.write(MODEL_FILE, &bytes)?;
        self.folder.write(MD5_FILE, format!("{}  {MODEL_FILE}\n", results.model_md5).as_bytes())?;
        Ok(results)
    }

    /// The last words, and `results.toml` as the very last: a run without it is not finished.
    fn finish(&self, events: &mut EventLog, tested: &Answers, results: &Results) -> Result<()> {
        events.finish(tested, results)?;
        let run = SavedRun::open(self.folder.path())?;
        let page = report(&run, &self.data, &self.network, Some(results))?;
        self.folder.write(REPORT_FILE, page.as_bytes())?;
        self.folder.write(RESULTS_FILE, to_toml(results)?.as_bytes())
    }

    fn weights_of(&self, history: &[EpochRecord]) -> u64 {
        let best =
            crate::early_stopping::best_epoch(&crate::history::costs(history, self.config.monitor), 0.0);
        match best {
            Some(best) if self.config.restore_best => best as u64 + 1,
            _ => history.len() as u64,
        }
    }

    /// Whether there is a checkpoint to go on from.
    pub fn can_go_on(&self) -> bool {
        self.folder.path().join(checkpoint::LAST).is_file()
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

/// What the curves of a history say.
pub fn diagnosed(history: &[EpochRecord], classes: usize) -> Diagnosis {
    let epochs: Vec<Epoch> = history
        .iter()
        .map(|record| Epoch { train: record.train(), validation: record.validation() })
        .collect();
    Diagnosis::of(&epochs, classes)
}

fn network(config: &Config, data: &Data, simd: Simd) -> Result<Network> {
    config.check()?;
    let (train, size) = (data.split.train.len(), config.batch_size);
    if config.last_batch == LastBatch::Drop && train < size {
        let left =
            format!("--last-batch drop leaves nothing of {train} training pictures at --batch-size {size}");
        return Err(Error::Setting(left));
    }
    let device = config.device.open()?;
    config
        .precision
        .choose(&device)
        // As the option.
        .map_err(|error| Error::Setting(format!("--{error}")))?;
    let (shape, classes) = (data.dataset.pictures().shape(), data.dataset.classes().len());
    let architecture = config.model.architecture(shape, classes)?;
    let network = Network::new(&architecture, Seed(config.seed), &device, simd)?;
    if config.precision == Precision::Bf16 && !Resident::is_for(&network) {
        let layers =
            "convolutions with as many zeros on both sides, pools and dense layers, linear or with ReLU";
        let what = format!("--precision bf16 is for networks of {layers}, built with `--features cudnn`");
        return Err(Error::Setting(format!("{what}: use f32 or tf32")));
    }
    Ok(network)
}

/// A value as the run's files have it.
pub(crate) fn to_toml<T: Serialize>(value: &T) -> Result<String> {
    toml::to_string(value)
        .map_err(|error| Error::Setting(format!("cannot write the settings as TOML: {error}")))
}
