//! Folders of CIFAR-10's binary files by recipes: there are all pictures, or one error.
#![no_main]

#[path = "../../tests/corpus/binary_folder.rs"]
mod binary_folder;

use std::sync::LazyLock;

use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(|recipe: &[u8]| {
    let records = binary_folder::write(FOLDER.path(), recipe);
    match dataset::binary::load_records(FOLDER.path(), records) {
        Ok(dataset) => assert_eq!(dataset.pictures().len(), 6 * records),
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
