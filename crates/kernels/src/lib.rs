//! CPU arithmetic for training convolutional networks, on slices; knows nothing of tensors, graphs or files.
//!
//! Layouts are those of Keras: pictures are NHWC `(B, H, W, C)`, convolution weights HWIO
//! `(KH, KW, IC, OC)`, dense weights `(IN, OUT)`; all row-major `f32`.
//!
//! # The same bytes everywhere
//! A result depends on the numbers and the shapes that go in, not on the number of threads or the
//! instruction set:
//! - every element of a product is one chain of fused multiply-adds in an order fixed by shapes alone; sums of
//!   pooling and of batch normalisation have such an order too, the latter in `f64`;
//! - gradients of weights are summed over blocks of [`parallel::BLOCK`] pictures, and the blocks' sums are
//!   added in order, however many threads there are;
//! - instruction sets differ in how many of 16 virtual lanes they hold in a register, not in arithmetic:
//!   multiply-add is fused on all of them; steps of optimizers round each operation by itself, as Keras does;
//! - `exp` and `ln` come from `libm`, which is the same code on every machine;
//! - random numbers come from streams that the caller names, one a sample.

// Indices that run over registers of a tile: the loops are unrolled, and an iterator would hide that.
#![allow(clippy::needless_range_loop)]

pub mod activation;
mod aligned;
pub mod batch_norm;
pub mod conv;
pub mod curve;
pub mod dense;
pub mod dropout;
mod error;
pub mod loss;
pub mod optimizer;
mod panels;
pub mod parallel;
pub mod peak;
pub mod plan;
pub mod pool;
mod product;
pub mod simd;

pub use error::ShapeError;
pub use simd::Simd;
