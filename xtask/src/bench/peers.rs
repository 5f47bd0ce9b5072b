//! The frameworks that we are compared with, and their Pythons; knows nothing of our own program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::speed::Setting;
use crate::venv::Venv;

/// The program that measures them, see its own description.
const SCRIPT: &str = include_str!("peers.py");

/// A framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Torch,
    Keras,
}

impl Peer {
    pub(super) const ALL: [Self; 2] = [Self::Torch, Self::Keras];

    /// As the script names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::Keras => "keras",
        }
    }

    /// What pip installs.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Torch => &["torch", "numpy"],
            Self::Keras => &["tensorflow-cpu", "keras"],
        }
    }
}

/// Programs that measure the frameworks.
#[derive(Debug)]
pub(super) struct Peers {
    script: PathBuf,
    ready: Vec<(Peer, Venv)>,
}

impl Peers {
    /// Prepares all frameworks that can be: with a given script and Python where there are such, else with our
    /// script, and in environments under target/peers that are made on first use. Says in one line what cannot
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
        let environments = crate::workspace_root().join("target/peers");
        let venv = |peer: Peer| match python {
            Some(python) => Ok(Venv::of(python.to_owned())),
            None => Venv::ready(&environments.join(peer.name()), peer.packages()),
        };
        let mut ready = Vec::new();
        for peer in Peer::ALL {
            match venv(peer) {
                Ok(venv) => ready.push((peer, venv)),
                Err(error) => warn_without(peer.name(), &error),
            }
        }
        Ok(Self { script, ready })
    }

    /// Every framework that is ready, with the program that measures it.
    pub(super) fn commands(&self, setting: Setting, repeats: usize) -> Vec<(Peer, Command)> {
        let command = |venv: &Venv, peer: Peer| {
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
