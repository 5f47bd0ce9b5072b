//! What a run says of itself: `config.toml`, and how it was started.

use std::path::PathBuf;
use std::time::Duration;

use dataset::{Shape, Source};
use serde::{Deserialize, Serialize};

use crate::config::Config;

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
    /// Of each picture.
    pub shape: Shape,
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
    /// At most so long between two checkpoints.
    pub save_every: Duration,
    /// Training pauses after so long.
    pub time_limit: Option<Duration>,
}

impl Execution {
    /// Checkpoints each minute, no limit of time.
    pub const SAVE_EVERY: Duration = Duration::from_secs(60);
}
