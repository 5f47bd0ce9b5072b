//! Any bytes as a picture: there are planes of it, or one error.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

libfuzzer_sys::fuzz_target!(
    // A decoder's panic that becomes an error is none; libFuzzer's hook would end the process before.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let path = FOLDER.path().join("picture");
        fs::write(&path, bytes).unwrap();
        match dataset::encoded::read(&path, 32) {
            Ok(planes) => assert_eq!(planes.len(), 3 * 32 * 32),
            Err(error) => assert!(!error.to_string().contains('\n')),
        }
    }
);
