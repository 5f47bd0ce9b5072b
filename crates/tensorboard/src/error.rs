//! What can go wrong with event files: one line each, complete in itself (the cause is in the text, so there
//! is no chain to follow).

use std::io;
use std::path::{Path, PathBuf};

use crate::{InputError, MAX_PAYLOAD_BYTES, MaskedCrc};

/// An error of writing or reading event files: which file, which byte, what was expected, what to do.
/// Offsets count bytes from the start of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder of event files cannot be made, listed or written in.
    #[error("cannot use {} as a folder of event files: {cause}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A run was asked for where there is none.
    #[error("no event file (a file with `tfevents` in its name) in {}", dir.display())]
    NoEventFile {
        /// The folder that was searched.
        dir: PathBuf,
    },
    /// Readers take the files of a folder in the order of their names, and a new file must be the last.
    #[error("no new event file would be read after {}: move that file to another folder", path.display())]
    NoLaterName {
        /// The file whose name comes too late.
        path: PathBuf,
    },
    /// Something failed in one event file.
    #[error("event file {}: {cause}", path.display())]
    File {
        /// The event file.
        path: PathBuf,
        /// What failed in it.
        cause: Box<Error>,
    },
    /// The bytes could not be read.
    #[error("cannot read the record at byte {offset}: {cause}")]
    Read {
        /// Where the record begins that could not be read.
        offset: u64,
        /// What the system said.
        cause: io::Error,
    },
    /// The bytes could not be written.
    #[error("cannot write: {cause}")]
    Write {
        /// What the system said.
        cause: io::Error,
    },
    /// Readers would stop at a broken record, so nothing may follow one.
    #[error("an earlier write failed and may have left part of a record: go on in a new event file")]
    BrokenTail,
    /// An event to be written is longer than a reader accepts.
    #[error("an event of {length} bytes is over the limit of {MAX_PAYLOAD_BYTES}: write it in parts")]
    EventTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The length of a record is not what was written.
    #[error(
        "record at byte {offset}: the checksum of its length is {found}, expected {expected}: \
         the file is damaged from here on"
    )]
    LengthChecksum {
        /// Where the record begins.
        offset: u64,
        /// The checksum that the bytes of the length give.
        expected: MaskedCrc,
        /// The checksum in the file.
        found: MaskedCrc,
    },
    /// The payload of a record is not what was written.
    #[error(
        "record at byte {offset}: the checksum of its payload is {found}, expected {expected}: it is damaged"
    )]
    PayloadChecksum {
        /// Where the record begins.
        offset: u64,
        /// The checksum that the bytes of the payload give.
        expected: MaskedCrc,
        /// The checksum in the file.
        found: MaskedCrc,
    },
    /// A record says to be longer than any event.
    #[error(
        "record at byte {offset}: its length of {length} bytes is over the limit of {MAX_PAYLOAD_BYTES}: \
         this is no event file"
    )]
    RecordTooLong {
        /// Where the record begins.
        offset: u64,
        /// The length it states.
        length: u64,
    },
    /// The payload of a record is no event.
    #[error("record at byte {offset}: its payload is no TensorBoard event: {cause}")]
    Message {
        /// Where the record begins.
        offset: u64,
        /// What the decoder said.
        cause: prost::DecodeError,
    },
    /// An event happened at no time.
    #[error("record at byte {offset}: its wall time is NaN, expected seconds since 1970")]
    WallTime {
        /// Where the record begins.
        offset: u64,
    },
    /// An event to be written happened at no time.
    #[error("the wall time of an event to be written is NaN, expected seconds since 1970")]
    NoTime,
    /// A tag is shown by one plugin, and values for another come.
    #[error(
        "tag {tag:?} has values of plugin {first:?}, and TensorBoard would not show one of {now:?} under it: \
         use another tag"
    )]
    TagOfAnotherPlugin {
        /// The tag.
        tag: String,
        /// The plugin of its first value.
        first: String,
        /// The plugin of the value to be written.
        now: String,
    },
    /// Less is there than was written up to a checkpoint.
    #[error(
        "{} has {found} of the {wanted} events that were written until the checkpoint: \
         resume from an older checkpoint, or keep all that is there",
        dir.display()
    )]
    MissingEvents {
        /// The folder of the run.
        dir: PathBuf,
        /// The number of events at the checkpoint.
        wanted: u64,
        /// The number of events found.
        found: u64,
    },
    /// A scalar or a histogram is not of the form its plugin has.
    #[error("record at byte {offset}: the value of tag {tag:?} cannot be used: {cause}")]
    Value {
        /// Where the record begins.
        offset: u64,
        /// The tag of the value.
        tag: String,
        /// What is wrong with it.
        cause: TensorError,
    },
    /// A value to be written is not one that a dashboard shows.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// Why a tensor is not what a plugin expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The element type is another.
    #[error("its element type is number {found}, expected 1 (float) or 2 (double)")]
    ElementType {
        /// The number of the type, as in TensorFlow's `types.proto`.
        found: i32,
    },
    /// The elements are to be strings and are not.
    #[error("its element type is number {found}, expected 7 (string)")]
    NoStrings {
        /// The number of the type, as in TensorFlow's `types.proto`.
        found: i32,
    },
    /// The shape is another.
    #[error("its shape is {found:?}, expected {expected}")]
    Shape {
        /// The sizes of the dimensions.
        found: Vec<i64>,
        /// The expected shape in words.
        expected: &'static str,
    },
    /// It holds more or fewer elements than its shape says.
    #[error("it holds {found} bytes of elements, expected {expected} bytes for its shape")]
    Size {
        /// The length of the elements in bytes.
        found: usize,
        /// The length that shape and element type ask for.
        expected: usize,
    },
}

impl Error {
    /// Says in which file an error happened.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self::File { path: path.to_owned(), cause: Box::new(self) }
    }
}
