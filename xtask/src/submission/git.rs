//! What git knows of a folder; changes nothing in it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::venv::finished;

/// A folder whose files git keeps.
#[derive(Debug)]
pub(super) struct Checkout<'a> {
    folder: &'a Path,
    /// The commit that is checked out.
    pub(super) revision: String,
}

impl<'a> Checkout<'a> {
    /// The checkout that `folder` is; `None` if git keeps nothing of it, or is not there at all.
    ///
    /// # Errors
    /// If there is a repository and git cannot read it.
    pub(super) fn of(folder: &'a Path) -> Result<Option<Self>> {
        let checkout = Self { folder, revision: String::new() };
        // Unpacked within somebody else's repository, the program is none of its files.
        match checkout.git(["ls-files", "--error-unmatch", "--", "Cargo.toml"]) {
            Ok(_) => {
                let head = checkout.git(["rev-parse", "--verify", "HEAD"]);
                let revision =
                    head.context("nothing is committed yet: `git commit` first")?.trim().to_owned();
                Ok(Some(Self { revision, ..checkout }))
            }
            // git refuses folders of another user, and says what to do.
            Err(error) if format!("{error:#}").contains("dubious ownership") => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The files that git keeps or, unless it ignores them, would keep; from the folder on.
    ///
    /// # Errors
    /// If git does not say.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let listed =
            self.git(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])?;
        Ok(listed.split_terminator('\0').map(str::to_owned).collect())
    }

    /// What is not as committed: a line a file, as `git status --short` prints it.
    ///
    /// # Errors
    /// If git does not say.
    pub(super) fn changes(&self) -> Result<Vec<String>> {
        let status = self.git(["status", "--porcelain", "--untracked-files=all", "--", "."])?;
        Ok(status.lines().map(str::to_owned).collect())
    }

    /// The whole difference from the commit, new files too, as a patch.
    ///
    /// # Errors
    /// If git does not say.
    pub(super) fn difference(&self) -> Result<String> {
        // In an index of its own, new files are part of the difference, and the user's index stays as it is.
        let temp = tempfile::tempdir().context("making a folder for git's index")?;
        let index = temp.path().join("index");
        self.git_with(&index, ["read-tree", "HEAD"])?;
        self.git_with(&index, ["add", "--intent-to-add", "--", "."])?;
        self.git_with(&index, ["diff", "--no-ext-diff", "--no-color", "--binary", "HEAD", "--", "."])
    }

    fn git<const N: usize>(&self, arguments: [&str; N]) -> Result<String> {
        self.run(&mut Command::new("git"), arguments)
    }

    fn git_with<const N: usize>(&self, index: &Path, arguments: [&str; N]) -> Result<String> {
        self.run(Command::new("git").env("GIT_INDEX_FILE", index), arguments)
    }

    fn run(
        &self,
        git: &mut Command,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<String> {
        git.arg("-C").arg(self.folder).args(arguments).env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        finished(git.output()).map_err(|error| anyhow!("git in {}: {error:#}", self.folder.display()))
    }
}
