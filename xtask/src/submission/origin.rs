//! `submission.toml`: which run, program and tools a submission is of; knows nothing of how these are found.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::archive::Entry;
use super::readme::Language;
use crate::finished_run::FinishedRun;
use crate::screenshots::TensorBoard;

/// Its name in the archive.
pub(crate) const FILE: &str = "submission.toml";

/// The file's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    /// Of the README.
    pub(crate) languages: Vec<Language>,
    /// The run.
    pub(crate) run: RunOrigin,
    /// The program.
    pub(crate) program: ProgramOrigin,
    /// What TensorBoard's pictures were taken with, where there are any.
    pub(crate) tensorboard: Option<TensorBoard>,
}

/// Where the run's files are from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RunOrigin {
    /// The name of the run's folder.
    pub(crate) name: String,
    /// The command line that started it.
    pub(crate) command: Vec<String>,
    /// Of its event files: those that the pictures show.
    pub(crate) events_sha256: String,
}

/// Where the program is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProgramOrigin {
    /// The commit; none where the program is not in a git repository.
    pub(crate) revision: Option<String>,
    /// Whether it is as committed.
    pub(crate) state: State,
    /// As `rustc --version` says.
    pub(crate) rustc: String,
    /// As `cargo --version` says.
    pub(crate) cargo: String,
    /// The platform of both, as `x86_64-unknown-linux-gnu`.
    pub(crate) host: String,
}

/// How the program differs from its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// In nothing.
    Committed,
    /// As `program.diff` says.
    Changed,
    /// Nobody knows: there is no git repository.
    Unknown,
}

impl RunOrigin {
    /// # Errors
    /// If its event files cannot be read.
    pub(super) fn of(run: &FinishedRun) -> Result<Self> {
        Ok(Self { name: run.name(), command: run.command.clone(), events_sha256: run.events_sha256()? })
    }
}

impl Origin {
    pub(super) fn entry(&self) -> Result<Entry> {
        Ok(Entry::new(FILE, toml::to_string(self)?.into_bytes()))
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// If it is not what `package-submission` writes.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).with_context(|| format!("{FILE} is not what package-submission writes"))
    }
}
