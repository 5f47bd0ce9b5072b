//! CUDA: our kernels and cuDNN's convolutions, on the stream of a candle device; knows nothing of gradients or networks.
//!
//! | module | what it has |
//! | --- | --- |
//! | `head.cu` | what the kernels are written in; NVRTC compiles them, with this before, when the first one is asked for |
//! | `kernels.cu` | the kernels of layers, losses and optimizers |
//! | [`launch`] | these as functions |
//! | `pictures.cu` | the kernels of varied pictures |
//! | [`stages`] | which of these make a batch |
//! | [`pictures`] | a dataset on the device, and its batches |
//! | [`convolution`] | cuDNN's convolutions, by algorithms that give the same bits each time (feature `cudnn`) |
//!
//! **None of this has run on a GPU yet.** It compiles and links; the arithmetic of the kernels is tested on the CPU
//! (`tests/cuda_kernels`).

#![allow(unsafe_code, reason = "launches are unsafe: nobody checks what a kernel does with its arguments")]

#[cfg(feature = "cudnn")]
pub(crate) mod convolution;
pub(crate) mod launch;
pub(crate) mod pictures;
mod stages;

use std::sync::OnceLock;

use candle_core::cuda_backend::cudarc::driver::{CudaView, LaunchConfig};
use candle_core::cuda_backend::cudarc::nvrtc::compile_ptx;
use candle_core::{CudaStorage, Error, Layout, Result};

/// The kernels' source.
const SOURCE: &str =
    concat!(include_str!("head.cu"), include_str!("kernels.cu"), include_str!("pictures.cu"));
/// What candle keeps the compiled kernels under.
const MODULE: &str = "model-kernels";
/// Threads of a block.
const BLOCK: u32 = 256;

/// The values of a contiguous `f32` argument.
pub(crate) fn f32s<'a>(storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, f32>> {
    let Some((from, to)) = layout.contiguous_offsets() else {
        candle_core::bail!("expected a contiguous tensor")
    };
    Ok(storage.as_cuda_slice::<f32>()?.slice(from..to))
}

/// The values of a contiguous `u32` argument.
pub(crate) fn u32s<'a>(storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, u32>> {
    let Some((from, to)) = layout.contiguous_offsets() else {
        candle_core::bail!("expected a contiguous tensor")
    };
    Ok(storage.as_cuda_slice::<u32>()?.slice(from..to))
}

/// The kernels in PTX, compiled once.
fn ptx() -> Result<&'static str> {
    static PTX: OnceLock<std::result::Result<String, String>> = OnceLock::new();
    let compiled = PTX.get_or_init(|| match compile_ptx(SOURCE) {
        Ok(ptx) => Ok(ptx.to_src()),
        Err(error) => Err(error.to_string().replace(['\r', '\n'], " ")),
    });
    match compiled {
        Ok(ptx) => Ok(ptx),
        Err(why) => Err(Error::Msg(format!("NVRTC cannot compile the CUDA kernels: {why}"))),
    }
}

/// Blocks for so many threads, at least one.
fn blocks(threads: usize) -> Result<LaunchConfig> {
    let blocks = u32::try_from(threads.div_ceil(BLOCK as usize))
        .map_err(|_| Error::Msg(format!("{threads} threads are more than a CUDA device can count")))?;
    Ok(LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 })
}

/// A size as kernels take it.
fn size(size: usize) -> Result<u32> {
    u32::try_from(size).map_err(|_| Error::Msg(format!("a size of {size} is more than 32 bits hold")))
}
