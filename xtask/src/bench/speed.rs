//! Runs the program that measures how fast we train; knows nothing of other frameworks.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use kernels::Simd;
use serde::de::DeserializeOwned;

use super::measured::{Measured, read_line};
use super::program::{Profile, Program};
use super::running::Running;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) work: Work,
    /// Pictures in a step.
    pub(super) batch: usize,
    pub(super) threads: usize,
    pub(super) simd: Simd,
}

/// What is done with pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Forward, backward and Adam.
    Train,
    /// Forward only.
    Evaluate,
}

/// How long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length {
    pub(super) repeats: usize,
    /// Pictures in a repeat.
    pub(super) images: usize,
}

/// Pictures in a repeat: as many as of the peers.
pub(super) const IMAGES: usize = 6400;

/// Our program.
#[derive(Debug)]
pub(super) struct TrainSpeed(PathBuf);

impl TrainSpeed {
    /// Builds it.
    ///
    /// # Errors
    /// If it does not build.
    pub(super) fn build() -> Result<Self> {
        Ok(Self(Program::TrainSpeed.build(Profile::Debug)?))
    }

    /// Runs it once.
    ///
    /// # Errors
    /// If it fails.
    pub(super) fn measure(&self, setting: Setting, length: Length) -> Result<Measured> {
        measure(Command::new(&self.0).args(arguments(setting, length))).context("our own train_speed failed")
    }
}

/// Runs a program that prints its rates.
///
/// # Errors
/// If it fails or prints something else.
pub(super) fn measure<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    read_line(&Running::start(command)?.finish()?.stdout)
}

fn arguments(setting: Setting, length: Length) -> Vec<String> {
    let options = [
        ("--batch", setting.batch.to_string()),
        ("--threads", setting.threads.to_string()),
        ("--simd", setting.simd.to_string()),
        ("--repeats", length.repeats.to_string()),
        ("--images", length.images.to_string()),
    ];
    let mut arguments: Vec<String> =
        options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    if setting.work == Work::Evaluate {
        arguments.push("--evaluate".to_owned());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_options() {
        let setting = Setting { work: Work::Evaluate, batch: 8, threads: 2, simd: Simd::best() };
        let arguments = arguments(setting, Length { repeats: 3, images: 64 }).join(" ");
        let expected =
            format!("--batch 8 --threads 2 --simd {} --repeats 3 --images 64 --evaluate", Simd::best());
        assert_eq!(arguments, expected);
    }
}
