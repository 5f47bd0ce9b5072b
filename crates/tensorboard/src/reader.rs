//! Reads event files, and the curves and histograms of a run; knows nothing of how they are drawn.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use prost::Message;

use crate::event::{HISTOGRAMS, SCALARS};
use crate::message::{TensorProto, Value, ValueKind, What};
use crate::{Error, Event, Histogram, RecordReader, Step, TensorError, WallTime, event_file};

/// Reads all event files of a folder, in the order of their names, and nothing of the folders in it.
///
/// # Errors
/// If there is no event file, or if one cannot be read: the error names the file and the byte. A file whose last
/// record is not whole is read up to there.
pub fn read_run(dir: impl AsRef<Path>) -> Result<RunData, Error> {
    let dir = dir.as_ref();
    let files = event_file::list(dir)?;
    if files.is_empty() {
        return Err(Error::NoEventFile { dir: dir.to_owned() });
    }
    let mut run = RunBuilder::default();
    for path in files {
        let open = File::open(&path).map_err(|cause| Error::Read { offset: 0, cause });
        open.and_then(|file| run.read(BufReader::new(file))).map_err(|error| error.in_file(&path))?;
    }
    Ok(run.finish())
}

/// The curves and histograms of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunData {
    /// The curves by tag; the points of each in the order of their steps, one a step: the last one written.
    pub scalars: BTreeMap<String, Vec<ScalarPoint>>,
    /// The histograms by tag; the points of each in the order of their steps, one a step: the last one
    /// written.
    pub histograms: BTreeMap<String, Vec<HistogramPoint>>,
    scalar_tags: Vec<String>,
    histogram_tags: Vec<String>,
}

impl RunData {
    /// The tags of the curves in the order in which they first appear.
    pub fn scalar_tags(&self) -> &[String] {
        &self.scalar_tags
    }

    /// The tags of the histograms in the order in which they first appear: that of the network's layers.
    pub fn histogram_tags(&self) -> &[String] {
        &self.histogram_tags
    }
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalarPoint {
    /// When it was written.
    pub wall_time: WallTime,
    /// Where it lies.
    pub step: Step,
    /// Its value, which can be NaN or infinite.
    pub value: f32,
}

/// One histogram of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramPoint {
    /// When it was written.
    pub wall_time: WallTime,
    /// Where it lies.
    pub step: Step,
    /// The histogram; edges made by other writers can be NaN or infinite.
    pub histogram: Histogram,
}

/// Reads events one after the other; ends after the last whole one, and after an error. Wrap files in a
/// [`BufReader`].
#[derive(Debug)]
pub struct EventReader<R> {
    records: RecordReader<R>,
    failed: bool,
}

impl<R: Read> EventReader<R> {
    /// Reads from `inner`, which stands at the start of a record.
    pub fn new(inner: R) -> Self {
        Self { records: RecordReader::new(inner), failed: false }
    }

    /// Where the next record begins: the number of bytes of all records read until now.
    pub fn offset(&self) -> u64 {
        self.records.offset()
    }
}

impl<R: Read> Iterator for EventReader<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let offset = self.offset();
        let event = self
            .records
            .read()
            .transpose()?
            .and_then(|payload| Event::decode(payload).map_err(|cause| Error::Message { offset, cause }));
        self.failed = event.is_err();
        Some(event)
    }
}

/// Gathers the points of a run from its events.
#[derive(Default)]
struct RunBuilder {
    scalars: Series<ScalarPoint>,
    histograms: Series<HistogramPoint>,
    /// The plugin of each tag, from the first value that names one: some writers name it only once.
    plugins: HashMap<String, String>,
}

impl RunBuilder {
    fn read(&mut self, file: impl Read) -> Result<(), Error> {
        let mut events = EventReader::new(file);
        loop {
            let offset = events.offset();
            let Some(event) = events.next().transpose()? else { return Ok(()) };
            let wall_time = WallTime::new(event.wall_time).ok_or(Error::WallTime { offset })?;
            let Some(What::Summary(summary)) = event.what else { continue };
            for value in summary.value {
                self.add(wall_time, Step(event.step), &value).map_err(|cause| Error::Value {
                    offset,
                    tag: value.tag,
                    cause,
                })?;
            }
        }
    }

    /// Adds one value; those of other plugins and of kinds that are not declared add nothing.
    fn add(&mut self, wall_time: WallTime, step: Step, value: &Value) -> Result<(), TensorError> {
        let tag = &value.tag;
        match &value.value {
            Some(ValueKind::SimpleValue(value)) => {
                self.scalars.add(tag, step, ScalarPoint { wall_time, step, value: *value });
            }
            Some(ValueKind::Tensor(tensor)) => match self.plugin(value) {
                Some(SCALARS) => {
                    let value = scalar(tensor)?;
                    self.scalars.add(tag, step, ScalarPoint { wall_time, step, value });
                }
                Some(HISTOGRAMS) => {
                    let histogram = Histogram::from_tensor(tensor)?;
                    self.histograms.add(tag, step, HistogramPoint { wall_time, step, histogram });
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn plugin(&mut self, value: &Value) -> Option<&str> {
        let named = value.metadata.as_ref().and_then(|metadata| metadata.plugin_data.as_ref());
        let named = named.map(|plugin| plugin.plugin_name.as_str()).filter(|name| !name.is_empty());
        if let Some(name) = named
            && !self.plugins.contains_key(&value.tag)
        {
            self.plugins.insert(value.tag.clone(), name.to_owned());
        }
        self.plugins.get(&value.tag).map(String::as_str)
    }

    fn finish(self) -> RunData {
        let (scalar_tags, scalars) = self.scalars.finish();
        let (histogram_tags, histograms) = self.histograms.finish();
        RunData { scalars, histograms, scalar_tags, histogram_tags }
    }
}

/// The points of tags by their steps.
struct Series<P> {
    points: BTreeMap<String, BTreeMap<Step, P>>,
    /// The tags in the order in which they came.
    tags: Vec<String>,
}

impl<P> Default for Series<P> {
    fn default() -> Self {
        Self { points: BTreeMap::new(), tags: Vec::new() }
    }
}

impl<P> Series<P> {
    fn add(&mut self, tag: &str, step: Step, point: P) {
        if !self.points.contains_key(tag) {
            self.tags.push(tag.to_owned());
            self.points.insert(tag.to_owned(), BTreeMap::new());
        }
        if let Some(points) = self.points.get_mut(tag) {
            points.insert(step, point);
        }
    }

    fn finish(self) -> (Vec<String>, BTreeMap<String, Vec<P>>) {
        let points = self.points.into_iter().map(|(tag, points)| (tag, points.into_values().collect()));
        (self.tags, points.collect())
    }
}

/// The number in a tensor of one element.
fn scalar(tensor: &TensorProto) -> Result<f32, TensorError> {
    let shape = tensor.shape();
    if shape.iter().any(|&size| size != 1) {
        return Err(TensorError::Shape { found: shape, expected: "[]" });
    }
    match tensor.numbers(1)?[..] {
        [value] => Ok(value as f32),
        _ => Err(TensorError::Shape { found: shape, expected: "[]" }),
    }
}
