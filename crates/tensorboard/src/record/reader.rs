//! Reads records from anything that gives bytes; knows nothing of what is in them.

use std::io::{self, Read};
use std::ops::Range;

use super::{FOOTER_BYTES, HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::{Error, MaskedCrc};

/// How much is asked of the source at once.
const BLOCK_BYTES: usize = 64 << 10;

/// Reads records one after the other, in blocks: the source needs no buffer of its own.
///
/// A record that the source ends in the middle of is being written, or was when its writer stopped: it is not there,
/// and no error. If the source has grown meanwhile, the next call reads on. A wrong checksum is an error and ends the
/// reading, unless damage is to be [skipped](Self::skip_damaged). Never more memory is taken than about twice the
/// longest record that is really there, whatever lengths are stated.
#[derive(Debug)]
pub struct RecordReader<R> {
    inner: R,
    /// Bytes of the source; those in `unread` are not read as records yet.
    buffer: Vec<u8>,
    unread: Range<usize>,
    /// The place of `unread.start` in the source.
    offset: u64,
    state: State,
    on_damage: OnDamage,
    skipped_bytes: u64,
    /// Headers that were right, by the last bits of their lengths: most records of a file have one of a few lengths.
    right: [[u8; HEADER_BYTES]; RIGHT],
}

/// How many headers are remembered.
const RIGHT: usize = 32;

/// Whether there may be more records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDamage {
    Fail,
    Skip,
}

impl<R: Read> RecordReader<R> {
    /// Reads from `inner`, which stands at the start of a record.
    pub fn new(inner: R) -> Self {
        // Nothing is right yet: what is here would be looked for elsewhere.
        let mut right = [[0; HEADER_BYTES]; RIGHT];
        right[0] = [1; HEADER_BYTES];
        Self {
            inner,
            buffer: Vec::new(),
            unread: 0..0,
            offset: 0,
            state: State::Reading,
            on_damage: OnDamage::Fail,
            skipped_bytes: 0,
            right,
        }
    }

    /// Skips damage from now on: where bytes are no record, the next ones that are one are looked for, byte by byte.
    /// [`skipped_bytes`](Self::skipped_bytes) counts what was left out.
    #[must_use]
    pub fn skip_damaged(mut self) -> Self {
        self.on_damage = OnDamage::Skip;
        self
    }

    /// The payload of the next record; `None` after the last whole one, and after an error.
    ///
    /// # Errors
    /// If the bytes cannot be read, a checksum is wrong, or a length is over [`MAX_PAYLOAD_BYTES`]; of damage only
    /// where it is not skipped.
    pub fn read(&mut self) -> Result<Option<&[u8]>, Error> {
        if self.state == State::Failed {
            return Ok(None);
        }
        let next = self.next_payload();
        if next.is_err() {
            self.state = State::Failed;
        }
        Ok(next?.map(|payload| &self.buffer[payload]))
    }

    /// Where the next record begins: the number of bytes of all that was read until now.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes at the end of what was read that are no whole record.
    pub fn tail_bytes(&self) -> usize {
        self.unread.len()
    }

    /// How many bytes were left out until now.
    pub fn skipped_bytes(&self) -> u64 {
        self.skipped_bytes
    }

    /// Where in the buffer the next payload is.
    fn next_payload(&mut self) -> Result<Option<Range<usize>>, Error> {
        loop {
            match self.record_here() {
                Err(Error::Read { offset, cause }) => return Err(Error::Read { offset, cause }),
                // Also behind a right length: bytes may be missing from its payload.
                Err(_) if self.on_damage == OnDamage::Skip => {
                    self.skipped_bytes += 1;
                    self.advance(1);
                }
                here => return here,
            }
        }
    }

