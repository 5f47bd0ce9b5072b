//! A folder of pictures with a subfolder for each class: PNG and JPEG of any size, made to one size. Knows
//! nothing of how pictures are encoded.
//!
//! ```text
//! FOLDER/cat/1.png                        all are training pictures
//! FOLDER/dog/2019/IMG_7.JPG               folders inside a class belong to it
//!
//! FOLDER/train/cat/1.png                  or in parts
//! FOLDER/val/cat/2.png                    where there is one; also valid, validation
//! FOLDER/test/cat/3.png                   where there is one
//! ```
//!
//! Classes are the folders' names in the order of their bytes, the same in every part. Within a class,
//! pictures are in the order of their paths. What begins with a dot is left alone, and so are files whose
//! extension is not that of a picture; pictures that are neither PNG nor JPEG are an error, since nobody would
//! miss them otherwise. Links are followed.

mod layout;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{Dataset, Error, Given, Pictures, Result, Source, encoded};

/// Most bytes of decoded pictures.
const MOST_MEMORY: usize = 8 << 30;

/// Reads the pictures of a folder, each made to `side` x `side`, on all cores, and names them by their files.
/// `progress` is told after each picture how many are read and how many there are: from several threads at a
/// time, so the numbers may come out of order.
///
/// # Errors
/// When the folder is not laid out as this module says: no or one class or over 256, a class without pictures
/// or not in every part, pictures beside the classes or in formats that are not read, links that lead in a
/// circle. When a picture is corrupt: of several the first in order. When `side` is not 1 to
/// [`encoded::MOST_SIDE`] or the pictures would take over 8 GiB. The error names the file or folder.
pub fn load(dir: &Path, side: usize, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<Dataset> {
    let shape = encoded::square(side)?;
    let layout = layout::find(dir)?;
    let [train, validation, test] = layout.parts.each_ref().map(|part| part.iter().map(Vec::len).sum());
    let mut labels = Vec::new();
    let mut files = Vec::new();
    for part in layout.parts {
        for (label, of_class) in (0..=u8::MAX).zip(part) {
            labels.resize(labels.len() + of_class.len(), label);
            files.extend(of_class);
        }
    }
    let mut pixels = room(dir, files.len(), shape.len())?;
    decode_all(&files, side, pixels.chunks_exact_mut(shape.len()), progress)?;
    let pictures = Pictures::new(shape, pixels, labels)?;
    let dataset = Dataset::new(Source::Folder, layout.classes, pictures, Given { train, validation, test })?;
    Ok(dataset.with_names(files.iter().map(|file| file.display().to_string()).collect()))
}

/// Zeros for so many pictures of so many values.
fn room(dir: &Path, pictures: usize, values: usize) -> Result<Vec<u8>> {
    let bytes = pictures.saturating_mul(values);
    let mut pixels = Vec::new();
    let reason = if bytes > MOST_MEMORY {
        format!("expected at most {MOST_MEMORY}")
    } else if pixels.try_reserve_exact(bytes).is_err() {
        "more than there is".to_string()
    } else {
        pixels.resize(bytes, 0);
        return Ok(pixels);
    };
    let message = format!(
        "{pictures} pictures of {values} values need {bytes} bytes of memory, {reason}: use fewer or smaller pictures"
    );
    Err(Error::content(dir, message))
}

/// What the threads share.
struct Work<W> {
    left: W,
    failed: Option<(usize, Error)>,
}

/// Decodes each file into its place, on all cores.
fn decode_all<'a>(
    files: &[PathBuf],
    side: usize,
    places: impl Iterator<Item = &'a mut [u8]> + Send,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<()> {
    let work = Mutex::new(Work { left: files.iter().zip(places).enumerate(), failed: None });
    let done = AtomicUsize::new(0);
    // Files are given out in order and none after an error, so all before the first bad one are tried.
    let next = || {
        let mut work = lock(&work);
        if work.failed.is_some() { None } else { work.left.next() }
    };
    let worker = || {
        while let Some((i, (file, place))) = next() {
            match encoded::read_into(file, side, place) {
                Ok(()) => progress(done.fetch_add(1, Ordering::Relaxed) + 1, files.len()),
                Err(error) => {
                    let failed = &mut lock(&work).failed;
                    if failed.as_ref().is_none_or(|(first, _)| i < *first) {
                        *failed = Some((i, error));
                    }
                }
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        for _ in 1..cores.min(files.len()) {
            // Where the system gives no more threads, there are fewer.
            let _ = thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
    match work.into_inner().unwrap_or_else(PoisonError::into_inner).failed {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
