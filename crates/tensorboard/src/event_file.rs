//! The event files of a folder: which there are, and a new one after them; knows nothing of their content.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, WallTime};

/// The largest number of seconds that a name has digits for: the year 2286.
const MAX_SECONDS: u64 = 9_999_999_999;
/// How often a name is looked for, if other processes take each one found.
const ATTEMPTS: usize = 100;

/// Numbers the writers of this process, as TensorFlow does.
static NEXT_UID: AtomicU64 = AtomicU64::new(0);

/// The event files of a folder in the order in which readers take them: by name.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let paths: io::Result<Vec<PathBuf>> =
        fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths = paths.map_err(|cause| folder_error(dir, cause))?;
    paths.retain(|path| path.file_name().is_some_and(is_event_file_name) && path.is_file());
    paths.sort();
    Ok(paths)
}

/// Creates a new, empty event file in a folder, which is made if it is not there. Its name is that of
/// TensorFlow's writers, with the seconds of `now`, or more if that is needed for the name to come after
/// those of all event files in the folder: readers take files in this order, and the last word on a step
/// must be ours.
pub(crate) fn create(dir: &Path, now: WallTime) -> Result<(PathBuf, File), Error> {
    fs::create_dir_all(dir).map_err(|cause| folder_error(dir, cause))?;
    last_of_all(dir, now, |path| File::options().write(true).create_new(true).open(path))
}

/// Gives a file in the folder, with all that it holds, a name as [`create`] does.
pub(crate) fn name(dir: &Path, unnamed: &Path, now: WallTime) -> Result<PathBuf, Error> {
    let rename = |path: &Path| {
        // Renaming replaces what is there. Only a process that takes the same name between these two lines is not
        // seen, and names hold the number of the process.
        if path.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { fs::rename(unnamed, path) }
    };
    last_of_all(dir, now, rename).map(|(path, ())| path)
}

/// Makes sure that a folder's entries are on the disk. Only Unix has a way to.
pub(crate) fn sync_folder(dir: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(dir).and_then(|folder| folder.sync_all()).map_err(|cause| folder_error(dir, cause))?;
    }
    Ok(())
}

/// Has `make` make a file whose name comes after those of all event files in the folder.
fn last_of_all<T>(
    dir: &Path,
    now: WallTime,
    make: impl Fn(&Path) -> io::Result<T>,
) -> Result<(PathBuf, T), Error> {
    let (host, pid, uid) = (host_name(), process::id(), NEXT_UID.fetch_add(1, Ordering::Relaxed));
    let name = |seconds: u64| format!("events.out.tfevents.{seconds:010}.{host}.{pid}.{uid}.v2");
    let mut taken = None;
    for _ in 0..ATTEMPTS {
        let greatest = list(dir)?.pop().max(taken.take());
        let greatest_name = greatest.as_deref().and_then(Path::file_name);
        let Some(name) = first_after(greatest_name, now.seconds() as u64, name) else {
            return Err(Error::NoLaterName { path: greatest.unwrap_or_default() });
        };
        let path = dir.join(name);
        match make(&path) {
            Ok(made) => return Ok((path, made)),
            // Somebody was faster, or something that is no file has this name.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = Some(path),
            Err(cause) => return Err(folder_error(dir, cause)),
        }
    }
    Err(folder_error(dir, io::ErrorKind::AlreadyExists.into()))
}

fn folder_error(dir: &Path, cause: io::Error) -> Error {
    Error::Folder { path: dir.to_owned(), cause }
}

/// The names that TensorBoard reads. Those of profiles without a profile are there only to make a run seen.
fn is_event_file_name(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.contains("tfevents") && !name.ends_with(".profile-empty")
}

