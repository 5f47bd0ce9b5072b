//! The writers of event files that ours is compared with: made ready to run; knows nothing of our own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::peers::warn_without;
use crate::bench::program::{built, cargo_build};
use crate::interrupt;
use crate::venv::Venv;

/// The program that measures those in Python, see its own description.
const PYTHON: &str = include_str!("writers.py");
/// The program that measures those in Rust, see its own description.
const RUST: &str = include_str!("rust_peers.rs");
/// Its project.
const RUST_PROJECT: &str = include_str!("rust_peers.toml");

/// What pip installs for those in Python: PyTorch's writer is made of tensorboard's.
const PACKAGES: [&str; 4] = ["torch", "tensorboard", "tensorboardX", "numpy"];
/// What has a protoc, the compiler of protobuf messages.
const PROTOC_PACKAGE: &str = "grpcio-tools";

/// A writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Torch,
    TensorboardX,
    TensorboardRs,
    Tboard,
}

impl Peer {
    pub(super) const ALL: [Self; 4] = [Self::Torch, Self::TensorboardX, Self::TensorboardRs, Self::Tboard];
    const PYTHON: [Self; 2] = [Self::Torch, Self::TensorboardX];

    /// As its programs name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Torch => "torch",
            Self::TensorboardX => "tensorboardX",
            Self::TensorboardRs => "tensorboard-rs",
            Self::Tboard => "tboard",
        }
    }

    pub(super) fn is_python(self) -> bool {
        Self::PYTHON.contains(&self)
    }
}

/// Every writer that can be made ready, with the program that measures it; in environments and projects below
/// `target` that are made on first use. Says in one line what cannot be.
///
/// # Errors
/// If our programs cannot be written, or on Ctrl-C.
pub(super) fn prepare(python: Option<&Path>, folder: &Path) -> Result<Vec<(Peer, Command)>> {
    let mut ready = Vec::new();
    let script = folder.join("writers.py");
    write(&script, PYTHON)?;
    let venv = match python {
        Some(python) => Ok(Venv::of(python.to_owned())),
        None => Venv::ready(&environment("event-writers"), &PACKAGES),
    };
    match venv {
        Ok(venv) => {
            for peer in Peer::PYTHON {
                let mut command = venv.python();
                command.arg(&script).arg(peer.name());
                ready.push((peer, command));
            }
        }
        Err(error) => warn_without("torch and tensorboardX", &error),
    }
    interrupt::check()?;
    for (peer, program) in rust_programs(&folder.join("rust-peers"))? {
        let mut command = Command::new(program);
        command.arg(peer.name());
        ready.push((peer, command));
    }
    Ok(ready)
}

/// The crates that build: tboard only with a protoc.
fn rust_programs(project: &Path) -> Result<Vec<(Peer, PathBuf)>> {
    let sources = project.join("src");
    fs::create_dir_all(&sources).with_context(|| format!("creating {}", sources.display()))?;
    write(&project.join("Cargo.toml"), RUST_PROJECT)?;
    write(&sources.join("main.rs"), RUST)?;

    let with_tboard = protoc(project).and_then(|protoc| {
        let mut build = build(project);
        build.args(["--features", "tboard"]).env("PROTOC", protoc);
        built(&mut build, "rust-peers")
    });
    interrupt::check()?;
    match with_tboard {
        Ok(program) => return Ok(vec![(Peer::TensorboardRs, program.clone()), (Peer::Tboard, program)]),
        Err(error) => warn_without(Peer::Tboard.name(), &error),
    }
    let without = built(&mut build(project), "rust-peers");
    interrupt::check()?;
    match without {
        Ok(program) => Ok(vec![(Peer::TensorboardRs, program)]),
        Err(error) => {
            warn_without(Peer::TensorboardRs.name(), &error);
            Ok(Vec::new())
        }
    }
}

fn build(project: &Path) -> Command {
    let mut build = cargo_build();
    build.arg("--release").arg("--manifest-path").arg(project.join("Cargo.toml"));
    build.arg("--target-dir").arg(project.join("target"));
    tracing::info!("building other crates (release)");
    build
}

/// The user's protoc, or one that pip installs, called by a script as it is a module of Python there.
fn protoc(project: &Path) -> Result<PathBuf> {
    let users = env::var_os("PROTOC").map_or_else(|| PathBuf::from("protoc"), PathBuf::from);
    let mut version = Command::new(&users);
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return Ok(users);
    }
    let folder = environment("protoc");
    Venv::ready(&folder, &[PROTOC_PACKAGE])?;
    let script = project.join("protoc");
    write(
        &script,
        &format!("#!/bin/sh\nexec '{}/bin/python' -I -m grpc_tools.protoc \"$@\"\n", folder.display()),
    )?;
    make_executable(&script).with_context(|| format!("making {} a program", script.display()))?;
    Ok(script)
}

#[cfg(unix)]
fn make_executable(script: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    Ok(fs::set_permissions(script, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    anyhow::bail!("only Unix runs scripts: install protoc, or name it by PROTOC")
}

fn environment(name: &str) -> PathBuf {
    crate::workspace_root().join("target/peers").join(name)
}

fn write(path: &Path, text: &str) -> Result<()> {
    // Only if it is another, so that cargo has nothing to build again.
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
