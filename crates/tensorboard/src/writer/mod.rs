//! Writes the event file of a run; knows nothing of how it is read.

mod background;
mod event_writer;
mod resume;
mod tags;
#[cfg(test)]
mod tests;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::background::{BackgroundFile, Reach};
pub use self::event_writer::EventWriter;
use self::event_writer::encode;
pub(crate) use self::resume::live_files;
pub use self::resume::{Keep, Position};
use self::tags::Tags;
use crate::message::What;
use crate::{Error, Event, Histogram, Step, WallTime, event_file, record};

/// Writes the event file of a run: values of tags, with the time of writing.
///
/// ```
/// # use tensorboard::Writer;
/// # let dir = tempfile::tempdir()?;
/// let mut writer = Writer::create(dir.path().join("first run/train"))?;
/// for epoch in 0..3 {
///     writer.scalar("epoch_loss", epoch, 1.0 / f64::from(epoch + 1))?;
///     writer.histogram("dense/kernel", epoch, &[0.1f32, -0.2, 0.3])?;
/// }
/// writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Values are encoded where the call is made and written by a thread of the writer's own, in bounded memory: after
/// [`WriterOptions::flush_interval`] at the latest, when [`WriterOptions::flush_bytes`] wait, and on
/// [`flush`](Self::flush) and [`sync`](Self::sync). A program that is killed loses what was not written until then,
/// and its file stays readable. If the disk refuses, the next call gives the error; dropping a writer writes what is
/// left, and logs an error that nobody was given.
///
/// Only one writer at a time may be open in a folder: TensorBoard's Python loader reads the newest file and does not
/// come back to an older one.
#[derive(Debug)]
pub struct Writer {
    file: BackgroundFile,
    path: PathBuf,
    tags: Tags,
    position: Position,
}

/// When a [`Writer`] hands its events to the system, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriterOptions {
    /// So long at most an event waits; 1 s.
    pub flush_interval: Duration,
    /// So many bytes wait until they are written; 256 KiB.
    pub flush_bytes: usize,
    /// While more bytes wait than this, because the disk is slow, callers wait too; 16 MiB. A longer event passes.
    pub max_buffered_bytes: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { flush_interval: Duration::from_secs(1), flush_bytes: 256 << 10, max_buffered_bytes: 16 << 20 }
    }
}

impl Writer {
    /// Starts a new event file in a folder, which is made if it is not there. Readers take it after all event
    /// files that are in the folder; its first event is in the file when this returns.
    ///
    /// # Errors
    /// If the folder or the file cannot be made, or if a file is there that is read after any new one.
    pub fn create(dir: impl AsRef<Path>) -> Result<Self, Error> {
        Self::create_with(dir, WriterOptions::default())
    }

