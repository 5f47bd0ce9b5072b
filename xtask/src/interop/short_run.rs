//! A short training run by the real program, killed in its first epoch and taken up, and what its own files say; knows
//! nothing of other readers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tensorboard::{Run, RunData, WallTime};

use super::network;
use super::numbers::{Buckets, Point, Series, SeriesName};
use crate::cargo;

/// The runs as TensorBoard is to name them.
pub(super) const TRAIN: &str = "short/train";
/// See [`TRAIN`].
pub(super) const VALIDATION: &str = "short/validation";
/// See [`TRAIN`]: hyperparameters, and what the test brought.
pub(super) const SESSION: &str = "short";

const EPOCHS: i64 = 3;
const PICTURES: i64 = 500;
/// The trainer's default.
const BATCH: i64 = 32;
/// The last short batch counts.
const STEPS_PER_EPOCH: i64 = (PICTURES + BATCH - 1) / BATCH;

/// Longer than the trainer takes to its first checkpoint on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the steps of a curve count.
#[derive(Clone, Copy, Debug)]
enum Axis {
    Epochs,
    Iterations,
    /// Once, after the last epoch.
    End,
}

/// Every curve of a run: run, tag, column in history.csv, axis.
const CURVES: [(&str, &str, &str, Axis); 7] = [
    (TRAIN, "epoch_accuracy", "accuracy", Axis::Epochs),
    (TRAIN, "epoch_loss", "loss", Axis::Epochs),
    (TRAIN, "epoch_learning_rate", "learning_rate", Axis::Epochs),
    (VALIDATION, "epoch_accuracy", "val_accuracy", Axis::Epochs),
    (VALIDATION, "epoch_loss", "val_loss", Axis::Epochs),
    (VALIDATION, "evaluation_accuracy_vs_iterations", "val_accuracy", Axis::Iterations),
    (VALIDATION, "evaluation_loss_vs_iterations", "val_loss", Axis::Iterations),
];

/// The curves besides, which no other file has.
const MORE_CURVES: [(&str, &str, Axis); 3] = [
    (TRAIN, "epoch_images_per_second", Axis::Epochs),
    (SESSION, "test_accuracy", Axis::End),
    (SESSION, "test_loss", Axis::End),
];

/// A finished run in a folder that goes when this is dropped.
#[derive(Debug)]
pub(super) struct ShortRun {
    temp: TempDir,
    /// The curves of its event files.
    pub(super) curves: Series<f64>,
    /// The histograms of its event files.
    pub(super) histograms: Series<Buckets>,
    /// The curves that history.csv gives, without wall times.
    pub(super) history: Series<f64>,
}

impl ShortRun {
    /// Trains in a new folder under `parent`, with the trainer built as a user builds it.
    ///
    /// # Errors
    /// If training fails, or our own reader cannot read what it wrote.
    pub(super) fn train(parent: &Path) -> Result<Self> {
        let temp = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(parent)
            .with_context(|| format!("making a folder in {}", parent.display()))?;
        let folder = folder(temp.path());
        tracing::info!(
            "building the trainer, and training {EPOCHS} short epochs on shapes, killed and taken up"
        );
        cargo::run(&["build", "--package", "trainer"], &[])?;
        kill_in_first_epoch(&folder)?;
        cargo::run(&["run", "--package", "trainer", "--", "train", "--resume"], &[&folder])?;

        let history =
            fs::read_to_string(folder.join("history.csv")).context("reading the run's history.csv")?;
        let mut run = Self {
            temp,
            curves: Series::new(),
            histograms: Series::new(),
            history: history_curves(&history).context("history.csv")?,
        };
        run.add(TRAIN, Run::open(folder.join("train"))?.read()?);
        run.add(VALIDATION, Run::open(folder.join("validation"))?.read()?);
        run.add(SESSION, Run::open(&folder)?.read()?);
        Ok(run)
    }

    /// A folder for what belongs to the run but is not part of it.
    pub(super) fn temp(&self) -> &Path {
        self.temp.path()
    }

    /// The folder for `tensorboard --logdir`.
    pub(super) fn logdir(&self) -> PathBuf {
        self.temp.path().join("logs")
    }

    /// The run folder.
    pub(super) fn folder(&self) -> PathBuf {
        folder(self.temp.path())
    }

    fn add(&mut self, name: &str, data: RunData) {
        let wall_time = |at: WallTime| Some(at.seconds());
        for (tag, points) in data.scalars {
            let points = points.iter().map(|point| Point {
                wall_time: wall_time(point.wall_time),
                step: point.step.0,
                value: f64::from(point.value),
            });
            self.curves.insert(SeriesName::new(name, &tag), points.collect());
        }
        for (tag, points) in data.histograms {
            let points = points.iter().map(|point| Point {
                wall_time: wall_time(point.wall_time),
                step: point.step.0,
                value: point.value.buckets.iter().map(|b| [b.left, b.right, b.count]).collect(),
            });
            self.histograms.insert(SeriesName::new(name, &tag), points.collect());
        }
    }
}

fn folder(temp: &Path) -> PathBuf {
    temp.join("logs/short")
}

