//! Appends events to anything that takes bytes; knows nothing of files.

use std::io::Write;

use prost::Message;

use crate::{Error, Event, RecordWriter};

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
        self.records.write_with(|bytes| encode(event, bytes))
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

/// Appends an encoded event to some bytes.
pub(super) fn encode(event: &Event, bytes: &mut Vec<u8>) {
    // The only error is that there is no room left, and a Vec makes room.
    event.encode(bytes).unwrap_or_default();
}
