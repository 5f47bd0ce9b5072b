//! Training runs: the loop over epochs, its logs and its files; prints nothing itself.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`config`] | everything that decides a result |
//! | [`record`] | `config.toml`: the configuration, the pictures, how it was started |
//! | [`data`] | the dataset a configuration names, and its three parts |
//! | [`overview`] | what is in a dataset |
//! | [`variations`] | what augmentation makes of some pictures |
//! | [`run`] | a whole run: train, test, save; or go on where it was stopped |
//! | [`training`] | the loop over epochs and batches |
//! | `on_device` | steps that a device makes by itself |
//! | [`policy`] | decisions about training, as pure functions: save, keep, stop |
//! | [`schedule`], [`early_stopping`] | learning rates, and which epoch is best |
//! | [`state`], [`checkpoint`] | where training is, and the files it goes on from |
//! | [`callback`] | what listens to the loop: [`history`], [`event_log`], a progress bar |
//! | [`evaluate`] | a network's answers to pictures |
//! | [`predict`] | what a network sees in picture files |
//! | [`scores`], [`diagnosis`] | what answers and curves say |
//! | [`find_lr`], [`lr_search`] | a learning rate to begin with: what losses say, and how they come about |
//! | [`report`] | a run as one HTML page |
//! | [`saved_run`], [`run_folder`] | a run's files, each whole or absent |
//! | [`parity`] | a check against a trace that Keras computed |

pub mod callback;
pub mod checkpoint;
pub mod config;
pub mod data;
pub mod diagnosis;
pub mod early_stopping;
mod error;
pub mod evaluate;
pub mod event_log;
pub mod find_lr;
pub mod history;
pub mod lr_search;
mod on_device;
mod op_graph;
pub mod overview;
pub mod parity;
pub mod policy;
pub mod predict;
pub mod record;
pub mod report;
pub mod run;
pub mod run_folder;
pub mod saved_run;
pub mod schedule;
pub mod scores;
pub mod state;
mod toml_file;
pub mod training;
pub mod variations;

pub use config::Config;
pub use error::{Error, Result};
