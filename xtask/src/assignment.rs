//! `cargo xtask assignment`: everything from an empty data folder to a verified archive; each step is a command of its own.
//!
//! Nothing is remembered between two calls: what a step has to do is seen from what is on the disk. So a call that was
//! stopped is gone on with by the same call.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::finished_run::FinishedRun;
use crate::screenshots::{self, Album};
use crate::submission::{self, Packing};
use crate::verification::{self, Retraining};
use crate::{cargo, fetch, interrupt};

const STEPS: usize = 5;

/// What can be asked of `assignment`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    fetch: fetch::Options,
    /// The run's folder; a run that is there is gone on with, or taken as it is
    #[arg(long, value_name = "DIR", default_value = "runs/assignment")]
    run_dir: PathBuf,
    /// Take pictures from a real TensorBoard in a headless Chromium, too
    #[arg(long)]
    browser: bool,
    #[command(flatten)]
    packing: Packing,
    /// At the end, train again and compare the md5 of the model
    #[arg(long)]
    retrain: bool,
    /// Options for `trainer train`, after `--`
    #[arg(last = true, value_name = "TRAINER OPTIONS")]
    trainer: Vec<String>,
}

/// Runs `assignment`.
///
/// # Errors
/// If a step fails; the same call goes on from there.
pub(crate) fn run(options: &Options) -> Result<()> {
    submission::check_program(&options.packing, &crate::workspace_root())?;
    let steps = Steps { began: Instant::now() };
    let data_dir = options.fetch.data_dir();
    if options.needs_cifar() {
        steps.begin(1, "CIFAR-10");
        fetch::run(&options.fetch)?;
    } else {
        steps.begin(1, "CIFAR-10: not needed for these pictures");
    }

    steps.begin(2, "training");
    // From here on steps have something to end in order.
    interrupt::listen()?;
    train(options, data_dir)?;
    let run = FinishedRun::open(&options.run_dir)?;
    interrupt::check()?;

    steps.begin(3, "pictures");
    match Album::open(&run)? {
        Some(album) if album.is_of(&run)? && (album.has_tensorboard() || !options.browser) => {
            tracing::info!("{}/screenshots has them", run.folder.display());
        }
        _ => drop(screenshots::take(&run, options.browser)?),
    }
    interrupt::check()?;

    steps.begin(4, "packing");
    let archive = submission::pack(&run, &options.packing, &crate::workspace_root())?.path;
    interrupt::check()?;

    steps.begin(5, "verifying");
    verification::run(&verification::Options {
        file: archive.clone(),
        retrain: options.retrain,
        retraining: Retraining { data_dir: data_dir.to_owned(), dataset: None },
    })?;
    tracing::info!(
        "{} is ready to hand in, after {:.0} s",
        archive.display(),
        steps.began.elapsed().as_secs_f64()
    );
    Ok(())
}

struct Steps {
    began: Instant,
}

impl Steps {
    fn begin(&self, number: usize, what: &str) {
        tracing::info!("[{number}/{STEPS}, {:.0} s] {what}", self.began.elapsed().as_secs_f64());
    }
}

impl Options {
    /// Other pictures may be named among the trainer's options.
    fn needs_cifar(&self) -> bool {
        let mut words = self.trainer.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let dataset = if word == "--dataset" { words.next() } else { word.strip_prefix("--dataset=") };
            if let Some(dataset) = dataset {
                return dataset == "cifar10";
            }
        }
        true
    }

    /// The trainer's words for a new run.
    fn words(&self, data_dir: &Path) -> Vec<String> {
        let mut words = vec!["train".to_owned()];
        if self.needs_cifar() {
            words.extend(["--data-dir".to_owned(), data_dir.display().to_string()]);
        }
        words.extend(["--run-dir".to_owned(), self.run_dir.display().to_string()]);
        words.extend(self.trainer.iter().cloned());
        words
    }
}

fn train(options: &Options, data_dir: &Path) -> Result<()> {
    let folder = &options.run_dir;
    let words = options.words(data_dir);
    let resumed = ["train".to_owned(), "--resume".to_owned(), folder.display().to_string()];
    let words = match started(folder)? {
        None => words,
        Some(command) => {
            // The first word is the program.
            let before = command.get(1..).unwrap_or_default();
            ensure!(
                before == words,
                "{} was begun as `trainer {}`, not as `trainer {}`: remove it, or name another folder with --run-dir",
                folder.display(),
                before.join(" "),
                words.join(" ")
            );
            if folder.join("results.toml").is_file() {
                tracing::info!("{} is finished", folder.display());
                return Ok(());
            }
            if folder.join("checkpoints/last.safetensors").is_file() {
                tracing::info!("going on with {}", folder.display());
                let data = ["--data-dir".to_owned(), data_dir.display().to_string()];
                resumed.into_iter().chain(data).collect()
            } else {
                // Stopped before its first checkpoint: nothing is lost with it.
                std::fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
                words
            }
        }
    };
    let mut trainer = cargo::trainer()?;
    let status = start(trainer.args(&words))?;
    interrupt::check().context("the same command goes on")?;
    if !status.success() {
        bail!("the trainer ended with {status}, see above; the same command goes on");
    }
    Ok(())
}

fn start(trainer: &mut Command) -> Result<std::process::ExitStatus> {
    trainer.stdin(Stdio::null()).stdout(io::stderr()).status().context("starting the trainer")
}

/// The command line of the run in a folder; `None` without a run.
fn started(folder: &Path) -> Result<Option<Vec<String>>> {
    #[derive(Deserialize)]
    struct Config {
        run: Started,
    }
    #[derive(Deserialize)]
    struct Started {
        command: Vec<String>,
    }
    let path = folder.join("config.toml");
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => {
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            let config: Config = toml::from_str(&text)
                .with_context(|| format!("{} is not what the trainer writes", path.display()))?;
            Ok(Some(config.run.command))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Options {
        Cli::parse_from(["assignment"].into_iter().chain(line.split_whitespace())).options
    }

    #[test]
    fn words_for_the_trainer() {
        let check = |line: &str, expected: &str| {
            let options = options(line);
            assert_eq!(options.words(options.fetch.data_dir()).join(" "), expected, "{line}");
        };
        check("", "train --data-dir data --run-dir runs/assignment");
        check("--data-dir d --run-dir r -- --epochs 3", "train --data-dir d --run-dir r --epochs 3");
        check("-- --dataset shapes", "train --run-dir runs/assignment --dataset shapes");
        check("-- --dataset=shapes", "train --run-dir runs/assignment --dataset=shapes");
        check("-- --dataset cifar10", "train --data-dir data --run-dir runs/assignment --dataset cifar10");
    }

    #[test]
    fn a_run_of_other_settings_is_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        let config = "[run]\ncommand = [\"trainer\", \"train\", \"--run-dir\", \"x\"]\n";
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        let options = options(&format!("--run-dir {place}"));
        let error = train(&options, Path::new("data")).unwrap_err().to_string();
        assert!(
            error.contains("was begun as `trainer train --run-dir x`, not as `trainer train --data-dir data"),
            "{error}"
        );
        assert!(error.contains("remove it, or name another folder with --run-dir"), "{error}");
    }
}