/// The name with the fewest seconds, from `now` on, that comes after `greatest`; `None` if none does. Names
/// must come in the order of their seconds, which those with ten digits do.
fn first_after(greatest: Option<&OsStr>, now: u64, name: impl Fn(u64) -> String) -> Option<OsString> {
    let is_after = |seconds: u64| greatest.is_none_or(|greatest| OsStr::new(&name(seconds)) > greatest);
    let (mut first, mut end) = (now.min(MAX_SECONDS), MAX_SECONDS + 1);
    while first < end {
        let middle = first + (end - first) / 2;
        if is_after(middle) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    (first <= MAX_SECONDS).then(|| name(first).into())
}

/// The name of this machine, of characters that are safe in a file name.
fn host_name() -> String {
    let read = |path: &str| fs::read_to_string(path).ok();
    let env = |name: &str| std::env::var(name).ok();
    let names =
        [read("/proc/sys/kernel/hostname"), env("HOSTNAME"), env("COMPUTERNAME"), read("/etc/hostname")];
    let mut parts = names.into_iter().flatten().map(|name| file_name_part(&name));
    parts.find(|part| !part.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// A host name as a part of a file name: at most 64 letters, digits, dots and hyphens.
fn file_name_part(host: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    host.trim().chars().take(64).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: f64) -> WallTime {
        WallTime::new(seconds).unwrap()
    }

    fn name_of(path: &Path) -> String {
        path.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Creates a file in a folder with `present` and returns its name.
    fn created_after(present: &[&str], now: f64) -> Result<String, Error> {
        let dir = tempfile::tempdir().unwrap();
        for name in present {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let (path, _) = create(dir.path(), time(now))?;
        assert_eq!(list(dir.path()).unwrap().last(), Some(&path), "{path:?} after {present:?}");
        Ok(name_of(&path))
    }

    #[test]
    fn names_are_those_of_tensorflow() {
        let name = created_after(&[], 1_795_445_917.9).unwrap();
        let (head, rest) = name.split_at("events.out.tfevents.1795445917.".len());
        assert_eq!(head, "events.out.tfevents.1795445917.");
        let tail = rest.strip_prefix(&format!("{}.{}.", host_name(), process::id())).unwrap();
        assert!(tail.strip_suffix(".v2").unwrap().parse::<u64>().is_ok(), "{name}");
        assert!(created_after(&[], 7.0).unwrap().starts_with("events.out.tfevents.0000000007."));
    }

    #[test]
    fn a_new_name_comes_after_all_others() {
        let check = |present: &[&str], seconds: &str| {
            let name = created_after(present, 1_700_000_000.0).unwrap();
            assert!(name.starts_with(&format!("events.out.tfevents.{seconds}.")), "{name} after {present:?}");
        };
        check(&["events.out.tfevents.1600000000.zzz.1.0.v2"], "1700000000");
        // In the same second another host, process or number may come later in the alphabet.
        check(&["events.out.tfevents.1700000000.~.1.9.v2"], "1700000001");
        // A clock that went back, and writers that put microseconds there.
        check(&["events.out.tfevents.1800000000.~.1.9.v2"], "1800000001");
        check(&["events.out.tfevents.1700000000123456.host"], "1700000001");
        // No event files, whatever comes after in the alphabet.
        check(&["history.csv", "zzz.txt", "z.tfevents.profile-empty"], "1700000000");
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<PathBuf> =
            (0..12).map(|_| create(dir.path(), time(1_700_000_000.0)).unwrap().0).collect();
        assert_eq!(list(dir.path()).unwrap(), names);
    }

    #[test]
    fn a_name_that_nothing_comes_after_is_an_error() {
        for last in ["events.out.tfevents.9999999999.~", "train.tfevents.1"] {
            let error = created_after(&[last], 1_700_000_000.0).unwrap_err();
            assert!(matches!(&error, Error::NoLaterName { path } if name_of(path) == last), "{error}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        // A folder is no event file but has a name: the next second is taken. Other tests take numbers too.
        let uid = NEXT_UID.load(Ordering::Relaxed);
        for uid in uid..uid + 500 {
            let name = format!("events.out.tfevents.1700000000.{}.{}.{uid}.v2", host_name(), process::id());
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let (path, _) = create(dir.path(), time(1_700_000_000.0)).unwrap();
        assert!(name_of(&path).starts_with("events.out.tfevents.1700000001."), "{path:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(create(&file, time(1.0)), Err(Error::Folder { path, .. }) if path == file));
        assert!(matches!(list(&dir.path().join("none")), Err(Error::Folder { .. })));
    }

    #[test]
    fn host_names_are_made_safe() {
        let check = |host: &str, part: &str| assert_eq!(file_name_part(host), part);
        check("vm\n", "vm");
        check("a/b\\c d_é.example", "a-b-c-d--.example");
        check(&"x".repeat(300), &"x".repeat(64));
        check(" \n", "");
        assert!(!host_name().is_empty());
    }
}
