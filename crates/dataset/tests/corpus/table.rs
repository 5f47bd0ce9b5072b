//! Parquet tables as the Hugging Face hub has them, written by the parquet crate. The fuzz target `parquet` uses this
//! file, too.

use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const SCHEMA: &str =
    "message schema { optional group img { optional binary bytes; optional binary path (UTF8); }
                      optional int64 label; }";

/// A table of these encoded pictures, all of label 0, in groups of `rows` rows.
pub(crate) fn table(pictures: &[impl AsRef<[u8]>], rows: usize, properties: WriterProperties) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for pictures in pictures.chunks(rows) {
        let count = pictures.len();
        let mut group = writer.next_row_group().unwrap();
        let bytes: Vec<ByteArray> = pictures.iter().map(|picture| picture.as_ref().to_vec().into()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&bytes, Some(&vec![2; count]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&[], Some(&vec![1; count]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&vec![0; count], Some(&vec![1; count]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}
