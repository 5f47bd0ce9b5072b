//! Has a real TensorBoard read a run, and checks what it gives over its HTTP data API.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`answers`] | all that it says about a folder of runs |
//! | [`compare`] | the checks of that against what the run's own files say |

mod answers;
mod compare;

use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow};

use super::short_run::ShortRun;
use crate::check::Check;
use crate::tensorboard::{BETWEEN_LOOKS, LOADING, Loader, Server};
use crate::venv::Venv;
pub(super) use answers::Answers;
use compare::Expected;

/// Starts TensorBoard with one of its loaders and checks that it reads the run.
pub(super) fn checks(loader: Loader, venv: &Venv, run: &ShortRun) -> Vec<Check> {
    let subject = format!("tensorboard ({})", loader.name());
    match loader.is_in(venv) {
        Ok(true) => {}
        Ok(false) => return vec![Check::skipped(subject, "its data server is not made for this platform")],
        Err(error) => return vec![cannot_be_asked(&subject, &error)],
    }
    tracing::info!("starting {subject}");
    let server = Server::start(venv, loader, &run.logdir(), run.temp());
    let expected = Expected::of(run);
    server
        .and_then(|mut server| look(&mut server, loader, &subject, &expected))
        .unwrap_or_else(|error| vec![cannot_be_asked(&subject, &error)])
}

/// Looks until every point is there or the time is over: TensorBoard answers while it still reads.
fn look(server: &mut Server, loader: Loader, subject: &str, expected: &Expected) -> Result<Vec<Check>> {
    let end = Instant::now() + LOADING;
    loop {
        server.check_alive()?;
        let answers = Answers::gather(|path, query| server.get(path, query));
        if answers.as_ref().is_ok_and(compare::has_all_points) || Instant::now() > end {
            return answers
                .map(|answers| compare::checks(loader, subject, &answers, expected))
                .map_err(|error| anyhow!("{error:#}; TensorBoard said: {}", server.last_words()));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Starts a TensorBoard with each loader on `logdir`, side by side; `None` where there is no such loader. What they
/// write goes to `temp`.
pub(super) fn start_each(venv: &Venv, logdir: &Path, temp: &Path) -> Vec<(Loader, Result<Option<Server>>)> {
    let start = |loader: Loader| {
        if !loader.is_in(venv)? {
            return Ok(None);
        }
        Server::start(venv, loader, logdir, temp).map(Some)
    };
    thread::scope(|scope| {
        let starting =
            [Loader::Fast, Loader::Python].map(|loader| (loader, scope.spawn(move || start(loader))));
        let join = |(loader, server): (Loader, thread::ScopedJoinHandle<_>)| {
            (loader, server.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        };
        starting.into_iter().map(join).collect()
    })
}

fn cannot_be_asked(subject: &str, error: &anyhow::Error) -> Check {
    Check::new(format!("{subject}: it starts and answers"), Err(format!("{error:#}")))
}
