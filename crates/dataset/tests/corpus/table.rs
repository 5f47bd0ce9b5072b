//! Parquet tables as the Hugging Face hub has them, written by the parquet crate: for unit tests, for fuzz targets and
//! their seeds, and for the tests of fetching.

use std::sync::Arc;

use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;

/// The hub's columns.
pub(crate) const HUB: &str =
    "message schema { optional group img { optional binary bytes; optional binary path (UTF8); }
                      optional int64 label; }";

/// An encoded picture and its label; `None` is a null.
pub(crate) type Row = (Option<ByteArray>, Option<i64>);

/// A row without nulls.
pub(crate) fn row(picture: impl Into<ByteArray>, label: i64) -> Row {
    (Some(picture.into()), Some(label))
}

/// A table in groups of `group` rows. The columns of `schema` are those of [`HUB`], or the first two of them under
/// whatever names and types of the same sizes.
pub(crate) fn table(schema: &str, rows: &[Row], group: usize, properties: WriterProperties) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for rows in rows.chunks(group.max(1)) {
        let mut group = writer.next_row_group().unwrap();
        // A definition level says how many of the optional levels are there.
        let bytes: Vec<_> = rows.iter().filter_map(|row| row.0.clone()).collect();
        let levels: Vec<i16> = rows.iter().map(|row| if row.0.is_some() { 2 } else { 1 }).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&bytes, Some(&levels), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[], Some(&vec![1; rows.len()]), None).unwrap();
        column.close().unwrap();
        let labels: Vec<_> = rows.iter().filter_map(|row| row.1).collect();
        let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.1.is_some())).collect();
        if let Some(mut column) = group.next_column().unwrap() {
            column.typed::<Int64Type>().write_batch(&labels, Some(&levels), None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}
