//! `cargo xtask screenshots`: pictures of a finished run, drawn by us and, if asked for, taken from a real TensorBoard.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`native`] | pictures drawn by `figures`: no other program is needed |
//! | [`browser`] | pictures of TensorBoard's pages in a headless Chromium |
//! | [`album`] | the folder of a run's pictures, and the record of what they are of |

mod album;
pub(crate) mod browser;
pub(crate) mod native;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;
use clap::Args;

use crate::finished_run::{FinishedRun, RunArgs};
use crate::interrupt;
pub(crate) use album::{Album, Files, TensorBoard};
use browser::Outcome;

/// What can be asked of `screenshots`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    run: RunArgs,
    /// Take pictures from a real TensorBoard in a headless Chromium, too (needs Python 3, Chromium or Chrome, and the
    /// network once)
    #[arg(long)]
    browser: bool,
}

/// Runs `screenshots`: all pictures into the run's folder `screenshots`, whole or not at all.
///
/// # Errors
/// If there is no such run, or its pictures cannot be drawn, taken or written.
pub(crate) fn run(options: &Options) -> Result<()> {
    let run = options.run.open()?;
    let mut folders = BTreeMap::new();
    for name in take(&run, options.browser)? {
        let folder = name.split_once('/').map_or("", |(folder, _)| folder).to_owned();
        *folders.entry(folder).or_insert(0) += 1;
    }
    let mut stdout = io::stdout().lock();
    for (folder, files) in folders {
        writeln!(stdout, "{files:>3} files  {}", run.folder.join(album::FOLDER).join(folder).display())?;
    }
    Ok(())
}

/// Draws the pictures of a run anew, takes those of TensorBoard if asked to (those that are still of this run stay
/// otherwise), and gives the names of all.
///
/// # Errors
/// If they cannot be drawn, taken or written.
pub(crate) fn take(run: &FinishedRun, with_browser: bool) -> Result<Vec<String>> {
    tracing::info!("drawing {}: {}", run.folder.display(), run.title());
    let mut files = native::all(run)?;
    let tensorboard = if with_browser { from_tensorboard(run)? } else { Album::tensorboard_of(run)? };
    let about = tensorboard.map(|(about, pictures)| {
        files.extend(pictures.into_iter().map(|(name, png)| (format!("{}{name}", album::TENSORBOARD), png)));
        about
    });
    album::write(run, &files, about)?;
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

/// Puts pictures into the folder of a run as if they had been taken.
#[cfg(test)]
pub(crate) fn write_for_test(run: &FinishedRun, files: &Files, about: TensorBoard) {
    album::write(run, files, Some(about)).unwrap();
}

fn from_tensorboard(run: &FinishedRun) -> Result<Option<(TensorBoard, Files)>> {
    // A browser and a TensorBoard are to be ended.
    interrupt::listen()?;
    match browser::take(&run.folder)? {
        Outcome::Taken(pictures) => {
            let about = TensorBoard { version: pictures.tensorboard, browser: pictures.browser };
            Ok(Some((about, pictures.files)))
        }
        Outcome::Missing(advice) => {
            tracing::warn!("no new pictures of TensorBoard, only our own: {advice}");
            Album::tensorboard_of(run)
        }
    }
}
