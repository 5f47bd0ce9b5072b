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
        let script = match script {
            Some(script) => script.to_owned(),
            None => {
                let path = folder.join("peers.py");
                fs::write(&path, SCRIPT).with_context(|| format!("writing {}", path.display()))?;
                path
            }
        };
        let venv = |peer: Framework| match python {
            Some(python) => Ok(Venv::of(python.to_owned())),
            None => peer.ready(),
        };
        let mut ready = Vec::new();
        for peer in Framework::ALL {
            match venv(peer) {
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

/// Says in one line that there are no figures of a program, and why.
pub(super) fn warn_without(name: &str, error: &anyhow::Error) {
    let why = format!("{error:#}").replace(['\r', '\n'], " ");
    tracing::warn!("without {name}: {why}");
}
