//! Parquet: a document a row of one text column, a row group in memory at a time, through polars' own
//! parquet crate.

use super::OneFile;
use crate::error::DataError;
use crate::mapped::Bytes;
use polars_arrow::array::{Array, BinaryViewArray, Utf8ViewArray};
use polars_arrow::datatypes::Field;
use polars_parquet::read::{
    BasicDecompressor, PageReader, RowGroupMetadata, column_iter_to_arrays, get_field_pages,
    infer_schema, read_metadata,
};
use std::io::Cursor;

pub(super) fn read(one: &mut OneFile, column: &str) -> Result<bool, DataError> {
    let path = one.file.path.clone();
    let bad = |problem: String| DataError::BadParquet {
        path: path.clone(),
        problem,
    };
    let bytes = Bytes::map(&one.file.path).map_err(one.read_error())?;
    let metadata =
        read_metadata(&mut Cursor::new(&bytes[..])).map_err(|error| bad(error.to_string()))?;
    let schema = infer_schema(&metadata).map_err(|error| bad(error.to_string()))?;
    let Some(field) = schema.iter_values().find(|field| field.name == column) else {
        let names: Vec<_> = schema
            .iter_values()
            .map(|field| field.name.as_str())
            .collect();
        return Err(bad(format!(
            "no column `{column}`; it has {}",
            names.join(", ")
        )));
    };
    let mut row = 0;
    for group in &metadata.row_groups {
        let arrays = arrays(&bytes, group, field).map_err(&bad)?;
        for array in arrays {
            let texts = texts(array.as_ref())
                .ok_or_else(|| bad(format!("column `{column}` is {:?}, not text", field.dtype)))?;
            for text in texts {
                row += 1;
                let text = text.unwrap_or_default();
                if !one.give(row, text)? {
                    return Ok(false);
                }
            }
        }
        let read = group
            .parquet_columns()
            .iter()
            .map(|chunk| chunk.byte_range().end)
            .max();
        (one.step)(read.unwrap_or(0));
    }
    Ok(true)
}

fn arrays(
    bytes: &[u8],
    group: &RowGroupMetadata,
    field: &Field,
) -> Result<Vec<Box<dyn Array>>, String> {
    let columns = group.parquet_columns();
    let (pages, types) = get_field_pages(columns, columns, &field.name)
        .into_iter()
        .map(|chunk| {
            let range = chunk.byte_range();
            let end = (range.end as usize).min(bytes.len());
            let part = bytes[(range.start as usize).min(end)..end].to_vec();
            let reader = PageReader::new(Cursor::new(part.into()), chunk, vec![], usize::MAX);
            let kind = &chunk.descriptor().descriptor.primitive_type;
            (BasicDecompressor::new(reader, vec![]), kind)
        })
        .unzip();
    let read = column_iter_to_arrays(pages, types, field.clone(), None);
    Ok(read.map_err(|error| error.to_string())?.0)
}

/// Texts of an array that holds any; null is nothing.
fn texts(array: &dyn Array) -> Option<Box<dyn Iterator<Item = Option<Vec<u8>>> + '_>> {
    if let Some(array) = array.as_any().downcast_ref::<Utf8ViewArray>() {
        return Some(Box::new(
            array
                .iter()
                .map(|text| text.map(|text| text.as_bytes().to_vec())),
        ));
    }
    let array = array.as_any().downcast_ref::<BinaryViewArray>()?;
    Some(Box::new(
        array.iter().map(|bytes| bytes.map(<[u8]>::to_vec)),
    ))
}
