//! Any bytes as the table of the training pictures, beside a whole table of test pictures: there is one error. There
//! always is, since the test pictures are none, which is found after the training pictures were read.
#![no_main]

#[path = "../../tests/corpus/table.rs"]
mod table;

use std::fs;
use std::sync::LazyLock;

use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let rows = vec![table::row("no picture", 0); 10_000];
    let test = table::table(table::HUB, &rows, rows.len(), WriterProperties::default());
    fs::create_dir(dir.path().join("plain_text")).unwrap();
    fs::write(dir.path().join("plain_text/test-00000-of-00001.parquet"), test).unwrap();
    dir
});

libfuzzer_sys::fuzz_target!(
    // A reader's panic that becomes an error is none; libFuzzer's hook would end the process before.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        fs::write(FOLDER.path().join("plain_text/train-00000-of-00001.parquet"), bytes).unwrap();
        let error = dataset::parquet::read_folder(FOLDER.path()).unwrap_err().to_string();
        assert!(!error.contains('\n'));
    }
);