    /// [`create`](Self::create) with other options.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_with(dir: impl AsRef<Path>, options: WriterOptions) -> Result<Self, Error> {
        let dir = dir.as_ref();
        let (tags, position) = resume::survey(dir)?;
        let now = WallTime::now();
        let (path, file) = event_file::create(dir, now)?;
        let file = BackgroundFile::new(file, &path, &options).map_err(|error| error.in_file(&path))?;
        let writer = Self { file, path, tags, position };
        writer.append(&Event::file_version(now.whole_seconds()))?;
        writer.flush()?;
        Ok(writer)
    }

    /// Goes on with a run after its program was stopped: keeps what is to be kept of its events, forgets the others,
    /// and appends. One new file takes over what is kept, and the old ones are emptied, and removed by the next
    /// resume: a way that TensorBoard follows while it runs:
    /// each step shows once, and nothing that is kept goes missing. Killed at any moment, this leaves the old
    /// files or the new one to be read.
    ///
    /// ```
    /// # use tensorboard::{Run, Writer};
    /// # let dir = tempfile::tempdir()?;
    /// let mut writer = Writer::create(dir.path())?;
    /// writer.scalar("loss", 0, 0.9)?;
    /// let saved = writer.sync()?; // to be put into the checkpoint
    /// writer.scalar("loss", 1, 0.8)?; // not in the checkpoint: it is lost with the program
    /// drop(writer);
    ///
    /// let mut writer = Writer::resume(dir.path(), saved)?;
    /// writer.scalar("loss", 1, 0.7)?;
    /// writer.close()?;
    /// let losses = Run::open(dir.path())?.scalars("loss")?;
    /// assert_eq!(losses.iter().map(|point| point.value).collect::<Vec<_>>(), [0.9, 0.7]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the folder or its files cannot be read or written, or if there are fewer events than are to be kept: then
    /// nothing is changed.
    pub fn resume(dir: impl AsRef<Path>, keep: impl Into<Keep>) -> Result<Self, Error> {
        Self::resume_with(dir, keep, WriterOptions::default())
    }

    /// [`resume`](Self::resume) with other options.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn resume_with(
        dir: impl AsRef<Path>,
        keep: impl Into<Keep>,
        options: WriterOptions,
    ) -> Result<Self, Error> {
        let resume::Restated { path, file, tags, position } = resume::restate(dir.as_ref(), keep.into())?;
        let file = BackgroundFile::new(file, &path, &options).map_err(|error| error.in_file(&path))?;
        Ok(Self { file, path, tags, position })
    }

    /// Appends one number of a curve. It is stored as `f32`, the only type that every reader shows; a number beyond
    /// its range becomes its greatest. NaN and infinity are stored as they are: TensorBoard marks them.
    ///
    /// # Errors
    /// If the event file could not be written, or the tag has values of another kind; so for all methods that append.
    pub fn scalar(
        &mut self,
        tag: impl AsRef<str>,
        step: impl Into<Step>,
        value: impl Into<f64>,
    ) -> Result<(), Error> {
        self.write(&Event::scalar(WallTime::now(), tag.as_ref(), step.into(), in_f32_range(value.into())))
    }

    /// Appends the histogram of some values: of a slice of `f32` or `f64`, in
    /// [`DEFAULT_BUCKETS`](Histogram::DEFAULT_BUCKETS) buckets, or one made before, of an iterator or with other
    /// buckets.
    ///
    /// NaN and infinite values have no place in a histogram, and edges that are not finite make TensorBoard draw
    /// nothing at all. They are left out and counted: the count is returned, and written as the curve
    /// `TAG/non_finite`, from the first time that there are any.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar).
    pub fn histogram(
        &mut self,
        tag: impl AsRef<str>,
        step: impl Into<Step>,
        values: impl Into<Histogram>,
    ) -> Result<u64, Error> {
        let (tag, step, histogram) = (tag.as_ref(), step.into(), values.into());
        self.write(&Event::histogram(WallTime::now(), tag, step, &histogram))?;
        if self.tags.is_worth_reporting(tag, histogram.non_finite) {
            self.scalar(format!("{tag}/non_finite"), step, histogram.non_finite as f64)?;
        }
        Ok(histogram.non_finite)
    }

    /// Appends any event, with the time it carries.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar), and if its time is NaN: TensorBoard would give up the file.
    pub fn write(&mut self, event: &Event) -> Result<(), Error> {
        if event.wall_time.is_nan() {
            return Err(Error::NoTime.in_file(&self.path));
        }
        if let Some(What::Summary(summary)) = &event.what {
            self.tags.note(summary).map_err(|error| error.in_file(&self.path))?;
        }
        self.append(event)?;
        self.position.0 += u64::from(resume::is_kept(event));
        Ok(())
    }

    /// Hands all events to the system, so that other programs see them, and waits for it.
    ///
    /// # Errors
    /// If the event file could not be written.
    pub fn flush(&self) -> Result<(), Error> {
        self.file.flush(Reach::System).map_err(|error| error.in_file(&self.path))
    }

    /// Has all events written to the disk, waits for it, and says where the run is: to be put into a checkpoint, so
    /// that [`resume`](Self::resume) can come back to here.
    ///
    /// # Errors
    /// If the event file could not be written.
    pub fn sync(&self) -> Result<Position, Error> {
        self.file.flush(Reach::Disk).map_err(|error| error.in_file(&self.path))?;
        Ok(self.position)
    }

    /// Ends the file, with all events on the disk.
    ///
    /// # Errors
    /// If the event file could not be written.
    pub fn close(self) -> Result<(), Error> {
        self.sync().map(|_| ())
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn append(&self, event: &Event) -> Result<(), Error> {
        self.file
            .append(|bytes| record::append(bytes, |payload| encode(event, payload)))
            .map_err(|error| error.in_file(&self.path))
    }
}

/// The nearest `f32`; the greatest or least for finite numbers beyond them.
fn in_f32_range(value: f64) -> f32 {
    if value.is_finite() { value.clamp(f32::MIN.into(), f32::MAX.into()) as f32 } else { value as f32 }
}
