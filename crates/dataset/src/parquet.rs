//! CIFAR-10 as the Hugging Face hub keeps it: parquet tables of encoded pictures, PNG or JPEG. Knows nothing
//! of the network or of how the files were fetched.
//!
//! The layouts of `uoft-cs/cifar10` are understood: `plain_text/train-00000-of-00001.parquet` (branch main)
//! and `plain_text/train/0000.parquet` (branch refs/convert/parquet), with any number of shards, and the same
//! without `plain_text`. The columns are `img`, a group with the encoded picture in `bytes`, and `label`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::parquet::basic::{Repetition, Type as Physical};
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use ::parquet::schema::types::Type;

use crate::binary::{CLASSES, RECORDS, TRAIN_FILES};
use crate::disk::open;
use crate::encoded::{self, Encoding, first_line};
use crate::{Dataset, Error, Given, Pictures, Result, Shape, Source, cores};

/// Rows decoded at a time: bounds the memory for encoded pictures, and is enough to keep all cores busy.
const ROWS_AT_ONCE: usize = 4096;

/// Reads all of CIFAR-10 from a folder of the hub's parquet files, upright: rows of pixels become rows of
/// planes. The source is [`Source::Cifar10Jpeg`] where any picture is a JPEG, and otherwise
/// [`Source::Cifar10Unverified`], since these files have no published checksum.
///
/// # Errors
/// When the folder has no such files, shards are missing, columns are missing or empty, a picture is corrupt
/// or not 32 x 32 RGB, a label is not 0 to 9, or there are not 50,000 and 10,000 pictures. The error names
/// the file and the row.
pub fn read_folder(dir: &Path) -> Result<Dataset> {
    read_counts(dir, [TRAIN_FILES.len() * RECORDS, RECORDS])
}

/// [`read_folder`], of any number of training and test pictures.
fn read_counts(dir: &Path, counts: [usize; 2]) -> Result<Dataset> {
    let files = [find_shards(dir, "train")?, find_shards(dir, "test")?];
    for (shards, expected) in files.iter().zip(counts) {
        // By what the files say of themselves, before minutes are spent on the wrong dataset.
        let mut rows = 0;
        for path in shards {
            rows += table(path)?.metadata().file_metadata().num_rows();
        }
        check_count(&shards[0], usize::try_from(rows).unwrap_or(0), expected)?;
    }
    let (mut pixels, mut labels, mut encoding) = (Vec::new(), Vec::new(), Encoding::Png);
    for (shards, count) in files.iter().zip(counts) {
        encoding = encoding.max(read_part(shards, count, &mut pixels, &mut labels)?);
    }
    let source = match encoding {
        Encoding::Png => Source::Cifar10Unverified,
        Encoding::Jpeg => Source::Cifar10Jpeg,
    };
    let [train, test] = counts;
    let pictures = Pictures::new(Shape::CIFAR, pixels, labels)?;
    Dataset::new(source, CLASSES, pictures, Given { train, validation: 0, test })
}

fn check_count(path: &Path, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::content(path, format!("{found} pictures in this and its other shards, expected {expected}")))
}

/// The shards of "train" or "test" in order, in the first layout that is there.
fn find_shards(dir: &Path, part: &str) -> Result<Vec<PathBuf>> {
    for base in [dir.join("plain_text"), dir.to_path_buf()] {
        // train-00000-of-00001.parquet
        let mut of = None;
        let shards = numbered(&base, |name| {
            let (number, total) = name.strip_prefix(part)?.strip_prefix('-')?.split_once("-of-")?;
            of = Some(total.parse::<usize>().ok()?);
            number.parse().ok()
        })?;
        if !shards.is_empty() {
            return whole(&base, part, shards, of);
        }
        // train/0000.parquet
        let folder = base.join(part);
        let shards = numbered(&folder, |name| name.parse().ok())?;
        if !shards.is_empty() {
            return whole(&folder, part, shards, None);
        }
    }
    Err(Error::content(
        dir,
        format!(
            "no {part} pictures: expected plain_text/{part}-00000-of-00001.parquet or plain_text/{part}/0000.parquet"
        ),
    ))
}

