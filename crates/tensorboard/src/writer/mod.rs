//! Appends events to event files; knows nothing of how they are read.

mod values;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use prost::Message;

use crate::{Error, Event, Histogram, RecordWriter, Step, WallTime, event_file};

/// Appends whole events, with the times they carry, to anything that takes bytes.
#[derive(Debug)]
pub struct EventWriter<W> {
    records: RecordWriter<W>,
}

impl<W: Write> EventWriter<W> {
    /// Appends to `inner`. The first event of a file must be [`Event::file_version`]; writing it is the
    /// caller's.
    pub fn new(inner: W) -> Self {
        Self { records: RecordWriter::new(inner) }
    }

    /// Appends one event.
    ///
    /// # Errors
    /// As [`RecordWriter::write`].
    pub fn write(&mut self, event: &Event) -> Result<(), Error> {
        self.records.write(&event.encode_to_vec())
    }

    /// Flushes the inner writer.
    ///
    /// # Errors
    /// If it cannot be flushed.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.records.flush()
    }

    /// The inner writer.
    pub fn get_ref(&self) -> &W {
        self.records.get_ref()
    }

    /// Gives the inner writer back, without flushing it.
    pub fn into_inner(self) -> W {
        self.records.into_inner()
    }
}

/// Writes the event file of a run as Keras' callback does: the events of tags, with the time of writing.
///
/// What was written is in the file after [`flush`](Self::flush), and on the disk after
/// [`close`](Self::close). A writer that is dropped flushes what it can; errors are then lost. Only one
/// writer at a time may be open in a folder: TensorBoard reads the newest file and does not come back to an
/// older one.
#[derive(Debug)]
pub struct Writer {
    events: EventWriter<BufWriter<File>>,
    path: PathBuf,
}

impl Writer {
    /// Starts a new event file in a folder, which is made if it is not there. Readers take it after all event
    /// files that are in the folder; its first event is in the file when this returns.
    ///
    /// # Errors
    /// If the folder or the file cannot be made, or if a file is there that is read after any new one.
    pub fn create(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let now = WallTime::now();
        let (path, file) = event_file::create(dir.as_ref(), now)?;
        let mut writer = Self { events: EventWriter::new(BufWriter::new(file)), path };
        writer.write(&Event::file_version(now.whole_seconds()))?;
        writer.flush()?;
        Ok(writer)
    }

    /// Appends one number of a curve.
    ///
    /// # Errors
    /// If the event file cannot be written; so for all methods that append.
    pub fn scalar(&mut self, tag: &str, step: Step, value: f32) -> Result<(), Error> {
        self.write(&Event::scalar(WallTime::now(), tag, step, value))
    }

    /// Appends the histogram of some values, which are gone through twice, in
    /// [`DEFAULT_BUCKETS`](Histogram::DEFAULT_BUCKETS) buckets. NaN and infinite values are left out; returns
    /// how many there were.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn histogram<I>(&mut self, tag: &str, step: Step, values: I) -> Result<u64, Error>
    where
        I: IntoIterator<Item: Into<f64>, IntoIter: Clone>,
    {
        let histogram = Histogram::new(values);
        self.write(&Event::histogram(WallTime::now(), tag, step, &histogram))?;
        Ok(histogram.non_finite)
    }

    /// Hands all events to the system, so that TensorBoard sees them.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.events.flush().map_err(|error| error.in_file(&self.path))
    }

    /// Ends the file, with all events on the disk.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn close(mut self) -> Result<(), Error> {
        self.flush()?;
        let file = self.events.get_ref().get_ref();
        file.sync_all().map_err(|cause| Error::Write { cause }.in_file(&self.path))
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&mut self, event: &Event) -> Result<(), Error> {
        self.events.write(event).map_err(|error| error.in_file(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::EventReader;
    use crate::message::What;

    fn events(path: &Path) -> Vec<Event> {
        EventReader::new(fs::read(path).unwrap().as_slice()).map(Result::unwrap).collect()
    }

    #[test]
    fn the_first_event_is_in_the_file_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::create(dir.path().join("runs/one/train")).unwrap();
        let events = events(writer.path());
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].what, Some(What::FileVersion("brain.Event:2".to_owned())));
        let seconds = events[0].wall_time;
        assert_eq!(seconds.fract(), 0.0);
        let name = writer.path().file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.contains(&format!(".tfevents.{seconds:010}.")), "{name} at {seconds}");
    }

    #[test]
    fn each_kind_of_event_is_appended() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path()).unwrap();
        let before = WallTime::now();
        writer.scalar("loss", Step(3), 0.5).unwrap();
        assert_eq!(writer.histogram("kernel", Step(3), [1.0f32, f32::NAN, 2.0, f32::INFINITY]).unwrap(), 2);
        let path = writer.path().to_owned();
        writer.close().unwrap();

        let events = events(&path);
        let at = WallTime::new(1.0).unwrap();
        let expected = [
            Event::scalar(at, "loss", Step(3), 0.5),
            Event::histogram(at, "kernel", Step(3), &Histogram::new([1.0, 2.0])),
        ];
        for (event, expected) in events[1..].iter().zip(&expected) {
            assert!(event.wall_time >= before.seconds() && event.wall_time <= WallTime::now().seconds());
            assert_eq!(&Event { wall_time: 1.0, ..event.clone() }, expected);
        }
        assert_eq!(events.len(), 1 + expected.len());
    }

    #[test]
    fn a_dropped_writer_leaves_its_events() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path()).unwrap();
        writer.scalar("loss", Step(0), 0.5).unwrap();
        let path = writer.path().to_owned();
        assert_eq!(events(&path).len(), 1, "not flushed yet");
        drop(writer);
        assert_eq!(events(&path).len(), 2);
    }
}
