//! `cargo xtask bench`: speed, measured; knows nothing of how the network is computed.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`train`] | how fast we train, in turn with PyTorch and Keras |
//! | [`speed`], [`peers`] | the programs that measure: ours, and theirs in Python |
//! | [`measured`] | what they print, read and summed up |
//! | [`program`], [`running`] | our programs built; programs run until they end or Ctrl-C |
//! | [`table`] | text tables |

mod measured;
mod peers;
mod program;
mod running;
mod speed;
mod table;
mod train;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Options {
    /// Pictures a second in training, in turn with PyTorch and Keras
    Train(train::Options),
}

pub(crate) fn run(options: &Options) -> Result<()> {
    running::listen_for_interrupts()?;
    match options {
        Options::Train(options) => train::run(options),
    }
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
