//! Small tables written by the parquet crate's own writer, read back.

#[path = "../../tests/corpus/table.rs"]
mod table;

use ::parquet::file::properties::WriterProperties;
use image::ImageEncoder;
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};

use super::*;
use table::{HUB, Row as Sample, row};

/// A value that is different at every place of picture `i`.
fn value(i: usize, row: usize, column: usize, plane: usize) -> u8 {
    (i * 7 + row * 5 + column * 3 + plane * 60) as u8
}

fn interleaved(i: usize) -> Vec<u8> {
    let places = (0..32).flat_map(|row| (0..32).map(move |column| (row, column)));
    places.flat_map(|(row, column)| (0..3).map(move |plane| value(i, row, column, plane))).collect()
}

fn png(pixels: &[u8], width: u32, height: u32, color: image::ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, color).unwrap();
    bytes
}

fn rgb_png(i: usize) -> Vec<u8> {
    png(&interleaved(i), 32, 32, image::ExtendedColorType::Rgb8)
}

fn samples(first: usize, count: usize) -> Vec<Sample> {
    (first..first + count).map(|i| row(rgb_png(i), i as i64 % 10)).collect()
}

fn write(path: &Path, schema: &str, samples: &[Sample]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Two row groups, to show that rows are counted through all of them.
    let group = samples.len().div_ceil(2);
    fs::write(path, table::table(schema, samples, group, WriterProperties::default())).unwrap();
}

/// A folder of four training pictures (1 to 4) and two test pictures (5 and 6) in the hub's layout.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join(TRAIN), HUB, &samples(1, 4));
    write(&dir.path().join(TEST), HUB, &samples(5, 2));
    dir
}
const TRAIN: &str = "plain_text/train-00000-of-00001.parquet";
const TEST: &str = "plain_text/test-00000-of-00001.parquet";
const COUNTS: [usize; 2] = [4, 2];

/// What reading says after a training table of `samples` was put in place.
#[track_caller]
fn check(samples: &[Sample], expect: &str) {
    let dir = folder();
    write(&dir.path().join(TRAIN), HUB, samples);
    check_folder(dir.path(), expect);
}

#[track_caller]
fn check_folder(dir: &Path, expect: &str) {
    let error = read_counts(dir, COUNTS).unwrap_err().to_string();
    assert!(error.contains(expect) && !error.contains('\n'), "{error}\ndoes not say\n{expect}");
}

#[test]
fn pictures_land_upright_and_in_order() {
    let dataset = read_counts(folder().path(), COUNTS).unwrap();
    assert_eq!(dataset.source(), Source::Cifar10Unverified);
    assert_eq!(dataset.given(), Given { train: 4, validation: 0, test: 2 });
    assert_eq!(dataset.pictures().labels(), [1, 2, 3, 4, 5, 6]);
    for i in 0..6 {
        for (place, &found) in dataset.pictures().picture(i).iter().enumerate() {
            let (plane, row, column) = (place / 1024, place / 32 % 32, place % 32);
            assert_eq!(found, value(1 + i, row, column, plane), "{i} {plane} {row} {column}");
        }
    }
}

#[test]
fn jpeg_pictures_make_jpeg_copies() {
    // Red, except for a blue block at the right of the top.
    let mut pixels = [230, 20, 20].repeat(1024);
    for row in 0..8 {
        for column in 16..32 {
            pixels[(row * 32 + column) * 3..][..3].copy_from_slice(&[20, 20, 230]);
        }
    }
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.write_image(&pixels, 32, 32, image::ExtendedColorType::Rgb8).unwrap();
    let dir = folder();
    let mut samples = samples(1, 4);
    samples[2].0 = Some(bytes.into());
    write(&dir.path().join(TRAIN), HUB, &samples);
    let dataset = read_counts(dir.path(), COUNTS).unwrap();
    assert_eq!(dataset.source(), Source::Cifar10Jpeg);
    let picture = dataset.pictures().picture(2);
    for (row, column, blue) in [(2, 24, true), (24, 2, false), (2, 2, false), (24, 24, false)] {
        let place = row * 32 + column;
        assert_eq!(picture[2048 + place] > 200, blue, "blue at {row} {column}");
        assert_eq!(picture[place] > 200, !blue, "red at {row} {column}");
    }
}

