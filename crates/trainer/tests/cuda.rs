//! A run on a CUDA device beside the same run on the CPU; for the features of CUDA, and where there is a device, be it
//! only the CPU in the place of one (`model/tests/cuda_on_cpu`).

#![cfg(feature = "cuda")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::path::Path;
use std::process::Command;

use candle_core::Device;
use kernels::Simd;
use trainer::parity::compare;

/// How far losses of the devices may be apart: they sum in other orders, and the differences grow with the steps.
const LIMIT: f64 = 1e-3;

/// The device, where there is one.
fn device() -> Option<Device> {
    let device = model::cuda_device(0);
    if let Err(error) = &device {
        assert!(std::env::var_os("TESTS_NEED_CUDA").is_none(), "no CUDA device: {error}");
        println!("nothing is tested: no CUDA device: {error}");
    }
    device.ok()
}

/// Runs the trainer on a few pictures; gives its exit code and its error output.
fn train(run: &Path, options: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(["train", "--dataset", "shapes", "--limit", "120", "--epochs", "2", "--seed", "1"]);
    let output = command.args(options).arg("--run-dir").arg(run).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The losses of a run's epochs, of training and of validation. Accuracies go by leaps.
fn losses(run: &Path, options: &[&str]) -> Vec<[f64; 2]> {
    let (code, errors) = train(run, options);
    assert_eq!(code, Some(0), "{options:?}: {errors}");
    let text = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap()[..4], ["epoch", "loss", "accuracy", "val_loss"]);
    lines.map(|words| [1, 3].map(|column| words[column].parse().unwrap())).collect()
}

#[test]
fn a_run_on_cuda_is_that_of_the_cpu() {
    if device().is_none() {
        return;
    }
    for options in [
        &["--optimizer", "sgd", "--momentum", "0.9", "--clip-norm", "1", "--augment", "standard"][..],
        // Batch norm and dropout.
        &["--preset", "tutorial-plus", "--log-gradients"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let [expected, found] = ["cpu", "cuda"]
            .map(|device| losses(&folder.path().join(device), &[options, &["--device", device]].concat()));
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

/// Paused after its first step, and taken up: the same bytes.
#[test]
fn a_run_that_was_paused_is_the_same() {
    if device().is_none() {
        return;
    }
    for options in [&["--augment", "light", "--batch-size", "16"][..], &["--preset", "tutorial-plus"]] {
        let folder = tempfile::tempdir().unwrap();
        let options = [options, &["--device", "cuda"]].concat();
        let [whole, paused] = ["whole", "paused"].map(|name| folder.path().join(name));
        losses(&whole, &options);
        let (code, errors) = train(&paused, &[&options[..], &["--time-limit", "0s"]].concat());
        assert_ne!(code, Some(0), "{errors}");
        assert!(errors.contains("paused in epoch 1, after step 1"), "{errors}");
        let mut resume = Command::new(env!("CARGO_BIN_EXE_trainer"));
        let output = resume.args(["train", "--resume"]).arg(&paused).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let md5 = |run: &Path| std::fs::read_to_string(run.join("model.safetensors.md5")).unwrap();
        assert_eq!(md5(&paused), md5(&whole), "{options:?}");
    }
}

#[test]
fn losses_are_those_of_keras_and_of_the_cpu() {
    let Some(device) = device() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keras_parity");
    let checks = compare(&folder, Simd::best(), &device).unwrap();
    // Those of the CPU, its losses beside the CPU's, and all losses once more in the other way to train.
    assert_eq!(checks.len(), 15 + 2 + if cfg!(feature = "cudnn") { 3 + 2 } else { 0 });
    for check in checks {
        println!("{}: {:.1e}", check.name, check.difference);
        assert!(check.holds(), "{check:?}");
    }
}
