//! TensorBoard event files: records, messages, values of all dashboards, a writer and a reader; knows nothing of
//! learning.
//!
//! An event file is a row of records ([`RecordWriter`], [`RecordReader`]), each framed by two masked
//! CRC-32C checksums ([`MaskedCrc`]); a record holds one protobuf [`Event`] ([`message`]); most events
//! hold one value of one tag at one [`Step`]. [`Writer`] appends scalars and histograms as Keras' callback does,
//! byte for byte, and [images](Image), [sounds](Audio), texts, [tables](Table), [graphs](Graph),
//! [precision-recall curves](PrCurve), [meshes](Mesh), [hyperparameters](message::hparams) and
//! [layouts](message::custom_scalars) as TensorBoard's own Python does; [`write_projector`] writes
//! [points](Embedding). [`Run`] gives back the series of a folder, [`LogDir`] finds the runs below one.
//!
//! ```
//! use tensorboard::{Run, Writer};
//!
//! let dir = tempfile::tempdir()?;
//! let mut writer = Writer::create(dir.path())?;
//! writer.scalar("epoch_loss", 0, 1.5)?;
//! writer.scalar("epoch_loss", 1, 0.5)?;
//! let left_out = writer.histogram("dense/kernel", 1, &[0.0f32, 0.5, f32::NAN])?;
//! assert_eq!(left_out, 1);
//! writer.close()?;
//!
//! let run = Run::open(dir.path())?;
//! assert_eq!(run.scalars("epoch_loss")?[1].value, 0.5);
//! assert_eq!(run.histograms("dense/kernel")?[0].value.total(), 2.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod error;
mod event;
mod event_file;
mod histogram;
mod input_error;
mod masked_crc;
pub mod message;
mod reader;
mod record;
mod tensor;
mod types;
mod values;
mod writer;

pub use error::{Error, TensorError};
pub use histogram::{Bucket, Float, Histogram};
pub use input_error::InputError;
pub use masked_crc::MaskedCrc;
pub use message::Event;
pub use reader::{
    Data, EventReader, HistogramPoint, Images, LogDir, Point, Run, RunData, Sample, Samples, ScalarPoint,
    Series,
};
pub use record::{MAX_PAYLOAD_BYTES, RecordReader, RecordWriter};
pub use types::{Step, Tag, WallTime};
pub use values::{Audio, Element, Embedding, Graph, Image, Mesh, Node, PrCurve, Table, write_projector};
pub use writer::{EventWriter, Keep, Position, Writer, WriterOptions};

use writer::live_files;

/// The example of the README is compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
