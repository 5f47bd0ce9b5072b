//! The kernels as modules for networks written with candle-nn; knows nothing of [`Network`](crate::Network).
//!
//! A module here stands in for candle-nn's of the same name, one line changed: the same constructors from a
//! `VarBuilder`, names and initial values of variables, pictures `(B, C, H, W)`, weights OIHW and `[out, in]`.
//! A file of weights fits both.
//!
//! | candle | here |
//! | --- | --- |
//! | `candle_nn::conv2d`, `conv2d_no_bias`, and `relu` after it | [`fast_conv2d`], [`fast_conv2d_no_bias`], [`FastConv2d::with_relu`] |
//! | `candle_nn::linear`, `linear_no_bias`, and `relu` after it | [`fast_linear`], [`fast_linear_no_bias`], [`FastLinear::with_relu`] |
//! | `Tensor::max_pool2d`, `avg_pool2d` | [`FastMaxPool2d`], [`FastAvgPool2d`]: right gradients |
//! | `candle_nn::batch_norm` | [`fast_batch_norm`] |
//! | `candle_nn::Dropout` | [`FastDropout`]: from named streams, so that a run can be repeated |
//! | `candle_nn::loss::cross_entropy` | [`cross_entropy`]: with label smoothing |
//!
//! On the CPU they run on [`kernels`], in `f32`; on other devices on candle's own ops, but never its `max_pool2d`,
//! whose gradient is wrong. Pictures lie as NHWC inside. What a module gives has the shape `(B, C, H, W)` but is a
//! view of numbers that lie as NHWC: the next module takes them as they are, and only the first of a chain copies.
//! Call `contiguous` on it before an op that insists on row-major numbers.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{AdamW, Conv2dConfig, Module, Optimizer, VarBuilder, VarMap};
//! use model::modules::{self, FastConv2d, FastLinear, FastMaxPool2d, fast_conv2d, fast_linear};
//!
//! struct Small {
//!     conv: FastConv2d,
//!     pool: FastMaxPool2d,
//!     dense: FastLinear,
//! }
//!
//! impl Small {
//!     fn new(vb: VarBuilder) -> candle_core::Result<Self> {
//!         Ok(Self {
//!             conv: fast_conv2d(3, 8, 3, Conv2dConfig::default(), vb.pp("conv"))?.with_relu(),
//!             pool: FastMaxPool2d::new(2),
//!             dense: fast_linear(8 * 15 * 15, 10, vb.pp("dense"))?,
//!         })
//!     }
//! }
//!
//! impl Module for Small {
//!     fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor> {
//!         let x = self.pool.forward(&self.conv.forward(images)?)?;
//!         self.dense.forward(&x.flatten_from(1)?)
//!     }
//! }
//!
//! # fn main() -> candle_core::Result<()> {
//! let variables = VarMap::new();
//! let network = Small::new(VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
//! let mut optimizer = AdamW::new_lr(variables.all_vars(), 1e-3)?;
//! let images = Tensor::rand(0f32, 1f32, (4, 3, 32, 32), &Device::Cpu)?;
//! let labels = Tensor::new(&[3u32, 8, 0, 6], &Device::Cpu)?;
//! let mut losses = Vec::new();
//! for _ in 0..3 {
//!     let loss = modules::cross_entropy(&network.forward(&images)?, &labels, 0.1)?;
//!     optimizer.step(&loss.backward()?)?;
//!     losses.push(loss.to_scalar::<f32>()?);
//! }
//! assert!(losses[2] < losses[0]);
//! # Ok(())
//! # }
//! ```

mod batch_norm;
mod conv2d;
mod dropout;
mod layout;
mod linear;
mod pool;

pub use crate::ops::cross_entropy;
pub use batch_norm::{FastBatchNorm, fast_batch_norm};
pub use conv2d::{FastConv2d, fast_conv2d, fast_conv2d_no_bias};
pub use dropout::FastDropout;
pub use linear::{FastLinear, fast_linear, fast_linear_no_bias};
pub use pool::{FastAvgPool2d, FastMaxPool2d};
