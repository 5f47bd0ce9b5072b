//! Writes the seeds of the fuzz targets to `target/tmp/corpus`, a folder for each target, and checks that each seed is
//! what it is there for: an input that is read, or one that is not and why.

// Clippy knows the tests themselves, not the functions they share.
#![allow(clippy::panic, clippy::unwrap_used)]

mod binary_folder;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use ::parquet::basic::Compression;
use ::parquet::file::properties::{WriterProperties, WriterVersion};
use dataset::{binary, encoded, parquet};
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use table::{HUB, Row, row};

/// Is read, or is not and the error says this.
type End = Result<(), &'static str>;

#[test]
fn pictures() {
    let rgb = png(20, 13, ExtendedColorType::Rgb8);
    let jpeg = jpeg(20, 13, ExtendedColorType::Rgb8);
    for (name, bytes, end) in [
        ("rgb.png", rgb.clone(), Ok(())),
        ("right-size.png", png(32, 32, ExtendedColorType::Rgb8), Ok(())),
        ("grey.png", png(20, 13, ExtendedColorType::L8), Ok(())),
        ("alpha.png", png(5, 5, ExtendedColorType::Rgba8), Ok(())),
        ("16-bit.png", png(5, 5, ExtendedColorType::Rgb16), Ok(())),
        ("palette.png", palette(), Ok(())),
        ("turned.png", turned(), Ok(())),
        ("interlaced.png", include_bytes!("../../testdata/interlaced.png").to_vec(), Ok(())),
        ("cut.png", rgb[..rgb.len() / 2].to_vec(), Err("corrupt picture: ")),
        ("rgb.jpg", jpeg.clone(), Ok(())),
        ("grey.jpg", self::jpeg(20, 13, ExtendedColorType::L8), Ok(())),
        ("progressive.jpg", include_bytes!("../../testdata/progressive.jpg").to_vec(), Ok(())),
        ("restarts.jpg", include_bytes!("../../testdata/restarts.jpg").to_vec(), Ok(())),
        ("subsampled.jpg", include_bytes!("../../testdata/subsampled.jpg").to_vec(), Ok(())),
        ("cmyk.jpg", include_bytes!("../../testdata/cmyk.jpg").to_vec(), Ok(())),
        ("cut.jpg", jpeg[..jpeg.len() - 9].to_vec(), Err("corrupt picture: it is cut off")),
        ("empty", Vec::new(), Err("neither PNG nor JPEG")),
        ("gif", b"GIF89a".to_vec(), Err("neither PNG nor JPEG, but Gif")),
    ] {
        let path = write("picture", name, &bytes);
        check(name, encoded::read(&path, 32).map(|planes| assert_eq!(planes.len(), 3072)), end);
    }
}

#[test]
fn tables() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("plain_text")).unwrap();
    let path = |part| dir.path().join(format!("plain_text/{part}-00000-of-00001.parquet"));
    let table = |rows: &[Row], group, properties| table::table(HUB, rows, group, properties);
    let nothing = |rows| table(&vec![row("no picture", 0); rows], rows, WriterProperties::default());
    fs::write(path("test"), nothing(10_000)).unwrap();

    let mut picture = Vec::new();
    let encoder = PngEncoder::new(&mut picture);
    encoder.write_image(&[7; 3072], 32, 32, ExtendedColorType::Rgb8).unwrap();
    let few = [row(picture.clone(), 0), row(picture.clone(), 0), row(picture, 0), row("no picture", 0)];
    let claiming = |rows, properties: WriterProperties| claim_all(table(&few, rows, properties));
    let with = WriterProperties::builder;
    let plain = claiming(4, with().set_dictionary_enabled(false).build());
    let read = Err("row 3 (counted from 0): the picture is neither PNG nor JPEG");
    for (name, bytes, end) in [
        ("plain", plain.clone(), read),
        ("dictionary", claiming(4, WriterProperties::default()), read),
        ("two-groups", claiming(2, WriterProperties::default()), read),
        ("snappy", claiming(4, with().set_compression(Compression::SNAPPY).build()), read),
        ("zstd", claiming(4, with().set_compression(Compression::ZSTD(Default::default())).build()), read),
        ("pages-v2", claiming(4, with().set_writer_version(WriterVersion::PARQUET_2_0).build()), read),
        ("many", nothing(50_000), Err("row 0 (counted from 0): the picture is neither PNG nor JPEG")),
        ("few", table(&few, 4, WriterProperties::default()), Err(": 4 pictures in this")),
        ("cut", plain[..plain.len() / 2].to_vec(), Err("not a readable parquet file")),
        ("empty", Vec::new(), Err("not a readable parquet file")),
    ] {
        fs::write(path("train"), &bytes).unwrap();
        check(name, parquet::read_folder(dir.path()).map(drop), end);
        write("parquet", name, &bytes);
        assert!(bytes.len() < 4096, "{name} has {} bytes, longer than the fuzzer makes any", bytes.len());
    }
}

