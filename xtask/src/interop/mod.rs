//! `cargo xtask interop`: what we write, read by real programs; knows nothing of how it is written.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`short_run`] | a short training run on `shapes`, and what its files say |
//! | [`network`] | what the trained network has: layers, weights, names |
//! | [`model_file`] | checks by `md5sum` and by Python's safetensors |
//! | [`tensorboard`] | checks by TensorBoard, once with each of its two loaders |
//! | [`dashboards`] | every dashboard drawn by a real browser, with pictures |
//! | [`pictures`] | the pictures of a run that `cargo xtask screenshots` takes |
//! | [`submission`] | the whole assignment, stopped and begun again; an archive that lies |
//! | [`resume`] | a run stopped and taken up, as TensorBoard shows it |
//! | [`values`] | values in hand of every kind, against TensorBoard's data API |
//! | [`report`] | the page about a run in a real browser, light and dark |
//! | [`other_programs`] | networks in ONNX Runtime, PyTorch and Keras, by the code of a page |
//! | [`numbers`] | numbers with their places, compared |

mod dashboards;
mod model_file;
mod network;
mod numbers;
mod other_programs;
mod pictures;
mod report;
mod resume;
mod short_run;
mod submission;
mod tensorboard;
mod values;

use std::thread;

use anyhow::Result;

use dashboards::Dashboards;
use short_run::ShortRun;

use crate::cargo;
use crate::check::{Check, Report};
use crate::tensorboard::Loader;

/// Runs `interop`: prints one line a check on stdout, and how many passed and failed.
///
/// # Errors
/// If a check fails, or if none can be made: without Python, without what is to be installed, or without a run.
pub(crate) fn run() -> Result<()> {
    let folder = crate::tensorboard::folder()?;
    let venv = crate::tensorboard::installed()?;
    let run = ShortRun::train(&folder)?;
    let mut report = Report::default();
    report.add(&[model_file::md5sum(run.folder())]);
    report.add(&model_file::safetensors(&venv, &run));
    report.add(&with_each_loader(|loader| tensorboard::checks(loader, &venv, &run)));
    report.add(&values::checks(&venv, &folder)?);
    let dashboards = Dashboards::write(&folder)?;
    report.add(&with_each_loader(|loader| dashboards.checks(loader, &venv, run.temp())));
    report.add(&pictures::checks(&run, &folder.join("screenshots/run")));
    report.add(&submission::checks(&folder));
    report.add(&resume::checks(&venv, &folder)?);
    report.add(&report::checks(&run.folder().join("report.html"), &folder.join("screenshots")));
    report.add(&other_programs::checks(&folder)?);
    report.add(&[candle_datasets()]);
    report.finish("what we write is not what other programs read")
}

/// Reads a folder of CIFAR-10's binary files with the loader of candle-datasets, and compares with ours. A test of
/// `dataset`, but with candle and more than a hundred other crates to compile, so it is not among the plain ones.
fn candle_datasets() -> Check {
    let test = [
        "test",
        "--quiet",
        "--package",
        "dataset",
        "--features",
        "candle",
        "--profile",
        "oracle",
        "--lib",
        "--test",
        "candle_datasets",
        "candle",
    ];
    let result = cargo::run(&test, &[]).map_err(|error| format!("{error:#}"));
    Check::new("candle-datasets reads from CIFAR-10's binary files what we read", result)
}

/// The checks with both loaders, made side by side: most of their time is waiting.
fn with_each_loader(checks: impl Fn(Loader) -> Vec<Check> + Sync) -> Vec<Check> {
    thread::scope(|scope| {
        let fast = scope.spawn(|| checks(Loader::Fast));
        let python = checks(Loader::Python);
        let mut all = fast.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        all.extend(python);
        all
    })
}
