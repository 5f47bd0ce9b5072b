//! Records: bytes framed by checksums; knows nothing of what is in them.
//!
//! A record is the payload's length (u64), the masked CRC-32C of these eight bytes (u32), the payload, and the masked
//! CRC-32C of the payload (u32), all little endian. A file is records and nothing else.

mod reader;
#[cfg(test)]
mod tests;

use std::io::Write;

pub use self::reader::RecordReader;
use crate::{Error, MaskedCrc};

/// The longest payload that is written or read, in bytes. Keras' largest records are a few kilobytes and
/// pictures and graphs some megabytes; what says to be longer is damaged or no event file.
pub const MAX_PAYLOAD_BYTES: usize = 256 << 20;

/// The length of a record's length and its checksum.
const HEADER_BYTES: usize = 12;
/// The length of the payload's checksum.
const FOOTER_BYTES: usize = 4;

/// Appends one record to `bytes`, whose payload `encode` appends; nothing if that is too long.
///
/// # Errors
/// If the payload is longer than [`MAX_PAYLOAD_BYTES`].
pub(crate) fn append(bytes: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; HEADER_BYTES]);
    encode(bytes);
    let payload = &bytes[start + HEADER_BYTES..];
    let length = payload.len();
    if length > MAX_PAYLOAD_BYTES {
        bytes.truncate(start);
        return Err(Error::EventTooLong { length });
    }
    let footer = MaskedCrc::of(payload).0.to_le_bytes();
    bytes.extend_from_slice(&footer);
    let length = (length as u64).to_le_bytes();
    let (header_length, header_crc) = bytes[start..start + HEADER_BYTES].split_at_mut(length.len());
    header_length.copy_from_slice(&length);
    header_crc.copy_from_slice(&MaskedCrc::of(&length).0.to_le_bytes());
    Ok(())
}

/// Appends records. Each record goes to the inner writer in one call.
#[derive(Debug)]
pub struct RecordWriter<W> {
    inner: W,
    frame: Vec<u8>,
    tail: Tail,
}

/// How the last record was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    Whole,
    Broken,
}

impl<W: Write> RecordWriter<W> {
    /// Appends to `inner`, which must end with a whole record or be empty.
    pub fn new(inner: W) -> Self {
        Self { inner, frame: Vec::new(), tail: Tail::Whole }
    }

    /// Appends one record.
    ///
    /// # Errors
    /// If the payload is longer than [`MAX_PAYLOAD_BYTES`], if it cannot be written, and always after it once
    /// could not be: part of a record may then be in the file, and nothing behind it would be read.
    pub fn write(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.write_with(|frame| frame.extend_from_slice(payload))
    }

    /// Appends one record whose payload `encode` appends to what it is given.
    pub(crate) fn write_with(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
        if self.tail == Tail::Broken {
            return Err(Error::BrokenTail);
        }
        self.frame.clear();
        append(&mut self.frame, encode)?;
        self.inner.write_all(&self.frame).map_err(|cause| {
            self.tail = Tail::Broken;
            Error::Write { cause }
        })
    }

    /// Flushes the inner writer.
    ///
    /// # Errors
    /// If it cannot be flushed.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.inner.flush().map_err(|cause| Error::Write { cause })
    }

    /// The inner writer.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Gives the inner writer back, without flushing it.
    pub fn into_inner(self) -> W {
        self.inner
    }
}