    /// The payload of the record at the start of `unread`, which moves behind it.
    fn record_here(&mut self) -> Result<Option<Range<usize>>, Error> {
        if !self.fill(HEADER_BYTES)? {
            return Ok(None);
        }
        let length = self.length()?;
        let whole = HEADER_BYTES + length + FOOTER_BYTES;
        if !self.fill(whole)? {
            return Ok(None);
        }
        let start = self.unread.start + HEADER_BYTES;
        let payload = start..start + length;
        let found = stored_crc(&self.buffer[payload.end..payload.end + FOOTER_BYTES]);
        let expected = MaskedCrc::of(&self.buffer[payload.clone()]);
        if found != expected {
            return Err(Error::PayloadChecksum { offset: self.offset, expected, found });
        }
        self.advance(whole);
        Ok(Some(payload))
    }

    /// The length that the header at the start of `unread` states.
    fn length(&mut self) -> Result<usize, Error> {
        let header = &self.buffer[self.unread.start..self.unread.start + HEADER_BYTES];
        let (length_bytes, crc) = header.split_at(HEADER_BYTES - FOOTER_BYTES);
        let length = length_bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        let offset = self.offset;
        let known = &mut self.right[length as usize % RIGHT];
        if known != header {
            let (found, expected) = (stored_crc(crc), MaskedCrc::of(length_bytes));
            if found != expected {
                return Err(Error::LengthChecksum { offset, expected, found });
            }
            known.copy_from_slice(header);
        }
        match usize::try_from(length) {
            Ok(length) if length <= MAX_PAYLOAD_BYTES => Ok(length),
            _ => Err(Error::RecordTooLong { offset, length }),
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.unread.start += bytes;
        self.offset += bytes as u64;
    }

    /// Makes `unread` at least `wanted` bytes long; `false` if the source has no more for now.
    #[inline]
    fn fill(&mut self, wanted: usize) -> Result<bool, Error> {
        if self.unread.len() >= wanted { Ok(true) } else { self.read_more(wanted) }
    }

    #[cold]
    fn read_more(&mut self, wanted: usize) -> Result<bool, Error> {
        while self.unread.len() < wanted {
            self.make_room(wanted);
            match self.inner.read(&mut self.buffer[self.unread.end..]) {
                Ok(0) => return Ok(false),
                Ok(count) => self.unread.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(Error::Read { offset: self.offset, cause }),
            }
        }
        Ok(true)
    }

    /// Makes room behind `unread`. The buffer grows as bytes come, not by what is wanted: a stated length may be a
    /// lie.
    fn make_room(&mut self, wanted: usize) {
        let fits = self.unread.start == 0 || self.unread.start + wanted <= self.buffer.len();
        if fits && self.unread.end < self.buffer.len() {
            return;
        }
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let useful = wanted.min(2 * self.unread.len()).max(BLOCK_BYTES);
        if self.buffer.len() < useful {
            self.buffer.resize(useful, 0);
        }
    }
}

/// The checksum in the four bytes of a header's end or a footer.
fn stored_crc(bytes: &[u8]) -> MaskedCrc {
    MaskedCrc(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;
    use crate::RecordWriter;

    fn written(payloads: &[&[u8]]) -> Vec<u8> {
        let mut writer = RecordWriter::new(Vec::new());
        payloads.iter().for_each(|payload| writer.write(payload).unwrap());
        writer.into_inner()
    }

    fn read_skipping(bytes: &[u8]) -> (Vec<Vec<u8>>, u64) {
        let mut reader = RecordReader::new(bytes).skip_damaged();
        let mut payloads = Vec::new();
        while let Some(payload) = reader.read().unwrap() {
            payloads.push(payload.to_vec());
        }
        (payloads, reader.skipped_bytes())
    }

    #[test]
    fn a_length_over_the_rest_is_a_truncated_tail_and_takes_no_memory() {
        let length = (MAX_PAYLOAD_BYTES as u64).to_le_bytes();
        let mut bytes = [length.as_slice(), &MaskedCrc::of(&length).0.to_le_bytes()].concat();
        bytes.extend_from_slice(&[7; 100_000]);
        let mut reader = RecordReader::new(bytes.as_slice());
        assert!(matches!(reader.read(), Ok(None)));
        assert_eq!(reader.tail_bytes(), bytes.len());
        assert!(reader.buffer.capacity() <= 4 * bytes.len(), "{} bytes", reader.buffer.capacity());
    }

    #[test]
    fn no_wrong_header_is_taken_for_one_that_was_right() {
        for byte in [0, 1, 0xff] {
            let bytes = [byte; 40];
            let error = RecordReader::new(&bytes[..]).read().unwrap_err();
            assert!(matches!(error, Error::LengthChecksum { offset: 0, .. }), "{byte}: {error}");
        }
        // Lengths 3 and 35 are remembered in one place, and the second header is damaged behind its length.
        for (first, second) in [(3, 3), (3, 35), (35, 3)] {
            let mut bytes = written(&[&vec![7; first], &vec![8; second], &vec![9; first]]);
            bytes[first + 16 + 9] ^= 1;
            let mut reader = RecordReader::new(&bytes[..]);
            assert!(reader.read().unwrap().is_some());
            assert!(matches!(reader.read(), Err(Error::LengthChecksum { .. })));
        }
    }

    #[test]
    fn a_tail_that_is_completed_later_is_read_then() {
        /// Gives what is there now.
        struct Growing(Rc<RefCell<Vec<u8>>>);
        impl Read for Growing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let mut bytes = self.0.borrow_mut();
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                bytes.drain(..count);
                Ok(count)
            }
        }
        let source = Rc::new(RefCell::new(Vec::new()));
        let mut reader = RecordReader::new(Growing(Rc::clone(&source)));
        for byte in written(&[b"one"]) {
            assert!(matches!(reader.read(), Ok(None)));
            source.borrow_mut().push(byte);
        }
        assert_eq!(reader.read().unwrap(), Some(b"one".as_slice()));
        source.borrow_mut().extend(written(&[&[5; 200_000]]));
        assert_eq!(reader.read().unwrap().map(<[u8]>::len), Some(200_000));
        assert!(matches!(reader.read(), Ok(None)));
        assert_eq!(reader.offset(), 19 + 200_016);
    }

