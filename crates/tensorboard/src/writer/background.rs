//! Appends bytes to a file on a thread of its own, in bounded memory; knows nothing of what the bytes are.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::WriterOptions;
use crate::{Error, event_file};

/// A file that a thread appends to. Dropping it appends what is waiting.
#[derive(Debug)]
pub(super) struct BackgroundFile {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    max_waiting: usize,
    flush_bytes: usize,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// The thread waits for it.
    work: Condvar,
    /// Callers wait for it.
    progress: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that the thread has not taken yet.
    waiting: Vec<u8>,
    /// When the first of them came.
    since: Option<Instant>,
    /// How many bytes were ever taken in, handed to the system, and known to be on the disk.
    appended: u64,
    flushed: u64,
    synced: u64,
    /// Up to where somebody waits for them.
    flush_to: u64,
    sync_to: u64,
    life: Life,
}

#[derive(Debug, Default)]
enum Life {
    #[default]
    Open,
    /// All that waits is to be written, and no more will come.
    Closing,
    /// A write failed; the error is here until somebody was told.
    Failed(Option<Error>),
}

/// How far bytes are to have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// To the system: other programs see them.
    System,
    /// To the disk: they survive a power failure.
    Disk,
}

impl BackgroundFile {
    /// Appends to `file`, which is at `path` and ends where writing begins.
    pub(super) fn new(file: File, path: &Path, options: &WriterOptions) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            progress: Condvar::new(),
        });
        let length = file.metadata().map_err(|cause| Error::Write { cause })?.len();
        let mut appender = Appender { file, path: path.to_owned(), length, named: Reach::System };
        let (of_thread, options) = (Arc::clone(&shared), *options);
        let thread = thread::Builder::new()
            .name("event-file".to_owned())
            .spawn(move || of_thread.serve(&mut appender, &options))
            .map_err(|cause| Error::Write { cause })?;
        Ok(Self {
            shared,
            thread: Some(thread),
            max_waiting: options.max_buffered_bytes.max(1),
            flush_bytes: options.flush_bytes,
        })
    }

    /// Has `encode` append to what is waiting; waits itself while too much is.
    ///
    /// # Errors
    /// If `encode` fails, which then must have appended nothing, or if an earlier write failed.
    pub(super) fn append(&self, encode: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> Result<(), Error> {
        let mut state = self.shared.lock();
        while state.is_open() && state.waiting.len() >= self.max_waiting {
            state = wait(&self.shared.progress, state);
        }
        state.check()?;
        let before = state.waiting.len();
        encode(&mut state.waiting)?;
        let after = state.waiting.len();
        state.appended += (after - before) as u64;
        if before == 0 {
            state.since = Some(Instant::now());
        }
        // The thread needs to be told only what it does not wait for already.
        if before == 0 || (before < self.flush_bytes && after >= self.flush_bytes) {
            self.shared.work.notify_one();
        }
        Ok(())
    }

    /// Waits until all that was appended has come so far.
    ///
    /// # Errors
    /// If it could not be written.
    pub(super) fn flush(&self, reach: Reach) -> Result<(), Error> {
        let mut state = self.shared.lock();
        let all = state.appended;
        state.flush_to = all;
        if reach == Reach::Disk {
            state.sync_to = all;
        }
        self.shared.work.notify_one();
        while state.is_open() && (state.flushed < all || reach == Reach::Disk && state.synced < all) {
            state = wait(&self.shared.progress, state);
        }
        state.check()
    }

    /// Ends the thread when all has been written, and gives the error that nobody was told.
    fn end(&mut self) -> Option<Error> {
        let thread = self.thread.take()?;
        let mut state = self.shared.lock();
        if state.is_open() {
            state.life = Life::Closing;
        }
        drop(state);
        self.shared.work.notify_one();
        // It has no way to panic, and a panic has been printed where it happened.
        let _ = thread.join();
        match &mut self.shared.lock().life {
            Life::Failed(error) => error.take(),
            Life::Open | Life::Closing => None,
        }
    }
}

