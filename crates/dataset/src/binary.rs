//! The folder of CIFAR-10's binary files: read straight into bytes, or written. Knows nothing of archives or
//! of fetching.
//!
//! Each of the six files holds 10,000 records of 3,073 bytes: a label, then the red, green and blue planes of
//! 32 x 32, row-major (<https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::fs;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::disk::{open, write_whole};
use crate::{Dataset, Digest, Error, FetchRecord, Given, Pictures, Result, Shape, Source, cores, record};

/// The folder's name, in the archive and in the data folder.
pub const FOLDER: &str = "cifar-10-batches-bin";
/// The files of the 50,000 training pictures, in order.
pub const TRAIN_FILES: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
/// The file of the 10,000 test pictures.
pub const TEST_FILE: &str = "test_batch.bin";
/// The file with the names of the classes, one a line.
pub const META_FILE: &str = "batches.meta.txt";
/// Names of the classes in the order of the labels.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
/// Records in one file.
pub const RECORDS: usize = 10_000;
/// Length of one file in bytes: 10,000 records of a label and 3,072 pixels.
pub const FILE_BYTES: u64 = (RECORDS * (1 + Shape::CIFAR.len())) as u64;

/// Bytes of a file that are read at a time: as many as the second cache holds besides the pictures.
const BUFFER: usize = 1 << 17;

/// Loads the folder. Its [`FetchRecord`], where it has one, says what the pictures are; without one they are
/// [`Source::Cifar10Unverified`].
///
/// # Errors
/// When a file is missing, has the wrong length, a label over 9 or other classes, or when the content is not
/// what the record says was fetched. The error names the file, and the byte of a label.
pub fn load(dir: &Path) -> Result<Dataset> {
    load_records(dir, RECORDS)
}

/// Writes the six files of pictures and the names of the classes into `dir`, which is made where it is not
/// there. Each file is written whole or not at all; so that the folder is, too, give a temporary one and
/// rename it.
///
/// # Errors
/// When the pictures are not 50,000 and 10,000 of 3x32x32 in ten classes, or a file cannot be written.
pub fn write_folder(dataset: &Dataset, dir: &Path) -> Result<()> {
    write_folder_sized(dataset, dir, RECORDS)
}

/// [`load`], of files with another number of records each, as parts of CIFAR-10 for tests have.
///
/// # Errors
/// As [`load`].
pub fn load_records(dir: &Path, records: usize) -> Result<Dataset> {
    let record = if dir.join(record::FILE).exists() { Some(FetchRecord::load(dir)?) } else { None };
    let source = record.as_ref().map_or(Source::Cifar10Unverified, |r| r.source);
    let dataset = read_folder(dir, source, records)?;
    match record {
        Some(record) if record.fingerprint != dataset.fingerprint() => Err(Error::Changed {
            path: dir.to_path_buf(),
            reason: "its pictures or labels have changed".into(),
        }),
        _ => Ok(dataset),
    }
}

/// [`write_folder`], of files with any number of records.
pub(crate) fn write_folder_sized(dataset: &Dataset, dir: &Path, records: usize) -> Result<()> {
    let (pictures, given) = (dataset.pictures(), dataset.given());
    if pictures.shape() != Shape::CIFAR || given != parts(records) || dataset.classes().len() != CLASSES.len()
    {
        let Given { train, validation, test } = given;
        let expected = parts(records);
        return Err(Error::Unfit(format!(
            "CIFAR-10's files hold {} and {} pictures of {} in {} classes, not {}, {validation} and {test} of {} in {}",
            expected.train,
            expected.test,
            Shape::CIFAR,
            CLASSES.len(),
            train,
            pictures.shape(),
            dataset.classes().len()
        )));
    }
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    for (number, name) in files().enumerate() {
        write_whole(&dir.join(name), |file| {
            (number * records..(number + 1) * records).try_for_each(|i| {
                file.write_all(&[pictures.label(i)])?;
                file.write_all(pictures.picture(i))
            })
        })?;
    }
    // As the archive has it: one name a line, then an empty line.
    write_whole(&dir.join(META_FILE), |file| writeln!(file, "{}\n", CLASSES.join("\n")))
}

