//! A run on disk: found by its name, its files read, its network made again.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use kernels::Simd;
use model::Network;
use serde::de::DeserializeOwned;
use streams::Seed;

use crate::checkpoint;
use crate::config::Config;
use crate::data::Data;
use crate::history::{EpochRecord, JSON_LINES};
use crate::record::RunConfig;
use crate::run::{CONFIG_FILE, MODEL_FILE, RESULTS_FILE, Results};
use crate::run_folder::RUNS;
use crate::{Error, Result};

/// The word for the run that was started last.
pub const LATEST: &str = "latest";

/// Which weights of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// The model file.
    #[default]
    Final,
    /// The last checkpoint, of a run that is not finished.
    Last,
    /// Of the best epoch.
    Best,
}

/// A run on disk.
#[derive(Clone, Debug)]
pub struct SavedRun {
    /// Its folder.
    pub folder: PathBuf,
    /// Its `config.toml`.
    pub record: RunConfig,
}

impl SavedRun {
    /// The run in a folder; `latest` is the one in `runs` that was started last.
    ///
    /// # Errors
    /// [`Error::NoRun`] where there is none, or what is wrong with its `config.toml`.
    pub fn open(run: &Path) -> Result<Self> {
        if run == Path::new(LATEST) && !run.exists() {
            return Self::latest(Path::new(RUNS));
        }
        if !run.join(CONFIG_FILE).is_file() {
            return Err(Error::NoRun(run.to_owned()));
        }
        Ok(Self { folder: run.to_owned(), record: read(&run.join(CONFIG_FILE))? })
    }

    fn latest(runs: &Path) -> Result<Self> {
        let mut found: Vec<Self> = Vec::new();
        for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
            if entry.path().join(CONFIG_FILE).is_file() {
                found.push(Self::open(&entry.path())?);
            }
        }
        // Of two that were started in the same second, the one with the higher number.
        let latest = found.into_iter().max_by_key(|run| (run.record.run.started, run.folder.clone()));
        latest.ok_or_else(|| Error::NoRun(runs.join(LATEST)))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.record.config
    }

    /// What came out; `None` where the run is not finished.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn results(&self) -> Result<Option<Results>> {
        let path = self.folder.join(RESULTS_FILE);
        if path.is_file() { read(&path).map(Some) } else { Ok(None) }
    }

    /// What each epoch brought.
    ///
    /// # Errors
    /// If the history cannot be read.
    pub fn history(&self) -> Result<Vec<EpochRecord>> {
        let path = self.folder.join(JSON_LINES);
        let text = match fs::read_to_string(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(Error::io("read", &path))?,
        };
        let parsed = text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>();
        parsed.map_err(|error| Error::Content { path, reason: error.to_string() })
    }

    /// The pictures that the run was on: the same ones, by their fingerprint.
    ///
    /// # Errors
    /// If they cannot be loaded, or are others.
    pub fn data(&self, data_dir: &Path, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Data> {
        let data = Data::load(self.config(), data_dir, progress)?;
        let (found, expected) = (data.dataset.fingerprint(), &self.record.data.fingerprint);
        if found == expected {
            return Ok(data);
        }
        Err(Error::Content {
            path: self.folder.join(CONFIG_FILE),
            reason: format!(
                "the run was on other pictures: fingerprint {expected}, but those here have {found}"
            ),
        })
    }

    /// The network with some of the run's weights, on the CPU.
    ///
    /// # Errors
    /// If there are no such weights, or they are of another network.
    pub fn network(&self, weights: Weights, simd: Simd) -> Result<Network> {
        let RunConfig { config, data, .. } = &self.record;
        let architecture = config.model.architecture(data.shape, data.classes.len())?;
        let network = Network::new(&architecture, Seed(config.seed), &Device::Cpu, simd)?;
        let name = match weights {
            Weights::Final => MODEL_FILE,
            Weights::Last => checkpoint::LAST,
            Weights::Best => checkpoint::BEST,
        };
        let path = self.folder.join(name);
        let bytes = match fs::read(&path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                let reason = "the run has no such file: it is not finished? go on with `trainer train --resume`, or take \
                              `--weights last`";
                return Err(Error::Content { path, reason: reason.into() });
            }
            read => read.map_err(Error::io("read", &path))?,
        };
        network.load_safetensors(&bytes)?;
        Ok(network)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
    toml::from_str(&text).map_err(|error| crate::toml_file::refused(path, &text, &error))
}
