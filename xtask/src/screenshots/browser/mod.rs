//! Pictures of one run as a real TensorBoard shows it in a real browser; knows nothing of what they are for.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`contents`] | what there is to see of the run |
//! | [`loaded`] | waits until TensorBoard has read it |
//! | [`addresses`] | the addresses of its pages |
//! | [`camera`] | the pages opened, made ready and taken |

mod addresses;
mod camera;
mod contents;
mod loaded;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::browser::{self, Browser};
use crate::tensorboard::{self, Loader, Server};
use camera::Camera;
use contents::Contents;

/// What became of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The pictures.
    Taken(Pictures),
    /// What is missing on this machine, and what to do about it, on one line.
    Missing(String),
}

/// Pictures and what showed them.
#[derive(Clone, Debug)]
pub(crate) struct Pictures {
    /// Names of files, as `histograms-conv2d-offset.png`, and the bytes of these PNG files.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// The version of TensorBoard.
    pub(crate) tensorboard: String,
    /// The name and version of the browser.
    pub(crate) browser: String,
}

/// Takes all pictures of the run in a folder: `accuracy.png`, `loss.png`, `graph.png`, and of each layer
/// `histograms-<layer>-offset.png`, `histograms-<layer>-overlay.png` and `distributions-<layer>.png`.
///
/// # Errors
/// If the run's event files cannot be read, or if TensorBoard or the browser are there but do not do what they should.
pub(crate) fn take(run: &Path) -> Result<Outcome> {
    let contents = Contents::read(run)?;
    let folder = tensorboard::folder()?;
    let Some(mut browser) = Browser::start(&folder)? else {
        return Ok(Outcome::Missing(browser::ADVICE.to_owned()));
    };
    let venv = match tensorboard::installed() {
        Ok(venv) => venv,
        Err(error) => return Ok(Outcome::Missing(format!("{error:#}").replace(['\r', '\n'], " "))),
    };
    let loader = if Loader::Fast.is_in(&venv)? { Loader::Fast } else { Loader::Python };
    tracing::info!("starting TensorBoard on {}", run.display());
    let mut server = Server::start(&venv, loader, run, &folder)?;
    let loaded = loaded::wait(&mut server, &contents)?;

    let mut camera = Camera::new(&mut browser, server.address());
    let mut files = camera.curves(&contents.curves)?;
    files.extend(camera.layers(&contents.layers, &loaded)?);
    if contents.graph {
        files.push(camera.graph()?);
    }
    Ok(Outcome::Taken(Pictures { files, tensorboard: version(&server)?, browser: browser.version()? }))
}

/// What TensorBoard says to be.
fn version(server: &Server) -> Result<String> {
    #[derive(Deserialize)]
    struct Environment {
        version: String,
    }
    let path = "/data/environment";
    let environment: Environment = serde_json::from_str(&server.get(path, &[])?).context(path)?;
    Ok(environment.version)
}
