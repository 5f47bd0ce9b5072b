//! Compares the tutorial network with a trace that Keras computed: `keras_parity DIR [DEVICE]`.
//!
//! Prints the largest differences and exits 1 when one is over its limit.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::path::Path;
use std::process::ExitCode;

use trainer::config::DeviceName;
use trainer::parity::compare;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let usage = "usage: keras_parity DIR [DEVICE] (a folder with init.safetensors, batches.safetensors, ...)";
    let (folder, device) = match arguments.as_slice() {
        [folder] => (folder, DeviceName::Cpu),
        [folder, device] => match device.to_string_lossy().parse() {
            Ok(device) => (folder, device),
            Err(error) => {
                eprintln!("error: {error}; {usage}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let compared =
        device.open().and_then(|device| compare(Path::new(folder), kernels::Simd::best(), &device));
    match compared {
        Ok(checks) => {
            for check in &checks {
                let verdict = if check.holds() { "ok" } else { "OVER" };
                println!("{:<60} {:9.2e} of {:.0e}  {verdict}", check.name, check.difference, check.allowed);
            }
            if checks.iter().all(|check| check.holds()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
