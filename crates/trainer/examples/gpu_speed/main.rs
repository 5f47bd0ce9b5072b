//! How fast the tutorial network trains on a GPU, and how fast that GPU is; knows nothing of datasets and runs.
//!
//! Pictures are bytes on the device. A step takes a batch of them in a shuffled order, divides by 255, and goes forward,
//! backward and through Adam; the clock is read when the device has done all steps of a repeat. Prints one line of
//! JSON; `cargo xtask bench gpu` reads it and has PyTorch do the same.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod card;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use candle_core::Device;
use clap::Parser;
use model::{Architecture, Precision, StepCost};
use serde_json::json;
use trainer::config::DeviceName;

use steps::Steps;

/// As in the trainer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Steps before the clock runs.
const WARM_UP: usize = 20;
/// Steps that say how many there are to be in a repeat.
const TRIAL: usize = 10;

/// Measure how many pictures a second the tutorial network trains on, on a GPU.
#[derive(Parser)]
struct Options {
    /// Where to compute: cuda or cuda:N where built with `--features cudnn`; cpu to try the program
    #[arg(long, default_value = "cuda", value_name = "DEVICE")]
    device: DeviceName,
    /// Pictures in a step
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch: usize,
    /// What the GPU may round numbers to: f32, tf32 or bf16
    #[arg(long, default_value_t = Precision::F32)]
    precision: Precision,
    /// How often the same is measured
    #[arg(long, default_value_t = 5, value_name = "N")]
    repeats: usize,
    /// Seconds in a repeat, about
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    seconds: f64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    ensure!(options.batch > 0 && options.repeats > 0, "--batch and --repeats are to be at least 1");
    ensure!(options.seconds > 0.0 && options.seconds.is_finite(), "--seconds is to be above 0");
    let precision = options.precision;
    let device = options.device.open()?;
    precision.choose(&device)?;
    let mut steps = Steps::new(&device, options.batch, precision)?;
    let (rates, loss) = rates(&mut steps, &device, options)?;
    ensure!(loss.is_finite(), "the loss after these steps is {loss}: what was timed is no training");
    let cost = StepCost::of(
        &Architecture::tutorial(),
        options.batch,
        if precision == Precision::Bf16 { 2 } else { 4 },
    );
    println!(
        "{}",
        json!({
            "framework": "ours",
            "device": card::name(&device)?,
            "precision": precision,
            "captured": steps.is_captured(),
            "batch": options.batch,
            "images_per_second": {
                "median": median(&rates).round(),
                "all": rates.iter().map(|rate| rate.round()).collect::<Vec<_>>(),
            },
            "loss": loss,
            "matrix_tflops": card::matrix_tflops(&device, precision)?,
            "copy_gbs": card::copy_gbs(&device)?,
            "operations_per_step": cost.operations,
            "bytes_per_step": cost.bytes,
        })
    );
    Ok(())
}

/// Pictures a second of each repeat, and the loss of the last step.
fn rates(steps: &mut Steps, device: &Device, options: &Options) -> Result<(Vec<f64>, f32)> {
    let mut seconds = |count| -> Result<(f64, f32)> {
        device.synchronize()?;
        let began = Instant::now();
        let loss = steps.train(count)?;
        Ok((began.elapsed().as_secs_f64(), loss))
    };
    seconds(WARM_UP)?;
    let (trial, mut loss) = seconds(TRIAL)?;
    let steps = ((options.seconds / trial * TRIAL as f64).ceil() as usize).max(1);
    let mut rates = Vec::with_capacity(options.repeats);
    for _ in 0..options.repeats {
        let (seconds, last) = seconds(steps)?;
        rates.push((steps * options.batch) as f64 / seconds);
        loss = last;
    }
    Ok((rates, loss))
}

/// The middle of some numbers, of an even count the mean of both middle ones.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}
