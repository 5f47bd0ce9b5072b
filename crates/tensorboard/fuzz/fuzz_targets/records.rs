//! Any bytes as a file of records: the reader ends, and never says to have read more than there is.
#![no_main]

use tensorboard::RecordReader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut records = RecordReader::new(bytes);
    while let Ok(Some(_)) = records.read() {}
    assert!(records.offset() <= bytes.len() as u64);
});
