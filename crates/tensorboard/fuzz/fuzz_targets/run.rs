//! Any bytes as the event file of a run, as they are and with right checksums, without which nearly all bytes would end
//! at the first record: it is read, or there is one error, and none where damage is skipped. Two ways lead through a
//! reader: what is encoded as this crate does it is read without copying, all else as messages. So a file says the same
//! when its messages are encoded anew.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use tempfile::TempDir;
use tensorboard::{EventReader, EventWriter, RecordWriter, Run, Sample};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for file in [bytes, &repaired(bytes)] {
        let samples = samples(file);
        if let Some(file) = encoded_anew(file) {
            // Compared as text: NaN is not equal to itself.
            assert_eq!(format!("{samples:?}"), format!("{:?}", self::samples(&file)));
        }
    }
});

/// All points; `None` if there is an error.
fn samples(file: &[u8]) -> Option<Vec<Sample>> {
    fs::write(FOLDER.path().join("events.out.tfevents.0000000001.host.1.0.v2"), file).unwrap();
    let run = Run::open(FOLDER.path()).unwrap();
    let _ = run.read();
    assert!(run.clone().skip_damaged().samples().unwrap().all(|sample| sample.is_ok()));
    run.samples().unwrap().collect::<Result<_, _>>().ok()
}

/// The messages of a file as this crate writes them; `None` if one is none.
fn encoded_anew(file: &[u8]) -> Option<Vec<u8>> {
    let mut events = EventWriter::new(Vec::new());
    for event in EventReader::new(file) {
        events.write(&event.ok()?).unwrap();
    }
    Some(events.into_inner())
}

/// The records of a file framed anew: of each its length counts, as far as there are bytes.
fn repaired(mut bytes: &[u8]) -> Vec<u8> {
    let mut records = RecordWriter::new(Vec::new());
    while let Some((length, rest)) = bytes.split_first_chunk::<8>() {
        let rest = rest.get(4..).unwrap_or_default();
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        records.write(payload).unwrap();
        bytes = rest.get(4..).unwrap_or_default();
    }
    records.into_inner()
}
