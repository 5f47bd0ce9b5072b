//! Everything that goes into a submission; knows where things are in it, not how they are packed.

use anyhow::Result;

use super::archive::Entry;
use super::origin::Origin;
use crate::finished_run::FinishedRun;
use crate::screenshots::{Files, native};

/// The run's own files, as they are: a folder that TensorBoard and the trainer take for a run.
pub(crate) const RUN: &str = "run/";
/// Our own pictures.
const PICTURES: &str = "pictures/";
/// Pictures of TensorBoard.
const TENSORBOARD: &str = "pictures/tensorboard/";

/// The files of a run that go in, besides its event files.
const FILES: [&str; 7] = [
    "config.toml",
    "history.csv",
    "history.jsonl",
    "model.safetensors",
    "model.safetensors.md5",
    "report.html",
    "results.toml",
];

/// The files of a run, what says where they are from, and its pictures drawn anew.
///
/// # Errors
/// If a file cannot be read, or a picture not be drawn.
pub(super) fn of_run(run: &FinishedRun, origin: &Origin) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for name in FILES.map(str::to_owned).into_iter().chain(run.event_files()?) {
        entries.push(Entry { content: run.read(&name)?, name: format!("{RUN}{name}") });
    }
    entries.push(origin.entry()?);
    entries.extend(drawn(run)?);
    Ok(entries)
}

/// Our own pictures of a run.
///
/// # Errors
/// If they cannot be drawn.
pub(crate) fn drawn(run: &FinishedRun) -> Result<Vec<Entry>> {
    Ok(in_folder(PICTURES, native::light(run)?))
}

pub(super) fn from_tensorboard(pictures: Files) -> Vec<Entry> {
    in_folder(TENSORBOARD, pictures)
}

fn in_folder(folder: &str, files: Files) -> Vec<Entry> {
    files.into_iter().map(|(name, content)| Entry { name: format!("{folder}{name}"), content }).collect()
}

/// Whether a file of a submission is a picture of TensorBoard.
pub(crate) fn is_of_tensorboard(name: &str) -> bool {
    name.starts_with(TENSORBOARD)
}

/// The names of the pictures among the files of a submission: the order in which they are drawn, TensorBoard's last.
pub(crate) fn pictures<'a>(names: impl IntoIterator<Item = &'a str>) -> Pictures {
    let (tensorboard, own) = names
        .into_iter()
        .filter(|name| name.starts_with(PICTURES))
        .map(str::to_owned)
        .partition(|name| is_of_tensorboard(name));
    Pictures { own, tensorboard }
}

/// The pictures of a submission, by their names in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pictures {
    /// Drawn by us.
    pub(crate) own: Vec<String>,
    /// Taken from TensorBoard.
    pub(crate) tensorboard: Vec<String>,
}
