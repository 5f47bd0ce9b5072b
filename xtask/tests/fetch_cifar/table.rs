//! CIFAR-10 as the hub has it, in two small tables: all pictures of a class are one picture.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;

use super::parquet_table::{HUB, row, table};

const CLASSES: usize = 10;

/// The picture of a class as rows of RGB, other in every class, row, column and colour.
fn interleaved(class: usize) -> Vec<u8> {
    let places = (0..32).flat_map(|row| (0..32).map(move |column| (row, column)));
    places.flat_map(|(row, column)| (0..3).map(move |plane| value(class, plane, row, column))).collect()
}

fn value(class: usize, plane: usize, row: usize, column: usize) -> u8 {
    (class * 20 + plane * 70 + row * 2 + column / 2) as u8
}

/// The same as three planes, as the dataset's binary files have it.
pub(crate) fn planes(class: usize) -> Vec<u8> {
    let places = (0..32).flat_map(|row| (0..32).map(move |column| (row, column)));
    (0..3)
        .flat_map(|plane| places.clone().map(move |(row, column)| value(class, plane, row, column)))
        .collect()
}

/// The class of picture `i`.
pub(crate) fn label(i: usize) -> u8 {
    (i * 7 % CLASSES) as u8
}

/// A parquet file of this many pictures.
pub(crate) fn of_pictures(count: usize) -> Vec<u8> {
    let pictures: Vec<ByteArray> = (0..CLASSES)
        .map(|class| {
            let mut png = Vec::new();
            PngEncoder::new(&mut png)
                .write_image(&interleaved(class), 32, 32, ExtendedColorType::Rgb8)
                .unwrap();
            png.into()
        })
        .collect();
    let of = |i| row(pictures[usize::from(label(i))].clone(), i64::from(label(i)));
    let rows: Vec<_> = (0..count).map(of).collect();
    table(HUB, &rows, count, WriterProperties::default())
}