/// The pictures of a folder, whatever its record says.
pub(crate) fn read_folder(dir: &Path, source: Source, records: usize) -> Result<Dataset> {
    check_classes(&dir.join(META_FILE))?;
    let (pictures, digests) = read_files(dir, records)?;
    Dataset::of_known(source, CLASSES, pictures, parts(records), digests)
}

/// The files of pictures: first those of training, then that of the test.
fn files() -> impl Iterator<Item = &'static str> {
    TRAIN_FILES.into_iter().chain([TEST_FILE])
}

/// What files with so many records hold.
fn parts(records: usize) -> Given {
    Given { train: TRAIN_FILES.len() * records, validation: 0, test: records }
}

fn check_classes(path: &Path) -> Result<()> {
    // Room for other line ends, and a bound for a file that is something else.
    const LONGEST: u64 = 4096;
    let mut text = String::new();
    open(path)?.take(LONGEST).read_to_string(&mut text).map_err(Error::io("read", path))?;
    if text.split_whitespace().eq(CLASSES) {
        return Ok(());
    }
    Err(Error::content(path, format!("expected the names of the ten classes ({})", CLASSES.join(", "))))
}

/// The pictures of all files, and the digest of each: taken while its bytes are in the cache.
fn read_files(dir: &Path, records: usize) -> Result<(Pictures, Vec<Digest>)> {
    let picture = Shape::CIFAR.len();
    let expected = (records as u64).saturating_mul(1 + picture as u64);
    // All lengths before the first byte: they cost nothing, and what is not there needs no memory.
    let mut open_files = Vec::new();
    for name in files() {
        let path = dir.join(name);
        let file = open(&path)?;
        let found = file.metadata().map_err(Error::io("read", &path))?.len();
        if found != expected {
            return Err(Error::Size { path, expected, found });
        }
        open_files.push((path, file));
    }
    let count = open_files.len() * records;
    let (mut pixels, mut labels) = (vec![0; count * picture], vec![0; count]);
    let mut digests = vec![Digest::default(); count];
    let size = records.max(1);
    let places = pixels.chunks_mut(size * picture).zip(labels.chunks_mut(size)).zip(digests.chunks_mut(size));
    cores::each(open_files.into_iter().zip(places), |((path, file), ((pixels, labels), digests))| {
        let mut file = BufReader::with_capacity(BUFFER, file);
        let places = pixels.chunks_exact_mut(picture).zip(labels).zip(digests);
        for (record, ((place, label), digest)) in places.enumerate() {
            file.read_exact(std::slice::from_mut(label)).map_err(Error::io("read", &path))?;
            file.read_exact(place).map_err(Error::io("read", &path))?;
            if usize::from(*label) >= CLASSES.len() {
                let byte = (record * (1 + picture)) as u64;
                return Err(Error::Label { path, byte, label: *label, classes: CLASSES.len() });
            }
            *digest = Digest::of(place);
        }
        Ok(())
    })?;
    Ok((Pictures::new(Shape::CIFAR, pixels, labels)?, digests))
}

