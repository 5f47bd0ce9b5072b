//! `bench gpu`: how fast we train on a GPU, PyTorch with the same network in the same minutes, and both in shares of what
//! that GPU can do.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`device`] | where to compute |
//! | [`machine`] | whether there is a GPU, and what a build for it needs |
//! | [`peers`] | PyTorch in its modes; `torch.py` measures it |
//! | [`mod@run`] | what a program prints, read and summed up |
//! | [`report`] | all of them side by side |

mod device;
mod machine;
mod peers;
mod report;
mod run;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::peers::warn_without;
use super::program::{built, cargo_build};
use super::speed::measure;
use super::{turns, wrong_usage};
use crate::interrupt;
use device::Device;
use machine::Toolkit;
use peers::{Mode, Torch};
use report::{Comparison, Report};
use run::{Ours, Run};

/// The example of the trainer that measures us.
const PROGRAM: &str = "gpu_speed";

/// What can be asked of `bench gpu`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Pictures in a step, one number or more
    #[arg(long, value_delimiter = ',', default_values_t = [32, 512, 4096], value_name = "N,..")]
    batch: Vec<usize>,
    /// How products are computed, by us and by PyTorch
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
    /// Where to compute: cuda, cuda:N, or cpu to try the programs (with --no-peers or --python, as nothing is installed)
    #[arg(long, default_value = "cuda", value_name = "DEVICE")]
    device: Device,
    /// Repeats in a program
    #[arg(long, default_value_t = 5, value_name = "N")]
    repeats: usize,
    /// Seconds in a repeat, about
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    seconds: f64,
    /// Rounds: in each, every program runs once, so that what disturbs disturbs all
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// Print one line of JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Measure us alone
    #[arg(long)]
    no_peers: bool,
    /// Another script to measure PyTorch with: takes `MODE --device D --batch N --precision P --repeats N --seconds S`,
    /// prints such JSON
    #[arg(long, value_name = "SCRIPT", conflicts_with = "no_peers")]
    peers: Option<PathBuf>,
    /// A Python that has torch with CUDA [default: an environment under target/peers, made on first use, 5.4 GB]
    #[arg(long, value_name = "PATH", conflicts_with = "no_peers")]
    python: Option<PathBuf>,
}

/// How products are computed: of which numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Precision {
    /// Numbers of 32 bits
    F32,
    /// Factors rounded to 10 bits behind the point
    Tf32,
    /// Numbers of 16 bits between layers
    Bf16,
}

impl Precision {
    /// As programs name it.
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }
}

/// What a program is to measure.
#[derive(Clone, Copy, Debug)]
struct Setting {
    device: Device,
    batch: usize,
    precision: Precision,
    repeats: usize,
    seconds: f64,
}

impl Setting {
    /// As options, the same for all programs.
    fn arguments(self) -> Vec<String> {
        let options = [
            ("--device", self.device.to_string()),
            ("--batch", self.batch.to_string()),
            ("--precision", self.precision.name().to_owned()),
            ("--repeats", self.repeats.to_string()),
            ("--seconds", self.seconds.to_string()),
        ];
        options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

pub(super) fn run(options: &Options) -> Result<()> {
    check(options)?;
    // What is missing is told before anything long begins.
    let toolkit = match options.device {
        Device::Cpu => None,
        Device::Cuda(number) => {
            machine::check_gpu(number)?;
            Some(Toolkit::find()?)
        }
    };
    let ours = build(toolkit.as_ref())?;
    let torch = if options.no_peers {
        None
    } else {
        Torch::prepare(options.peers.as_deref(), options.python.as_deref(), &super::folder()?)?
    };
    interrupt::check()?;
    let comparisons: Result<Vec<Comparison>> =
        options.batch.iter().map(|&batch| in_turn(options, batch, &ours, torch.as_ref())).collect();
    let report = Report::of(options.precision, comparisons?).context("nothing was measured")?;
    if options.json {
        writeln!(io::stdout(), "{}", report.json())?;
    } else {
        writeln!(io::stdout(), "{}", report.text())?;
    }
    Ok(())
}

fn check(options: &Options) -> Result<()> {
    let mut counts = options.batch.iter().chain([&options.repeats, &options.rounds]);
    if counts.any(|&n| n == 0) {
        return Err(wrong_usage("--batch, --repeats and --rounds are to be at least 1"));
    }
    if !(options.seconds > 0.0 && options.seconds <= 3600.0) {
        return Err(wrong_usage("--seconds is to be above 0 and at most 3600"));
    }
    if options.device == Device::Cpu && options.python.is_none() && !options.no_peers {
        return Err(wrong_usage(
            "--device cpu is to try the programs: it goes with --no-peers, or with --python PATH",
        ));
    }
    Ok(())
}

/// Builds our program: for a GPU with cuDNN's convolutions, in the folder that CI checks that build in.
fn build(toolkit: Option<&Toolkit>) -> Result<PathBuf> {
    let mut build = cargo_build();
    build.current_dir(crate::workspace_root()).args(["--package", "trainer", "--example", PROGRAM]);
    match toolkit {
        None => tracing::info!("building {PROGRAM}"),
        Some(toolkit) => {
            tracing::info!("building {PROGRAM} with CUDA (nvcc takes a quarter of an hour the first time)");
            build.args(["--features", "cudnn", "--target-dir", "target/cuda"]);
            toolkit.put_into(&mut build)?;
        }
    }
    built(&mut build, PROGRAM)
}

/// Runs every program once a round with one size of batch.
fn in_turn(options: &Options, batch: usize, ours: &Path, torch: Option<&Torch>) -> Result<Comparison> {
    let Options { device, precision, repeats, seconds, .. } = *options;
    let setting = Setting { device, batch, precision, repeats, seconds };
    tracing::info!("batch {batch}");
    let peers = torch.map_or_else(Vec::new, |torch| torch.commands(setting));
    let (ours, theirs) = turns::in_turn(
        options.rounds,
        peers,
        Mode::name,
        || measure(Command::new(ours).args(setting.arguments())).context("our own gpu_speed failed"),
        |_, command| measure(command),
    )?;
    let ours = Ours::sum_up(&ours).context("nothing was measured")?;
    let of = |mode: Mode| {
        let run = Run::sum_up(&turns::of(mode, &theirs))?;
        if let Err(error) = run.check_beside(&ours.run) {
            warn_without(mode.name(), &error);
            return None;
        }
        Some((mode, run))
    };
    let peers = Mode::ALL.into_iter().filter_map(of).collect();
    Ok(Comparison { ours, peers })
}
