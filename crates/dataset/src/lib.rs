//! Labelled pictures: where they come from, how they are split, varied and handed out in batches.
//! Knows nothing of tensors, networks or training.
//!
//! ```
//! use dataset::{loader::{Batch, Loader}, shapes, split::{Protocol, split}};
//! use streams::Seed;
//!
//! let drawn = shapes::draw(Seed(0), 200, 50)?;
//! let parts = split(&drawn, Protocol::Holdout, Seed(0), None)?;
//! let loader = Loader::evaluation(parts.test.pictures(&drawn), &parts.test.indices, 32)?;
//! let (mut batches, mut batch) = (loader.epoch(0), Batch::default());
//! while batches.next_into(&mut batch) {
//!     assert_eq!(batch.images.len(), batch.labels.len() * 3 * 32 * 32);
//! }
//! # Ok::<(), dataset::Error>(())
//! ```
//!
//! | module | what it has |
//! | --- | --- |
//! | [`pictures`] | [`Pictures`]: bytes (N, C, H, W) and labels |
//! | [`set`] | [`Dataset`]: training and test pictures, their [`Source`] and fingerprint |
//! | [`binary`] | the folder of CIFAR-10's binary files |
//! | [`record`] | what was fetched into that folder, and whether it is still that |
//! | `parquet` | the Hugging Face hub's files (feature `parquet`) |
//! | `folder` | a folder of PNG and JPEG pictures for each class (feature `folder`) |
//! | `encoded` | one PNG or JPEG picture (with either feature) |
//! | [`shapes`] | drawn pictures, for machines without network |
//! | [`split`] | training, validation and test parts |
//! | [`augment`] | random variations of a training picture |
//! | [`loader`] | batches |

pub mod augment;
pub mod binary;
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

pub use error::{Error, Result};
pub use pictures::{Pictures, Shape};
pub use record::FetchRecord;
pub use set::{Dataset, Source};
