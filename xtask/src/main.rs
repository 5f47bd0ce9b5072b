//! Tasks around the trainer that need no tensors: `cargo xtask assignment`, `bench`, `fetch-cifar`, `interop`,
//! `package-submission`, `screenshots`, `verify-submission`.
//!
//! This file only reads the command line and dispatches; each command is a module.

mod assignment;
mod bench;
mod browser;
mod cargo;
mod check;
mod fetch;
mod finished_run;
mod frameworks;
mod hash;
mod interop;
mod interrupt;
mod panics;
mod processes;
mod screenshots;
mod submission;
mod tensorboard;
mod venv;
mod verification;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// What is logged without `RUST_LOG`: our own progress, not the talk of the HTTP libraries.
const DEFAULT_LOG: &str = "xtask=info,dataset=info";

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Tasks around the trainer")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The whole assignment: fetch CIFAR-10, train, take pictures, pack, verify; goes on where it was stopped
    Assignment(assignment::Options),
    /// Measure speed, also of PyTorch and Keras
    #[command(subcommand)]
    Bench(bench::Options),
    /// Fetch CIFAR-10, or import it, into data/cifar-10-batches-bin
    FetchCifar(fetch::Options),
    /// Check what we write with real programs: TensorBoard, md5sum, safetensors, ONNX Runtime, PyTorch, Keras
    Interop,
    /// Put a finished run into one archive to hand in
    PackageSubmission(submission::Options),
    /// Draw the pictures of a finished run, and take TensorBoard's
    Screenshots(screenshots::Options),
    /// Check that an archive is what it says, also by training again
    VerifySubmission(verification::Options),
}

fn main() -> ExitCode {
    // Wrong usage ends here with exit code 2.
    let cli = Cli::parse();
    log_to_stderr();
    panics::install_hook();
    let result = match cli.command {
        Command::Assignment(options) => assignment::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::FetchCifar(options) => fetch::run(&options),
        Command::Interop => interop::run(),
        Command::PackageSubmission(options) => submission::run(&options),
        Command::Screenshots(options) => screenshots::run(&options),
        Command::VerifySubmission(options) => verification::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<clap::Error>() {
            // Options that each are right but do not go together.
            Some(usage) => usage.exit(),
            None => {
                print_error(&error);
                if interrupt::happened() { ExitCode::from(interrupt::EXIT_CODE) } else { ExitCode::FAILURE }
            }
        },
    }
}

/// The folder of the workspace that this program was built in.
fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// Prints the whole chain of causes on one line.
#[expect(clippy::print_stderr, reason = "the one place where the program reports its failure")]
fn print_error(error: &anyhow::Error) {
    eprintln!("error: {}", format!("{error:#}").replace(['\r', '\n'], " "));
}
