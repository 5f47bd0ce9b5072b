//! Reads event files: events, the series of a run, the runs of a folder; knows nothing of how they are drawn.

mod borrowed;
mod data;
mod events;
mod log_dir;
mod run;
mod samples;

pub use self::data::{Data, Images};
pub use self::events::EventReader;
pub use self::log_dir::LogDir;
pub use self::run::{HistogramPoint, Point, Run, RunData, ScalarPoint, Series};
pub use self::samples::{Sample, Samples};

/// What is done about what is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDamage {
    /// It is an error.
    Fail,
    /// It is left out.
    Skip,
}
