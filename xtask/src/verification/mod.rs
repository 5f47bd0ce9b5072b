//! `cargo xtask verify-submission`: whether an archive is what it says; believes nothing that it can compute.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`events`] | what the event files tell, against the run's other files |
//! | [`weights`] | the model's weights, against their last histograms |
//! | [`written_again`] | pictures and README, drawn and written again |
//! | [`retrain`] | the run, trained again |

mod events;
mod retrain;
#[cfg(test)]
mod tests;
mod weights;
mod written_again;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use crate::check::{Check, Report};
use crate::finished_run::FinishedRun;
use crate::submission::contents::{self, RUN};
use crate::submission::origin::{self, Origin};
use crate::submission::sums;
use crate::submission::unpack::Unpacked;
pub(crate) use retrain::Retraining;

/// What can be asked of `verify-submission`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The archive
    #[arg(value_name = "FILE.zip")]
    pub(crate) file: PathBuf,
    /// Train again with the archive's settings on the same pictures, and compare the md5 of the model
    #[arg(long)]
    pub(crate) retrain: bool,
    #[command(flatten)]
    pub(crate) retraining: Retraining,
}

/// Runs `verify-submission`: prints a line a check.
///
/// # Errors
/// If there is no such file, or a check fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.file.is_file(), "there is no file {}", options.file.display());
    let mut report = Report::default();
    let retraining = options.retrain.then_some(&options.retraining);
    checks(&options.file, retraining, &mut |check| report.add(&[check]));
    report.finish("the archive is not what it says")
}

/// Makes all checks, each told as soon as it is made.
pub(crate) fn checks(file: &Path, retraining: Option<&Retraining>, tell: &mut dyn FnMut(Check)) {
    let unpacked = match Unpacked::open(file) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            return tell(Check::new(format!("{} unpacks safely", file.display()), Err(format!("{error:#}"))));
        }
    };
    let (files, mib) = (unpacked.sha256.len(), unpacked.bytes as f64 / f64::from(1 << 20));
    tell(Check::new(format!("{} unpacks safely: {files} files, {mib:.1} MiB", file.display()), Ok(())));
    tell(Check::new(
        format!("every file is as {} lists it", sums::FILE),
        unpacked
            .text(sums::FILE)
            .map_err(|error| format!("{error:#}"))
            .and_then(|text| sums::check(&text, &unpacked.sha256))
            .map(|_| ()),
    ));
    let read = FinishedRun::read_unchecked(&unpacked.folder().join(RUN.trim_end_matches('/')))
        .and_then(|run| Ok((run, Origin::parse(&unpacked.text(origin::FILE)?)?)));
    let (run, origin) = match read {
        Ok(read) => read,
        Err(error) => {
            let named = format!("{RUN} is a finished run, {} says where it is from", origin::FILE);
            return tell(Check::new(named, Err(format!("{error:#}"))));
        }
    };
    let mut told = |name: String, result: Result<()>| {
        tell(Check::new(name, result.map_err(|error| format!("{error:#}"))));
    };
    told(
        format!("model.safetensors has the md5 {}, as two other files say", run.results.model_md5),
        run.check_md5(),
    );
    told(
        format!("event files tell the history of history.csv: {} epochs", run.history.len()),
        events::history(&run),
    );
    told("event files tell the settings of config.toml".to_owned(), events::settings(&run));
    told(
        format!("event files tell the test accuracy of results.toml: {:.4}", run.results.test_accuracy),
        events::results(&run),
    );
    told(
        format!("the model's weights have the histograms of epoch {}", run.results.weights_of_epoch),
        weights::check(&run),
    );
    let drawn = contents::drawn(&run);
    let names = drawn.as_ref().map_or(&[][..], Vec::as_slice);
    let readme = written_again::readme(&run, &origin, names, &unpacked);
    let pictures = drawn.and_then(|drawn| written_again::pictures(&drawn, &unpacked));
    told("pictures, drawn again, are the same bytes".to_owned(), pictures);
    told("the README, written again, is the same".to_owned(), readme);
    told("report.html names the model's md5".to_owned(), written_again::report(&run));
    told(
        format!("{} names this run and these event files", origin::FILE),
        written_again::origin(&run, &origin),
    );
    match retraining {
        Some(retraining) => retrain::checks(&run, &origin, retraining, tell),
        None => tell(Check::skipped("trained again, it is the same model", "--retrain does this")),
    }
}
