//! Goes through all points of a run, one in memory at a time; knows nothing of series.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::vec;

use super::data::{Data, legacy_plugin};
use super::{EventReader, OnDamage};
use crate::message::{Value, What};
use crate::{Error, Step, Tag, WallTime};

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
    file: Option<(PathBuf, EventReader<File>)>,
    /// Values of the last event that are still to come.
    values: vec::IntoIter<Value>,
    /// Of the last event.
    place: Place,
    /// The plugin of each tag, from the first value that names one: some writers name it only once.
    plugins: HashMap<Tag, Arc<str>>,
    on_damage: OnDamage,
    failed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    wall_time: WallTime,
    step: Step,
}

impl Samples {
    pub(super) fn new(files: Vec<PathBuf>, on_damage: OnDamage) -> Self {
        Self {
            files: files.into_iter(),
            file: None,
            values: Vec::new().into_iter(),
            place: Place { offset: 0, wall_time: WallTime::START, step: Step(0) },
            plugins: HashMap::new(),
            on_damage,
            failed: false,
        }
    }

    /// The next point of those whose tag and plugin are wanted; the data of others are not looked at.
    pub(super) fn next_of(&mut self, wanted: impl Fn(&str, &str) -> bool) -> Result<Option<Sample>, Error> {
        let sample = if self.failed { Ok(None) } else { self.advance(wanted) };
        self.failed |= sample.is_err();
        sample
    }

    fn advance(&mut self, wanted: impl Fn(&str, &str) -> bool) -> Result<Option<Sample>, Error> {
        loop {
            while let Some(value) = self.values.next() {
                let Some((tag, plugin)) = self.series_of(&value) else { continue };
                if !wanted(&tag, &plugin) {
                    continue;
                }
                match Data::of(value, &plugin) {
                    Ok(None) => {}
                    Ok(Some(data)) => {
                        let Place { wall_time, step, .. } = self.place;
                        return Ok(Some(Sample { tag, plugin, wall_time, step, data }));
                    }
                    Err(_) if self.on_damage == OnDamage::Skip => {}
                    Err(cause) => {
                        let tag = tag.to_string();
                        return Err(self.in_file(Error::Value { offset: self.place.offset, tag, cause }));
                    }
                }
            }
            if !self.next_event()? {
                return Ok(None);
            }
        }
    }

    /// Goes to the next event that has values; `false` after the last one.
    fn next_event(&mut self) -> Result<bool, Error> {
        loop {
            let Some((_, events)) = &mut self.file else {
                let Some(path) = self.files.next() else { return Ok(false) };
                let file =
                    File::open(&path).map_err(|cause| Error::Read { offset: 0, cause }.in_file(&path))?;
                let events = EventReader::new(file);
                let events = match self.on_damage {
                    OnDamage::Fail => events,
                    OnDamage::Skip => events.skip_damaged(),
                };
                self.file = Some((path, events));
                continue;
            };
            let offset = events.offset();
            let Some(event) = events.next() else {
                self.file = None;
                continue;
            };
            let event = event.map_err(|error| self.in_file(error))?;
            let Some(wall_time) = WallTime::new(event.wall_time) else {
                if self.on_damage == OnDamage::Skip {
                    continue;
                }
                return Err(self.in_file(Error::WallTime { offset }));
            };
            if let Some(What::Summary(summary)) = event.what {
                self.place = Place { offset, wall_time, step: Step(event.step) };
                self.values = summary.value.into_iter();
                return Ok(true);
            }
        }
    }

    /// The tag of a value, and the plugin that shows it; `None` where nobody says.
    fn series_of(&mut self, value: &Value) -> Option<(Tag, Arc<str>)> {
        if let Some((tag, plugin)) = self.plugins.get_key_value(value.tag.as_str()) {
            return Some((tag.clone(), Arc::clone(plugin)));
        }
        let named = value.metadata.as_ref().and_then(|metadata| metadata.plugin_data.as_ref());
        let named = named.map(|plugin| plugin.plugin_name.as_str()).filter(|name| !name.is_empty());
        let plugin: Arc<str> = named.or_else(|| legacy_plugin(value.value.as_ref()?))?.into();
        let tag = Tag::from(value.tag.as_str());
        self.plugins.insert(tag.clone(), Arc::clone(&plugin));
        Some((tag, plugin))
    }

    fn in_file(&self, error: Error) -> Error {
        match &self.file {
            Some((path, _)) => error.in_file(path),
            None => error,
        }
    }
}

impl Iterator for Samples {
    type Item = Result<Sample, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_of(|_, _| true).transpose()
    }
}
