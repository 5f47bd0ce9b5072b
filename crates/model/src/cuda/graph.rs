//! Work on a device's stream, captured and launched again; knows nothing of what the work is.

use std::sync::Arc;

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::sys::{
    CUDA_GRAPH_INSTANTIATE_PARAMS, CUgraph, CUgraphExec, CUresult, CUstreamCaptureMode as Mode,
    cuGraphInstantiateWithParams,
};
use candle_core::cuda_backend::cudarc::driver::{CudaStream, DriverError, result};
use candle_core::{Error, Result};

/// Captured work.
///
/// Not `cudarc`'s own type: that one asks for a function by a name that headers of CUDA 13 have as a macro only, so that
/// stand-ins for the driver, which are made from these headers to link without a GPU, lack it.
pub(crate) struct Graph {
    graph: CUgraph,
    ready: CUgraphExec,
    stream: Arc<CudaStream>,
}

// SAFETY: handles of the driver may be used from any thread, one at a time, which `&mut` sees to.
unsafe impl Send for Graph {}

impl Graph {
    /// Captures what `work` asks the device's stream for, without doing it; `None` where the device does not capture it.
    pub(crate) fn capture(device: &CudaDevice, work: impl FnOnce() -> Result<()>) -> Option<Self> {
        let stream = device.cuda_stream();
        stream.context().bind_to_thread().ok()?;
        // SAFETY: the stream is one.
        unsafe {
            result::stream::begin_capture(stream.cu_stream(), Mode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
        }
        .ok()?;
        let asked = work();
        // SAFETY: the stream is one. A capture that failed in between ends, too, and gives no graph.
        let graph = unsafe { result::stream::end_capture(stream.cu_stream()) }.ok()?;
        if graph.is_null() {
            return None;
        }
        let mut captured = Self { graph, ready: std::ptr::null_mut(), stream };
        if asked.is_err() {
            return None;
        }
        // SAFETY: all its fields may be zero: no flags, nothing to upload.
        let mut how: CUDA_GRAPH_INSTANTIATE_PARAMS = unsafe { std::mem::zeroed() };
        // SAFETY: the graph is one, and the driver writes to what it is given.
        let made = unsafe { cuGraphInstantiateWithParams(&raw mut captured.ready, graph, &raw mut how) };
        (made == CUresult::CUDA_SUCCESS).then_some(captured)
    }

    /// Asks for the work once more.
    pub(crate) fn launch(&mut self) -> Result<()> {
        self.stream.context().bind_to_thread().map_err(Error::wrap)?;
        // SAFETY: both are there as long as this is.
        unsafe { result::graph::launch(self.ready, self.stream.cu_stream()) }.map_err(Error::wrap)
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let context = self.stream.context();
        let destroyed = |done: std::result::Result<(), DriverError>| context.record_err(done);
        if !self.ready.is_null() {
            // SAFETY: nobody else has it.
            destroyed(unsafe { result::graph::exec_destroy(self.ready) });
        }
        // SAFETY: nobody else has it.
        destroyed(unsafe { result::graph::destroy(self.graph) });
    }
}
