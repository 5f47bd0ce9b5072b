//! Batches made ready on threads of their own. Knows nothing of what is in them.
//!
//! Of n threads, the first prepares the first step and every nth after it: the order is fixed, whoever is faster.
//! A thread has a few buffers that go back and forth, so it is never farther ahead than these.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use super::Batch;
use super::fill::Filler;
use crate::{Error, Result};

/// Buffers of a thread: one is being used, one is ready, one is being filled.
const BUFFERS: usize = 3;

/// The batches of one epoch, in order. Dropping it stops the threads after the batch they are at.
#[derive(Debug)]
pub struct Batches {
    workers: Vec<Worker>,
    /// The step that the first worker began with.
    first: usize,
    /// Steps that are still to come.
    steps: Range<usize>,
    /// The batch that was handed out last, and who gets it back.
    held: Option<(usize, Batch)>,
}

#[derive(Debug)]
struct Worker {
    full: Receiver<Batch>,
    empty: Sender<Batch>,
    thread: JoinHandle<()>,
}

impl Batches {
    /// Starts to prepare `steps`.
    pub(super) fn start(filler: &Filler, steps: Range<usize>, workers: NonZeroUsize) -> Result<Self> {
        let mut batches = Self { workers: Vec::new(), first: steps.start, steps: steps.clone(), held: None };
        for first in steps.clone().take(workers.get()) {
            let mine = (first..steps.end).step_by(workers.get());
            // On an error the threads that run already are stopped by the drop of `batches`.
            batches.workers.push(Worker::start(filler.clone(), mine)?);
        }
        Ok(batches)
    }

    /// The next batch; `None` after the last one.
    ///
    /// # Errors
    /// When the thread that should bring it has broken down.
    pub fn next_batch(&mut self) -> Result<Option<&Batch>> {
        if let Some((worker, batch)) = self.held.take() {
            // A thread that has ended needs no buffer.
            let _ = self.workers[worker].empty.send(batch);
        }
        let Some(step) = self.steps.next() else { return Ok(None) };
        let worker = (step - self.first) % self.workers.len();
        let batch = self.workers[worker].full.recv().map_err(|_| {
            Error::Unfit(format!("the thread that prepares batches broke down at step {step}"))
        })?;
        Ok(Some(&self.held.insert((worker, batch)).1))
    }
}

impl Worker {
    fn start(mut filler: Filler, steps: impl Iterator<Item = usize> + Send + 'static) -> Result<Self> {
        let ((full_in, full), (empty, empty_out)) = (channel(), channel());
        for _ in 0..BUFFERS {
            let _ = empty.send(Batch::default());
        }
        let prepare = move || {
            for step in steps {
                let Ok(mut batch) = empty_out.recv() else { return };
                filler.fill(step, &mut batch);
                if full_in.send(batch).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new()
            .name("batches".into())
            .spawn(prepare)
            .map_err(|cause| Error::Unfit(format!("cannot start a thread that prepares batches: {cause}")))?;
        Ok(Self { full, empty, thread })
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // First all ends of channels, so that all threads stop at once.
        let threads: Vec<_> = self.workers.drain(..).map(|Worker { thread, .. }| thread).collect();
        for thread in threads {
            // Its panic was reported by the missing batch.
            let _ = thread.join();
        }
    }
}
