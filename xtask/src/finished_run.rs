//! A finished run on disk: found, read and checked.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use figures::Confusion;
use serde::Deserialize;

use crate::hash::sha256;

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
    pub(crate) classes: Vec<String>,
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
    pub(crate) weights_of_epoch: u64,
    pub(crate) seconds: f64,
    /// How many test pictures of each class got each answer: a row for each true class, a column for each answer.
    pub(crate) confusion: Vec<Vec<u64>>,
    pub(crate) diagnosis: Diagnosis,
}

/// What the trainer says of the curves.
#[derive(Debug, Deserialize)]
pub(crate) struct Diagnosis {
    pub(crate) verdict: String,
    pub(crate) evidence: Vec<String>,
    pub(crate) advice: Vec<String>,
}

/// A line of history.csv. Losses and accuracies are `f32`s, as in the event files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Epoch {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) loss: f32,
    pub(crate) accuracy: f32,
    pub(crate) val_loss: f32,
    pub(crate) val_accuracy: f32,
    pub(crate) learning_rate: f64,
}

/// Names a finished run.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// The run: its folder, or `latest`
    #[arg(long, default_value = "latest", value_name = "RUN")]
    run: String,
    /// Folder that holds the runs
    #[arg(long, default_value = "runs", value_name = "DIR")]
    runs_dir: PathBuf,
}

impl RunArgs {
    /// The run.
    ///
    /// # Errors
    /// As [`FinishedRun::find`].
    pub(crate) fn open(&self) -> Result<FinishedRun> {
        FinishedRun::find(&self.run, &self.runs_dir)
    }
}

impl FinishedRun {
    /// The run that a user names: its folder, or `latest` for the one below `runs` that was started last.
    ///
    /// # Errors
    /// If there is none, it is not finished, or its files are not what the trainer writes.
    pub(crate) fn find(name: &str, runs: &Path) -> Result<Self> {
        match name {
            "latest" => Self::latest(runs),
            folder => Self::open(Path::new(folder)),
        }
    }

    fn latest(runs: &Path) -> Result<Self> {
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
    ///
    /// # Errors
    /// If it is not finished, or its files are not what the trainer writes.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let run = Self::read_unchecked(folder)?;
        run.check_md5()?;
        Ok(run)
    }

    /// The run in `folder`, whatever the md5 of its model.
    ///
    /// # Errors
    /// If it is not finished, or its files are not what the trainer writes.
    pub(crate) fn read_unchecked(folder: &Path) -> Result<Self> {
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
        Ok(Self { folder: folder.to_owned(), config, data, command: run.command, results, history })
    }

    /// Which test picture was taken for what.
    pub(crate) fn confusion(&self) -> Confusion {
        Confusion { classes: self.data.classes.clone(), counts: self.results.confusion.concat() }
    }

    /// What was trained on what, in one line.
    pub(crate) fn title(&self) -> String {
        format!("{} · network: {}", self.data.description, self.config.model)
    }

    /// The folder's own name.
    pub(crate) fn name(&self) -> String {
        let name = self.folder.canonicalize().ok();
        let name = name.as_deref().and_then(Path::file_name).or(self.folder.file_name());
        name.map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// The content of one of its files.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Its event files as the archive names them: `train/events...`, in the order of names.
    ///
    /// # Errors
    /// If its folders cannot be listed.
    pub(crate) fn event_files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        for part in ["", "train/", "validation/"] {
            let folder = self.folder.join(part);
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries.with_context(|| format!("cannot list {}", folder.display()))?,
            };
            for entry in entries {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.starts_with("events.out.tfevents.") {
                    files.push(format!("{part}{name}"));
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// One SHA-256 of all event files and their names: pictures of them are of this run as long as it stays.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(crate) fn events_sha256(&self) -> Result<String> {
        let mut sums = String::new();
        for name in self.event_files()? {
            sums += &format!("{}  {name}\n", sha256(&self.read(&name)?));
        }
        Ok(sha256(sums.as_bytes()))
    }

    /// The epoch with the greatest validation accuracy; the first of equal ones.
    pub(crate) fn best_epoch(&self) -> Option<&Epoch> {
        self.history
            .iter()
            .reduce(|best, epoch| if epoch.val_accuracy > best.val_accuracy { epoch } else { best })
    }

    /// That the model file has the md5 that was written of it.
    ///
    /// # Errors
    /// If it has another.
    pub(crate) fn check_md5(&self) -> Result<()> {
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
        let place = header.iter().position(|column| *column == name);
        place.with_context(|| format!("expected a column {name:?}, found {}", header.join(",")))
    };
    let epoch = column("epoch")?;
    let rate = column("learning_rate")?;
    let (loss, accuracy) = (column("loss")?, column("accuracy")?);
    let (val_loss, val_accuracy) = (column("val_loss")?, column("val_accuracy")?);
    lines
        .zip(1..)
        .map(|(line, expected)| {
            let cells: Vec<&str> = line.split(',').collect();
            let wrong = || format!("expected numbers of epoch {expected}, found {line}");
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
            let value = |at: usize| cell(at).parse::<f32>().with_context(wrong);
            ensure!(cell(epoch).parse() == Ok(expected), wrong());
            Ok(Epoch {
                number: expected,
                loss: value(loss)?,
                accuracy: value(accuracy)?,
                val_loss: value(val_loss)?,
                val_accuracy: value(val_accuracy)?,
                learning_rate: cell(rate).parse().with_context(wrong)?,
            })
        })
        .collect()
}
