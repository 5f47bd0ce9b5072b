//! The folder of a run's pictures, and the record of what they are of; knows nothing of how they are made.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::finished_run::FinishedRun;
use crate::hash::sha256;

/// The folder, in that of a run.
pub(crate) const FOLDER: &str = "screenshots";
/// Where TensorBoard's pictures are in it.
pub(super) const TENSORBOARD: &str = "tensorboard/";
/// The record; there only when all pictures are.
const RECORD: &str = "pictures.toml";

/// Names and contents.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// The record of the pictures.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Album {
    /// Of the event files that the pictures show.
    events_sha256: String,
    /// What the pictures of TensorBoard were taken with, where there are any.
    tensorboard: Option<TensorBoard>,
    /// Of each picture.
    sha256: BTreeMap<String, String>,
}

/// What pictures of TensorBoard were taken with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TensorBoard {
    /// Of TensorBoard.
    pub(crate) version: String,
    /// Its name and version.
    pub(crate) browser: String,
}

impl Album {
    /// TensorBoard's pictures in the folder of a run; `None` where there are none, or older ones of this run.
    ///
    /// # Errors
    /// If one is not as it was taken.
    pub(super) fn tensorboard_of(run: &FinishedRun) -> Result<Option<(TensorBoard, Files)>> {
        match Self::open(run)? {
            Some(album) if album.is_of(run)? => album.tensorboard(run),
            _ => Ok(None),
        }
    }

    /// The record in the folder of a run.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn open(run: &FinishedRun) -> Result<Option<Self>> {
        let path = run.folder.join(FOLDER).join(RECORD);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let album = toml::from_str(&text)
            .with_context(|| format!("{} is no record of pictures: remove it", path.display()))?;
        Ok(Some(album))
    }

    /// Whether the pictures are of the event files that are there now.
    ///
    /// # Errors
    /// If these cannot be read.
    pub(crate) fn is_of(&self, run: &FinishedRun) -> Result<bool> {
        Ok(self.events_sha256 == run.events_sha256()?)
    }

    /// TensorBoard's pictures, by their names in their own folder, and what they were taken with.
    ///
    /// # Errors
    /// If one is not as it was taken.
    pub(crate) fn tensorboard(&self, run: &FinishedRun) -> Result<Option<(TensorBoard, Files)>> {
        let Some(about) = self.tensorboard.clone() else { return Ok(None) };
        let mut pictures = Files::new();
        for (name, expected) in &self.sha256 {
            let Some(short) = name.strip_prefix(TENSORBOARD) else { continue };
            let png = run.read(&format!("{FOLDER}/{name}"))?;
            ensure!(
                sha256(&png) == *expected,
                "{} is not the picture that was taken: take it again with `cargo xtask screenshots --browser`",
                run.folder.join(FOLDER).join(name).display()
            );
            pictures.push((short.to_owned(), png));
        }
        Ok(Some((about, pictures)))
    }

    /// Whether a browser took some.
    pub(crate) fn has_tensorboard(&self) -> bool {
        self.tensorboard.is_some()
    }
}

/// Writes the folder of a run's pictures anew, whole or not at all: a new folder takes the place of the old one.
///
/// # Errors
/// If the disk refuses.
pub(super) fn write(run: &FinishedRun, files: &Files, tensorboard: Option<TensorBoard>) -> Result<()> {
    let place = run.folder.join(FOLDER);
    let cannot = || format!("cannot write {}", place.display());
    let temp =
        tempfile::Builder::new().prefix(".screenshots-").tempdir_in(&run.folder).with_context(cannot)?;
    // A folder in it has the rights that folders usually have.
    let new = temp.path().join(FOLDER);
    for (name, content) in files {
        let path = new.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&new)).with_context(cannot)?;
        whole::write(&path, content).with_context(cannot)?;
    }
    let sha256 = files.iter().map(|(name, content)| (name.clone(), sha256(content))).collect();
    let album = Album { events_sha256: run.events_sha256()?, tensorboard, sha256 };
    whole::write(&new.join(RECORD), toml::to_string(&album)?.as_bytes()).with_context(cannot)?;
    replace(&place, &new).with_context(cannot)
}

fn replace(place: &Path, new: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(new, place)
}
