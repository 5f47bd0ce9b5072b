//! `bench tensorboard`: how fast event files are written and read, and how fast other writers are in the same minutes.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`peers`] | the other writers, and what is needed to run them |
//! | [`speed`] | what a program measures, read and summed up |
//! | [`report`] | all of them side by side |
//! | [`one_core`] | programs held on one core |

mod one_core;
mod peers;
mod report;
mod speed;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use super::program::{Profile, Program};
use super::turns;
use crate::interrupt;
use one_core::Core;
use peers::Peer;
use report::Report;
use speed::Speed;

/// What can be asked of `bench tensorboard`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds: in each, every program runs once, so that what disturbs disturbs all
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// Print one line of JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Measure us alone
    #[arg(long)]
    no_peers: bool,
    /// A Python that has torch, tensorboard and tensorboardX [default: an environment under target/peers, made on
    /// first use]
    #[arg(long, value_name = "PATH", conflicts_with = "no_peers")]
    python: Option<PathBuf>,
}

/// What a program writes in a repeat: something like a second's work, so that what happens once, such as the last bytes
/// going to the disk, weighs alike.
#[derive(Clone, Copy, Debug)]
struct Amount {
    scalars: usize,
    histograms: usize,
}

const IN_RUST: Amount = Amount { scalars: 500_000, histograms: 2000 };
const IN_PYTHON: Amount = Amount { scalars: 50_000, histograms: 300 };

/// How often a program measures the same in a round.
const REPEATS: usize = 3;

pub(super) fn run(options: &Options) -> Result<()> {
    if options.rounds == 0 {
        return Err(super::wrong_usage("--rounds is to be at least 1"));
    }
    let ours = Program::WriteSpeed.build(Profile::Release)?;
    let peers = if options.no_peers {
        Vec::new()
    } else {
        peers::prepare(options.python.as_deref(), &super::folder()?)?
    };
    interrupt::check()?;
    let report = in_turn(options.rounds, &ours, peers)?;
    if options.json {
        writeln!(io::stdout(), "{}", report.json())?;
    } else {
        writeln!(io::stdout(), "{}", report.text())?;
    }
    Ok(())
}

/// Runs every program once a round.
fn in_turn(rounds: usize, ours: &Path, peers: Vec<(Peer, Command)>) -> Result<Report> {
    let core = Core::last_of_ours();
    let (our_runs, their_runs) = turns::in_turn(
        rounds,
        peers,
        Peer::name,
        || measure(&Command::new(ours), IN_RUST, core.as_ref()).context("our own write_speed failed"),
        |peer, command| measure(command, if peer.is_python() { IN_PYTHON } else { IN_RUST }, core.as_ref()),
    )?;
    let of = |peer: Peer| Some((peer, Speed::sum_up(&turns::of(peer, &their_runs))?));
    let ours = Speed::sum_up(&our_runs).context("nothing was measured")?;
    Ok(Report { core, ours, peers: Peer::ALL.into_iter().filter_map(of).collect() })
}

/// Runs a program once, in a folder of its own.
fn measure(command: &Command, amount: Amount, core: Option<&Core>) -> Result<Speed> {
    let folder = super::temporary_folder()?;
    let mut command = core.map_or_else(|| one_core::copy(command), |core| core.hold(command));
    command
        .arg(folder.path())
        .args([amount.scalars, amount.histograms, REPEATS].map(|count| count.to_string()));
    super::speed::measure(&mut command)
}
