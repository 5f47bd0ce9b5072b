//! A folder of runs with something for every dashboard, written by the example program `tour`; knows nothing of
//! what is in them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::cargo;

/// Runs in a folder that goes when this is dropped.
#[derive(Debug)]
pub(super) struct Tour {
    temp: TempDir,
}

impl Tour {
    /// Runs the example, built as a user builds it, in a new folder under `parent`.
    ///
    /// # Errors
    /// If it fails.
    pub(super) fn write(parent: &Path) -> Result<Self> {
        let temp = tempfile::Builder::new()
            .prefix("tour-")
            .tempdir_in(parent)
            .with_context(|| format!("making a folder in {}", parent.display()))?;
        let tour = Self { temp };
        tracing::info!("building the example `tour` and writing one of everything");
        cargo::run(&["run", "--package", "tensorboard", "--example", "tour", "--"], &[&tour.logdir()])?;
        Ok(tour)
    }

    /// The folder for `tensorboard --logdir`.
    pub(super) fn logdir(&self) -> PathBuf {
        self.temp.path().join("logs")
    }

    /// The runs as TensorBoard is to name them: every folder with an event file.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(super) fn runs(&self) -> Result<BTreeSet<String>> {
        runs(&self.logdir())
    }
}

fn runs(logdir: &Path) -> Result<BTreeSet<String>> {
    let mut runs = BTreeSet::new();
    let mut folders = vec![(logdir.to_owned(), String::new())];
    while let Some((folder, name)) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
            let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
            let inner = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                let separator = if name.is_empty() { "" } else { "/" };
                folders.push((entry.path(), format!("{name}{separator}{inner}")));
            } else if inner.contains("tfevents") {
                runs.insert(if name.is_empty() { ".".to_owned() } else { name.clone() });
            }
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_with_an_event_file_is_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let check = |file: &str, expected: &[&str]| {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
            assert_eq!(
                runs(folder.path()).unwrap(),
                expected.iter().map(ToString::to_string).collect(),
                "{file}"
            );
        };
        check("a/projector_config.pbtxt", &[]);
        check("a/b/events.out.tfevents.1.vm.2.0.v2", &["a/b"]);
        check("a/events.out.tfevents.1.vm.2.1.v2", &["a", "a/b"]);
        check("events.out.tfevents.1.vm.2.2.v2", &[".", "a", "a/b"]);
    }
}