impl Drop for BackgroundFile {
    fn drop(&mut self) {
        if let Some(error) = self.end() {
            tracing::error!("events were lost: {error}");
        }
    }
}

impl Shared {
    /// The work of the thread: waits for a reason to write, writes, until the end.
    fn serve(&self, file: &mut Appender, options: &WriterOptions) {
        let mut taken = Vec::new();
        let mut state = self.lock();
        loop {
            while let Some(patience) = state.patience(options) {
                state = match patience {
                    Patience::Forever => wait(&self.work, state),
                    Patience::For(time) => {
                        self.work.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
                    }
                };
            }
            let closing = matches!(state.life, Life::Closing);
            let reach = if closing || state.sync_to > state.synced { Reach::Disk } else { Reach::System };
            mem::swap(&mut state.waiting, &mut taken);
            state.since = None;
            // Those who wait for room need not wait for the disk.
            self.progress.notify_all();
            drop(state);
            let result = file.append(&taken, reach);
            let count = taken.len() as u64;
            taken.clear();
            // A rare large event must not hold its memory for good.
            taken.shrink_to(options.max_buffered_bytes);
            state = self.lock();
            match result {
                Ok(()) => {
                    state.flushed += count;
                    if reach == Reach::Disk {
                        state.synced = state.flushed;
                    }
                }
                Err(error) => {
                    state.waiting = Vec::new();
                    state.life = Life::Failed(Some(error));
                }
            }
            self.progress.notify_all();
            if closing || matches!(state.life, Life::Failed(_)) {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}

/// How long there is nothing to do.
enum Patience {
    Forever,
    For(Duration),
}

impl State {
    fn is_open(&self) -> bool {
        matches!(self.life, Life::Open)
    }

    /// # Errors
    /// If a write failed: with what the system said, and later that it did.
    fn check(&mut self) -> Result<(), Error> {
        match &mut self.life {
            Life::Failed(error) => Err(error.take().unwrap_or(Error::BrokenTail)),
            Life::Open | Life::Closing => Ok(()),
        }
    }

    /// How long the thread may wait, should nothing happen; `None` if there is something to do now.
    fn patience(&self, options: &WriterOptions) -> Option<Patience> {
        let asked = self.flush_to > self.flushed || self.sync_to > self.synced;
        if asked || !self.is_open() || self.waiting.len() >= options.flush_bytes.max(1) {
            return None;
        }
        let Some(since) = self.since else { return Some(Patience::Forever) };
        let left = options.flush_interval.saturating_sub(since.elapsed());
        (!left.is_zero()).then_some(Patience::For(left))
    }
}

/// The file as the thread knows it.
struct Appender {
    file: File,
    path: PathBuf,
    /// All bytes of it are whole records.
    length: u64,
    /// How far its name has come.
    named: Reach,
}

impl Appender {
    fn append(&mut self, bytes: &[u8], reach: Reach) -> Result<(), Error> {
        if !bytes.is_empty() {
            // On many systems a file that was removed can still be written, to nobody's use.
            if !self.path.exists() {
                let cause =
                    io::Error::new(io::ErrorKind::NotFound, "the file was removed while it was written");
                return Err(Error::Write { cause });
            }
            if let Err(cause) = self.file.write_all(bytes) {
                // Leave whole records; where that fails too, readers stop at the broken one.
                let _ = self.file.set_len(self.length);
                return Err(Error::Write { cause });
            }
            self.length += bytes.len() as u64;
        }
        if reach == Reach::Disk {
            self.file.sync_all().map_err(|cause| Error::Write { cause })?;
            if self.named != Reach::Disk {
                self.path.parent().map_or(Ok(()), event_file::sync_folder)?;
                self.named = Reach::Disk;
            }
        }
        Ok(())
    }
}
