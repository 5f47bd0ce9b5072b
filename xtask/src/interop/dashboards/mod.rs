//! Has a real browser draw every dashboard of a real TensorBoard, and keeps its pictures.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`tour`] | runs with something for every dashboard |
//! | [`tabs`] | the tabs: how each is opened, and seen to be drawn |

mod tabs;
mod tour;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::browser::{self, Browser, Rectangle};
use crate::check::Check;
use crate::tensorboard::pages::{DRAWN, SETTINGS};
use crate::tensorboard::{Loader, Server};
use crate::venv::Venv;
use tabs::{TABS, Tab, WIDTH};
use tour::Tour;

/// How long TensorBoard may take, once it answers, until it has read what there is.
const LOADING: Duration = Duration::from_secs(60);
/// How long a page may take to draw.
const DRAWING: Duration = Duration::from_secs(40);
/// Transitions of a tenth to half a second follow each other after the last answer.
const SETTLING: Duration = Duration::from_secs(1);
/// So many runs at most are chosen when a user opens a dashboard: `maxNamesToEnableByDefault` in TensorBoard.
const CHOSEN: usize = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// The runs that are drawn, and where pictures of them are put.
#[derive(Debug)]
pub(super) struct Dashboards {
    tour: Tour,
    screenshots: PathBuf,
}

impl Dashboards {
    /// Writes the runs in a new folder under `folder`, and makes room for new pictures in its `screenshots`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn write(folder: &Path) -> Result<Self> {
        let screenshots = folder.join("screenshots");
        if screenshots.exists() {
            fs::remove_dir_all(&screenshots)
                .with_context(|| format!("removing {}", screenshots.display()))?;
        }
        Ok(Self { tour: Tour::write(folder)?, screenshots })
    }

    /// Opens each tab of a TensorBoard with this loader. What is not of the runs goes to `temp`.
    pub(super) fn checks(&self, loader: Loader, venv: &Venv, temp: &Path) -> Vec<Check> {
        let subject = format!("dashboards ({})", loader.name());
        let browser = match Browser::start(temp) {
            Ok(Some(browser)) => browser,
            Ok(None) => return vec![Check::skipped(subject, browser::ADVICE)],
            Err(error) => {
                return vec![Check::new(format!("{subject}: a browser"), Err(format!("{error:#}")))];
            }
        };
        tracing::info!("opening {} tabs of tensorboard ({})", TABS.len(), loader.name());
        self.draw(loader, venv, temp, browser, &subject).unwrap_or_else(|error| {
            vec![Check::new(format!("{subject}: TensorBoard reads the runs"), Err(format!("{error:#}")))]
        })
    }

    fn draw(
        &self,
        loader: Loader,
        venv: &Venv,
        temp: &Path,
        mut browser: Browser,
        subject: &str,
    ) -> Result<Vec<Check>> {
        let mut server = Server::start(venv, loader, &self.tour.logdir(), temp)?;
        let active = self.wait_until_read(&mut server)?;
        let screenshots = match loader {
            Loader::Fast => self.screenshots.clone(),
            Loader::Python => self.screenshots.join("python-loader"),
        };
        fs::create_dir_all(&screenshots).with_context(|| format!("creating {}", screenshots.display()))?;
        let check = |tab: &Tab| {
            let drawn = match active.get(tab.plugin) {
                Some(Plugin { enabled: true }) => runs_of(tab, &server).and_then(|runs| {
                    draw(&mut browser, tab, &tab.address(server.address(), &runs), &screenshots)
                }),
                _ => Err(anyhow!("TensorBoard finds nothing for it in the runs")),
            };
            let name = format!("{subject}: {} drawn, no error on the console", tab.name);
            Check::new(name, drawn.map_err(|error| format!("{error:#}")))
        };
        let mut checks =
            vec![Check::new(format!("{subject}: all runs are chosen at first"), self.are_chosen())];
        checks.extend(TABS.iter().map(check));
        Ok(checks)
    }

    /// With more, most dashboards are empty until the user chooses some.
    fn are_chosen(&self) -> Result<(), String> {
        let runs = self.tour.runs().map_err(|error| format!("{error:#}"))?.len();
        if runs <= CHOSEN { Ok(()) } else { Err(format!("expected at most {CHOSEN} runs, found {runs}")) }
    }

    /// Waits until all runs are there and every tab has something; what it says at the end of the time otherwise.
    fn wait_until_read(&self, server: &mut Server) -> Result<BTreeMap<String, Plugin>> {
        let runs = self.tour.runs()?;
        let end = Instant::now() + LOADING;
        let mut before = String::new();
        loop {
            server.check_alive()?;
            let found: BTreeSet<String> =
                serde_json::from_str(&server.get("/data/runs", &[])?).context("/data/runs")?;
            let text = server.get("/data/plugins_listing", &[])?;
            let plugins: BTreeMap<String, Plugin> =
                serde_json::from_str(&text).context("/data/plugins_listing")?;
            let all = TABS.iter().all(|tab| plugins.get(tab.plugin).is_some_and(|plugin| plugin.enabled));
            // Runs appear with their first tags: nothing more may come between two looks.
            let now = server.get("/data/plugin/scalars/tags", &[])?
                + &server.get("/data/plugin/histograms/tags", &[])?;
            if all && found == runs && now == before {
                return Ok(plugins);
            }
            if Instant::now() > end {
                if found.len() < runs.len() {
                    bail!("expected runs {runs:?}, found {found:?} after {} s", LOADING.as_secs());
                }
                return Ok(plugins);
            }
            before = now;
            thread::sleep(BETWEEN_LOOKS);
        }
    }
}

/// The runs to be chosen for a tab.
fn runs_of(tab: &Tab, server: &Server) -> Result<Vec<String>> {
    let Some(plugin) = tab.runs_of else { return Ok(Vec::new()) };
    let path = format!("/data/plugin/{plugin}/tags");
    let runs: BTreeMap<String, IgnoredAny> = serde_json::from_str(&server.get(&path, &[])?).context(path)?;
    Ok(runs.into_keys().collect())
}

/// What TensorBoard says about a tab.
#[derive(Debug, Deserialize)]
struct Plugin {
    /// Whether there is something for it.
    enabled: bool,
}

/// Opens a tab, waits until it is drawn, and takes its picture, also of one that is not.
fn draw(browser: &mut Browser, tab: &Tab, address: &str, screenshots: &Path) -> Result<()> {
    let mut page = browser.page(WIDTH, tab.height)?;
    page.local_storage(&SETTINGS)?;
    page.before_load(DRAWN)?;
    page.open(address)?;
    let drawn = page.wait_for(&tab.ready(), DRAWING);
    thread::sleep(SETTLING);
    let bottom = page.eval("drawn.bottom()")?.as_f64();
    let clip = bottom.map(|height| Rectangle { x: 0.0, y: 0.0, width: f64::from(WIDTH), height });
    page.screenshot(&screenshots.join(format!("{}.png", tab.name)), clip)?;
    drawn?;
    match page.console_errors()?.as_slice() {
        [] => Ok(()),
        [first, rest @ ..] => bail!("on the console: {first} (and {} more)", rest.len()),
    }
}
