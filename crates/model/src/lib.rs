//! Convolutional networks on candle; knows nothing of datasets, logs or run folders.
//!
//! Inside, pictures are NHWC and weights lie as Keras has them (convolutions HWIO, dense layers
//! `(IN, OUT)`), which is what [`kernels`] reads. At the border they are what candle and PyTorch users
//! expect: pictures come in as `(B, 3, 32, 32)`, model files hold OIHW and `[out, in]`.
//!
//! On the CPU every layer is a candle custom op over [`kernels`], and the loss of a whole network, where its layers
//! allow it, is one. With the features `cuda` and `cudnn` the layers have kernels there, too, and [`resident`] trains
//! without the host (never run on a GPU so far); on other devices they are made of candle's own ops, but never of its `max_pool2d`, whose gradient is wrong.
//!
//! There are three ways to use it: a [`Network`] from an [`Architecture`], for training as Keras does; the
//! [`modules`], which stand in for candle-nn's in networks written by hand; and the ops under both
//! ([`conv2d`], [`dense`], ...), in the kernels' own layouts.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use kernels::Simd;
//! use model::{Architecture, Network, Training};
//! use streams::Seed;
//!
//! # fn main() -> Result<(), model::Error> {
//! let network = Network::new(&Architecture::tutorial(), Seed(0), &Device::Cpu, Simd::best())?;
//! assert_eq!(network.parameter_count(), 122_570);
//! let images = Tensor::zeros((2, 3, 32, 32), DType::F32, &Device::Cpu)?;
//! let labels = Tensor::new(&[3u32, 8], &Device::Cpu)?;
//! let gradients = network.loss(&images, &labels, &Training::default())?.mean.backward()?;
//! assert!(gradients.get(network.weights()).is_some());
//! # Ok(())
//! # }
//! ```

mod architecture;
#[cfg(feature = "cuda")]
mod cuda;
mod device;
mod error;
mod fused;
mod init;
mod keras;
pub mod modules;
mod network;
mod onnx;
mod ops;
pub mod optimizer;
mod precision;
pub mod resident;
mod step_cost;
mod summary;
mod weights;

pub use architecture::{Activation, Architecture, Layer, NamedLayer, Padding, ParameterKind};
pub use device::cuda_device;
pub use error::Error;
pub use keras::keras_json;
pub use network::{Loss, Network, Parameter, Training, score_logits};
pub use onnx::onnx;
pub use ops::{
    Normalised, activate, avg_pool2d, batch_norm, batch_norm_inference, conv2d, cross_entropy, dense,
    dropout, max_pool2d,
};
pub use precision::Precision;
pub use step_cost::StepCost;
pub use summary::Summary;

/// The code of the page is compiled with the examples of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/other-programs.md")]
pub struct OtherPrograms;
