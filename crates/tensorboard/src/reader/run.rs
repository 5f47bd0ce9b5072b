//! The series of a run: what one folder's event files say; knows nothing of other folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::OnDamage;
use super::data::{Data, Images};
use super::samples::{Found, Samples};
use crate::event::{HISTOGRAMS, SCALARS};
use crate::{Error, Histogram, Step, Tag, WallTime, event_file, live_files};

/// A run: a folder with event files. Nothing is kept in memory; each question goes through the files.
///
/// ```no_run
/// use tensorboard::Run;
///
/// let run = Run::open("runs/001-cifar10/train")?;
/// for series in run.series()? {
///     println!("{}: {} points for the {} dashboard", series.tag, series.points, series.plugin);
/// }
/// let last = run.scalars("epoch_loss")?.last().map(|point| point.value);
/// # Ok::<(), tensorboard::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Run {
    name: String,
    dir: PathBuf,
    on_damage: OnDamage,
}

/// A point of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point<V> {
    /// When it was written.
    pub wall_time: WallTime,
    /// Where it lies.
    pub step: Step,
    /// A number, which can be NaN or infinite; a histogram, whose edges can be if another program made it; pictures.
    pub value: V,
}

/// A point of a curve.
pub type ScalarPoint = Point<f32>;
/// A histogram of a series.
pub type HistogramPoint = Point<Histogram>;

/// A series as it stands in the event files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its name.
    pub tag: Tag,
    /// The plugin that shows it.
    pub plugin: String,
    /// How many points were written, with those written again.
    pub points: u64,
}

/// The curves and histograms of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunData {
    /// The curves by tag; the points of each in the order of their steps, one a step: the last one written.
    pub scalars: BTreeMap<Tag, Vec<ScalarPoint>>,
    /// The histograms by tag; the points of each in the order of their steps, one a step: the last one
    /// written.
    pub histograms: BTreeMap<Tag, Vec<HistogramPoint>>,
    scalar_tags: Vec<Tag>,
    histogram_tags: Vec<Tag>,
}