/// Parquet files of a folder whose stem `number` understands, by number; none where there is no such folder.
fn numbered(folder: &Path, mut number: impl FnMut(&str) -> Option<usize>) -> Result<Vec<(usize, PathBuf)>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(i) = name.strip_suffix(".parquet").and_then(&mut number) {
            found.push((i, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Checks that shards are numbered from 0 without gap, and that there are as many as their names say.
fn whole(
    folder: &Path,
    part: &str,
    shards: Vec<(usize, PathBuf)>,
    of: Option<usize>,
) -> Result<Vec<PathBuf>> {
    let of = of.unwrap_or(shards.len());
    if shards.iter().map(|(i, _)| *i).eq(0..of) {
        return Ok(shards.into_iter().map(|(_, path)| path).collect());
    }
    let numbers: Vec<String> = shards.iter().map(|(i, _)| i.to_string()).collect();
    let reason = format!("expected {of} {part} shards from 0, found {}", numbers.join(", "));
    Err(Error::content(folder, reason))
}

/// Opens a table and checks that its columns lie in the file, which its reader takes for granted.
fn table(path: &Path) -> Result<SerializedFileReader<fs::File>> {
    let file = open(path)?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let table = contained(path, || SerializedFileReader::new(file).map_err(unreadable(path)))?;
    for column in table.metadata().row_groups().iter().flat_map(|group| group.columns()) {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let end = start.checked_add(column.compressed_size()).unwrap_or(-1);
        if start < 0 || end < start || u64::try_from(end).is_ok_and(|end| end > length) {
            let reason = "not a whole parquet file: it names columns beyond its end";
            return Err(Error::content(path, reason));
        }
    }
    Ok(table)
}

/// Makes an error of a panic in the parquet reader, which has some left for tables that were altered.
fn contained<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    let reason = "not a readable parquet file: its reader broke down, the file is damaged";
    encoded::contained(|| Error::content(path, reason), read)
}

fn unreadable(path: &Path) -> impl Fn(ParquetError) -> Error {
    |e| Error::content(path, format!("not a readable parquet file: {}", first_line(&e.to_string())))
}

/// Appends the pictures and labels of a part, which must be so many.
fn read_part(
    files: &[PathBuf],
    expected: usize,
    pixels: &mut Vec<u8>,
    labels: &mut Vec<u8>,
) -> Result<Encoding> {
    let (before, mut encoding) = (labels.len(), Encoding::Png);
    for path in files {
        let read = contained(path, || read_table(path, before + expected, pixels, labels))?;
        encoding = encoding.max(read);
    }
    check_count(&files[0], labels.len() - before, expected)?;
    Ok(encoding)
}

/// Appends the pictures and labels of one file, and stops when there are more than `most`.
fn read_table(path: &Path, most: usize, pixels: &mut Vec<u8>, labels: &mut Vec<u8>) -> Result<Encoding> {
    let table = table(path)?;
    let columns = columns(path, table.metadata().file_metadata().schema())?;
    let mut rows = table.get_row_iter(Some(columns)).map_err(unreadable(path))?;
    let (mut first, mut encoding) = (0, Encoding::Png);
    while labels.len() <= most {
        let mut encoded = Vec::with_capacity(ROWS_AT_ONCE);
        for row in rows.by_ref().take(ROWS_AT_ONCE) {
            let row = row.map_err(unreadable(path))?;
            let wrong = |reason| bad_row(path, first + encoded.len(), reason);
            let (picture, label) = cells(row).map_err(wrong)?;
            encoded.push(picture);
            labels.push(label);
        }
        if encoded.is_empty() {
            break;
        }
        encoding = encoding.max(decode_rows(path, first, &encoded, pixels)?);
        first += encoded.len();
    }
    Ok(encoding)
}

fn bad_row(path: &Path, row: usize, reason: String) -> Error {
    Error::Row { path: path.to_path_buf(), row, reason }
}

/// The columns to read: img.bytes and label. Others may be there and are left alone.
fn columns(path: &Path, schema: &Type) -> Result<Type> {
    let missing =
        |what: &str| Error::content(path, format!("no column {what}: expected img.bytes and label"));
    let find = |group: &Type, name: &str| -> Option<Arc<Type>> {
        group.is_group().then(|| group.get_fields().iter().find(|f| f.name() == name).cloned()).flatten()
    };
    let physical = |column: &Type, expect| {
        let single = column.get_basic_info().repetition() != Repetition::REPEATED;
        column.is_primitive() && column.get_physical_type() == expect && single
    };
    let img = find(schema, "img").ok_or_else(|| missing("img"))?;
    let bytes = find(&img, "bytes")
        .filter(|column| physical(column, Physical::BYTE_ARRAY))
        .ok_or_else(|| missing("img.bytes of binary values"))?;
    let label = find(schema, "label")
        .filter(|column| physical(column, Physical::INT64))
        .ok_or_else(|| missing("label of 64-bit integers"))?;
    let img = Type::group_type_builder("img")
        .with_repetition(img.get_basic_info().repetition())
        .with_fields(vec![bytes])
        .build();
    img.and_then(|img| {
        Type::group_type_builder(schema.name()).with_fields(vec![Arc::new(img), label]).build()
    })
    .map_err(unreadable(path))
}

/// The encoded picture and the label of a row.
fn cells(row: Row) -> std::result::Result<(ByteArray, u8), String> {
    let (mut picture, mut label) = (None, None);
    for (_, field) in row.into_columns() {
        match field {
            Field::Group(img) => {
                picture = img.into_columns().into_iter().find_map(|(_, field)| match field {
                    Field::Bytes(bytes) => Some(bytes),
                    _ => None,
                });
            }
            Field::Long(number) => label = Some(number),
            _ => {}
        }
    }
    let picture = picture.ok_or("no bytes in img.bytes")?;
    let number = label.ok_or("no label")?;
    let label = u8::try_from(number).ok().filter(|&label| usize::from(label) < CLASSES.len());
    Ok((picture, label.ok_or_else(|| format!("label {number}, expected 0 to {}", CLASSES.len() - 1))?))
}

/// Decodes pictures on all cores and appends their planes, in order.
fn decode_rows(path: &Path, first: usize, encoded: &[ByteArray], pixels: &mut Vec<u8>) -> Result<Encoding> {
    let start = pixels.len();
    pixels.resize(start + encoded.len() * Shape::CIFAR.len(), 0);
    let places = pixels[start..].chunks_exact_mut(Shape::CIFAR.len());
    let lossy = AtomicBool::new(false);
    cores::each(encoded.iter().zip(places).zip(first..), |((bytes, place), row)| {
        let found = encoded::decode_exactly(bytes.data(), Shape::CIFAR, place);
        if found.map_err(|reason| bad_row(path, row, reason))? == Encoding::Jpeg {
            lossy.store(true, Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(if lossy.into_inner() { Encoding::Jpeg } else { Encoding::Png })
}

#[cfg(test)]
mod tests;
