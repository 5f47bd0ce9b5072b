//! `cargo xtask package-submission`: one zip with what a course asks for, which proves itself.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`contents`] | everything that goes in; what of it follows from the rest |
//! | [`origin`] | `submission.toml`: which run, program and tools it is of |
//! | [`program`], [`git`] | the sources of the program, and their revision |
//! | [`readme`] | the page that a grader reads first, in English and in Polish |
//! | [`sums`] | `SHA256SUMS` |
//! | [`archive`], [`unpack`] | a zip whose bytes depend on its content alone; zips of strangers, unpacked safely |

pub(crate) mod archive;
pub(crate) mod contents;
mod git;
pub(crate) mod origin;
mod program;
pub(crate) mod readme;
pub(crate) mod sums;
#[cfg(test)]
pub(crate) mod test_run;
#[cfg(test)]
mod tests;
pub(crate) mod unpack;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use crate::finished_run::{FinishedRun, RunArgs};
use crate::screenshots::{Album, Files, TensorBoard};
use archive::Entry;
use origin::{Origin, RunOrigin};
use program::Program;
use readme::Language;

/// What can be asked of `package-submission`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    packing: Packing,
}

/// How a run is packed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Packing {
    /// The archive to write [default: submission-RUN.zip]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Language of the README; with `both`, README.md is English and README.pl.md Polish
    #[arg(long, value_enum, default_value_t)]
    pub(crate) lang: Languages,
    /// Pack the program although it is not as committed; the difference goes in as program.diff
    #[arg(long)]
    pub(crate) allow_dirty: bool,
    /// Warn if the archive is larger: many courses take no more
    #[arg(long, default_value_t = 20, value_name = "MIB")]
    pub(crate) max_size: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Languages {
    En,
    Pl,
    #[default]
    Both,
}

impl Languages {
    fn all(self) -> Vec<Language> {
        match self {
            Self::En => vec![Language::English],
            Self::Pl => vec![Language::Polish],
            Self::Both => vec![Language::English, Language::Polish],
        }
    }
}

/// Runs `package-submission`.
///
/// # Errors
/// If there is no finished run, its files do not fit each other, its pictures are older, or the program is not as
/// committed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let run = options.run.open()?;
    pack(&run, &options.packing, &crate::workspace_root())?.list()
}

/// That a program can be packed: to be asked before a run is trained for it.
///
/// # Errors
/// If it is not as committed, unless that is allowed.
pub(crate) fn check_program(options: &Packing, workspace: &Path) -> Result<()> {
    program::state(workspace, options.allow_dirty).map(|_| ())
}

/// An archive that was written.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The archive.
    pub(crate) path: PathBuf,
    entries: Vec<Entry>,
}

/// Packs a run with the program in `workspace`.
///
/// # Errors
/// As [`run`].
pub(crate) fn pack(run: &FinishedRun, options: &Packing, workspace: &Path) -> Result<Packed> {
    tracing::info!("packing {}: {}", run.folder.display(), run.title());
    let program = Program::read(workspace, options.allow_dirty)?;
    let tensorboard = tensorboard(run)?;
    let (about, pictures) = tensorboard.unzip();
    let origin = Origin {
        run: RunOrigin::of(run)?,
        program: program.origin,
        languages: options.lang.all(),
        tensorboard: about,
    };
    let mut entries = program.entries;
    entries.extend(contents::of_run(run, &origin)?);
    entries.extend(contents::from_tensorboard(pictures.unwrap_or_default()));
    let pictures = contents::pictures(entries.iter().map(|entry| entry.name.as_str()));
    entries.extend(readme::entries(run, &origin, &pictures)?);
    entries.push(sums::entry(&entries));
    entries.sort();
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(format!("submission-{}.zip", run.name())));
    let bytes = archive::write(&out, &entries)?;
    let limit = options.max_size.saturating_mul(1 << 20);
    if bytes > limit {
        tracing::warn!(
            "{} has {:.1} MiB, more than the {} that --max-size allows: ask whether your course takes it",
            out.display(),
            bytes as f64 / f64::from(1 << 20),
            options.max_size
        );
    }
    Ok(Packed { path: out, entries })
}

/// The pictures that were taken of TensorBoard, if any.
fn tensorboard(run: &FinishedRun) -> Result<Option<(TensorBoard, Files)>> {
    const ADVICE: &str = "`cargo xtask screenshots --browser`";
    let album = Album::open(run)?;
    if let Some(album) = &album {
        ensure!(
            album.is_of(run)?,
            "the pictures in {}/screenshots are older than the run: take them again with {ADVICE}, or remove them",
            run.folder.display()
        );
    }
    let taken = album.map(|album| album.tensorboard(run)).transpose()?.flatten();
    if taken.is_none() {
        tracing::info!("there are no pictures of TensorBoard, only our own: {ADVICE} takes some");
    }
    Ok(taken)
}

impl Packed {
    /// Prints what is in the archive: sizes and names, the program's files as one.
    fn list(&self) -> Result<()> {
        let mut stdout = io::stdout().lock();
        let is_program = |entry: &&Entry| entry.name.starts_with(program::FOLDER);
        for entry in self.entries.iter().filter(|entry| !is_program(entry)) {
            writeln!(stdout, "{:>10}  {}", entry.content.len(), entry.name)?;
        }
        let sizes = self.entries.iter().filter(is_program).map(|entry| entry.content.len());
        let (files, bytes) = (sizes.clone().count(), sizes.sum::<usize>());
        writeln!(stdout, "{bytes:>10}  {} ({files} files)", program::FOLDER)?;
        writeln!(stdout, "{}", self.path.display())?;
        Ok(())
    }
}
