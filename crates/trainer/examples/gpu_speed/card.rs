//! What a device can do at most: products of large matrices, and copies; knows nothing of networks.

use std::time::Instant;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use model::Precision;

/// Rows and columns of the matrices on a GPU: a product takes some milliseconds.
const MATRIX: usize = 8192;
const MATRIX_ON_CPU: usize = 512;
/// Bytes that are copied: much more than a GPU's caches hold.
const COPIED: usize = 1 << 30;
const COPIED_ON_CPU: usize = 1 << 28;
/// How often a rate is measured; the best counts, for others were disturbed.
const REPEATS: usize = 5;
/// Products or copies in a repeat.
const IN_A_REPEAT: usize = 5;

/// What the maker calls the device.
///
/// # Errors
/// If it does not say.
pub(crate) fn name(device: &Device) -> Result<String> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => device.cuda_stream().context().name().context("asking for the device's name"),
        Device::Cpu => Ok("cpu".to_owned()),
        _ => anyhow::bail!("expected --device cuda or cpu"),
    }
}

/// 10^12 multiplications and additions a second in a product of large matrices in this precision.
///
/// # Errors
/// If the device fails.
pub(crate) fn matrix_tflops(device: &Device, precision: Precision) -> Result<f64> {
    let size = if device.is_cpu() { MATRIX_ON_CPU } else { MATRIX };
    let dtype = if precision == Precision::Bf16 { DType::BF16 } else { DType::F32 };
    let random = || Tensor::rand(-1f32, 1f32, (size, size), device)?.to_dtype(dtype);
    let (a, b) = (random()?, random()?);
    let seconds = least_seconds(device, || {
        a.matmul(&b)?;
        Ok(())
    })?;
    Ok(2.0 * (size as f64).powi(3) / seconds / 1e12)
}

/// 10^9 bytes a second read and written (each byte copied is two) in copies from the device to itself.
///
/// # Errors
/// If the device fails.
pub(crate) fn copy_gbs(device: &Device) -> Result<f64> {
    let len = if device.is_cpu() { COPIED_ON_CPU } else { COPIED };
    let seconds = match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => {
            let (from, mut to) = (cuda.alloc_zeros::<u8>(len)?, cuda.alloc_zeros::<u8>(len)?);
            least_seconds(device, || Ok(cuda.memcpy_dtod(&from, &mut to)?))?
        }
        _ => {
            let (from, mut to) = (vec![1u8; len], vec![0u8; len]);
            let copy = || {
                to.copy_from_slice(std::hint::black_box(&from));
                Ok(())
            };
            least_seconds(device, copy)?
        }
    };
    Ok(2.0 * len as f64 / seconds / 1e9)
}

/// The least time that some work takes, after it was done once.
fn least_seconds(device: &Device, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut seconds = |count: usize| -> Result<f64> {
        device.synchronize()?;
        let began = Instant::now();
        for _ in 0..count {
            work()?;
        }
        device.synchronize()?;
        Ok(began.elapsed().as_secs_f64() / count as f64)
    };
    seconds(1)?;
    let repeats: Result<Vec<f64>> = (0..REPEATS).map(|_| seconds(IN_A_REPEAT)).collect();
    repeats?.into_iter().reduce(f64::min).context("nothing was measured")
}
