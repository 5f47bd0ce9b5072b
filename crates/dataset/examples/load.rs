//! Loads a folder of CIFAR-10's binary files and says what is in it and how long it took. For the memory:
//! `/usr/bin/time -v target/debug/examples/load data/cifar-10-batches-bin`.

#![allow(clippy::print_stdout, reason = "an example")]

use std::path::PathBuf;
use std::time::Instant;

use dataset::binary;

fn main() -> dataset::Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| "data/cifar-10-batches-bin".into(), PathBuf::from);
    let began = Instant::now();
    let dataset = binary::load(&folder)?;
    let seconds = began.elapsed().as_secs_f64();
    let (pictures, given) = (dataset.pictures(), dataset.given());
    println!("{}: {} pictures of {} in {seconds:.3} s", dataset.source(), pictures.len(), pictures.shape());
    println!("{} to train on, {} to test with", given.train, given.test);
    println!("fingerprint {}", dataset.fingerprint());
    Ok(())
}
