//! What dashboards show besides curves, histograms and texts, as small types that are right once they are made,
//! and the events of each; knows nothing of files but for the projector, which has no events.

mod audio;
mod custom_scalars;
mod graph;
mod hparams;
mod image;
mod mesh;
mod pr_curve;
mod projector;
mod table;

pub use audio::Audio;
pub use graph::{Graph, Node};
pub use image::{Element, Image};
pub use mesh::Mesh;
pub use pr_curve::PrCurve;
pub use projector::{Embedding, write_projector};
pub use table::Table;
