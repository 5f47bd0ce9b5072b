//! Opens CUDA devices for programs with more than one thread; knows nothing of what they compute.

use candle_core::{Device, Result};

/// The CUDA device of a number, from 0, with one stream for all threads: what one has asked for is done before what the
/// next one asks for.
///
/// `Device::new_cuda` of candle has a stream for each thread, and these do not wait for each other: where one thread makes a
/// network and another trains it, the second may read weights before they are there.
///
/// Nothing but the order is kept: while a [`Resident`](crate::resident::Resident) makes steps, which may be captured, no other
/// thread may use the device, and a thread that drops its tensors must have used it before.
///
/// # Errors
/// If this build or this machine has no such device.
pub fn cuda_device(number: usize) -> Result<Device> {
    let device = Device::new_cuda_with_stream(number)?;
    #[cfg(feature = "cuda")]
    crate::cuda::order_by_stream(&device)?;
    Ok(device)
}
