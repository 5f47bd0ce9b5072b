//! Our own programs, built as a user builds them; knows nothing of what they do.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::interrupt;

/// Something of this workspace that runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Program {
    /// `trainer`.
    Trainer,
    /// The trainer's example that measures speed.
    TrainSpeed,
    /// The benchmark of the kernels' layers.
    Layers,
    /// The event files' example that measures speed.
    WriteSpeed,
}

/// How it is built.
#[derive(Clone, Copy, Debug)]
pub(super) enum Profile {
    /// As `cargo run` does.
    Debug,
    /// As `cargo run --release` does.
    Release,
    /// As `cargo bench` does.
    Bench,
}

impl Program {
    /// Its package, the kind of its target, and its name.
    fn target(self) -> [&'static str; 3] {
        match self {
            Self::Trainer => ["trainer", "--bin", "trainer"],
            Self::TrainSpeed => ["trainer", "--example", "train_speed"],
            Self::Layers => ["kernels", "--bench", "layers"],
            Self::WriteSpeed => ["tensorboard", "--example", "write_speed"],
        }
    }

    /// Builds it, and says where it is.
    ///
    /// # Errors
    /// If it does not build.
    pub(super) fn build(self, profile: Profile) -> Result<PathBuf> {
        let [package, kind, name] = self.target();
        tracing::info!("building {name} ({})", profile.name());
        let mut build = cargo_build();
        build.current_dir(crate::workspace_root());
        build.args(["--package", package, kind, name, "--profile", profile.of_cargo()]);
        built(&mut build, name)
    }
}

/// The command to build something, which has yet to say what.
pub(super) fn cargo_build() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.arg("build");
    command
}

/// Where the program is that a command builds.
///
/// # Errors
/// If it does not build.
pub(super) fn built(build: &mut Command, name: &str) -> Result<PathBuf> {
    let output = build
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo")?;
    interrupt::check()?;
    ensure!(output.status.success(), "{name} does not build: {}", output.status);
    executable(&String::from_utf8_lossy(&output.stdout), name)
        .with_context(|| format!("cargo names no program {name}"))
}

impl Profile {
    /// As people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Bench => "bench",
        }
    }

    /// The name of cargo's profile.
    fn of_cargo(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            other => other.name(),
        }
    }
}

/// The path that cargo's messages give of a program. See the chapter on external tools in the Cargo book.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        target: Option<Target>,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    messages
        .filter(|message| message.target.as_ref().is_some_and(|target| target.name == name))
        .find_map(|message| message.executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_the_messages_of_cargo() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"trainer"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"other"},"executable":"/t/debug/other"}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"trainer"},"executable":"/t/debug/trainer"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "trainer"), Some(PathBuf::from("/t/debug/trainer")));
        assert_eq!(executable(messages, "train_speed"), None);
    }
}
