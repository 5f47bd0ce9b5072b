//! Goes through all points of a run, one in memory at a time; knows nothing of series.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::vec;

use prost::Message;

use super::OnDamage;
use super::borrowed::TensorEvent;
use super::data::Data;
use crate::message::{Value, What};
use crate::{Error, Event, RecordReader, Step, Tag, WallTime};

/// A point of a series, as it stands in the event files.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series.
    pub tag: Tag,
    /// The plugin that shows it: `scalars`, `histograms`, `images` and others.
    pub plugin: Arc<str>,
    /// When it was written.
    pub wall_time: WallTime,
    /// Where it lies.
    pub step: Step,
    /// What it holds.
    pub data: Data,
}

/// The points of a run in the order in which they stand in its event files; ends after an error. A step that was
/// written twice comes twice.
#[derive(Debug)]
pub struct Samples {
    files: vec::IntoIter<PathBuf>,
    file: Option<(PathBuf, RecordReader<File>)>,
    series: SeriesNames,
    /// Values of the last event that are still to come, and where that is.
    values: vec::IntoIter<Value>,
    place: Place,
    on_damage: OnDamage,
    failed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    wall_time: WallTime,
    step: Step,
}

/// The series that were seen, in the order in which they first came.
#[derive(Debug, Default)]
struct SeriesNames {
    /// The plugin of each tag is that of the first value that names one: some writers name it only once.
    names: Vec<(Tag, Arc<str>)>,
    numbers: HashMap<Tag, usize>,
    /// Which series came after each the last time, and which came last: most programs write in the same order again
    /// and again.
    after: Vec<usize>,
    last: usize,
}

impl SeriesNames {
    /// The number of the series of a tag whose value names a plugin, or whose first one did; `None` where nobody does.
    fn number<'a>(&mut self, tag: &[u8], plugin: impl FnOnce() -> Option<&'a str>) -> Option<usize> {
        let expected = self.after.get(self.last).copied().unwrap_or_default();
        let number = match self.names.get(expected) {
            Some((name, _)) if name.as_bytes() == tag => expected,
            _ => self.look_up(std::str::from_utf8(tag).ok()?, plugin)?,
        };
        self.after[self.last] = number;
        self.last = number;
        Some(number)
    }

    fn look_up<'a>(&mut self, tag: &str, plugin: impl FnOnce() -> Option<&'a str>) -> Option<usize> {
        if let Some(&number) = self.numbers.get(tag) {
            return Some(number);
        }
        let plugin = plugin().filter(|name| !name.is_empty())?;
        let (tag, number) = (Tag::from(tag), self.names.len());
        self.names.push((tag.clone(), plugin.into()));
        self.after.push(number);
        self.numbers.insert(tag, number);
        Some(number)
    }
}

/// A point that is wanted, with the number of its series.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) series: usize,
    pub(super) wall_time: WallTime,
    pub(super) step: Step,
    pub(super) data: Data,
}

impl Samples {
    pub(super) fn new(files: Vec<PathBuf>, on_damage: OnDamage) -> Self {
        Self {
            files: files.into_iter(),
            file: None,
            series: SeriesNames::default(),
            values: Vec::new().into_iter(),
            place: Place { offset: 0, wall_time: WallTime::START, step: Step(0) },
            on_damage,
            failed: false,
        }
    }

    /// The tag and the plugin of a series by its number.
    pub(super) fn name(&self, series: usize) -> (&Tag, &Arc<str>) {
        let (tag, plugin) = &self.series.names[series];
        (tag, plugin)
    }

    /// The next point of those whose tag and plugin are wanted; the data of others are not looked at.
    pub(super) fn next_of(&mut self, wanted: impl Fn(&str, &str) -> bool) -> Result<Option<Found>, Error> {
        if self.failed {
            return Ok(None);
        }
        let found = self.advance(wanted);
        self.failed = found.is_err();
        found.map_err(|error| match &self.file {
            Some((path, _)) => error.in_file(path),
            None => error,
        })
    }

    fn advance(&mut self, wanted: impl Fn(&str, &str) -> bool) -> Result<Option<Found>, Error> {
        loop {
            while let Some(value) = self.values.next() {
                if let Some(found) = self.take(value, &wanted)? {
                    return Ok(Some(found));
                }
            }
            let Some((_, records)) = &mut self.file else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            let offset = records.offset();
            let Some(payload) = records.read()? else {
                self.file = None;
                continue;
            };
            if let Some(event) = TensorEvent::parse(payload)
                && let Some(wall_time) = WallTime::new(event.wall_time)
                && let Some(series) = self.series.number(event.tag, || event.plugin())
            {
                let (tag, plugin) = &self.series.names[series];
                if !wanted(tag, plugin) {
                    continue;
                }
                if let Some(data) = event.tensor().and_then(|tensor| Data::of_view(&tensor, plugin)) {
                    return Ok(Some(Found { series, wall_time, step: Step(event.step), data }));
                }
            }
            match values(payload, offset) {
                Ok(None) => {}
                Ok(Some((place, values))) => (self.place, self.values) = (place, values.into_iter()),
                Err(_) if self.on_damage == OnDamage::Skip => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens the next file; `false` after the last one.
    fn open_next(&mut self) -> Result<bool, Error> {
        let Some(path) = self.files.next() else { return Ok(false) };
        let file = File::open(&path).map_err(|cause| Error::Read { offset: 0, cause }.in_file(&path))?;
        let records = RecordReader::new(file);
        let records = match self.on_damage {
            OnDamage::Fail => records,
            OnDamage::Skip => records.skip_damaged(),
        };
        self.file = Some((path, records));
        Ok(true)
    }

    /// The point that a value is, if it is wanted.
    fn take(&mut self, value: Value, wanted: impl Fn(&str, &str) -> bool) -> Result<Option<Found>, Error> {
        let Place { offset, wall_time, step } = self.place;
        let Some(series) = self.series.number(value.tag.as_bytes(), || Some(value.plugin_name())) else {
            return Ok(None);
        };
        let (tag, plugin) = &self.series.names[series];
        if !wanted(tag, plugin) {
            return Ok(None);
        }
        match Data::of(value, plugin) {
            Ok(data) => Ok(data.map(|data| Found { series, wall_time, step, data })),
            Err(_) if self.on_damage == OnDamage::Skip => Ok(None),
            Err(cause) => Err(Error::Value { offset, tag: tag.to_string(), cause }),
        }
    }
}

impl Iterator for Samples {
    type Item = Result<Sample, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = match self.next_of(|_, _| true) {
            Ok(found) => found?,
            Err(error) => return Some(Err(error)),
        };
        let (tag, plugin) = self.name(found.series);
        let Found { wall_time, step, data, .. } = found;
        Some(Ok(Sample { tag: tag.clone(), plugin: Arc::clone(plugin), wall_time, step, data }))
    }
}

/// The values of the event in a payload, and where it is; `None` if it has none.
fn values(payload: &[u8], offset: u64) -> Result<Option<(Place, Vec<Value>)>, Error> {
    let event = Event::decode(payload).map_err(|cause| Error::Message { offset, cause })?;
    let wall_time = WallTime::new(event.wall_time).ok_or(Error::WallTime { offset })?;
    let place = Place { offset, wall_time, step: Step(event.step) };
    Ok(match event.what {
        Some(What::Summary(summary)) => Some((place, summary.value)),
        _ => None,
    })
}
