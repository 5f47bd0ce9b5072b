//! candle-datasets' loader of CIFAR-10's binary files as the oracle of ours: the same pictures, planes, rows and
//! labels in the same places.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use dataset::{Dataset, Given, Pictures, Shape, Source, binary, candle};

/// A folder of full size, which is the only one that candle-datasets reads; every picture differs, and every
/// value in it from its neighbours.
#[test]
fn a_folder_is_read_as_candle_datasets_reads_it() {
    let count = 6 * binary::RECORDS;
    let pixels = (0..count)
        .flat_map(|i| {
            (0..Shape::CIFAR.len())
                .map(move |j| (i.wrapping_mul(2_654_435_761) >> 7).wrapping_add(j * 7) as u8)
        })
        .collect();
    let labels = (0..count).map(|i| (i * 7 % 10) as u8).collect();
    let given = Given { train: 5 * binary::RECORDS, validation: 0, test: binary::RECORDS };
    let pictures = Pictures::new(Shape::CIFAR, pixels, labels).unwrap();
    let written = Dataset::new(Source::Cifar10Unverified, binary::CLASSES, pictures, given).unwrap();
    let folder = tempfile::tempdir().unwrap();
    binary::write_folder(&written, folder.path()).unwrap();

    let theirs = candle_datasets::vision::cifar::load_dir(folder.path()).unwrap();
    let theirs = candle::from(written.classes().to_vec(), &theirs).unwrap();
    let ours = binary::load(folder.path()).unwrap();
    assert!(ours.pictures() == theirs.pictures());
    assert_eq!(ours.given(), theirs.given());
    assert_eq!(ours.fingerprint(), theirs.fingerprint());

    // And the other way round: what we give to candle is what its loader gives.
    let again = candle::from(written.classes().to_vec(), &candle::to(&ours).unwrap()).unwrap();
    assert!(again.pictures() == ours.pictures());
}
