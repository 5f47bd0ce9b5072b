//! The tutorial network against numbers that Keras computed: `keras_parity/` holds a small trace, and
//! `make.py` in it says how it was made.

use std::path::Path;

use candle_core::Device;
use kernels::Simd;
use trainer::parity::compare;

#[test]
fn every_number_is_keras_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keras_parity");
    let checks = compare(&folder, Simd::best(), &Device::Cpu).unwrap();
    // Logits, ten gradients, one update, three courses of losses.
    assert_eq!(checks.len(), 15);
    for check in checks {
        assert!(check.holds(), "{check:?}");
    }
}

#[test]
fn another_trace_does_not_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keras_parity");
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    // One pixel of the first picture, far into the file's data.
    let batches = copy.path().join("batches.safetensors");
    let mut bytes = std::fs::read(&batches).unwrap();
    let pixel = bytes.len() - 80 * 32 * 32 * 3 + 1500;
    bytes[pixel] ^= 0x40;
    std::fs::write(&batches, bytes).unwrap();
    assert!(compare(copy.path(), Simd::best(), &Device::Cpu).unwrap().iter().any(|check| !check.holds()));
    std::fs::remove_file(&batches).unwrap();
    let error = compare(copy.path(), Simd::best(), &Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("batches.safetensors"), "{error}");
}
