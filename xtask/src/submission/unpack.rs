//! Zips of strangers, unpacked into a new folder: nothing is written outside of it, and nothing endless.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use zip::ZipArchive;

use crate::hash::hashes;

/// More files than this are not those of a submission.
const MOST_FILES: usize = 20_000;
/// All files together, unpacked.
const MOST_BYTES: u64 = 2 << 30;
/// A name that is longer is refused by some file systems.
const LONGEST_NAME: usize = 255;

/// The files of a zip, in a folder that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Unpacked {
    folder: TempDir,
    /// The SHA-256 of each file, by its name in the zip.
    pub(crate) sha256: BTreeMap<String, String>,
    /// All files together.
    pub(crate) bytes: u64,
}

impl Unpacked {
    /// Unpacks a zip.
    ///
    /// # Errors
    /// If it is no zip, one of its names would lead elsewhere or is there twice, it has links, or it is too large.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut zip = ZipArchive::new(io::BufReader::new(file))
            .with_context(|| format!("{} is no zip that can be read", path.display()))?;
        ensure!(zip.len() <= MOST_FILES, "it has {} files, more than {MOST_FILES}", zip.len());
        let folder = tempfile::tempdir().context("making a folder to unpack into")?;
        let mut unpacked = Self { folder, sha256: BTreeMap::new(), bytes: 0 };
        let mut seen = BTreeSet::new();
        for place in 0..zip.len() {
            let entry = zip.by_index(place).with_context(|| format!("reading its file {}", place + 1))?;
            let name = entry.name().context("a name in it is not UTF-8")?.into_owned();
            check_name(&name)?;
            ensure!(!entry.is_symlink(), "{name:?} is a link");
            ensure!(seen.insert(name.to_lowercase()), "{name:?} is in it twice");
            if !entry.is_dir() {
                unpacked.write(&name, entry)?;
            }
        }
        Ok(unpacked)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The text of a file.
    ///
    /// # Errors
    /// If it is not there, or no text.
    pub(crate) fn text(&self, name: &str) -> Result<String> {
        ensure!(self.sha256.contains_key(name), "there is no {name}");
        fs::read_to_string(self.folder().join(name)).with_context(|| format!("reading {name}"))
    }

    fn write(&mut self, name: &str, mut entry: impl Read) -> Result<()> {
        let path = self.folder().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("{name:?} is below a file"))?;
        }
        let mut file = File::create_new(&path).with_context(|| format!("{name:?} cannot be written"))?;
        // Whatever the zip says of its size.
        let left = MOST_BYTES - self.bytes;
        let written = io::copy(&mut entry.by_ref().take(left), &mut file)
            .with_context(|| format!("{name:?} cannot be unpacked"))?;
        if written == left && entry.read(&mut [0])? > 0 {
            bail!("it has more than {} GiB", MOST_BYTES >> 30);
        }
        self.bytes += written;
        let (_, sha256) = hashes(File::open(&path)?).with_context(|| format!("reading {name}"))?;
        self.sha256.insert(name.to_owned(), sha256);
        Ok(())
    }
}

/// Only names below a folder, on any system: no way up, no root, no drive, no stream.
fn check_name(name: &str) -> Result<()> {
    let parts = Path::new(name).components();
    let below = parts.clone().all(|part| matches!(part, Component::Normal(_))) && parts.count() > 0;
    let strange = |c: char| c.is_control() || "\\:*?\"<>|".contains(c);
    let plain = name.split('/').all(|part| part != "." && part != ".." && part.len() <= LONGEST_NAME);
    ensure!(below && plain && !name.contains(strange) && !name.contains("//"), "{name:?} leads out of it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn names_that_lead_elsewhere() {
        for name in [
            "../a", "a/../b", "a/..", "..", "/a", "", ".", "./a", "a/./b", "a//b", "C:/a", "a:b", "a\\..\\b",
            "\\a", "a\0b", "a\nb", "~/\u{7}",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["a", "a/b.c", "run/train/", "..a/b..", "pictures/-x.png", "łąka/猫"] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn what_is_no_honest_zip_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let check = |write: &dyn Fn(&mut ZipWriter<File>), expected: &str| {
            let mut zip = ZipWriter::new(File::create(&path).unwrap());
            write(&mut zip);
            zip.finish().unwrap();
            let error = format!("{:#}", Unpacked::open(&path).unwrap_err());
            assert!(error.contains(expected), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        };
        let options = SimpleFileOptions::default();
        let add = |zip: &mut ZipWriter<File>, name: &str| {
            zip.start_file(name, options).unwrap();
            zip.write_all(b"x").unwrap();
        };
        check(&|zip| add(zip, "../evil"), "leads out of it");
        check(&|zip| add(zip, "/evil"), "leads out of it");
        check(&|zip| zip.add_symlink("link", "/etc/passwd", options).unwrap(), "is a link");
        check(&|zip| [add(zip, "a"), add(zip, "A")].into_iter().collect(), "twice");
        check(&|zip| [add(zip, "a"), add(zip, "a/b")].into_iter().collect(), "is below a file");
        fs::write(&path, "PK no").unwrap();
        let error = format!("{:#}", Unpacked::open(&path).unwrap_err());
        assert!(error.contains("is no zip that can be read"), "{error}");
        let error = format!("{:#}", Unpacked::open(&folder.path().join("none.zip")).unwrap_err());
        assert!(error.contains("cannot open"), "{error}");
    }

    #[test]
    fn files_are_unpacked_and_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        zip.add_directory("run/", SimpleFileOptions::default()).unwrap();
        zip.start_file("run/a", SimpleFileOptions::default()).unwrap();
        zip.write_all(b"abc").unwrap();
        zip.finish().unwrap();
        let unpacked = Unpacked::open(&path).unwrap();
        assert_eq!(unpacked.text("run/a").unwrap(), "abc");
        assert_eq!((unpacked.bytes, unpacked.sha256.len()), (3, 1));
        assert!(unpacked.sha256["run/a"].starts_with("ba7816bf"));
        let place = unpacked.folder().to_owned();
        drop(unpacked);
        assert!(!place.exists());
    }
}
