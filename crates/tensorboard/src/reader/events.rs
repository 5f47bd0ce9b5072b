//! Reads events one after the other; knows nothing of what they mean together.

use std::io::Read;

use prost::Message;

use crate::{Error, Event, RecordReader};

/// Reads events one after the other; ends after the last whole one, and after an error. The source needs no buffer of
/// its own. If the source grows, so does this: after its end, [`next`](Iterator::next) may have an event again.
#[derive(Debug)]
pub struct EventReader<R> {
    records: RecordReader<R>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Damage is an error.
    Strict,
    /// Damage is left out.
    Skipping,
    Failed,
}

impl<R: Read> EventReader<R> {
    /// Reads from `inner`, which stands at the start of a record.
    pub fn new(inner: R) -> Self {
        Self { records: RecordReader::new(inner), state: State::Strict }
    }

    /// Skips damage from now on: what is no record, and records that are no event.
    #[must_use]
    pub fn skip_damaged(self) -> Self {
        Self { records: self.records.skip_damaged(), state: State::Skipping }
    }

    /// Where the next record begins: the number of bytes of all that was read until now.
    pub fn offset(&self) -> u64 {
        self.records.offset()
    }
}

impl<R: Read> Iterator for EventReader<R> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Failed {
            return None;
        }
        loop {
            let offset = self.records.offset();
            let error = match self.records.read() {
                Ok(payload) => match Event::decode(payload?) {
                    Ok(event) => return Some(Ok(event)),
                    Err(_) if self.state == State::Skipping => continue,
                    Err(cause) => Error::Message { offset, cause },
                },
                Err(error) => error,
            };
            self.state = State::Failed;
            return Some(Err(error));
        }
    }
}
