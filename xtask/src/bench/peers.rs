//! The frameworks that we are compared with, and the program that measures them; knows nothing of our own program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::speed::Setting;
use crate::frameworks::Framework;
use crate::venv::Venv;

/// The program that measures them, see its own description.
const SCRIPT: &str = include_str!("peers.py");

/// Programs that measure the frameworks.
#[derive(Debug)]
pub(super) struct Peers {
    script: PathBuf,
    ready: Vec<(Framework, Venv)>,
}

impl Peers {
    /// Prepares all frameworks that can be: with a given script and Python where there are such, else with our
    /// script, and in environments that are made on first use. Says in one line what cannot
    /// be installed.
    ///
    /// # Errors
    /// If our script cannot be written.
    pub(super) fn prepare(script: Option<&Path>, python: Option<&Path>, folder: &Path) -> Result<Self> {
        let script = script_in(folder, "peers.py", SCRIPT, script)?;
        let mut ready = Vec::new();
        for peer in Framework::ALL {
            match python_of(peer, python) {
                Ok(venv) => ready.push((peer, venv)),
                Err(error) => warn_without(peer.name(), &error),
            }
        }
        Ok(Self { script, ready })
    }

    /// Every framework that is ready, with the program that measures it.
    pub(super) fn commands(&self, setting: Setting, repeats: usize) -> Vec<(Framework, Command)> {
        let command = |venv: &Venv, peer: Framework| {
            let mut command = venv.python();
            command.arg(&self.script).arg(peer.name());
            command.args(["--batch", &setting.batch.to_string()]);
            command.args(["--threads", &setting.threads.to_string()]);
            command.args(["--repeats", &repeats.to_string()]);
            command
        };
        self.ready.iter().map(|(peer, venv)| (*peer, command(venv, *peer))).collect()
    }
}

/// A given script, or else ours, written into a folder.
///
/// # Errors
/// If it cannot be written.
pub(super) fn script_in(folder: &Path, name: &str, ours: &str, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let path = folder.join(name);
    fs::write(&path, ours).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// A given Python, or else one that has the framework, which is installed on first use.
///
/// # Errors
/// If it cannot be installed.
pub(super) fn python_of(peer: Framework, given: Option<&Path>) -> Result<Venv> {
    given.map_or_else(|| peer.ready(), |python| Ok(Venv::of(python.to_owned())))
}

/// Says in one line that there are no figures of a program, and why.
pub(super) fn warn_without(name: &str, error: &anyhow::Error) {
    let why = format!("{error:#}").replace(['\r', '\n'], " ");
    tracing::warn!("without {name}: {why}");
}
