//! `cargo xtask bench`: speed, measured, and that no speed changes a result; knows nothing of how the network is
//! computed.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`train`] | how fast we train, in turn with PyTorch and Keras |
//! | [`gpu`] | how fast we train on a GPU, in turn with PyTorch, and in shares of what the GPU can do |
//! | [`scaling`] | speed by batch size, threads, instruction set; evaluation |
//! | [`start`] | time to the first step, and memory |
//! | [`kernels`] | rates of single layers |
//! | [`tensorboard`] | how fast event files are written and read, in turn with other writers |
//! | [`same_bytes`] | the same model file however it is computed |
//! | [`speed`], [`peers`] | the programs that measure: ours, and theirs in Python |
//! | [`measured`] | what they print, read and summed up |
//! | [`program`], [`running`] | our programs built; programs run until they end or Ctrl-C |
//! | [`turns`] | programs measured in turn |
//! | [`table`] | text tables |

mod gpu;
mod kernels;
mod measured;
mod peers;
mod program;
mod running;
mod same_bytes;
mod scaling;
mod speed;
mod start;
mod table;
mod tensorboard;
mod train;
mod turns;

use std::path::PathBuf;

use anyhow::{Context, Error, Result};
use clap::Subcommand;
use clap::error::ErrorKind;
use tempfile::TempDir;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Options {
    /// Pictures a second in training, in turn with PyTorch and Keras
    Train(train::Options),
    /// Pictures a second in training on a GPU, in turn with PyTorch, and in shares of what the GPU can do
    Gpu(gpu::Options),
    /// Pictures a second by batch size, threads and instruction set; training and evaluation
    Scaling(scaling::Options),
    /// Time from the start of the trainer to its first step, and its memory
    Start(start::Options),
    /// Rates of single layers, in a share of what registers can do
    Kernels(kernels::Options),
    /// Scalars and histograms a second in event files, in turn with PyTorch, tensorboardX and other crates
    Tensorboard(tensorboard::Options),
    /// Check that threads, instruction sets and builds change nothing of an epoch's result
    SameBytes(same_bytes::Options),
}

pub(crate) fn run(options: &Options) -> Result<()> {
    crate::interrupt::listen()?;
    match options {
        Options::Train(options) => train::run(options),
        Options::Gpu(options) => gpu::run(options),
        Options::Scaling(options) => scaling::run(options),
        Options::Start(options) => start::run(options),
        Options::Kernels(options) => kernels::run(options),
        Options::Tensorboard(options) => tensorboard::run(options),
        Options::SameBytes(options) => same_bytes::run(options),
    }
}

/// The error of an option that is out of its range.
fn wrong_usage(message: &str) -> Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{message}\n")).into()
}

/// One for each core that we may use.
fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Makes the folder that benchmarks may write to, and says where it is.
fn folder() -> Result<PathBuf> {
    let folder = crate::workspace_root().join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// A folder for runs that goes when this is dropped.
fn temporary_folder() -> Result<TempDir> {
    let parent = folder()?;
    let made = tempfile::Builder::new().prefix("runs-").tempdir_in(&parent);
    made.with_context(|| format!("making a folder in {}", parent.display()))
}

/// The dataset to train on where any will do: CIFAR-10 if it was fetched.
fn dataset() -> &'static str {
    if crate::workspace_root().join("data/cifar-10-batches-bin").exists() { "cifar10" } else { "shapes" }
}
