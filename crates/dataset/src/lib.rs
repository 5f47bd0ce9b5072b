//! Labelled pictures: where they come from, how they are split, varied and handed out in batches.
//! Knows nothing of tensors, networks or training.
//!
//! ```
//! use dataset::{augment::Augmentation, loader::Loader, shapes, split::{Plan, split}};
//! use streams::Seed;
//!
//! let drawn = shapes::draw(Seed(0), 200, 50)?;
//! let parts = split(&drawn, Plan::default(), Seed(0))?;
//! let augmentation: Augmentation = "flip,shift:4".parse()?;
//! let loader = Loader::training(&drawn, &parts.train, 32, Seed(0), &augmentation)?;
//! let mut batches = loader.epoch(0)?;
//! let mut images = Vec::new();
//! while let Some(batch) = batches.next_batch()? {
//!     batch.images(&mut images);
//!     assert_eq!(images.len(), batch.labels.len() * 3 * 32 * 32);
//! }
//! # Ok::<(), dataset::Error>(())
//! ```
//!
//! | module | what it has |
//! | --- | --- |
//! | [`pictures`] | [`Pictures`]: bytes (N, C, H, W) and labels |
//! | [`set`] | [`Dataset`]: pictures, how their makers divided them, their [`Source`] |
//! | [`digest`] | hashes of pictures, and the fingerprint of all |
//! | [`binary`] | the folder of CIFAR-10's binary files |
//! | [`record`] | what was fetched into that folder, and whether it is still that |
//! | `parquet` | the Hugging Face hub's files (feature `parquet`) |
//! | `folder` | a folder of PNG and JPEG pictures for each class (feature `folder`) |
//! | `encoded` | one PNG or JPEG picture (with either feature) |
//! | `candle` | to and from `candle-datasets` (feature `candle`) |
//! | [`shapes`] | drawn pictures, for machines without network |
//! | [`split`] | training, validation and test parts |
//! | [`augment`] | random variations of a training picture |
//! | [`loader`] | batches, made ready in the background |

pub mod augment;
pub mod binary;
#[cfg(feature = "candle")]
pub mod candle;
mod cores;
pub mod digest;
mod disk;
#[cfg(any(feature = "folder", feature = "parquet"))]
pub mod encoded;
mod error;
#[cfg(feature = "folder")]
pub mod folder;
pub mod loader;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod pictures;
pub mod record;
pub mod set;
pub mod shapes;
pub mod split;

pub use digest::Digest;
pub use error::{Error, Result};
pub use pictures::{Pictures, Shape};
pub use record::FetchRecord;
pub use set::{Dataset, Given, Source};
