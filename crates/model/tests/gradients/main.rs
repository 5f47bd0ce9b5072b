//! Results and gradients of the modules and of the tutorial's whole network, against `f64` loops.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod devices;
mod modules;
mod naive;
mod whole_network;

/// The CPU and, built with CUDA on a machine that has it, the first CUDA device. With `TESTS_NEED_CUDA` it must be there.
fn devices() -> Vec<candle_core::Device> {
    let cuda = candle_core::Device::new_cuda(0);
    assert!(cuda.is_ok() || std::env::var_os("TESTS_NEED_CUDA").is_none(), "no CUDA device: {cuda:?}");
    [candle_core::Device::Cpu].into_iter().chain(cuda.ok()).collect()
}

/// Numbers in [-1, 1), the same for the same salt.
fn numbers(len: usize, salt: u64) -> Vec<f32> {
    let mut stream = streams::Seed(salt).stream(streams::Purpose::new("test"), 0, 0);
    (0..len).map(|_| stream.uniform_f32(-1.0, 1.0)).collect()
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// The largest difference in parts of the largest exact number.
fn error(found: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(found.len(), exact.len());
    let largest = exact.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    assert!(largest > 0.0, "nothing to compare with");
    // Not `max`, which would lose a NaN.
    let differences = found.iter().zip(exact).map(|(a, b)| (f64::from(*a) - b).abs());
    differences.fold(0.0, |worst, d| if d <= worst { worst } else { d }) / largest
}
