//! Any bytes as the event file of a run, as they are and with right checksums, without which nearly all bytes would end
//! at the first record: it is read, or there is one error, and none where damage is skipped.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use tempfile::TempDir;
use tensorboard::{RecordWriter, Run};

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for file in [bytes, &repaired(bytes)] {
        fs::write(FOLDER.path().join("events.out.tfevents.0000000001.host.1.0.v2"), file).unwrap();
        let run = Run::open(FOLDER.path()).unwrap();
        let _ = run.read();
        // Of all plugins, and behind what is damaged.
        assert!(run.skip_damaged().samples().unwrap().all(|sample| sample.is_ok()));
    }
});

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
