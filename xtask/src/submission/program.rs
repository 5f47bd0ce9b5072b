//! The program that goes into a submission: the sources of this workspace, and what they are built with.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::archive::Entry;
use super::git::Checkout;
use super::origin::{ProgramOrigin, State};
use crate::venv::finished;

/// Where the program lies in the archive.
pub(crate) const FOLDER: &str = "program/";
/// The difference from its commit.
const DIFFERENCE: &str = "program.diff";

/// What is no program, where git does not say: what builds leave anywhere, what is fetched and trained at the top.
const LEFT_OUT: [&str; 2] = ["target", ".git"];
const LEFT_OUT_AT_TOP: [&str; 2] = ["data", "runs"];
/// More files than this are not those of a program.
const MOST_FILES: usize = 20_000;

/// The files of the program, and where they are from.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) entries: Vec<Entry>,
    pub(super) origin: ProgramOrigin,
}

impl Program {
    /// Reads the program in `workspace`.
    ///
    /// # Errors
    /// If it is not as committed, unless that is allowed; if it cannot be read.
    pub(super) fn read(workspace: &Path, allow_dirty: bool) -> Result<Self> {
        let (state, checkout) = state(workspace, allow_dirty)?;
        let Some(checkout) = checkout else {
            let mut names = Vec::new();
            walk(workspace, "", &mut names)?;
            return Self::of(workspace, names, None, state);
        };
        let difference = match state {
            State::Changed => Some(checkout.difference()?),
            State::Committed | State::Unknown => None,
        };
        let mut program = Self::of(workspace, checkout.files()?, Some(checkout.revision), state)?;
        let difference = difference.map(|text| Entry::new(DIFFERENCE, text.into_bytes()));
        program.entries.extend(difference);
        Ok(program)
    }

    fn of(workspace: &Path, names: Vec<String>, revision: Option<String>, state: State) -> Result<Self> {
        let mut entries = Vec::new();
        for name in names {
            let path = workspace.join(&name);
            match fs::read(&path) {
                Ok(content) => entries.push(Entry::new(&format!("{FOLDER}{name}"), content)),
                // Deleted, but not committed; or a link to nowhere.
                Err(_) if state == State::Changed && !path.exists() => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            }
        }
        let rustc = version("RUSTC", "rustc", workspace)?;
        let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("unknown").to_owned();
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let cargo = first(&version("CARGO", "cargo", workspace)?);
        Ok(Self { entries, origin: ProgramOrigin { revision, state, rustc: first(&rustc), cargo, host } })
    }
}

/// How the program in `workspace` differs from its commit.
///
/// # Errors
/// If it does, or if nobody knows, unless that is allowed.
pub(super) fn state(workspace: &Path, allow_dirty: bool) -> Result<(State, Option<Checkout<'_>>)> {
    let Some(checkout) = Checkout::of(workspace)? else {
        ensure!(
            allow_dirty,
            "{} is not in a git repository, so nobody can tell which program this is: `git init`, `git add .` and \
             `git commit`, or pack it as it is with --allow-dirty",
            workspace.display()
        );
        return Ok((State::Unknown, None));
    };
    match checkout.changes()?.as_slice() {
        [] => Ok((State::Committed, Some(checkout))),
        [first, rest @ ..] if !allow_dirty => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            bail!(
                "the program is not as committed ({}{more}): `git commit` first, or pack it as it is with --allow-dirty",
                first.trim()
            )
        }
        _ => Ok((State::Changed, Some(checkout))),
    }
}

/// What a tool says of itself, asked in the workspace, where a file may choose its version.
fn version(variable: &str, name: &str, workspace: &Path) -> Result<String> {
    let program = env::var_os(variable).unwrap_or_else(|| OsString::from(name));
    finished(Command::new(program).arg("-vV").current_dir(workspace).output())
        .with_context(|| format!("asking {name} for its version"))
}

fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<()> {
    let cannot = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        // Names that are not UTF-8 are none of ours.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        let left_out = LEFT_OUT.contains(&name.as_str())
            || (prefix.is_empty() && LEFT_OUT_AT_TOP.contains(&name.as_str()));
        if path.is_dir() && !left_out {
            walk(&path, &format!("{prefix}{name}/"), names)?;
        } else if path.is_file() && !name.ends_with(".zip") {
            names.push(format!("{prefix}{name}"));
        }
    }
    ensure!(names.len() <= MOST_FILES, "more than {MOST_FILES} files: is this the program's folder?");
    Ok(())
}
