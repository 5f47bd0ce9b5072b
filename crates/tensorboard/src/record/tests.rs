//! Records written and read back, cut, damaged and made up.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

fn write_all(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = RecordWriter::new(Vec::new());
    for payload in payloads {
        writer.write(payload).unwrap();
    }
    writer.into_inner()
}

/// All records up to the end or the first error.
fn read_all(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<Error>, u64) {
    let mut reader = RecordReader::new(bytes);
    let mut payloads = Vec::new();
    let error = loop {
        match reader.read() {
            Ok(Some(payload)) => payloads.push(payload.to_vec()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(reader.read(), Ok(None)), "a reader that ended stays ended");
    (payloads, error, reader.offset())
}

fn header(length: u64) -> Vec<u8> {
    let length = length.to_le_bytes();
    [length.as_slice(), &MaskedCrc::of(&length).0.to_le_bytes()].concat()
}

#[test]
fn a_record_is_sixteen_bytes_longer_than_its_payload() {
    let bytes = write_all(&[b"\x1a\x11CRC test, one two".to_vec()]);
    assert_eq!(bytes.len(), 19 + 16);
    assert_eq!(bytes[..8], 19u64.to_le_bytes());
    assert_eq!(bytes[31..], 0x5794_d08au32.to_le_bytes());
}

#[test]
fn a_wrong_checksum_says_where_and_what() {
    let good = write_all(&[b"one".to_vec(), b"two".to_vec()]);
    for (position, in_length) in [(19, true), (26, true), (27, true), (30, true), (31, false), (37, false)] {
        let mut bytes = good.clone();
        bytes[position] ^= 0x10;
        let (payloads, error, end) = read_all(&bytes);
        assert_eq!((payloads, end), (vec![b"one".to_vec()], 19));
        match error.unwrap() {
            Error::LengthChecksum { offset: 19, expected, found } if in_length => {
                assert_ne!(expected, found);
            }
            Error::PayloadChecksum { offset: 19, expected, found } if !in_length => {
                assert_ne!(expected, found);
            }
            other => panic!("byte {position}: {other}"),
        }
    }
    let mut bytes = good;
    bytes[12] = b'O';
    assert_eq!(
        read_all(&bytes).1.unwrap().to_string(),
        format!(
            "record at byte 0: the checksum of its payload is {}, expected {}: it is damaged",
            MaskedCrc::of(b"one"),
            MaskedCrc::of(b"One")
        )
    );
}

#[test]
fn a_length_over_the_cap_is_an_error() {
    for length in [MAX_PAYLOAD_BYTES as u64 + 1, u64::from(u32::MAX), u64::MAX] {
        let error = read_all(&header(length)).1.unwrap();
        assert!(matches!(error, Error::RecordTooLong { offset: 0, length: l } if l == length), "{error}");
    }
}

#[test]
fn nothing_is_written_after_a_failed_write() {
    /// Takes some bytes, then fails once.
    struct Full(Vec<u8>, usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let part = bytes.len().min(self.1);
            if part == 0 {
                self.1 = usize::MAX;
                return Err(io::Error::other("disk full"));
            }
            self.1 -= part;
            self.0.extend_from_slice(&bytes[..part]);
            Ok(part)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = RecordWriter::new(Full(Vec::new(), 30));
    writer.write(b"one").unwrap();
    assert!(matches!(writer.write(b"two"), Err(Error::Write { .. })));
    assert!(matches!(writer.write(b"three"), Err(Error::BrokenTail)));
    let (payloads, error, _) = read_all(&writer.into_inner().0);
    assert_eq!((payloads, error.is_none()), (vec![b"one".to_vec()], true));
}

#[test]
fn a_failing_source_is_an_error_with_its_place() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no disk"))
        }
    }
    let good = write_all(&[b"one".to_vec()]);
    let mut reader = RecordReader::new(good.as_slice().chain(Failing));
    assert_eq!(reader.read().unwrap(), Some(b"one".as_slice()));
    assert_eq!(reader.read().unwrap_err().to_string(), "cannot read the record at byte 19: no disk");
    assert!(matches!(reader.read(), Ok(None)));
}

fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)
}

proptest! {
    #[test]
    fn what_was_written_is_read(payloads in payloads()) {
        let bytes = write_all(&payloads);
        let (read, error, end) = read_all(&bytes);
        prop_assert!(error.is_none());
        prop_assert_eq!(end, bytes.len() as u64);
        prop_assert_eq!(read, payloads);
    }

    #[test]
    fn a_file_cut_anywhere_has_the_whole_records_before_the_cut(payloads in payloads()) {
        let bytes = write_all(&payloads);
        for cut in 0..=bytes.len() {
            let (read, error, end) = read_all(&bytes[..cut]);
            prop_assert!(error.is_none());
            prop_assert_eq!(&read[..], &payloads[..read.len()]);
            prop_assert_eq!(end, read.iter().map(|payload| payload.len() as u64 + 16).sum::<u64>());
            let next = payloads.get(read.len()).map_or(1, |payload| payload.len() as u64 + 16);
            prop_assert!(cut as u64 - end < next);
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic_or_go_on_forever(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn one_changed_bit_is_found(payloads in payloads(), at in any::<prop::sample::Index>(), bit in 0..8u32) {
        let mut bytes = write_all(&payloads);
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        let (read, error, end) = read_all(&bytes);
        prop_assert!(error.is_some());
        prop_assert!(end <= at as u64);
        prop_assert_eq!(&read[..], &payloads[..read.len()]);
    }
}
