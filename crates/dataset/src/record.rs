//! What was fetched into a dataset's folder: its source, and length and hash of each file. Knows nothing of
//! how it was fetched.
//!
//! The record lies beside the files as `fetched.toml`. A folder that a user unpacked has none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::{measure, write_whole};
use crate::{Error, Result, Source, binary};

/// The record's file name.
pub const FILE: &str = "fetched.toml";

/// What a folder of CIFAR-10's binary files held when it was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchRecord {
    /// What the pictures are.
    pub source: Source,
    /// [`Dataset::fingerprint`](crate::Dataset::fingerprint) of the pictures, which loading them checks.
    pub fingerprint: String,
    /// Every file by its name.
    pub files: BTreeMap<String, Fetched>,
}

/// One fetched file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetched {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl FetchRecord {
    /// Measures a folder of CIFAR-10's binary files that has just been fetched from `source`.
    ///
    /// # Errors
    /// When the folder is not whole and right, as [`binary::load`].
    pub fn of_folder(dir: &Path, source: Source) -> Result<Self> {
        Self::of_folder_sized(dir, source, binary::RECORDS)
    }

    /// [`of_folder`](Self::of_folder), of files with any number of records.
    pub(crate) fn of_folder_sized(dir: &Path, source: Source, records: usize) -> Result<Self> {
        let fingerprint = binary::read_folder(dir, source, records)?.fingerprint().to_owned();
        let mut files = BTreeMap::new();
        for name in names() {
            let (bytes, sha256) = measure(&dir.join(name))?;
            files.insert(name.to_string(), Fetched { bytes, sha256 });
        }
        Ok(Self { source, fingerprint, files })
    }

    /// Writes the record into `dir`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        let text = toml::to_string(self).map_err(|e| Error::content(&path, e.to_string()))?;
        write_whole(&path, |file| file.write_all(text.as_bytes()))
    }

    /// Reads the record of `dir`.
    ///
    /// # Errors
    /// When there is none, or it is not one: the error says to delete it, which leaves the files unverified.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let not_a_record = |why: &str| {
            let advice = "fetch the dataset again, or delete this file to use the others as unverified";
            Error::content(&path, format!("not a record of fetched files ({why}): {advice}"))
        };
        let record: Self = toml::from_str(&text).map_err(|e| not_a_record(e.message()))?;
        let expected = || names().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>();
        if record.source == Source::Shapes || !record.files.keys().eq(&expected()) {
            return Err(not_a_record("it lists other files"));
        }
        Ok(record)
    }

    /// Checks that every file in `dir` still has the length and the hash in this record.
    ///
    /// # Errors
    /// Says which file is missing or differs.
    pub fn verify(&self, dir: &Path) -> Result<()> {
        // All lengths first: they cost nothing, and a truncated file is then called that.
        for (name, file) in &self.files {
            let path = dir.join(name);
            let found = match fs::metadata(&path) {
                Ok(metadata) => metadata.len(),
                Err(_) => return Err(Error::Missing { path }),
            };
            if found != file.bytes {
                return Err(Error::Size { path, expected: file.bytes, found });
            }
        }
        for (name, file) in &self.files {
            let path = dir.join(name);
            let (_, found) = measure(&path)?;
            if found != file.sha256 {
                let reason = format!("has the sha256 {found} instead of {}", file.sha256);
                return Err(Error::Changed { path, reason });
            }
        }
        Ok(())
    }
}

/// Every file of the folder.
fn names() -> impl Iterator<Item = &'static str> {
    binary::TRAIN_FILES.into_iter().chain([binary::TEST_FILE, binary::META_FILE])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: usize = 3;

    fn fetched() -> (tempfile::TempDir, FetchRecord) {
        let dir = tempfile::tempdir().unwrap();
        binary::write_folder_sized(&binary::sample(Source::Cifar10, FEW), dir.path(), FEW).unwrap();
        let record = FetchRecord::of_folder_sized(dir.path(), Source::Cifar10, FEW).unwrap();
        record.save(dir.path()).unwrap();
        (dir, record)
    }

    #[test]
    fn a_saved_record_is_loaded_and_holds() {
        let (dir, record) = fetched();
        assert_eq!(record.files.len(), 7);
        assert_eq!(record.files["test_batch.bin"].bytes, 3 * 3073);
        assert_eq!(FetchRecord::load(dir.path()).unwrap(), record);
        record.verify(dir.path()).unwrap();
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(text.starts_with("source = \"cifar10\"\n"), "{text}");
    }

    #[test]
    fn a_changed_folder_is_found_out() {
        let check = |change: fn(&Path), expect: &str| {
            let (dir, record) = fetched();
            change(dir.path());
            let error = record.verify(dir.path()).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(|dir| fs::remove_file(dir.join("data_batch_1.bin")).unwrap(), "data_batch_1.bin is missing");
        check(|dir| fs::write(dir.join("test_batch.bin"), [1]).unwrap(), "has 1 bytes instead of 9219");
        check(
            |dir| fs::write(dir.join("data_batch_4.bin"), [0; 9219]).unwrap(),
            "data_batch_4.bin: has the sha256 ",
        );
    }

    #[test]
    fn other_files_are_no_record() {
        let check = |text: &str, expect: &str| {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(FILE), text).unwrap();
            let error = FetchRecord::load(dir.path()).unwrap_err().to_string();
            assert!(error.contains(expect) && !error.contains('\n'), "{error}");
        };
        check("", "not a record of fetched files (missing field `source`)");
        check("source = \"cifar10\"\nfingerprint = \"\"\n[files]\n", "it lists other files");
        check("source = \"mnist\"", "unknown variant `mnist`");
        check("<html>", "not a record of fetched files");
    }
}
