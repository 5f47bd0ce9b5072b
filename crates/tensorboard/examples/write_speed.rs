//! How fast event files are written and read: `write_speed [FOLDER SCALARS HISTOGRAMS REPEATS]`; knows nothing of
//! other writers.
//!
//! A rate of writing counts from the making of a writer until it is closed, with all on the disk. A histogram is one
//! of 65,536 normal `f32`; beside it stands how often the smallest and the largest of these values are found in the
//! same time, the least that any histogram has to do. Prints one line of JSON; `cargo xtask bench tensorboard` reads
//! it.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use tensorboard::{Run, Writer};

#[path = "../benches/data/mod.rs"]
mod data;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// As people name them.
const TAGS: [&str; 4] = ["loss", "accuracy", "validation_loss", "validation_accuracy"];
/// Points in the files that are read: about 50 MB of each kind.
const SCALARS_READ: usize = 500_000;
const EPOCHS_READ: usize = 5_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let counts = |words: &[String]| {
        words.iter().map(|word| word.parse()).collect::<std::result::Result<Vec<usize>, _>>()
    };
    let made;
    let (folder, counts) = match &arguments[..] {
        [] => {
            made = tempfile::tempdir()?;
            (made.path(), vec![500_000, 2000, 3])
        }
        [folder, numbers @ ..] => (Path::new(folder), counts(numbers)?),
    };
    let &[scalars, histograms, repeats] = &counts[..] else {
        return Err("expected FOLDER and three numbers".into());
    };
    if counts.contains(&0) {
        return Err("all three numbers are to be at least 1".into());
    }
    let json = measure(folder, scalars, histograms, repeats)?;
    writeln!(io::stdout(), "{json}")?;
    Ok(())
}

fn measure(folder: &Path, scalars: usize, histograms: usize, repeats: usize) -> Result<String> {
    let values = data::normal(data::VALUES);
    let scalar_rates = writes(folder, scalars, repeats, |writer, i| {
        writer.scalar(TAGS[i % TAGS.len()], i, 1.0 / (i + 1) as f32)
    })?;
    let histogram_rates = writes(folder, histograms, repeats, |writer, i| {
        writer.histogram("dense/kernel", i, black_box(&values)).map(drop)
    })?;
    let passes = rates(repeats, || {
        let began = Instant::now();
        for _ in 0..histograms {
            black_box(data::range(black_box(&values)));
        }
        Ok((histograms as f64, began.elapsed()))
    })?;
    let read_scalars = reads(folder, repeats, |writer| {
        (0..SCALARS_READ).try_for_each(|i| writer.scalar(TAGS[i % TAGS.len()], i, 0.5))
    })?;
    let read_mixed = reads(folder, repeats, |writer| data::keras_like(writer, EPOCHS_READ))?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!(
        "{{\"writer\":\"ours\",\"version\":\"{version}\",\"scalars\":{},\"histograms\":{},\"bytes_per_scalar\":{},\
         \"bytes_per_histogram\":{},\"histograms_bound\":{passes},\"scalars_read\":{read_scalars},\
         \"mixed_read\":{read_mixed}}}",
        scalar_rates.json, histogram_rates.json, scalar_rates.bytes, histogram_rates.bytes
    ))
}

/// How fast something was written.
struct Written {
    /// Calls a second.
    json: String,
    /// Bytes on the disk of one call.
    bytes: u64,
}

fn writes(
    folder: &Path,
    count: usize,
    repeats: usize,
    mut add: impl FnMut(&mut Writer, usize) -> std::result::Result<(), tensorboard::Error>,
) -> Result<Written> {
    let mut bytes = 0;
    let json = rates(repeats, || {
        let run = tempfile::tempdir_in(folder)?;
        let began = Instant::now();
        let mut writer = Writer::create(run.path())?;
        for i in 0..count {
            add(&mut writer, i)?;
        }
        writer.close()?;
        let took = began.elapsed();
        bytes = size(run.path())?;
        Ok((count as f64, took))
    })?;
    Ok(Written { json, bytes: bytes / count as u64 })
}

/// The MB/s at which a run is read that `fill` writes.
fn reads(
    folder: &Path,
    repeats: usize,
    fill: impl FnOnce(&mut Writer) -> std::result::Result<(), tensorboard::Error>,
) -> Result<String> {
    let run = tempfile::tempdir_in(folder)?;
    let mut writer = Writer::create(run.path())?;
    fill(&mut writer)?;
    writer.close()?;
    let megabytes = size(run.path())? as f64 / 1e6;
    rates(repeats, || {
        let began = Instant::now();
        black_box(Run::open(run.path())?.read()?);
        Ok((megabytes, began.elapsed()))
    })
}

/// Does something several times; its rates as JSON.
fn rates(repeats: usize, mut once: impl FnMut() -> Result<(f64, Duration)>) -> Result<String> {
    let mut all = Vec::new();
    for _ in 0..repeats {
        let (amount, took) = once()?;
        all.push((amount / took.as_secs_f64()).round());
    }
    let mut sorted = all.clone();
    sorted.sort_by(f64::total_cmp);
    Ok(format!("{{\"median\":{},\"all\":{all:?}}}", sorted[repeats / 2]))
}

/// The bytes of all files of a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