/// Starts the run, with a checkpoint after each step, and kills it once there is one.
fn kill_in_first_epoch(folder: &Path) -> Result<()> {
    let (epochs, pictures) = (EPOCHS.to_string(), PICTURES.to_string());
    let mut program = cargo::built("trainer")
        .args([
            "--dataset",
            "shapes",
            "--epochs",
            &epochs,
            "--limit",
            &pictures,
            "--save-every",
            "0",
            "--run-dir",
        ])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .spawn()
        .context("starting the trainer")?;
    let began = Instant::now();
    while !folder.join("checkpoints/last.safetensors").exists() {
        let ended = program.try_wait()?.is_some();
        ensure!(!ended && began.elapsed() < PATIENCE, "the trainer wrote no checkpoint");
        thread::sleep(Duration::from_millis(1));
    }
    program.kill()?;
    program.wait()?;
    ensure!(!folder.join("results.toml").exists(), "the trainer was finished before it could be killed");
    Ok(())
}

/// The steps that each curve must have.
pub(super) fn curve_steps() -> BTreeMap<SeriesName, Vec<i64>> {
    let of_history = CURVES.iter().map(|&(run, tag, _, axis)| (run, tag, axis));
    of_history
        .chain(MORE_CURVES)
        .map(|(run, tag, axis)| {
            let epochs = if matches!(axis, Axis::End) { EPOCHS - 1..EPOCHS } else { 0..EPOCHS };
            (SeriesName::new(run, tag), epochs.map(|epoch| axis.step(epoch)).collect())
        })
        .collect()
}

/// Whether history.csv has a curve, too.
pub(super) fn is_in_history(name: &SeriesName) -> bool {
    CURVES.iter().any(|(run, tag, ..)| *name == SeriesName::new(run, tag))
}

/// The steps that each histogram must have.
pub(super) fn histogram_steps() -> BTreeMap<SeriesName, Vec<i64>> {
    let parameters = network::parameters();
    parameters
        .iter()
        .map(|parameter| (SeriesName::new(TRAIN, &parameter.tag), (0..EPOCHS).collect()))
        .collect()
}

impl Axis {
    /// Where the values measured after an epoch (from 0) lie.
    fn step(self, epoch: i64) -> i64 {
        match self {
            Self::Epochs => epoch,
            Self::Iterations => (epoch + 1) * STEPS_PER_EPOCH,
            Self::End => epoch + 1,
        }
    }
}

/// The curves in the text of a history.csv.
fn history_curves(text: &str) -> Result<Series<f64>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        let place = header.iter().position(|&found| found == name);
        place.with_context(|| format!("expected a column {name:?}, found {}", header.join(",")))
    };
    let epoch = column("epoch")?;
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let mut curves = Series::new();
    for (run, tag, name, axis) in CURVES {
        let value = column(name)?;
        let point = |row: &Vec<&str>| -> Option<Point<f64>> {
            let epoch: i64 = row.get(epoch)?.parse().ok()?;
            // An f32, as in the event files.
            let value: f32 = row.get(value)?.parse().ok()?;
            Some(Point { wall_time: None, step: axis.step(epoch - 1), value: f64::from(value) })
        };
        let points = rows
            .iter()
            .map(|row| point(row).with_context(|| format!("expected numbers, found {}", row.join(","))))
            .collect::<Result<_>>()?;
        curves.insert(SeriesName::new(run, tag), points);
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &str = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n\
                           1,2.312304,0.094,2.300921,0.128,0.001,0.770\n\
                           2,2.3020103,0.112,2.300011,0.136,0.001,0.628\n";

    #[test]
    fn history_gives_every_curve() {
        let curves = history_curves(HISTORY).unwrap();
        assert_eq!(curves.len(), 7);
        let check = |run, tag, expected: [(i64, f32); 2]| {
            let points = curves[&SeriesName::new(run, tag)].iter().map(|p| (p.step, p.value));
            assert_eq!(
                points.collect::<Vec<_>>(),
                expected.map(|(step, value)| (step, f64::from(value))),
                "{tag}"
            );
        };
        check(TRAIN, "epoch_loss", [(0, 2.312304), (1, 2.3020103)]);
        check(TRAIN, "epoch_learning_rate", [(0, 0.001), (1, 0.001)]);
        check(VALIDATION, "epoch_loss", [(0, 2.300921), (1, 2.300011)]);
        check(VALIDATION, "evaluation_accuracy_vs_iterations", [(16, 0.128), (32, 0.136)]);
    }

    #[test]
    fn history_that_is_not_one_is_an_error() {
        let check = |text: &str, expected: &str| {
            let error = format!("{:#}", history_curves(text).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        check("", "expected a column \"epoch\"");
        check(&HISTORY.replace("val_loss", "valloss"), "expected a column \"val_loss\", found epoch,loss");
        check(&HISTORY.replace("0.128", "nothing"), "expected numbers, found 1,2.312304");
        check(&format!("{HISTORY}3\n"), "expected numbers, found 3");
    }

    #[test]
    fn steps_of_every_tag() {
        let curves = curve_steps();
        assert_eq!(curves[&SeriesName::new(TRAIN, "epoch_loss")], [0, 1, 2]);
        assert_eq!(curves[&SeriesName::new(VALIDATION, "evaluation_loss_vs_iterations")], [16, 32, 48]);
        assert_eq!(curves[&SeriesName::new(SESSION, "test_loss")], [3]);
        assert_eq!((curves.len(), histogram_steps().len()), (10, 10));
    }
}
