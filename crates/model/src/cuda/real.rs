//! What pictures, weights and gradients are stored as on a CUDA device, and the kernels compiled for each.

use std::sync::OnceLock;

use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, ValidAsZeroBits};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::{Error, Result};

/// The kernels' source: the first file has what all others begin with.
const SOURCE: &str = concat!(
    include_str!("head.cu"),
    include_str!("kernels.cu"),
    include_str!("pictures.cu"),
    include_str!("step.cu")
);

/// A type of stored numbers; computed is with f32.
pub(crate) trait Real: DeviceRepr + ValidAsZeroBits + Copy + Send + Sync + 'static {
    /// What candle keeps the compiled kernels under.
    const MODULE: &'static str;
    /// Options of the compiler.
    const OPTIONS: &'static [&'static str];

    /// The kernels in PTX, compiled once.
    fn compiled() -> &'static OnceLock<std::result::Result<String, String>>;
}

impl Real for f32 {
    const MODULE: &'static str = "model-kernels-f32";
    const OPTIONS: &'static [&'static str] = &[];

    fn compiled() -> &'static OnceLock<std::result::Result<String, String>> {
        static PTX: OnceLock<std::result::Result<String, String>> = OnceLock::new();
        &PTX
    }
}

impl Real for half::bf16 {
    const MODULE: &'static str = "model-kernels-bf16";
    const OPTIONS: &'static [&'static str] = &["-DBF16"];

    fn compiled() -> &'static OnceLock<std::result::Result<String, String>> {
        static PTX: OnceLock<std::result::Result<String, String>> = OnceLock::new();
        &PTX
    }
}

/// The kernels in PTX.
pub(super) fn ptx<R: Real>() -> Result<&'static str> {
    let compiled = R::compiled().get_or_init(|| {
        let options = R::OPTIONS.iter().map(|&option| option.to_owned()).collect();
        // A multiply-add would be rounded once, on the CPU it is twice.
        let options = CompileOptions { options, fmad: Some(false), ..Default::default() };
        match compile_ptx_with_opts(SOURCE, options) {
            Ok(ptx) => Ok(ptx.to_src()),
            Err(error) => Err(error.to_string().replace(['\r', '\n'], " ")),
        }
    });
    match compiled {
        Ok(ptx) => Ok(ptx),
        Err(why) => Err(Error::Msg(format!("NVRTC cannot compile the CUDA kernels: {why}"))),
    }
}