/// A dataset of CIFAR-10's form with `records` pictures a file, each byte of them different from its
/// neighbours.
#[cfg(test)]
pub(crate) fn sample(source: Source, records: usize) -> Dataset {
    let count = files().count() * records;
    let pixels = (0..count * Shape::CIFAR.len()).map(|i| (i % 251) as u8).collect();
    let labels = (0..count).map(|i| ((i * 3) % 10) as u8).collect();
    Dataset::new(source, CLASSES, Pictures::new(Shape::CIFAR, pixels, labels).unwrap(), parts(records))
        .unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: usize = 4;

    /// A written folder, changed by `change`, and what loading it says.
    #[track_caller]
    fn check(change: impl FnOnce(&Path), expect: &str) {
        let dir = tempfile::tempdir().unwrap();
        write_folder_sized(&sample(Source::Cifar10, FEW), dir.path(), FEW).unwrap();
        change(dir.path());
        let said = match load_records(dir.path(), FEW) {
            Ok(dataset) => dataset.source().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expect), "{said}\ndoes not say\n{expect}");
    }

    fn patch(path: &Path, byte: usize, value: u8) {
        let mut bytes = fs::read(path).unwrap();
        bytes[byte] = value;
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn what_is_written_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let written = sample(Source::Cifar10Unverified, FEW);
        write_folder_sized(&written, dir.path(), FEW).unwrap();
        assert_eq!(load_records(dir.path(), FEW).unwrap(), written);
    }

    #[test]
    fn a_file_has_labels_then_planes() {
        let dir = tempfile::tempdir().unwrap();
        let written = sample(Source::Cifar10, FEW);
        write_folder_sized(&written, dir.path(), FEW).unwrap();
        let bytes = fs::read(dir.path().join("data_batch_2.bin")).unwrap();
        assert_eq!(bytes.len(), FEW * 3073);
        assert_eq!(bytes[3073], written.pictures().label(FEW + 1));
        assert_eq!(bytes[3074..6146], *written.pictures().picture(FEW + 1));
        let meta = fs::read_to_string(dir.path().join(META_FILE)).unwrap();
        assert!(meta.starts_with("airplane\nautomobile\n") && meta.ends_with("truck\n\n"));
    }

    #[test]
    fn the_record_says_what_the_pictures_are() {
        let record = |source| {
            move |dir: &Path| FetchRecord::of_folder_sized(dir, source, FEW).unwrap().save(dir).unwrap()
        };
        check(record(Source::Cifar10), "CIFAR-10");
        check(record(Source::Cifar10Jpeg), "JPEG copies, not the official bytes");
        check(|_| (), "CIFAR-10 (unverified)");
        check(
            |dir| {
                record(Source::Cifar10)(dir);
                patch(&dir.join(TEST_FILE), 100, 0);
            },
            "no longer what was fetched",
        );
        check(|dir| fs::write(dir.join(record::FILE), "source = 3").unwrap(), "fetched.toml: ");
    }

    #[test]
    fn bad_folders_get_one_error_that_names_the_file() {
        check(|dir| fs::remove_file(dir.join(TEST_FILE)).unwrap(), "test_batch.bin is missing");
        check(|dir| fs::remove_file(dir.join(META_FILE)).unwrap(), "batches.meta.txt is missing");
        check(
            |dir| fs::write(dir.join(META_FILE), "<html>").unwrap(),
            "batches.meta.txt: expected the names",
        );
        check(
            |dir| patch(&dir.join("data_batch_3.bin"), 2 * 3073, 10),
            "data_batch_3.bin: byte 6146 is the label 10",
        );
        // Before the label that is also wrong.
        check(
            |dir| {
                patch(&dir.join("data_batch_1.bin"), 0, 200);
                fs::write(dir.join("data_batch_5.bin"), [0; 3073]).unwrap();
            },
            "data_batch_5.bin has 3073 bytes instead of 12292",
        );
    }

    #[test]
    fn no_number_of_records_takes_memory_that_the_files_have_not() {
        let dir = tempfile::tempdir().unwrap();
        write_folder_sized(&sample(Source::Cifar10, FEW), dir.path(), FEW).unwrap();
        for records in [0, FEW + 1, usize::MAX / 3073, usize::MAX] {
            let error = load_records(dir.path(), records).unwrap_err().to_string();
            assert!(error.contains("data_batch_1.bin has 12292 bytes instead of "), "{error}");
        }
    }

    #[test]
    fn only_pictures_of_the_right_form_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_folder(&sample(Source::Cifar10, FEW), dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("50000 and 10000 pictures of 3x32x32 in 10 classes, not 20, 0 and 4"),
            "{error}"
        );
        assert_eq!(FILE_BYTES, 30_730_000);
    }
}