#[test]
fn every_layout_of_the_hub_is_found() {
    let whole = read_counts(folder().path(), COUNTS).unwrap();
    for (train, test) in [
        (["train-00000-of-00002", "train-00001-of-00002"], "test-00000-of-00001"),
        (["plain_text/train/0000", "plain_text/train/0001"], "plain_text/test/0000"),
        (["train/0000", "train/0001"], "test/0000"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(format!("{name}.parquet"));
        write(&path(train[0]), HUB, &samples(1, 3));
        write(&path(train[1]), HUB, &samples(4, 1));
        write(&path(test), HUB, &samples(5, 2));
        assert_eq!(read_counts(dir.path(), COUNTS).unwrap(), whole, "{train:?}");
        fs::remove_file(path(train[0])).unwrap();
        check_folder(dir.path(), "train shards from 0, found 1");
    }
}

#[test]
fn bad_rows_are_named() {
    let with = |row: usize, sample: Sample| {
        let mut samples = samples(1, 4);
        samples[row] = sample;
        samples
    };
    let cut = rgb_png(0)[..200].to_vec();
    let small = png(&[0; 31 * 32 * 3], 31, 32, image::ExtendedColorType::Rgb8);
    let grey = png(&[0; 1024], 32, 32, image::ExtendedColorType::L8);
    check(&with(2, (None, Some(1))), "00001.parquet, row 2 (counted from 0): no bytes in img.bytes");
    check(&with(3, (Some(rgb_png(0).into()), None)), "row 3 (counted from 0): no label");
    check(&with(1, row(rgb_png(0), 10)), "row 1 (counted from 0): label 10, expected 0 to 9");
    check(&with(1, row(rgb_png(0), -1)), "label -1, expected 0 to 9");
    check(&with(1, row(rgb_png(0), 256)), "label 256, expected 0 to 9");
    check(&with(3, row(cut, 1)), "row 3 (counted from 0): corrupt picture");
    check(&with(0, row(b"<html>".to_vec(), 1)), "row 0 (counted from 0): the picture is neither");
    check(&with(0, row(small, 1)), "a picture of 31x32 Rgb8, expected 32x32 Rgb8");
    check(&with(0, row(grey, 1)), "a picture of 32x32 L8, expected 32x32 Rgb8");
}

#[test]
fn bad_tables_are_named() {
    check(
        &samples(1, 3),
        "train-00000-of-00001.parquet: 3 pictures in this and its other shards, expected 4",
    );
    let dir = folder();
    fs::write(dir.path().join(TEST), "<html>not found</html>").unwrap();
    check_folder(dir.path(), "test-00000-of-00001.parquet: not a readable parquet file");
    fs::remove_file(dir.path().join(TEST)).unwrap();
    check_folder(dir.path(), "no test pictures: expected plain_text/test-00000-of-00001.parquet");
    for (schema, expect) in [
        (HUB.replace(" img ", " image "), "no column img:"),
        (HUB.replace("binary bytes", "binary file"), "no column img.bytes of binary values"),
        (HUB.replace("int64 label", "int64 fine_label"), "no column label of 64-bit integers"),
    ] {
        let dir = folder();
        write(&dir.path().join(TRAIN), &schema, &samples(1, 4));
        check_folder(dir.path(), expect);
    }
    let error = read_folder(folder().path()).unwrap_err().to_string();
    assert!(error.contains("4 pictures in this and its other shards, expected 50000"), "{error}");
}

#[test]
fn altered_tables_never_panic() {
    let dir = folder();
    let path = dir.path().join(TRAIN);
    let whole = fs::read(&path).unwrap();
    let mut stream = streams::Seed(0).stream(const { streams::Purpose::new("alter") }, 0, 0);
    for _ in 0..500 {
        let mut bytes = whole.clone();
        // Mostly in the footer, which says where everything is.
        let from = if stream.chance(0.7) { bytes.len().saturating_sub(700) as u32 } else { 0 };
        for _ in 0..=stream.below(3) {
            let at = from + stream.below(bytes.len() as u32 - from);
            bytes[at as usize] = stream.bits() as u8;
        }
        if stream.chance(0.1) {
            bytes.truncate(stream.below(bytes.len() as u32) as usize);
        }
        fs::write(&path, bytes).unwrap();
        // Read whole or one error; both are right.
        if let Err(error) = read_counts(dir.path(), COUNTS) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}
