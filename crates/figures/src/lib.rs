//! Pictures of training: curves and histograms, drawn from event files, sheets of the pictures themselves,
//! and a page with all there is to tell of a run.
//!
//! Every picture goes one way: numbers, an SVG string built here, pixels by resvg. No font, colour profile or
//! locale of the machine takes part, so the same event files give the same bytes everywhere. This crate reads
//! event files and knows nothing of models, datasets or how a run was trained; what a picture must say about
//! those is the caller's subtitle.

mod axes;
mod canvas;
mod compare;
mod confusion;
mod curve;
mod curves;
mod distributions;
mod epochs;
mod error;
mod figure;
mod fonts;
mod layers;
mod learning_rate;
mod marker;
mod metric;
mod numbers;
mod overlay;
mod overview;
mod palette;
mod percentiles;
mod plot;
mod rebin;
mod reliability;
pub mod report;
mod ridgeline;
mod run;
mod sheet;
mod theme;
mod ticks;
mod variable;

pub use compare::compare;
pub use confusion::{Confusion, confusion_matrix};
pub use curve::Curve;
pub use curves::curves;
pub use error::Error;
pub use figure::Figure;
pub use layers::{LayerView, layer_and_variable, layer_pictures};
pub use learning_rate::learning_rate_curve;
pub use metric::Metric;
pub use reliability::{Calibration, ConfidenceBin, reliability};
pub use report::{Report, report};
pub use run::{RunCaption, draw_run, file_name};
pub use sheet::{SheetRow, Thumbnail, sheet};
pub use theme::Theme;
