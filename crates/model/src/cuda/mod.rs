//! CUDA: our kernels and cuDNN's convolutions, on the stream of a candle device; knows nothing of gradients or networks.
//!
//! | module | what it has |
//! | --- | --- |
//! | `head.cu` | what the kernels are written in; NVRTC compiles them, with this before, when the first one is asked for |
//! | `kernels.cu` | the kernels of layers, losses and optimizers |
//! | `pictures.cu` | those of varied pictures |
//! | `step.cu` | what else a step needs that the host has no part in |
//! | [`real`] | what numbers are stored as: f32 or bf16 |
//! | [`pools`], [`launch`] | the kernels of `kernels.cu` as functions |
//! | [`stages`] | which kernels make a batch of pictures (feature `cudnn`, as all below) |
//! | [`pictures`] | a dataset on the device, and its batches |
//! | [`graph`] | work that is captured and launched again |
//! | [`step`] | those of `step.cu` as functions |
//! | [`convolution`] | cuDNN's convolutions, by algorithms that give the same bits each time |
//! | [`dense`] | cuBLAS' products of matrices, the same bits each time |
//!
//! **None of this has run on a GPU yet.** It compiles and links; the arithmetic of the kernels is tested on the CPU
//! (`tests/cuda_kernels`).

#![allow(unsafe_code, reason = "launches are unsafe: nobody checks what a kernel does with its arguments")]

/// Launches a kernel: its device, what numbers are stored as, its name, its threads, then its arguments in their order:
/// slices and views by reference, numbers as variables.
macro_rules! launch {
    ($device:expr, $real:ty, $name:literal, $threads:expr, $($argument:expr),+ $(,)?) => {{
        let threads: usize = $threads;
        if threads > 0 {
            let function = $device.get_or_load_custom_func(
                $name,
                <$real as $crate::cuda::real::Real>::MODULE,
                $crate::cuda::real::ptx::<$real>()?,
            )?;
            let mut arguments = function.builder();
            $(arguments.arg($argument);)+
            // SAFETY: the arguments are of the types and in the order of the kernel in its source, a kernel leaves threads
            // beyond its sizes out, and the slices have the lengths of these sizes: checked by the function around this.
            unsafe { arguments.launch($crate::cuda::blocks(threads)?) }.map_err(candle_core::Error::wrap)?;
        }
    }};
}

#[cfg(feature = "cudnn")]
pub(crate) mod convolution;
#[cfg(feature = "cudnn")]
pub(crate) mod dense;
#[cfg(feature = "cudnn")]
pub(crate) mod graph;
pub(crate) mod launch;
#[cfg(feature = "cudnn")]
pub(crate) mod pictures;
pub(crate) mod pools;
pub(crate) mod real;
#[cfg(feature = "cudnn")]
mod stages;
#[cfg(feature = "cudnn")]
pub(crate) mod step;

use std::cell::RefCell;

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, LaunchConfig};
use candle_core::{CpuStorage, CudaStorage, Device, Error, InplaceOp1, Layout, Result, Var};

/// Threads of a block.
const BLOCK: u32 = 256;

/// Leaves the order of work on a device with a stream of its own to that stream. Else each tensor has two events, which
/// work waits for: that costs time, and a graph that is captured could not wait for events of before.
pub(crate) fn order_by_stream(device: &Device) -> Result<()> {
    let device = device.as_cuda_device()?;
    // SAFETY: all that is asked of this device goes to its one stream, in order.
    unsafe { device.disable_event_tracking() }
    Ok(())
}

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

/// Gives all the values of a variable away to be changed.
pub(crate) fn with_values(
    variable: &Var,
    work: impl FnOnce(&CudaDevice, &mut CudaSlice<f32>) -> Result<()>,
) -> Result<()> {
    variable.inplace_op1(&WithValues(RefCell::new(Some(work))))
}

/// The work as candle's op. The cell is there because candle takes ops by shared reference.
struct WithValues<W>(RefCell<Option<W>>);

impl<W: FnOnce(&CudaDevice, &mut CudaSlice<f32>) -> Result<()>> InplaceOp1 for WithValues<W> {
    fn name(&self) -> &'static str {
        "with-values"
    }

    fn cpu_fwd(&self, _: &mut CpuStorage, _: &Layout) -> Result<()> {
        candle_core::bail!("this is for CUDA")
    }

    fn cuda_fwd(&self, values: &mut CudaStorage, layout: &Layout) -> Result<()> {
        let device = values.device.clone();
        let values = values.as_cuda_slice_mut::<f32>()?;
        if layout.contiguous_offsets() != Some((0, values.len())) {
            candle_core::bail!("expected a variable of its own")
        }
        match self.0.try_borrow_mut().ok().and_then(|mut work| work.take()) {
            Some(work) => work(&device, values),
            None => candle_core::bail!("expected to be called once"),
        }
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

/// An error where something has not as many numbers as it should.
fn check(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    candle_core::bail!("{what} has {found} numbers, expected {expected}")
}
