//! Takes up a run where a checkpoint left it, by writing anew what is kept; knows nothing of values.
//!
//! TensorBoard's loaders disagree about event files that overlap. What both follow, live and started anew, is one
//! file that says everything again: its name after all others, two session starts at step 0 (for the Python loader
//! the first start of a run is no restart, the second one is, and purges all points), then every kept event with its
//! own time, then what is new; and nothing is in the old files any more. It is made under a name that no reader takes, and renamed
//! when it is whole.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::num::ParseIntError;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process;
use std::str::FromStr;

use prost::Message;

use super::tags::Tags;
use crate::message::{SessionLog, SessionStatus, What};
use crate::{Error, Event, EventReader, RecordReader, RecordWriter, WallTime, event_file};

/// How far a run has come, in events of its folder. Put it into a checkpoint, as text or as the number that it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// What of a run is kept when it is taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All that can be read.
    All,
    /// What was written until a checkpoint.
    Until(Position),
}

impl From<Position> for Keep {
    fn from(position: Position) -> Self {
        Self::Until(position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Position {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A run that was taken up.
pub(super) struct Restated {
    pub(super) path: PathBuf,
    /// Open at its end.
    pub(super) file: File,
    pub(super) tags: Tags,
    pub(super) position: Position,
}

/// A file that is being made; no reader takes this name.
const UNNAMED: &str = ".resumed.partial";

/// What the event files of a folder hold, which may be none or not there: their tags, and how many events.
pub(super) fn survey(dir: &Path) -> Result<(Tags, Position), Error> {
    let (mut tags, mut position) = (Tags::default(), Position::default());
    if dir.is_dir() {
        each_kept(dir, |_, event| {
            note(&mut tags, event);
            position.0 += 1;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok((tags, position))
}

/// Writes what is kept of a folder's events into one new file in the place of all others.
pub(super) fn restate(dir: &Path, keep: Keep) -> Result<Restated, Error> {
    let folder_error = |cause| Error::Folder { path: dir.to_owned(), cause };
    fs::create_dir_all(dir).map_err(folder_error)?;
    let unnamed = dir.join(format!("{}{UNNAMED}", process::id()));
    let restated = write_kept(dir, keep, &unnamed);
    if restated.is_err() {
        // What could not be finished; nothing else has changed.
        let _ = fs::remove_file(&unnamed);
    }
    let (file, tags, position) = restated?;
    let old = event_file::list(dir)?;
    let path = event_file::name(dir, &unnamed, WallTime::now())?;
    event_file::sync_folder(dir)?;
    for old in old {
        retire(&old).map_err(|cause| Error::Write { cause }.in_file(&old))?;
    }
    for leftover in leftovers(dir)? {
        fs::remove_file(&leftover).map_err(|cause| Error::Write { cause }.in_file(&leftover))?;
    }
    Ok(Restated { path, file, tags, position })
}

/// Takes all events out of a file, and the file away if it had none. A Python loader that has it open opens it by its
/// name for every look, and would wait for ever for one that is not there; at the end of an empty one it goes on to the
/// next.
fn retire(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.len() == 0 {
        fs::remove_file(path)
    } else {
        File::options().write(true).open(path)?.set_len(0)
    }
}

fn write_kept(dir: &Path, keep: Keep, unnamed: &Path) -> Result<(File, Tags, Position), Error> {
    let in_unnamed = |error: Error| error.in_file(unnamed);
    let write_error = |cause| in_unnamed(Error::Write { cause });
    let mut writer = RecordWriter::new(BufWriter::new(File::create(unnamed).map_err(write_error)?));
    let now = WallTime::now();
    let start = Event::restart(now);
    for event in [&Event::file_version(now.whole_seconds()), &start, &start] {
        writer.write(&event.encode_to_vec()).map_err(in_unnamed)?;
    }
    let wanted = match keep {
        Keep::All => u64::MAX,
        Keep::Until(position) => position.0,
    };
    let (mut tags, mut position) = (Tags::default(), Position::default());
    each_kept(dir, |payload, event| {
        if position.0 == wanted {
            return Ok(ControlFlow::Break(()));
        }
        note(&mut tags, event);
        // As it is, with all that we have no names for.
        writer.write(payload).map_err(in_unnamed)?;
        position.0 += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    if keep != Keep::All && position.0 < wanted {
        return Err(Error::MissingEvents { dir: dir.to_owned(), wanted, found: position.0 });
    }
    let file = writer.into_inner().into_inner().map_err(|error| write_error(error.into_error()))?;
    file.sync_all().map_err(write_error)?;
    Ok((file, tags, position))
}

/// The event files of a folder that are still to be read. Where a file begins by restating everything, the ones
/// before it are left from a program that was killed before it removed them.
pub(crate) fn live_files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = event_file::list(dir)?;
    for i in (1..files.len()).rev() {
        if begins_anew(&files[i]) {
            files.drain(..i);
            break;
        }
    }
    Ok(files)
}

/// Whether a file says at its beginning that all points before it are to be forgotten: twice.
fn begins_anew(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let first: Vec<Event> = EventReader::new(file).take(3).map_while(Result::ok).collect();
    let is_start = |event: &Event| event.step == 0 && is_session_start(event);
    matches!(&first[..], [_, one, two] if is_start(one) && is_start(two))
}

fn is_session_start(event: &Event) -> bool {
    matches!(&event.what, Some(What::SessionLog(log)) if log.status == i32::from(SessionStatus::Start))
}

/// Gives every event of a folder that says something, with its encoded form, until `take` has enough. What is damaged
/// is left out.
fn each_kept(
    dir: &Path,
    mut take: impl FnMut(&[u8], &Event) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    for path in live_files(dir)? {
        let in_file = |error: Error| error.in_file(&path);
        let file = File::open(&path).map_err(|cause| in_file(Error::Read { offset: 0, cause }))?;
        let mut records = RecordReader::new(file).skip_damaged();
        while let Some(payload) = records.read().map_err(in_file)? {
            if let Ok(event) = Event::decode(payload)
                && is_kept(&event)
                && take(payload, &event)?.is_break()
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether an event says something, at a time that readers accept: it is not a file's version or a session's start.
pub(super) fn is_kept(event: &Event) -> bool {
    let says_nothing = matches!(event.what, None | Some(What::FileVersion(_) | What::SessionLog(_)));
    !says_nothing && !event.wall_time.is_nan()
}

/// Takes note of an event's tags. Files of other programs may have a tag twice; that is theirs.
fn note(tags: &mut Tags, event: &Event) {
    if let Some(What::Summary(summary)) = &event.what {
        let _ = tags.note(summary);
    }
}

/// What programs left that were killed while they took up this run.
fn leftovers(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(|cause| Error::Folder { path: dir.to_owned(), cause })?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_leftover =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(UNNAMED));
    Ok(paths.filter(is_leftover).collect())
}

impl Event {
    /// The start of a session at step 0.
    fn restart(at: WallTime) -> Self {
        let log = SessionLog { status: SessionStatus::Start.into(), ..SessionLog::default() };
        Self { wall_time: at.seconds(), what: Some(What::SessionLog(log)), ..Self::default() }
    }
}
