//! The programs as a user runs them: words in; exit codes, lines and files out. Knows nothing of their insides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are test code, too")]

mod charts;
mod cifar;
mod disk;
mod finished;
mod pictures;
mod program;
mod resumed;
mod run_files;
mod running;
mod same_bytes;
mod settings;
mod stopped;
mod training;
mod usage;
