//! A real TensorBoard: installed, started on a folder of runs, its pages known; knows nothing of what it is to show.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`server`] | the process: started, asked, ended whatever happens |
//! | [`pages`] | how its pages are set up, and seen to be drawn |

pub(crate) mod pages;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::venv::Venv;
pub(crate) use server::Server;

/// The version that is installed.
pub(crate) const VERSION: &str = "2.21.0";

/// What is installed: exact versions of the programs that read what we write, and of protobuf, whose new majors
/// break TensorBoard. The right NumPy depends on Python's own version and, as the rest, is chosen by pip.
const PACKAGES: [&str; 5] = [
    "tensorboard==2.21.0",
    "tensorboard-data-server==0.7.2",
    "protobuf==7.36.2",
    "safetensors==0.8.0",
    "numpy>=2,<3",
];

/// How long TensorBoard may take, once it answers, until it has read what there is.
pub(crate) const LOADING: Duration = Duration::from_secs(30);
/// How long to wait before looking again.
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// The two programs in TensorBoard that read event files; they do not agree on all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loader {
    /// The data server, a program in Rust: the default on platforms that it is built for.
    Fast,
    /// The older one, in Python.
    Python,
}

impl Loader {
    /// As it is called in the lines of checks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast loader",
            Self::Python => "Python loader",
        }
    }

    /// Whether this TensorBoard has it.
    ///
    /// # Errors
    /// If Python cannot tell.
    pub(crate) fn is_in(self, venv: &Venv) -> Result<bool> {
        match self {
            Self::Fast => Ok(venv.printed(server::HAS_DATA_SERVER, Path::new("."))?.trim() == "True"),
            Self::Python => Ok(true),
        }
    }
}

/// The folder for what is installed, and for what TensorBoard and browsers write while they run; made if it is not
/// there.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = crate::workspace_root().join("target/interop");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// A Python with TensorBoard, installed once into [`folder`].
///
/// # Errors
/// If there is no Python or an old one, or if TensorBoard cannot be installed.
pub(crate) fn installed() -> Result<Venv> {
    Venv::ready(&folder()?.join("venv"), &PACKAGES)
}

/// Looks until what is looked for is there or the time is over: TensorBoard answers while it still reads.
///
/// # Errors
/// If the server ends, or with the last reason why it is not there.
pub(crate) fn settled<T>(server: &mut Server, look: impl Fn(&Server) -> Result<T>) -> Result<T> {
    let end = Instant::now() + LOADING;
    loop {
        server.check_alive()?;
        match look(server) {
            Err(_) if Instant::now() < end => thread::sleep(BETWEEN_LOOKS),
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_is_expected_is_installed() {
        assert_eq!(PACKAGES[0], format!("tensorboard=={VERSION}"));
    }
}
