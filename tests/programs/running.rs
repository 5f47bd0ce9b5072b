//! A `trainer` that runs beside the test: it is watched, interrupted and killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::program::command;

/// Longer than anything here takes on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is ended when a test fails.
pub(crate) struct Running {
    child: Child,
    stderr: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where the program has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts `trainer` in `folder`; what it says goes into files beside the run.
    pub(crate) fn start(folder: &Path, options: &str) -> Self {
        let log = |name: &str| File::create(folder.join(name)).unwrap();
        let child = command(folder, options).stdout(log("stdout")).stderr(log("stderr")).spawn().unwrap();
        Self { child, stderr: folder.join("stderr") }
    }

    /// Waits until something is so.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended with {ended:?} before {what}: {}", self.stderr());
            assert!(began.elapsed() < PATIENCE, "no {what} after {PATIENCE:?}");
            sleep(Duration::from_millis(2));
        }
    }

    /// What Ctrl-C sends. Gives whether somebody was there to get it.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) -> bool {
        // Every shell has `kill`; not every machine has it as a program.
        let kill = format!("kill -INT {}", self.child.id());
        Command::new("sh").arg("-c").arg(kill).status().unwrap().success()
    }

    /// Waits until the program ends by itself.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "still running after {PATIENCE:?}");
            sleep(Duration::from_millis(2));
        }
    }

    /// Ends the program as a power cut would. Gives whether it was still running.
    #[track_caller]
    pub(crate) fn kill(&mut self) -> bool {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert!(matches!(status.code(), None | Some(0)), "{status}: {}", self.stderr());
        !status.success()
    }

    /// What it has said so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }
}

/// Whether a run in `folder` has brought so many epochs.
pub(crate) fn has_epochs(run: &Path, epochs: usize) -> bool {
    fs::read_to_string(run.join("history.jsonl")).is_ok_and(|text| text.lines().count() >= epochs)
}
