//! The series of a run: what one folder's event files say; knows nothing of other folders.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use super::OnDamage;
use super::data::{Data, Images};
use super::samples::{Sample, Samples};
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
        let mut places = BTreeMap::new();
        let mut series: Vec<Series> = Vec::new();
        for sample in self.samples()? {
            let Sample { tag, plugin, .. } = sample?;
            let place = *places.entry(tag.clone()).or_insert_with(|| {
                series.push(Series { tag, plugin: plugin.to_string(), points: 0 });
                series.len() - 1
            });
            series[place].points += 1;
        }
        Ok(series)
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
        let (mut scalars, mut histograms) = (BySteps::default(), BySteps::default());
        let mut samples = self.samples()?;
        let drawn = |_: &str, plugin: &str| plugin == SCALARS || plugin == HISTOGRAMS;
        while let Some(Sample { tag, wall_time, step, data, .. }) = samples.next_of(drawn)? {
            match data {
                Data::Scalar(value) => scalars.add(tag, Point { wall_time, step, value }),
                Data::Histogram(value) => histograms.add(tag, Point { wall_time, step, value }),
                _ => {}
            }
        }
        let ((scalar_tags, scalars), (histogram_tags, histograms)) = (scalars.finish(), histograms.finish());
        Ok(RunData { scalars, histograms, scalar_tags, histogram_tags })
    }

    fn points<V>(&self, tag: &str, value: impl Fn(Data) -> Option<V>) -> Result<Vec<Point<V>>, Error> {
        let mut points = BTreeMap::new();
        let mut samples = self.samples()?;
        while let Some(Sample { wall_time, step, data, .. }) = samples.next_of(|found, _| found == tag)? {
            if let Some(value) = value(data) {
                points.insert(step, Point { wall_time, step, value });
            }
        }
        Ok(points.into_values().collect())
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

/// The points of tags by their steps.
struct BySteps<V> {
    points: BTreeMap<Tag, BTreeMap<Step, Point<V>>>,
    /// The tags in the order in which they came.
    tags: Vec<Tag>,
}

impl<V> Default for BySteps<V> {
    fn default() -> Self {
        Self { points: BTreeMap::new(), tags: Vec::new() }
    }
}

impl<V> BySteps<V> {
    fn add(&mut self, tag: Tag, point: Point<V>) {
        let points = match self.points.entry(tag) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.tags.push(entry.key().clone());
                entry.insert(BTreeMap::new())
            }
        };
        points.insert(point.step, point);
    }

    fn finish(self) -> (Vec<Tag>, BTreeMap<Tag, Vec<Point<V>>>) {
        let points = self.points.into_iter().map(|(tag, points)| (tag, points.into_values().collect()));
        (self.tags, points.collect())
    }
}
