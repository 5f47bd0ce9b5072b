//! The layers' arithmetic on candle tensors, with gradients.
//!
//! On the CPU each function is a candle custom op over [`kernels`], on CUDA over kernels and cuDNN
//! (`on_cuda`); on other devices it is made of candle's own ops ([`composed`]).

mod activation;
mod batch_norm;
mod composed;
mod conv2d;
mod cross_entropy;
mod dense;
mod dropout;
mod layer;
#[cfg(feature = "cuda")]
mod on_cuda;
mod pool;

pub use activation::activate;
pub use batch_norm::{Normalised, batch_norm, batch_norm_inference};
pub use conv2d::conv2d;
pub use cross_entropy::cross_entropy;
pub use dense::dense;
pub use dropout::dropout;
pub use pool::{avg_pool2d, max_pool2d};

use candle_core::{CpuStorage, Error, Layout, Result, Storage, Tensor};

/// Whether there are kernels of ours for the device of a tensor; else layers are made of candle's own ops.
fn has_kernels(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() || (cfg!(feature = "cuda") && tensor.device().is_cuda())
}

/// The values of a contiguous `f32` argument.
pub(crate) fn f32s<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((from, to))) => Ok(&values[from..to]),
        _ => candle_core::bail!("expected a contiguous f32 tensor on the CPU"),
    }
}

/// The values of a contiguous `u32` argument.
pub(crate) fn u32s<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [u32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::U32(values), Some((from, to))) => Ok(&values[from..to]),
        _ => candle_core::bail!("expected a contiguous u32 tensor on the CPU"),
    }
}

/// Runs `work` on the values of contiguous `f32` tensors.
pub(crate) fn with_values<const N: usize, T>(
    tensors: [&Tensor; N],
    work: impl FnOnce([&[f32]; N]) -> Result<T>,
) -> Result<T> {
    let guards = tensors.map(Tensor::storage_and_layout);
    let mut values: [&[f32]; N] = [&[]; N];
    for (value, (storage, layout)) in values.iter_mut().zip(&guards) {
        *value = match &**storage {
            Storage::Cpu(storage) => f32s(storage, layout)?,
            _ => candle_core::bail!("expected a tensor on the CPU"),
        };
    }
    work(values)
}

/// What a kernel gives.
type KernelResult<T> = std::result::Result<T, kernels::ShapeError>;

/// A kernel's complaint as candle's error.
pub(crate) fn wrap(error: kernels::ShapeError) -> Error {
    Error::wrap(error)
}
