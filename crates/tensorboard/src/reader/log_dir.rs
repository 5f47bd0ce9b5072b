//! The runs below a folder, as TensorBoard finds them; knows nothing of what is in them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Run;
use crate::{Error, event_file};

/// A folder of runs: what `tensorboard --logdir` is given.
#[derive(Clone, Debug)]
pub struct LogDir {
    runs: Vec<Run>,
}

impl LogDir {
    /// Finds the runs in a folder and in all folders below it, also through links. A folder that can be reached in
    /// two ways is gone through once.
    ///
    /// # Errors
    /// If a folder cannot be listed.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, Error> {
        let mut search = Search { root: dir.as_ref(), seen: HashSet::new(), runs: Vec::new() };
        search.folder(dir.as_ref())?;
        search.runs.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(Self { runs: search.runs })
    }

    /// The runs in the order of their names. A name is the path from the folder, with `/`; that of the folder itself
    /// is `.`.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The run of a name.
    pub fn run(&self, name: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.name() == name)
    }
}

struct Search<'a> {
    root: &'a Path,
    /// Real paths of the folders that were entered: links can lead back.
    seen: HashSet<PathBuf>,
    runs: Vec<Run>,
}

impl Search<'_> {
    fn folder(&mut self, root: &Path) -> Result<(), Error> {
        // No recursion: folders can be nested deeper than a stack is long.
        let mut waiting = vec![root.to_owned()];
        while let Some(dir) = waiting.pop() {
            let folder_error = |cause| Error::Folder { path: dir.clone(), cause };
            if !self.seen.insert(dir.canonicalize().map_err(folder_error)?) {
                continue;
            }
            let mut folders = Vec::new();
            for entry in fs::read_dir(&dir).map_err(folder_error)? {
                let path = entry.map_err(folder_error)?.path();
                // A link that leads nowhere is none.
                if path.is_dir() {
                    folders.push(path);
                }
            }
            if !event_file::list(&dir)?.is_empty() {
                self.runs.push(Run::named(self.name(&dir), dir));
            }
            // The last one is taken first: in the order of names.
            folders.sort_by(|a, b| b.cmp(a));
            waiting.append(&mut folders);
        }
        Ok(())
    }

    fn name(&self, dir: &Path) -> String {
        let path = dir.strip_prefix(self.root).unwrap_or(dir);
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(log: &LogDir) -> Vec<&str> {
        log.runs().iter().map(Run::name).collect()
    }

    #[test]
    fn runs_are_found_at_any_depth() {
        let dir = tempfile::tempdir().unwrap();
        for run in ["b/train", "a/validation", "a/train", "a/train/deeper/still", "empty"] {
            fs::create_dir_all(dir.path().join(run)).unwrap();
            if run != "empty" {
                fs::write(dir.path().join(run).join("events.out.tfevents.1.host"), "").unwrap();
            }
        }
        let expected = ["a/train", "a/train/deeper/still", "a/validation", "b/train"];
        assert_eq!(names(&LogDir::open(dir.path()).unwrap()), expected);
        let log = LogDir::open(dir.path().join("a/train")).unwrap();
        assert_eq!(names(&log), [".", "deeper/still"]);
        assert!(log.run("deeper/still").is_some() && log.run("deeper").is_none());
        assert!(LogDir::open(dir.path().join("empty")).unwrap().runs().is_empty());
        assert!(matches!(LogDir::open(dir.path().join("none")), Err(Error::Folder { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_round_and_round() {
        use std::os::unix::fs::symlink;

        let dir = tempfile::tempdir().unwrap();
        let (logs, elsewhere) = (dir.path().join("logs"), dir.path().join("elsewhere"));
        for folder in [logs.join("a"), elsewhere.clone()] {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("events.out.tfevents.1.host"), "").unwrap();
        }
        symlink(&elsewhere, logs.join("linked")).unwrap();
        symlink(&logs, logs.join("a/up")).unwrap();
        symlink(dir.path().join("nothing"), logs.join("broken")).unwrap();
        assert_eq!(names(&LogDir::open(&logs).unwrap()), ["a", "linked"]);
    }
}
