//! A run on a CUDA device beside the same run on the CPU; for the features of CUDA, and where there is a device, be it
//! only the CPU in the place of one (`model/tests/cuda_on_cpu`).

#![cfg(feature = "cuda")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

use candle_core::Device;

/// How far losses of the devices may be apart: they sum in other orders, and the differences grow with the steps.
const LIMIT: f64 = 1e-3;

/// The losses of a run's epochs, of training and of validation. Accuracies go by leaps.
fn losses(folder: &Path, device: &str, options: &[&str]) -> Vec<[f64; 2]> {
    let run = folder.join(device);
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(["train", "--dataset", "shapes", "--limit", "120", "--epochs", "2", "--seed", "1"]);
    let output = command.args(options).args(["--device", device, "--run-dir"]).arg(&run).output().unwrap();
    assert!(output.status.success(), "{device}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap()[..4], ["epoch", "loss", "accuracy", "val_loss"]);
    lines.map(|words| [1, 3].map(|column| words[column].parse().unwrap())).collect()
}

#[test]
fn a_run_on_cuda_is_that_of_the_cpu() {
    if let Err(error) = Device::new_cuda(0) {
        assert!(std::env::var_os("TESTS_NEED_CUDA").is_none(), "no CUDA device: {error}");
        println!("nothing is tested: no CUDA device: {error}");
        return;
    }
    for options in [
        &["--optimizer", "sgd", "--momentum", "0.9", "--clip-norm", "1", "--augment", "light"][..],
        // Batch norm and dropout.
        &["--preset", "tutorial-plus", "--log-gradients"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let [expected, found] = ["cpu", "cuda"].map(|device| losses(folder.path(), device, options));
        println!("{options:?}: {found:?} on CUDA, {expected:?} on the CPU");
        assert_eq!(found.len(), 2);
        for (found, expected) in found.into_iter().flatten().zip(expected.into_iter().flatten()) {
            assert!(
                (found - expected).abs() <= LIMIT * expected,
                "{options:?}: {found}, on the CPU {expected}"
            );
        }
    }
}
