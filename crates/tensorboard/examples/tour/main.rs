//! A tour of TensorBoard: writes a folder in which every dashboard has something to show, all of it made up by
//! formulas.
//!
//! `cargo run -p tensorboard --example tour [FOLDER]`; the folder is `runs/tour` unless another is given.

mod curves;
mod graphs;
mod media;
mod notes;
mod sessions;
mod solids;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "the one place where the program reports its failure")]
fn main() -> ExitCode {
    match tour() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tour() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "runs/tour".to_owned()));
    if folder.exists() {
        return Err(
            format!("{} is there already: delete it, or name another folder", folder.display()).into()
        );
    }

    curves::scalars(&folder)?; // Time Series, Scalars
    curves::custom_scalars(&folder)?; // Custom Scalars
    curves::histograms(&folder)?; // Histograms, Distributions
    curves::precision_and_recall(&folder)?; // PR Curves
    media::images(&folder)?; // Images
    media::audio(&folder)?; // Audio
    notes::text(&folder)?; // Text
    notes::table(&folder)?; // Text
    graphs::operations_and_layers(&folder)?; // Graphs
    sessions::hyperparameters(&folder)?; // HParams
    solids::mesh(&folder)?; // Mesh
    solids::projector(&folder)?; // Projector

    writeln!(
        io::stdout(),
        "{0} has something for every dashboard. Look at it with\n\n    tensorboard --logdir {0}\n\n\
         and choose a dashboard at the top; some are in the menu on the right.",
        folder.display()
    )?;
    Ok(())
}

/// The `i`-th of numbers that lie evenly from 0 to 1, in an order that looks like chance.
fn scattered(i: usize) -> f32 {
    const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;
    (i as f64 * GOLDEN_RATIO).fract() as f32
}

/// The `i`-th of numbers that lie as a normal distribution around 0.
fn normal(i: usize) -> f32 {
    // Box and Muller's transform of two numbers that have nothing to do with each other.
    let radius = (-2.0 * (1.0 - scattered(i)).ln()).sqrt();
    let angle = std::f32::consts::TAU * (i as f32 * std::f32::consts::SQRT_2).fract();
    radius * angle.cos()
}
