//! A folder of CIFAR-10's binary files by a recipe of few bytes: for the fuzz target, and for what writes its seeds.

use std::fs;
use std::path::Path;

use dataset::binary;

/// A label and 3 planes of 32 x 32.
const RECORD: usize = 3073;

/// Replaces what is in `dir`; returns the number of records that a right file would have, at most 3.
///
/// A recipe has this number, then for each of the six files a byte and the records' labels, then the text of
/// `fetched.toml`, where there is any. The byte is a signed number by which the file is longer; at -128 there is no
/// file. What a recipe lacks is 0.
pub(crate) fn write(dir: &Path, recipe: &[u8]) -> usize {
    let mut bytes = recipe.iter().copied();
    let mut next = || bytes.next().unwrap_or(0);
    let records = usize::from(next() % 4);
    for (number, name) in binary::TRAIN_FILES.into_iter().chain([binary::TEST_FILE]).enumerate() {
        let longer = next() as i8;
        let mut file = vec![number as u8; records * RECORD];
        file.chunks_mut(RECORD).for_each(|record| record[0] = next());
        file.resize(file.len().saturating_add_signed(longer.into()), 0);
        let path = dir.join(name);
        let _ = fs::remove_file(&path);
        if longer != i8::MIN {
            fs::write(path, file).unwrap();
        }
    }
    fs::write(dir.join(binary::META_FILE), binary::CLASSES.join("\n")).unwrap();
    let record: Vec<u8> = bytes.collect();
    let path = dir.join(dataset::record::FILE);
    let _ = fs::remove_file(&path);
    if !record.is_empty() {
        fs::write(path, record).unwrap();
    }
    records
}
