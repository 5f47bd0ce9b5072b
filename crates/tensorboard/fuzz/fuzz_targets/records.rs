//! Any bytes as a file of records: the reader ends, never says to have read more than there is, and does not find fewer
//! records where it skips damage.
#![no_main]

use tensorboard::RecordReader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let strict = records(&mut RecordReader::new(bytes), bytes.len());
    let skipping = records(&mut RecordReader::new(bytes).skip_damaged(), bytes.len());
    assert!(strict <= skipping, "{strict} records, {skipping} where damage is skipped");
});

fn records(reader: &mut RecordReader<&[u8]>, length: usize) -> usize {
    let count = std::iter::from_fn(|| reader.read().ok()?.map(drop)).count();
    assert!(reader.offset() as usize + reader.tail_bytes() <= length);
    count
}
