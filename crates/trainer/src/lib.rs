//! Training runs: the loop over epochs, its logs and its files; prints nothing itself.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`config`] | everything that decides a result, and `config.toml` |
//! | [`data`] | the dataset a configuration names, and its three parts |
//! | [`overview`] | what is in a dataset |
//! | [`variations`] | what augmentation makes of some pictures |
//! | [`run`] | a whole run: train, test, save |
//! | [`fit`] | the loop over epochs and batches |
//! | [`callback`] | what listens to the loop: [`history`], [`event_log`], [`checkpoint`], a progress bar |
//! | [`run_folder`] | the files of a run, each whole or absent |
//! | [`parity`] | a check against a trace that Keras computed |

pub mod callback;
pub mod checkpoint;
pub mod config;
pub mod data;
mod dataset_name;
mod error;
pub mod event_log;
pub mod fit;
pub mod history;
mod op_graph;
pub mod overview;
pub mod parity;
pub mod run;
pub mod run_folder;
pub mod variations;

pub use config::Config;
pub use error::{Error, Result};
