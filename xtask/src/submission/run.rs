//! A finished run on disk: found, read and checked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// The files of a run that go into a submission as they are.
pub(crate) const FILES: [&str; 5] =
    ["config.toml", "history.csv", "model.safetensors", "model.safetensors.md5", "results.toml"];

/// A run whose model file is whole: its md5 is the one written beside it.
#[derive(Debug)]
pub(crate) struct FinishedRun {
    pub(crate) folder: PathBuf,
    pub(crate) config: Config,
    pub(crate) data: Data,
    pub(crate) command: Vec<String>,
    pub(crate) results: Results,
    pub(crate) history: Vec<Epoch>,
}

#[derive(Deserialize)]
struct ConfigFile {
    config: Config,
    data: Data,
    run: Started,
}

/// What a reader of the submission wants to know of the configuration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Config {
    #[serde(deserialize_with = "network")]
    pub(crate) model: String,
    pub(crate) validation: String,
    pub(crate) augment: String,
    pub(crate) optimizer: String,
    pub(crate) learning_rate: f64,
    pub(crate) batch_size: usize,
    pub(crate) epochs: u64,
    pub(crate) seed: u64,
    pub(crate) device: String,
}

/// A network's name, or of one with layers of its own, their number.
fn network<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Network {
        Named(String),
        Layers { name: String, layers: Vec<serde::de::IgnoredAny> },
    }
    Ok(match Network::deserialize(from)? {
        Network::Named(name) => name,
        Network::Layers { name, layers } => format!("{name} of {} layers", layers.len()),
    })
}

/// The pictures of the run.
#[derive(Debug, Deserialize)]
pub(crate) struct Data {
    pub(crate) description: String,
    pub(crate) fingerprint: String,
    pub(crate) train: usize,
    pub(crate) validation: usize,
    pub(crate) test: usize,
}

#[derive(Deserialize)]
struct Started {
    command: Vec<String>,
    started: u64,
}

/// What came out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Results {
    pub(crate) test_accuracy: f64,
    pub(crate) test_loss: f64,
    pub(crate) model_md5: String,
    pub(crate) seconds: f64,
}

/// A line of history.csv.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) accuracy: f64,
    pub(crate) val_accuracy: f64,
}

impl FinishedRun {
    /// The finished run below `runs` that was started last.
    pub(crate) fn latest(runs: &Path) -> Result<Self> {
        let entries = fs::read_dir(runs).with_context(|| {
            format!("cannot list {}: train a network first with `cargo run -p trainer`", runs.display())
        })?;
        let mut found: Vec<(u64, PathBuf)> = Vec::new();
        for entry in entries {
            let folder = entry?.path();
            if folder.join("config.toml").is_file() {
                found.push((read_config(&folder)?.run.started, folder));
            }
        }
        found.sort();
        while let Some((_, folder)) = found.pop() {
            if folder.join("results.toml").is_file() {
                return Self::open(&folder);
            }
            tracing::warn!("{} is newer but not finished", folder.display());
        }
        bail!("no finished run in {}: train a network first with `cargo run -p trainer`", runs.display())
    }

    /// The run in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        ensure!(folder.is_dir(), "no run folder {}; see `ls runs`", folder.display());
        ensure!(
            folder.join("results.toml").is_file(),
            "{} is not a finished run: it has no results.toml; train to the end first",
            folder.display()
        );
        let ConfigFile { config, data, run } = read_config(folder)?;
        let results: Results = read_toml(&folder.join("results.toml"))?;
        let path = folder.join("history.csv");
        let history = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let history = parse_history(&history).with_context(|| path.display().to_string())?;
        let finished =
            Self { folder: folder.to_owned(), config, data, command: run.command, results, history };
        finished.check_md5()?;
        Ok(finished)
    }

    /// The folder's own name.
    pub(crate) fn name(&self) -> String {
        let name = self.folder.canonicalize().ok();
        let name = name.as_deref().and_then(Path::file_name).or(self.folder.file_name());
        name.map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// The content of one of [`FILES`].
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The epoch with the greatest validation accuracy; the first of equal ones.
    pub(crate) fn best_epoch(&self) -> Option<&Epoch> {
        self.history
            .iter()
            .reduce(|best, epoch| if epoch.val_accuracy > best.val_accuracy { epoch } else { best })
    }

    fn check_md5(&self) -> Result<()> {
        let found = format!("{:x}", md5::compute(self.read("model.safetensors")?));
        let written = String::from_utf8_lossy(&self.read("model.safetensors.md5")?).into_owned();
        let expected = format!("{found}  model.safetensors\n");
        ensure!(
            written == expected && self.results.model_md5 == found,
            "the md5 of {}/model.safetensors is {found}, but model.safetensors.md5 says {:?} and results.toml {:?}: \
             the model is not the one that was trained here; train again",
            self.folder.display(),
            written.trim_end(),
            self.results.model_md5,
        );
        Ok(())
    }
}

fn read_config(folder: &Path) -> Result<ConfigFile> {
    read_toml(&folder.join("config.toml"))
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not what the trainer writes", path.display()))
}

fn parse_history(text: &str) -> Result<Vec<Epoch>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        header.iter().position(|column| *column == name).with_context(|| format!("there is no column {name}"))
    };
    let (number, accuracy, val_accuracy) = (column("epoch")?, column("accuracy")?, column("val_accuracy")?);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
            let wrong = || format!("the line {line:?} is not one of a history");
            Ok(Epoch {
                number: cell(number).parse().with_context(wrong)?,
                accuracy: cell(accuracy).parse().with_context(wrong)?,
                val_accuracy: cell(val_accuracy).parse().with_context(wrong)?,
            })
        })
        .collect()
}
