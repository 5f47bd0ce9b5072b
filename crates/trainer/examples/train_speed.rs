//! How fast the tutorial network trains on random pictures; knows nothing of datasets and runs.
//!
//! A step is forward, backward and Adam in candle's graph, as in the training loop, on one batch made beforehand.
//! Prints one line of JSON; `cargo xtask bench` reads it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use clap::Parser;
use kernels::Simd;
use model::optimizer::{Optimizer, OptimizerSettings, gradient_of};
use model::{Architecture, Network, Training};
use serde_json::json;
use streams::{Purpose, Seed};

/// As in the trainer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Steps before the clock runs.
const WARM_UP: usize = 10;
/// Keras' default.
const LEARNING_RATE: f64 = 1e-3;

/// Measure how many pictures a second the tutorial network trains on.
#[derive(Parser)]
struct Options {
    /// Pictures in a step
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch: usize,
    /// Threads, 0 for one a core
    #[arg(long, default_value_t = 0, value_name = "N")]
    threads: usize,
    /// Instruction set: auto, avx512, avx2 or portable
    #[arg(long, default_value = "auto", value_name = "SET")]
    simd: Simd,
    /// How often the same is measured
    #[arg(long, default_value_t = 5, value_name = "N")]
    repeats: usize,
    /// Pictures in a repeat
    #[arg(long, default_value_t = 6400, value_name = "N")]
    images: usize,
    /// Forward only, without gradients
    #[arg(long)]
    evaluate: bool,
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
    rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build_global()
        .with_context(|| format!("cannot start {} threads", options.threads))?;
    let threads = rayon::current_num_threads();
    // As in the trainer, on one of the threads that compute.
    let rates = rayon::scope(|_| rates(options))?;
    let peak = kernels::peak::gflops(options.simd, threads);
    println!(
        "{}",
        json!({
            "framework": "ours",
            "work": if options.evaluate { "evaluate" } else { "train" },
            "batch": options.batch,
            "threads": threads,
            "simd": options.simd.to_string(),
            "images_per_second": { "median": median(&rates).round(), "all": rates.iter().map(|r| r.round()).collect::<Vec<_>>() },
            "fma_peak_gflops": peak.round(),
            "peak_rss_mib": peak_rss_mib(),
        })
    );
    Ok(())
}

/// Pictures a second of each repeat.
fn rates(options: &Options) -> Result<Vec<f64>> {
    let batch = options.batch;
    let network = Network::new(&Architecture::tutorial(), Seed(0), &Device::Cpu, options.simd)?;
    let settings = OptimizerSettings::adam(kernels::optimizer::Adam::default());
    let mut adam = Optimizer::new(&network, &settings)?;
    let mut random = Seed(0).stream(Purpose::new("speed"), 0, 0);
    let pixels: Vec<f32> = (0..batch * 3 * 32 * 32).map(|_| random.unit_f32()).collect();
    let images = Tensor::from_vec(pixels, (batch, 3, 32, 32), &Device::Cpu)?;
    let labels: Vec<u32> = (0..batch).map(|_| random.below(10)).collect();
    let labels = Tensor::from_vec(labels, batch, &Device::Cpu)?;
    let mut step = || -> Result<()> {
        if options.evaluate {
            network.logits(&images)?;
        } else {
            let gradients = network.loss(&images, &labels, &Training::default())?.mean.backward()?;
            adam.step(&network, &gradient_of(&network, &gradients)?, LEARNING_RATE)?;
        }
        Ok(())
    };

    for _ in 0..WARM_UP {
        step()?;
    }
    let steps = (options.images / batch).max(1);
    let mut rates = Vec::with_capacity(options.repeats);
    for _ in 0..options.repeats {
        let began = Instant::now();
        for _ in 0..steps {
            step()?;
        }
        rates.push((steps * batch) as f64 / began.elapsed().as_secs_f64());
    }
    Ok(rates)
}

/// The middle of some numbers, of an even count the mean of both middle ones.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// The most memory that this process ever held, as Linux counts it; `None` elsewhere.
fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024)
}
