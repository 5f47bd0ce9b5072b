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

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Dataset, Error, Given, Pictures, Result, Source, cores, encoded};

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
    let done = AtomicUsize::new(0);
    cores::each(files.iter().zip(pixels.chunks_exact_mut(shape.len())), |(file, place)| {
        encoded::read_into(file, side, place)?;
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, files.len());
        Ok(())
    })?;
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

#[cfg(test)]
mod tests;
