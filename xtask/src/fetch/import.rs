//! Takes the dataset from what is on this machine already: an archive, an unpacked folder, or a folder of
//! parquet files. Knows nothing of the network or of the data folder.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use dataset::{Source, binary, parquet};

use super::archive::{self, ArchiveFacts};
use crate::panics;

/// What lies at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file, to be taken for the archive.
    Archive(PathBuf),
    /// A folder with CIFAR-10's binary files.
    Unpacked(PathBuf),
    /// A folder of the hub's parquet files, in one of the hub's layouts.
    Parquet(PathBuf),
}

impl Found {
    /// Looks what is at `path`: a file is taken for the archive, and a folder for what it has in it.
    ///
    /// # Errors
    /// If there is nothing, or nothing of these; says what was expected.
    pub(super) fn at(path: &Path, facts: &ArchiveFacts) -> Result<Self> {
        let expected = format!(
            "expected {}, a folder {} with its .bin files, or a folder of the hub's parquet files",
            facts.name, facts.folder
        );
        let data = fs::metadata(path).with_context(|| format!("{}: {expected}", path.display()))?;
        if data.is_file() {
            ensure!(
                path.extension().is_none_or(|extension| extension != "parquet"),
                "{} is one parquet file, expected the folder that holds those of train and test",
                path.display()
            );
            return Ok(Self::Archive(path.to_owned()));
        }
        let archive = path.join(facts.name);
        if let Some(folder) = [path.to_owned(), path.join(facts.folder)].into_iter().find(|f| has_batch(f)) {
            Ok(Self::Unpacked(folder))
        } else if archive.is_file() {
            Ok(Self::Archive(archive))
        } else if has_parquet(path) {
            Ok(Self::Parquet(path.to_owned()))
        } else if path.join("data_batch_1").exists() {
            bail!("{} is the Python version of CIFAR-10, {expected}", path.display())
        } else {
            bail!("{} has no part of CIFAR-10 in it, {expected}", path.display())
        }
    }

    /// Brings the dataset's files into the existing, empty folder `into`, and says what they are.
    ///
    /// # Errors
    /// If what was found is not whole and right; `into` may then hold some files.
    pub(super) fn import(&self, facts: &ArchiveFacts, into: &Path) -> Result<Source> {
        match self {
            Self::Archive(file) => {
                archive::verify(file, facts).with_context(|| file.display().to_string())?;
                archive::unpack(file, facts, into)
                    .with_context(|| format!("unpacking {}", file.display()))?;
                Ok(Source::Cifar10)
            }
            Self::Unpacked(folder) => {
                for name in binary::TRAIN_FILES.into_iter().chain([binary::TEST_FILE]) {
                    copy(&folder.join(name), &into.join(name), binary::FILE_BYTES)?;
                }
                // The names are a fact, not data: they are written where somebody left the file out.
                let names = format!("{}\n\n", binary::CLASSES.join("\n"));
                let meta = into.join(binary::META_FILE);
                fs::write(&meta, names).with_context(|| format!("writing {}", meta.display()))?;
                Ok(Source::Cifar10Unverified)
            }
            Self::Parquet(folder) => {
                tracing::info!("decoding the pictures of {}", folder.display());
                let dataset = panics::quietly(|| parquet::read_folder(folder))?;
                binary::write_folder(&dataset, into)?;
                Ok(dataset.source())
            }
        }
    }
}

/// Whether one of the binary files is in a folder; whether all are is for the import to say.
fn has_batch(folder: &Path) -> bool {
    binary::TRAIN_FILES.into_iter().chain([binary::TEST_FILE]).any(|name| folder.join(name).is_file())
}

/// Whether parquet files are where the hub's layouts have them.
fn has_parquet(folder: &Path) -> bool {
    ["", "train", "test", "plain_text", "plain_text/train", "plain_text/test"].into_iter().any(|place| {
        fs::read_dir(folder.join(place)).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.path().extension().is_some_and(|e| e == "parquet"))
        })
    })
}

/// Copies a file that must have exactly `bytes` bytes.
fn copy(from: &Path, to: &Path, bytes: u64) -> Result<()> {
    let expected = format!("expected one of CIFAR-10's binary files of {bytes} bytes");
    let file = File::open(from).with_context(|| format!("{}: {expected}", from.display()))?;
    let data = file.metadata().with_context(|| format!("looking at {}", from.display()))?;
    ensure!(
        data.is_file() && data.len() == bytes,
        "{} has {} bytes, {expected}: it is truncated or another file",
        from.display(),
        data.len()
    );
    let context = || format!("copying {} to {}", from.display(), to.display());
    let mut copy = File::create_new(to).with_context(context)?;
    let copied = std::io::copy(&mut file.take(bytes), &mut copy).with_context(context)?;
    ensure!(copied == bytes, "{} became shorter while it was copied", from.display());
    copy.sync_all().with_context(context)
}