#[test]
fn binary_folders() {
    let file = |length: i8, labels: &[u8]| [&[length as u8], labels].concat();
    let six = |one: Vec<u8>| [&file(0, &[1, 2])[..], &one, &file(0, &[3, 4]).repeat(4)].concat();
    for (name, recipe, end) in [
        ("right", six(file(0, &[5, 6])), Ok(())),
        ("label", six(file(0, &[5, 10])), Err("data_batch_2.bin: byte 3073 is the label 10")),
        ("short", six(file(-3, &[5, 6])), Err("data_batch_2.bin has 6143 bytes instead of 6146")),
        ("long", six(file(9, &[5, 6])), Err("data_batch_2.bin has 6155 bytes instead of 6146")),
        ("missing", six(file(i8::MIN, &[5, 6])), Err("data_batch_2.bin is missing")),
        ("no-record", [six(file(0, &[5, 6])), b"<html>".to_vec()].concat(), Err("not a record of fetched")),
        ("changed", [six(file(0, &[5, 6])), RECORD.into()].concat(), Err("no longer what was fetched")),
    ] {
        let recipe = [&[2], &recipe[..]].concat();
        let dir = tempfile::tempdir().unwrap();
        let records = binary_folder::write(dir.path(), &recipe);
        check(name, binary::load_records(dir.path(), records).map(drop), end);
        write("binary", name, &recipe);
    }
}

/// A record of other pictures.
const RECORD: &str = "source = \"cifar10\"\nfingerprint = \"0\"\n\
    [files]\n\"batches.meta.txt\" = { bytes = 61, sha256 = \"0\" }\n\
    \"data_batch_1.bin\" = { bytes = 1, sha256 = \"0\" }\n\"data_batch_2.bin\" = { bytes = 1, sha256 = \"0\" }\n\
    \"data_batch_3.bin\" = { bytes = 1, sha256 = \"0\" }\n\"data_batch_4.bin\" = { bytes = 1, sha256 = \"0\" }\n\
    \"data_batch_5.bin\" = { bytes = 1, sha256 = \"0\" }\n\"test_batch.bin\" = { bytes = 1, sha256 = \"0\" }\n";

#[track_caller]
fn check(name: &str, found: dataset::Result<()>, expect: End) {
    match (found, expect) {
        (Ok(()), Ok(())) => {}
        (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{name}: {error}"),
        (found, _) => panic!("{name}: {found:?}, expected {expect:?}"),
    }
}

/// A table of four rows made to say that they are 50,000, without which nothing of it is read.
fn claim_all(mut table: Vec<u8>) -> Vec<u8> {
    // At the end: the footer, its length in four bytes, "PAR1". In it, the number of rows is a 64-bit integer that
    // follows the field before the last: 0x16 in Thrift's compact protocol, then the zigzag number as a varint.
    let end = table.len() - 8;
    let length = u32::from_le_bytes(table[end..end + 4].try_into().unwrap());
    let footer = end - length as usize;
    let at = footer + table[footer..end].windows(2).position(|bytes| bytes == [0x16, 8]).unwrap();
    table.splice(at + 1..at + 2, [0xa0, 0x8d, 0x06]);
    table[end + 2..end + 6].copy_from_slice(&(length + 2).to_le_bytes());
    table
}

fn pixels(width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
    let bytes = width * height * u32::from(color.bits_per_pixel()) / 8;
    (0..bytes).map(|i| (i * 7 + i / 50) as u8).collect()
}

fn png(width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    encoder.write_image(&pixels(width, height, color), width, height, color).unwrap();
    bytes
}

fn jpeg(width: u32, height: u32, color: ExtendedColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new(&mut bytes);
    encoder.write_image(&pixels(width, height, color), width, height, color).unwrap();
    bytes
}

fn palette() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 2);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_palette(vec![9, 8, 7, 0, 100, 200, 255, 254, 253]);
    encoder.set_trns(vec![0, 128]);
    encoder.write_header().unwrap().write_image_data(&[0x12, 0x81, 0x20, 0x44]).unwrap();
    bytes
}

/// With the Exif block of a camera that was turned.
fn turned() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    let color = ExtendedColorType::Rgb8;
    encoder.write_image(&pixels(20, 13, color), 20, 13, color).unwrap();
    bytes
}

fn write(target: &str, name: &str, bytes: &[u8]) -> PathBuf {
    let folder: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
    folder.join(name)
}