impl Run {
    /// The run in a folder, not in the folders within it. Its name is that of the folder.
    ///
    /// # Errors
    /// If there is no event file, or the folder cannot be listed.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let dir = dir.as_ref();
        if event_file::list(dir)?.is_empty() {
            return Err(Error::NoEventFile { dir: dir.to_owned() });
        }
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self::named(name, dir.to_owned()))
    }

    pub(super) fn named(name: String, dir: PathBuf) -> Self {
        Self { name, dir, on_damage: OnDamage::Fail }
    }

    /// Leaves out what is damaged: records with wrong checksums, and values that are not what their plugin expects.
    #[must_use]
    pub fn skip_damaged(self) -> Self {
        Self { on_damage: OnDamage::Skip, ..self }
    }

    /// Its name, as TensorBoard shows it in a [`LogDir`](super::LogDir).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All points, one after the other, as they stand in the files.
    ///
    /// # Errors
    /// If the folder cannot be listed. The points themselves can be errors: a file that cannot be read or is damaged,
    /// with its name and the byte. A file whose last record is not whole is read up to there.
    pub fn samples(&self) -> Result<Samples, Error> {
        Ok(Samples::new(live_files(&self.dir)?, self.on_damage))
    }

    /// The series in the order in which they first appear.
    ///
    /// # Errors
    /// As [`samples`](Self::samples) and its points; so for all methods that read.
    pub fn series(&self) -> Result<Vec<Series>, Error> {
        let mut samples = self.samples()?;
        let mut counts: Vec<u64> = Vec::new();
        while let Some(found) = samples.next_of(|_, _| true)? {
            counts.resize(counts.len().max(found.series + 1), 0);
            counts[found.series] += 1;
        }
        let series = |(number, &points): (usize, &u64)| {
            let (tag, plugin) = samples.name(number);
            Series { tag: tag.clone(), plugin: plugin.to_string(), points }
        };
        Ok(counts.iter().enumerate().filter(|(_, points)| **points > 0).map(series).collect())
    }

    /// A curve: its points in the order of their steps, one a step: the last one written. Empty if there is none.
    ///
    /// # Errors
    /// As [`series`](Self::series).
    pub fn scalars(&self, tag: &str) -> Result<Vec<ScalarPoint>, Error> {
        self.points(tag, |data| match data {
            Data::Scalar(value) => Some(value),
            _ => None,
        })
    }

    /// The histograms of a tag, as [`scalars`](Self::scalars) has points.
    ///
    /// # Errors
    /// As [`series`](Self::series).
    pub fn histograms(&self, tag: &str) -> Result<Vec<HistogramPoint>, Error> {
        self.points(tag, |data| match data {
            Data::Histogram(value) => Some(value),
            _ => None,
        })
    }

    /// The pictures of a tag, as [`scalars`](Self::scalars) has points.
    ///
    /// # Errors
    /// As [`series`](Self::series).
    pub fn images(&self, tag: &str) -> Result<Vec<Point<Images>>, Error> {
        self.points(tag, |data| match data {
            Data::Images(value) => Some(value),
            _ => None,
        })
    }

    /// All curves and all histograms.
    ///
    /// # Errors
    /// As [`series`](Self::series).
    pub fn read(&self) -> Result<RunData, Error> {
        let (mut scalars, mut histograms) = (Vec::new(), Vec::new());
        let mut samples = self.samples()?;
        let drawn = |_: &str, plugin: &str| plugin == SCALARS || plugin == HISTOGRAMS;
        while let Some(Found { series, wall_time, step, data }) = samples.next_of(drawn)? {
            match data {
                Data::Scalar(value) => of(&mut scalars, series).push(Point { wall_time, step, value }),
                Data::Histogram(value) => of(&mut histograms, series).push(Point { wall_time, step, value }),
                _ => {}
            }
        }
        let ((scalar_tags, scalars), (histogram_tags, histograms)) =
            (by_tags(scalars, &samples), by_tags(histograms, &samples));
        Ok(RunData { scalars, histograms, scalar_tags, histogram_tags })
    }

    fn points<V>(&self, tag: &str, value: impl Fn(Data) -> Option<V>) -> Result<Vec<Point<V>>, Error> {
        let mut points = Vec::new();
        let mut samples = self.samples()?;
        while let Some(Found { wall_time, step, data, .. }) = samples.next_of(|found, _| found == tag)? {
            points.extend(value(data).map(|value| Point { wall_time, step, value }));
        }
        Ok(by_steps(points))
    }
}

impl RunData {
    /// The tags of the curves in the order in which they first appear.
    pub fn scalar_tags(&self) -> &[Tag] {
        &self.scalar_tags
    }

    /// The tags of the histograms in the order in which they first appear: that of the network's layers.
    pub fn histogram_tags(&self) -> &[Tag] {
        &self.histogram_tags
    }
}

/// The points of a series by its number.
fn of<V>(all: &mut Vec<Vec<Point<V>>>, series: usize) -> &mut Vec<Point<V>> {
    if all.len() <= series {
        all.resize_with(series + 1, Vec::new);
    }
    &mut all[series]
}

/// The tags of all series that have points, and the points of each.
fn by_tags<V>(all: Vec<Vec<Point<V>>>, samples: &Samples) -> (Vec<Tag>, BTreeMap<Tag, Vec<Point<V>>>) {
    let with_points = all.into_iter().enumerate().filter(|(_, points)| !points.is_empty());
    let (mut tags, mut by_tags) = (Vec::new(), BTreeMap::new());
    for (series, points) in with_points {
        let (tag, _) = samples.name(series);
        tags.push(tag.clone());
        by_tags.insert(tag.clone(), by_steps(points));
    }
    (tags, by_tags)
}

/// Points in the order of their steps, of each step the last one that was written.
fn by_steps<V>(mut points: Vec<Point<V>>) -> Vec<Point<V>> {
    if !points.is_sorted_by(|a, b| a.step < b.step) {
        points.reverse();
        points.sort_by_key(|point| point.step);
        points.dedup_by_key(|point| point.step);
    }
    points
}
