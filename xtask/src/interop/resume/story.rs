//! A run that is stopped several times, each time after its last checkpoint; knows nothing of who looks on.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tensorboard::{Histogram, Position, Writer};

use crate::interop::numbers::{Buckets, Point, Series, SeriesName};

const TRAIN: &str = "stopped/train";
const VALIDATION: &str = "stopped/validation";
const STEPS_PER_EPOCH: i64 = 100;

/// What the program does until it is stopped.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The epochs that it writes.
    epochs: Range<i64>,
    /// The last checkpoint is made before this epoch.
    checkpoint: i64,
}

/// All that happens: each part begins at the checkpoint of the one before it. The second one is stopped before it
/// has come as far as the first.
pub(super) const PARTS: [Part; 3] = [
    Part { epochs: 0..6, checkpoint: 3 },
    Part { epochs: 3..5, checkpoint: 4 },
    Part { epochs: 4..8, checkpoint: 8 },
];

/// What is to be seen: each step once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) curves: Series<f64>,
    pub(super) histograms: Series<Buckets>,
}

/// The run until now.
#[derive(Debug)]
pub(super) struct Story {
    train: PathBuf,
    validation: PathBuf,
    /// How many parts are over.
    parts: usize,
    /// Where the last checkpoint is, in either run.
    kept: [Position; 2],
    /// The part that wrote an epoch last.
    written_by: BTreeMap<i64, usize>,
}

impl Story {
    /// A run under a folder for `tensorboard --logdir`, with nothing in it.
    pub(super) fn new(logdir: &Path) -> Self {
        Self {
            train: logdir.join(TRAIN),
            validation: logdir.join(VALIDATION),
            parts: 0,
            kept: [Position(0); 2],
            written_by: BTreeMap::new(),
        }
    }

    /// The first part.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn begin(&mut self) -> Result<()> {
        let mut train = Writer::create(&self.train)?;
        // Never written again.
        train.scalar("started", 0, 1.0)?;
        self.go_on(train, Writer::create(&self.validation)?)
    }

    /// The next part, from the last checkpoint on.
    ///
    /// # Errors
    /// If it cannot be taken up or written.
    pub(super) fn take_up(&mut self) -> Result<()> {
        let train = Writer::resume(&self.train, self.kept[0])?;
        let validation = Writer::resume(&self.validation, self.kept[1])?;
        self.go_on(train, validation)
    }

    fn go_on(&mut self, mut train: Writer, mut validation: Writer) -> Result<()> {
        let part = self.parts;
        let Part { epochs, checkpoint } = PARTS[part].clone();
        self.written_by.split_off(&epochs.start);
        for epoch in epochs.start..=epochs.end {
            if epoch == checkpoint {
                self.kept = [train.sync()?, validation.sync()?];
            }
            if epoch == epochs.end {
                break;
            }
            validation.scalar("evaluation_loss_vs_iterations", iterations(epoch), value(part, epoch))?;
            train.scalar("epoch_loss", epoch, value(part, epoch))?;
            validation.scalar("epoch_loss", epoch, value(part, epoch) + 1.0)?;
            train.histogram("dense/kernel/histogram", epoch, weights(part, epoch).as_slice())?;
            self.written_by.insert(epoch, part);
        }
        let paths = [train.path().to_owned(), validation.path().to_owned()];
        train.close()?;
        validation.close()?;
        self.parts += 1;
        // Killed in the middle of a record.
        if self.parts < PARTS.len() {
            paths.iter().try_for_each(|path| append(path, &[54, 0, 0, 0, 0]))?;
        }
        Ok(())
    }

    /// What is to be seen now: also what the next part will not keep.
    pub(super) fn seen(&self) -> Seen {
        let curve = |step: fn(i64) -> i64, more: f64| -> Vec<Point<f64>> {
            let points = self.written_by.iter();
            points.map(|(&epoch, &part)| point(step(epoch), value(part, epoch) + more)).collect()
        };
        let histograms =
            self.written_by.iter().map(|(&epoch, &part)| point(epoch, buckets(&weights(part, epoch))));
        Seen {
            curves: [
                (SeriesName::new(TRAIN, "started"), vec![point(0, 1.0)]),
                (SeriesName::new(TRAIN, "epoch_loss"), curve(|epoch| epoch, 0.0)),
                (SeriesName::new(VALIDATION, "epoch_loss"), curve(|epoch| epoch, 1.0)),
                (SeriesName::new(VALIDATION, "evaluation_loss_vs_iterations"), curve(iterations, 0.0)),
            ]
            .into(),
            histograms: [(SeriesName::new(TRAIN, "dense/kernel/histogram"), histograms.collect())].into(),
        }
    }
}

fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("appending to {}", path.display()))
}

fn point<V>(step: i64, value: V) -> Point<V> {
    Point { wall_time: None, step, value }
}

fn iterations(epoch: i64) -> i64 {
    (epoch + 1) * STEPS_PER_EPOCH
}

/// Another number in each part and epoch, which an `f32` holds exactly.
fn value(part: usize, epoch: i64) -> f64 {
    (part + 1) as f64 + epoch as f64 / 64.0
}

fn weights(part: usize, epoch: i64) -> Vec<f64> {
    (0..=epoch + 1).map(|i| value(part, epoch) * i as f64).collect()
}

fn buckets(weights: &[f64]) -> Buckets {
    Histogram::of(weights).buckets.iter().map(|bucket| [bucket.left, bucket.right, bucket.count]).collect()
}

#[cfg(test)]
mod tests {
    use tensorboard::Run;

    use super::*;

    #[test]
    fn each_step_is_seen_once_by_our_own_reader() {
        let logdir = tempfile::tempdir().unwrap();
        let mut story = Story::new(logdir.path());
        let mut check = |part: usize, losses: &[f64]| {
            if part == 0 {
                story.begin().unwrap()
            } else {
                story.take_up().unwrap()
            }
            let seen = &story.seen().curves[&SeriesName::new(TRAIN, "epoch_loss")];
            assert_eq!(
                seen.iter().map(|point| point.value).collect::<Vec<_>>(),
                losses,
                "seen in part {part}"
            );
            let read = Run::open(logdir.path().join(TRAIN)).unwrap().scalars("epoch_loss").unwrap();
            let read: Vec<(i64, f64)> = read.iter().map(|p| (p.step.0, f64::from(p.value))).collect();
            assert_eq!(read, (0..).zip(losses.iter().copied()).collect::<Vec<_>>(), "read in part {part}");
        };
        check(0, &[1.0, 1.015625, 1.03125, 1.046875, 1.0625, 1.078125]);
        check(1, &[1.0, 1.015625, 1.03125, 2.046875, 2.0625]);
        check(2, &[1.0, 1.015625, 1.03125, 2.046875, 3.0625, 3.078125, 3.09375, 3.109375]);
    }

    #[test]
    fn every_kind_of_axis_is_there() {
        let logdir = tempfile::tempdir().unwrap();
        let mut story = Story::new(logdir.path());
        story.begin().unwrap();
        let seen = story.seen();
        let steps = |run, tag| -> Vec<i64> {
            seen.curves[&SeriesName::new(run, tag)].iter().map(|point| point.step).collect()
        };
        assert_eq!(steps(VALIDATION, "evaluation_loss_vs_iterations"), [100, 200, 300, 400, 500, 600]);
        assert_eq!(steps(TRAIN, "started"), [0]);
        let histograms = &seen.histograms[&SeriesName::new(TRAIN, "dense/kernel/histogram")];
        let counts = |point: &Point<Buckets>| point.value.iter().map(|[_, _, count]| count).sum::<f64>();
        assert_eq!(histograms.iter().map(counts).collect::<Vec<_>>(), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    }
}
