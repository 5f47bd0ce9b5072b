//! Runs that were stopped and taken up again, in TensorBoards that saw it all and in new ones.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`story`] | the run: how often it is stopped, what is lost and what is to be seen |

mod story;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::numbers::{numbers, timeless};
use super::tensorboard::{Answers, start_each};
use crate::check::{Check, same};
use crate::tensorboard::{Loader, Server, settled};
use crate::venv::Venv;
use story::{PARTS, Seen, Story};

/// The checks with both loaders. Everything is written in a new folder under `parent`.
///
/// # Errors
/// If the run cannot be written or taken up.
pub(super) fn checks(venv: &Venv, parent: &Path) -> Result<Vec<Check>> {
    let temp = tempfile::Builder::new()
        .prefix("resume-")
        .tempdir_in(parent)
        .with_context(|| format!("making a folder in {}", parent.display()))?;
    let logdir = temp.path().join("logs");
    fs::create_dir(&logdir).with_context(|| format!("creating {}", logdir.display()))?;
    tracing::info!("stopping a run and taking it up, {} times, while TensorBoard looks on", PARTS.len() - 1);

    let mut story = Story::new(&logdir);
    story.begin()?;
    let mut live: Vec<Witness> =
        start_each(venv, &logdir, temp.path()).into_iter().map(Witness::new).collect();
    live.iter_mut().for_each(|witness| witness.look(&story.seen(), "before the first stop"));
    for time in 1..PARTS.len() {
        story.take_up()?;
        live.iter_mut().for_each(|witness| witness.look(&story.seen(), &format!("taken up {time} times")));
    }
    let mut anew: Vec<Witness> =
        start_each(venv, &logdir, temp.path()).into_iter().map(Witness::new).collect();
    anew.iter_mut().for_each(|witness| witness.look(&story.seen(), "started anew"));

    let live = live.into_iter().map(|witness| witness.check("live"));
    let anew = anew.into_iter().map(|witness| witness.check("started anew"));
    Ok(live.chain(anew).collect())
}

/// A TensorBoard, and whether all that it showed until now was right.
struct Witness {
    loader: Loader,
    server: Option<Server>,
    found: Result<(), String>,
}

impl Witness {
    fn new((loader, started): (Loader, Result<Option<Server>>)) -> Self {
        let (server, found) = match started {
            Ok(server) => (server, Ok(())),
            Err(error) => (None, Err(format!("{error:#}"))),
        };
        Self { loader, server, found }
    }

    /// Waits until it shows what is to be seen; the first difference that stays is kept.
    fn look(&mut self, seen: &Seen, when: &str) {
        let Some(server) = self.server.as_mut().filter(|_| self.found.is_ok()) else { return };
        self.found =
            settled(server, |server| shows(server, seen)).map_err(|error| format!("{when}: {error:#}"));
    }

    fn check(self, how: &str) -> Check {
        let name = format!(
            "resume ({}, {how}): each step once, epochs and iterations, curves and histograms",
            self.loader.name()
        );
        match (self.server, self.found) {
            (None, Ok(())) => Check::skipped(name, "its data server is not made for this platform"),
            (_, found) => Check::new(name, found),
        }
    }
}

fn shows(server: &Server, seen: &Seen) -> Result<()> {
    let answers = Answers::gather(|path, query| server.get(path, query))?;
    same(&numbers(&seen.curves), &numbers(&timeless(&answers.curves)))
        .and_then(|()| same(&numbers(&seen.histograms), &numbers(&timeless(&answers.histograms))))
        .map_err(|difference| anyhow!(difference))
}
