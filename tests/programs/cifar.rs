//! Training on a CIFAR-10 folder that a user brought: one of the right form, and damaged ones.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use crate::program::trainer;
use crate::run_files::{list, setting};

const RECORD: usize = 1 + 3 * 32 * 32;
const RECORDS: usize = 10_000;
const NAMES: &str = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

/// Writes pictures of one grey each, in the form that the archive has (<https://www.cs.toronto.edu/~kriz/cifar.html>).
fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("batches.meta.txt"), NAMES).unwrap();
    let batches = (1..=5).map(|i| format!("data_batch_{i}.bin"));
    for name in batches.chain(["test_batch.bin".to_owned()]) {
        let mut file = BufWriter::new(File::create(folder.join(name)).unwrap());
        for i in 0..RECORDS {
            let mut record = [(i * 7) as u8; RECORD];
            record[0] = (i % 10) as u8;
            file.write_all(&record).unwrap();
        }
        file.into_inner().unwrap();
    }
}

#[test]
fn a_folder_without_proof_is_unverified_and_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let binaries = folder.path().join("data/cifar-10-batches-bin");
    write(&binaries);

    let ended = trainer(folder.path(), "--limit 200 --epochs 1 --run-dir run").with(0);
    let run = folder.path().join("run");
    let data = |key: &str| setting(&run, "config.toml", &format!("data.{key}"));
    assert_eq!(data("source").as_str(), Some("cifar10-unverified"));
    assert_eq!(data("description").as_str(), Some("CIFAR-10 (unverified)"));
    assert!(ended.stderr.contains("CIFAR-10 (unverified): 200 / 50 / 50 "), "{}", ended.stderr);
    assert_eq!(
        ["train", "validation", "test"].map(|part| data(part).as_integer()),
        [Some(200), Some(50), Some(50)]
    );

    // One damage on top of the other, so that each is found before the last one.
    let check = |damaged: &str, expected: &str| {
        let ended = trainer(folder.path(), "--limit 200 --epochs 1 --run-dir other").with(1);
        let path = Path::new("data").join("cifar-10-batches-bin").join(damaged);
        let start = format!("error: {}", path.display());
        assert!(ended.stderr.starts_with(&start) && ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!((ended.stderr.lines().count(), ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
        assert!(!folder.path().join("other").exists());
    };
    let open = |name: &str| File::options().write(true).open(binaries.join(name)).unwrap();
    let mut labels = open("data_batch_2.bin");
    labels.seek(SeekFrom::Start(5 * RECORD as u64)).unwrap();
    labels.write_all(&[10]).unwrap();
    check("data_batch_2.bin", "byte 15365 is the label 10, expected 0 to 9");
    open("test_batch.bin").set_len(30_729_999).unwrap();
    check("test_batch.bin", "has 30729999 bytes instead of 30730000");
    fs::remove_file(binaries.join("data_batch_1.bin")).unwrap();
    check("data_batch_1.bin", "is missing, the folder is incomplete: fetch the dataset again");
    fs::write(binaries.join("batches.meta.txt"), NAMES.replace("cat", "lion")).unwrap();
    check("batches.meta.txt", "expected the names of the ten classes");
    assert_eq!(list(&folder.path().join("data")).len(), 6, "nothing is added");
}
