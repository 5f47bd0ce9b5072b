//! `bench start`: how long the trainer takes until it has trained a step, and how much memory it holds.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::measured::median;
use super::program::{Profile, Program};
use super::running::Running;
use super::table::or_dash;

/// Part of the line that the trainer logs.
const FIRST_STEP: &str = "the first step is done";
/// Has the trainer log it, and nothing else but warnings.
const LOG: &str = "warn,trainer::training=debug";

/// What can be asked of `bench start`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How often the trainer is started
    #[arg(long, default_value_t = 5, value_name = "N")]
    repeats: usize,
}

pub(super) fn run(options: &Options) -> Result<()> {
    ensure!(options.repeats > 0, "--repeats is to be at least 1");
    let program = Program::Trainer.build(Profile::Debug)?;
    let folder = super::temporary_folder()?;
    let dataset = super::dataset();
    // First, so that the others find the files in the system's cache.
    tracing::info!("a whole epoch");
    let mut running = Running::start(&mut command(&program, dataset, &folder.path().join("epoch")))?;
    running.wait_for(FIRST_STEP).context("the trainer")?;
    let started = running.peak_rss_mib();
    let finished = running.finish().context("the trainer")?;
    let mut seconds = Vec::new();
    for repeat in 1..=options.repeats {
        tracing::info!("start {repeat} of {}", options.repeats);
        let mut running =
            Running::start(&mut command(&program, dataset, &folder.path().join(repeat.to_string())))?;
        seconds.push(running.wait_for(FIRST_STEP).context("the trainer")?.as_secs_f64());
    }

    let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let most = seconds.iter().copied().fold(0.0, f64::max);
    let median = median(&seconds).context("nothing was measured")?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "dataset {dataset}, the trainer's own settings, files in the system's cache")?;
    writeln!(stdout, "start to first step: {median:.3} s ({least:.3} - {most:.3})")?;
    writeln!(stdout, "peak memory by the first step: {} MiB", or_dash(started))?;
    writeln!(stdout, "peak memory of an epoch: {} MiB", or_dash(finished.peak_rss_mib))?;
    writeln!(stdout, "the whole program, one epoch: {:.1} s", finished.took.as_secs_f64())?;
    Ok(())
}

fn command(program: &Path, dataset: &str, run: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["train", "--dataset", dataset, "--epochs", "1", "--run-dir"]).arg(run);
    command.current_dir(crate::workspace_root()).env("RUST_LOG", LOG);
    command
}
