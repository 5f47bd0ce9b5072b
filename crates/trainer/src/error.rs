//! What can go wrong with a run.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The dataset is not on this machine.
    #[error(
        "no CIFAR-10 in {}: fetch it with `cargo xtask fetch-cifar`, or import a copy with `cargo xtask fetch-cifar \
         --from PATH`, or train on drawn pictures with `--dataset shapes`",
        .0.display()
    )]
    NoDataset(PathBuf),
    /// There is no such folder of pictures.
    #[error(
        "--dataset {}: there is no such folder; expected cifar10, shapes, or the path of a folder with a subfolder of \
         pictures for each class",
        .0.display()
    )]
    NoFolder(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was tried, as a verb: "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The run folder is taken.
    #[error("{} is already there: choose another --run-dir, or delete it", .0.display())]
    RunExists(PathBuf),
    /// A setting that cannot be used.
    #[error("{0}")]
    Setting(String),
    /// A file of a trace or a run that does not say what it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// Another program trains in this folder.
    #[error("another program is training in {}: wait for it, or choose another --run-dir", .0.display())]
    Locked(PathBuf),
    /// There is no such run.
    #[error("no run in {}: it has no config.toml; see `ls runs`, or name `latest`", .0.display())]
    NoRun(PathBuf),
    /// The loss is no number any more.
    #[error(
        "the loss of epoch {epoch}, step {step} is {loss}, {place}: training cannot go on; a lower --learning-rate or a \
         --clip-norm may help"
    )]
    Diverged {
        /// Counted from 1.
        epoch: u64,
        /// Counted from 1 in the epoch.
        step: u64,
        /// The loss.
        loss: f32,
        /// Where the first number is not finite, in words.
        place: String,
    },
    /// The user stopped the run.
    #[error("interrupted in epoch {epoch}, after step {step}")]
    Interrupted {
        /// Counted from 1.
        epoch: u64,
        /// Whole steps of that epoch.
        step: u64,
    },
    /// A policy stopped the run for another day.
    #[error("{why}: paused in epoch {epoch}, after step {step}")]
    Paused {
        /// In words.
        why: String,
        /// Counted from 1.
        epoch: u64,
        /// Whole steps of that epoch.
        step: u64,
    },
    /// Of the dataset.
    #[error(transparent)]
    Dataset(#[from] dataset::Error),
    /// Of the network.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// Of an event file.
    #[error(transparent)]
    Events(#[from] tensorboard::Error),
    /// Of a picture that was to be drawn.
    #[error(transparent)]
    Figure(#[from] figures::Error),
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Model(error.into())
    }
}

impl Error {
    /// For `map_err`: names what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::Io { action, path: path.to_owned(), cause }
    }
}