    #[test]
    fn damage_is_skipped_and_counted_on_request() {
        let good = written(&[b"one", b"two", b"three"]);
        let check = |damage: fn(&mut Vec<u8>), expected: &[&[u8]], skipped| {
            let mut file = good.clone();
            damage(&mut file);
            assert_eq!(read_skipping(&file), (expected.iter().map(|p| p.to_vec()).collect(), skipped));
        };
        check(|_| {}, &[b"one", b"two", b"three"], 0);
        // A byte of a payload, of its checksum, of a length.
        check(|file| file[19 + 12] ^= 1, &[b"one", b"three"], 19);
        check(|file| file[19 + 16] ^= 1, &[b"one", b"three"], 19);
        check(|file| file[19] ^= 1, &[b"one", b"three"], 19);
        // Bytes taken out of a payload: its length then covers the start of the next record.
        check(|file| drop(file.drain(31..33)), &[b"one", b"three"], 17);
        // Bytes between records, and after them: as many may be the start of a header.
        check(|file| drop(file.splice(19..19, [9; 70])), &[b"one", b"two", b"three"], 70);
        check(|file| file.extend([9; 70]), &[b"one", b"two", b"three"], 70 - 11);
    }

    proptest! {
        #[test]
        fn after_damage_all_later_records_are_found(
            before in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..4),
            noise in prop::collection::vec(any::<u8>(), 0..40),
            after in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..4),
        ) {
            let write = |payloads: &[Vec<u8>]| {
                written(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>())
            };
            let bytes = [write(&before), noise, write(&after)].concat();
            prop_assert_eq!(read_skipping(&bytes).0, [before, after].concat());
        }
    }
}
