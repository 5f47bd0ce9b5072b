//! Runs that are stopped on the way: what is there is whole, and it is what training up to there gives.

use std::fs::{self, File};
use std::path::Path;
use std::process::Child;
#[cfg(unix)]
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tensorboard::Run;

use crate::program::command;
use crate::run_files::{check_weights, history, list, setting};
#[cfg(unix)]
use crate::{program::trainer, run_files::OF_ANY_RUN};

/// More epochs than a test waits for.
const LONG: &str = "--dataset shapes --limit 300 --epochs 100000 --run-dir run";
/// Longer than anything here takes on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is ended when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where the program has ended, as it should have.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts a long run in `folder` and waits until its history has an epoch.
    fn start(folder: &Path) -> Self {
        let log = |name: &str| File::create(folder.join(name)).unwrap();
        let run = Self(command(folder, LONG).stdout(log("stdout")).stderr(log("stderr")).spawn().unwrap());
        let began = Instant::now();
        while !folder.join("run/history.csv").exists() {
            assert!(began.elapsed() < PATIENCE, "no epoch after {PATIENCE:?}");
            sleep(Duration::from_millis(5));
        }
        run
    }

    /// What Ctrl-C sends.
    #[cfg(unix)]
    fn interrupt(&self) {
        // Every shell has `kill`; not every machine has it as a program.
        let kill = format!("kill -INT {}", self.0.id());
        assert!(Command::new("sh").arg("-c").arg(kill).status().unwrap().success());
    }

    #[cfg(unix)]
    fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "still running after {PATIENCE:?}");
            sleep(Duration::from_millis(5));
        }
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130_and_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Running::start(folder.path());
    program.interrupt();
    let began = Instant::now();
    let status = program.wait();
    let took = began.elapsed();
    let stderr = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(matches!(errors[..], [error] if error.starts_with("error: interrupted in epoch ")), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");

    let run = folder.path().join("run");
    assert_eq!(list(&run), OF_ANY_RUN, "no model, no results, nothing temporary");
    let epochs = history(&run).len();
    assert!(epochs >= 1);
    for part in ["train", "validation"] {
        let curves = Run::open(run.join(part)).unwrap().read().unwrap();
        assert_eq!(curves.scalars["epoch_loss"].len(), epochs, "{part}");
        for (tag, points) in &curves.histograms {
            assert_eq!(points.len(), epochs, "{tag}");
        }
    }

    // The weights are those of a run of so many epochs that nobody stopped.
    let same = format!("--dataset shapes --limit 300 --epochs {epochs} --run-dir same");
    trainer(folder.path(), &same).with(0);
    let model = fs::read(folder.path().join("same/model.safetensors")).unwrap();
    assert!(fs::read(run.join("checkpoints/last.safetensors")).unwrap() == model, "other weights");
}

#[test]
fn files_are_whole_at_any_moment() {
    for milliseconds in [0, 3, 17, 58, 140, 333] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Running::start(folder.path());
        sleep(Duration::from_millis(milliseconds));
        program.0.kill().unwrap();
        assert!(!program.0.wait().unwrap().success());

        let run = folder.path().join("run");
        let epochs = history(&run).len();
        assert_eq!(setting(&run, "config.toml", "config.epochs").as_integer(), Some(100_000));
        let files = list(&run);
        let is_there = |name: &str| files.iter().any(|file| file == name);
        if is_there("checkpoints/last.safetensors") {
            check_weights(&run.join("checkpoints/last.safetensors"));
        }
        for name in ["model.safetensors", "model.safetensors.md5", "results.toml"] {
            assert!(!is_there(name), "{name}");
        }
        // Events follow the history line of their epoch.
        for part in ["train", "validation"] {
            if is_there(&format!("{part}/events.out.tfevents.*.v2")) {
                let curves = Run::open(run.join(part)).unwrap().read().unwrap();
                let points = curves.scalars.get("epoch_loss").map_or(0, Vec::len);
                assert!(points == epochs || points + 1 == epochs, "{part}: {points} of {epochs} epochs");
            }
        }
    }
}
