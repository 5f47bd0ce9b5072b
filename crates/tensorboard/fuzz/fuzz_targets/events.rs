//! Any bytes as the payload of a whole record: what is an event is the same event after it was written and read again.
#![no_main]

use tensorboard::{Event, EventReader, EventWriter, RecordWriter};

libfuzzer_sys::fuzz_target!(|payload: &[u8]| {
    let mut records = RecordWriter::new(Vec::new());
    records.write(payload).unwrap();
    let Some(Ok(event)) = read(&records.into_inner()) else { return };
    let bytes = written(&event);
    // Compared as bytes: NaN is not equal to itself.
    assert_eq!(written(&read(&bytes).unwrap().unwrap()), bytes);
});

fn read(bytes: &[u8]) -> Option<Result<Event, tensorboard::Error>> {
    EventReader::new(bytes).next()
}

fn written(event: &Event) -> Vec<u8> {
    let mut events = EventWriter::new(Vec::new());
    events.write(event).unwrap();
    events.into_inner()
}
