//! A real browser without a window, driven over the DevTools protocol; knows nothing of the pages it shows.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`find`] | where a browser is installed |
//! | [`process`] | the process and its profile, gone whatever happens |
//! | [`connection`] | calls and events over a WebSocket |
//! | [`page`] | one page: opened, asked, drawn into a PNG file |

mod connection;
mod find;
mod page;
mod process;

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use connection::Connection;
use process::Process;

pub(crate) use page::{Page, Rectangle, Theme};

/// What to do where [`Browser::start`] finds none.
pub(crate) const ADVICE: &str = "no Chromium or Chrome was found: install one (Debian: apt install chromium; Fedora: \
                                 dnf install chromium; macOS: brew install --cask chromium) or name it in CHROME";

/// A running browser with an empty profile; both are gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    // Dropped in this order: the process is given time to end by itself while the connection is open.
    process: Process,
    connection: Connection,
}

impl Browser {
    /// Starts the browser that is installed, with its profile and log in a new folder under `parent`; `None`
    /// where there is none.
    ///
    /// # Errors
    /// If it does not start, or if `CHROME` names one that is not there.
    pub(crate) fn start(parent: &Path) -> Result<Option<Self>> {
        let Some(program) = find::browser()? else { return Ok(None) };
        let process = Process::start(&program, parent)
            .with_context(|| format!("starting the browser {}", program.display()))?;
        let connection = Connection::open(process.endpoint())?;
        Ok(Some(Self { process, connection }))
    }

    /// A new empty page of this many CSS pixels, each one pixel of a screenshot.
    ///
    /// # Errors
    /// If the browser does not make one.
    pub(crate) fn page(&mut self, width: u32, height: u32) -> Result<Page> {
        let made = self.connection.call("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let target = made["targetId"].as_str().context("the browser names no new page")?;
        let endpoint = self.process.endpoint().page(target);
        Page::open_at(&endpoint, width, height)
    }

    /// Its name and version, as "HeadlessChrome/148.0.7778.96".
    ///
    /// # Errors
    /// If the browser does not answer.
    pub(crate) fn version(&mut self) -> Result<String> {
        let version = self.connection.call("Browser.getVersion", &json!({}))?;
        Ok(version["product"].as_str().context("the browser names no version")?.to_owned())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked first, it ends its helpers in order; whatever is left is killed with the process.
        self.connection.end("Browser.close");
    }
}
