//! The files of a run, each written whole or not at all.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Error, Result};

/// The folder that holds all runs, unless the user names another place.
pub const RUNS: &str = "runs";

/// The file that the program that trains has locked. The system unlocks it when that program ends, however it ends.
const LOCK: &str = ".lock";

/// A run's folder, which nobody else writes to as long as this or a clone of it is there.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: Arc<File>,
}

impl RunFolder {
    /// Makes a new folder at `path`.
    ///
    /// # Errors
    /// [`Error::RunExists`] if something is there, or what the system says.
    pub fn create(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        match fs::create_dir(path) {
            Ok(()) => Self::open(path),
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(Error::RunExists(path.to_owned()))
            }
            Err(cause) => Err(Error::io("create", path)(cause)),
        }
    }

    /// Makes the next folder `runs/NNN-dataset`, numbered after the highest there.
    ///
    /// # Errors
    /// What the system says.
    pub fn next(runs: &Path, dataset: &str) -> Result<Self> {
        fs::create_dir_all(runs).map_err(Error::io("create", runs))?;
        loop {
            let entries = fs::read_dir(runs).map_err(Error::io("list", runs))?;
            let numbers = entries.flatten().filter_map(|entry| {
                let name = entry.file_name();
                name.to_str()?.split('-').next()?.parse::<u32>().ok()
            });
            let number = numbers.max().unwrap_or(0).saturating_add(1);
            match Self::create(&runs.join(format!("{number:03}-{dataset}"))) {
                // Another trainer was faster.
                Err(Error::RunExists(_)) => {}
                made => return made,
            }
        }
    }

    /// Opens a folder that is there, and removes what a killed program left half written.
    ///
    /// # Errors
    /// [`Error::Locked`] while another program trains in it, or what the system says.
    pub fn open(path: &Path) -> Result<Self> {
        let lock_path = path.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(Error::io("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked(path.to_owned())),
            Err(TryLockError::Error(cause)) => return Err(Error::io("lock", &lock_path)(cause)),
        }
        for folder in [path.to_owned(), path.join("checkpoints")] {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(whole::PREFIX) {
                    // At worst it stays.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        Ok(Self { path: path.to_owned(), _lock: Arc::new(lock) })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the events of training go.
    pub fn train(&self) -> PathBuf {
        self.path.join("train")
    }

    /// Where the events of validation go.
    pub fn validation(&self) -> PathBuf {
        self.path.join("validation")
    }

    /// Writes a file of the run, whole or not at all.
    ///
    /// # Errors
    /// What the system says; a file of that name is then as it was.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        // Below the run's folder alone: one that is gone is not made again without its other files.
        if folder != self.path && !folder.is_dir() {
            fs::create_dir(folder).map_err(Error::io("create", folder))?;
        }
        whole::write(&path, content).map_err(Error::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_from_the_highest() {
        let runs = tempfile::tempdir().unwrap();
        let name = |folder: RunFolder| folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name(RunFolder::next(runs.path(), "shapes").unwrap()), "001-shapes");
        fs::create_dir(runs.path().join("041-mine")).unwrap();
        fs::create_dir(runs.path().join("no number")).unwrap();
        assert_eq!(name(RunFolder::next(runs.path(), "cifar10").unwrap()), "042-cifar10");
    }

    #[test]
    fn a_taken_folder_is_refused_and_files_are_replaced_whole() {
        let runs = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&runs.path().join("a/b")).unwrap();
        assert!(matches!(RunFolder::create(run.path()), Err(Error::RunExists(_))));
        run.write("x/one", b"1").unwrap();
        run.write("x/one", b"22").unwrap();
        assert_eq!(fs::read(run.path().join("x/one")).unwrap(), b"22");
        assert_eq!(fs::read_dir(run.path().join("x")).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_folder_has_one_program_at_a_time() {
        let runs = tempfile::tempdir().unwrap();
        let path = runs.path().join("run");
        let run = RunFolder::create(&path).unwrap();
        let error = RunFolder::open(&path).unwrap_err();
        assert!(matches!(error, Error::Locked(_)), "{error}");
        let other = run.clone();
        drop(run);
        assert!(RunFolder::open(&path).is_err());
        drop(other);
        fs::write(path.join(".writing-x"), b"half").unwrap();
        RunFolder::open(&path).unwrap();
        assert!(!path.join(".writing-x").exists());
    }

    #[test]
    fn a_folder_that_is_gone_is_not_made_again() {
        let runs = tempfile::tempdir().unwrap();
        let run = RunFolder::create(&runs.path().join("run")).unwrap();
        fs::remove_dir_all(run.path()).unwrap();
        assert!(run.write("x/one", b"1").is_err() && run.write("one", b"1").is_err());
        assert!(!run.path().exists());
    }
}
