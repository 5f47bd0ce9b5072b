//! Programs of this workspace, built and run as a user does it; knows nothing of what they do.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Runs cargo with these arguments and folders in the workspace.
///
/// # Errors
/// If it does not succeed.
pub(crate) fn run(arguments: &[&str], folders: &[&Path]) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(&cargo)
        .args(arguments)
        .args(folders)
        .current_dir(crate::workspace_root())
        .stdin(Stdio::null())
        // Only the lines of checks go to our own standard output.
        .stdout(io::stderr())
        .status()
        .with_context(|| format!("starting {}", cargo.display()))?;
    ensure!(status.success(), "`cargo {}` failed: {status}", arguments.join(" "));
    Ok(())
}

/// The trainer, built and ready to start in the folder where this program was started: paths are the user's.
///
/// # Errors
/// If it cannot be built.
pub(crate) fn trainer() -> Result<Command> {
    tracing::info!("building the trainer");
    run(&["build", "--package", "trainer"], &[])?;
    let mut command = built("trainer");
    command.current_dir(env::current_dir().context("finding the current folder")?);
    Ok(command)
}

/// A program that cargo has built with the plain profile, ready to start as cargo would start it.
pub(crate) fn built(program: &str) -> Command {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    let mut command = Command::new(crate::workspace_root().join(target).join("debug").join(file));
    // As in .cargo/config.toml.
    command.env("CANDLE_NUM_THREADS", "1").current_dir(crate::workspace_root());
    command
}
