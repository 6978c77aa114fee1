//! Columns as a parquet file.

use crate::column::{Column, Values};
use polars_arrow::array::{Array, PrimitiveArray, Utf8ViewArray};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use polars_arrow::record_batch::RecordBatchT;
use polars_buffer::Buffer;
use polars_error::PolarsResult;
use polars_parquet::parquet::metadata::KeyValue;
use polars_parquet::write::{
    CompressionOptions, Encoding, FileWriter, RowGroupIterator, StatisticsOptions, Version,
    WriteOptions, schema_to_metadata_key,
};
use std::io::Write;
use std::sync::Arc;

/// Writes columns of equal length as one row group, with notes by key.
///
/// # Errors
/// What went wrong in writing.
pub fn write(file: impl Write, columns: &[Column], notes: &[(&str, String)]) -> Result<(), String> {
    write_columns(file, columns, notes).map_err(|error| error.to_string())
}

fn write_columns(
    file: impl Write,
    columns: &[Column],
    notes: &[(&str, String)],
) -> PolarsResult<()> {
    let options = WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: CompressionOptions::Snappy,
        data_page_size: None,
    };
    let field =
        |column: &Column| Field::new(column.name.as_str().into(), dtype(&column.values), true);
    let schema: ArrowSchema =
        columns.iter().map(|column| (column.name.as_str().into(), field(column))).collect();
    let arrays: Vec<Box<dyn Array>> = columns.iter().map(|c| array(&c.values)).collect();
    let rows = columns.first().map_or(0, |column| column.values.len());
    let batch = RecordBatchT::try_new(rows, Arc::new(schema.clone()), arrays)?;
    let encodings: Buffer<Vec<Encoding>> =
        vec![vec![Encoding::Plain]; columns.len()].into_iter().collect();
    let mut writer = FileWriter::try_new(file, schema.clone(), options)?;
    for group in RowGroupIterator::try_new([Ok(batch)].into_iter(), &schema, options, encodings)? {
        writer.write(rows as u64, group?)?;
    }
    let notes = notes
        .iter()
        .map(|(key, value)| KeyValue { key: (*key).to_owned(), value: Some(value.clone()) });
    let notes = std::iter::once(schema_to_metadata_key(&schema)).chain(notes);
    writer.end(Some(notes.collect()))?;
    Ok(())
}

fn dtype(values: &Values) -> ArrowDataType {
    match values {
        Values::Unsigned(_) => ArrowDataType::UInt64,
        Values::Signed(_) => ArrowDataType::Int64,
        Values::Float(_) => ArrowDataType::Float64,
        Values::Text(_) | Values::Null(_) | Values::Other(..) => ArrowDataType::Utf8View,
    }
}

fn array(values: &Values) -> Box<dyn Array> {
    match values {
        Values::Text(cells) => Utf8ViewArray::from_slice(cells).boxed(),
        Values::Unsigned(cells) => PrimitiveArray::<u64>::from(cells.as_slice()).boxed(),
        Values::Signed(cells) => PrimitiveArray::<i64>::from(cells.as_slice()).boxed(),
        Values::Float(cells) => PrimitiveArray::<f64>::from(cells.as_slice()).boxed(),
        Values::Null(len) => Utf8ViewArray::from_slice(vec![None::<&str>; *len]).boxed(),
        Values::Other(name, len) => {
            Utf8ViewArray::from_slice(vec![Some(name.as_str()); *len]).boxed()
        }
    }
}
