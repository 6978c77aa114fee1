//! Columns of text and numbers as parquet, through polars' own parquet crates: the data frame
//! above them would add a third to the build and nothing to what is needed here.

use crate::error::ResultsError;
use crate::file::write_atomic;
use polars_arrow::array::{Array, PrimitiveArray, Utf8ViewArray};
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use polars_arrow::record_batch::RecordBatchT;
use polars_arrow::types::NativeType;
use polars_buffer::Buffer;
use polars_error::PolarsResult;
use polars_parquet::read::{
    BasicDecompressor, PageReader, RowGroupMetadata, column_iter_to_arrays, get_field_pages,
    infer_schema, read_metadata,
};
use polars_parquet::write::{
    CompressionOptions, Encoding, FileWriter, RowGroupIterator, StatisticsOptions, Version,
    WriteOptions,
};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

/// A column by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) values: Values,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Text(Vec<Option<String>>),
    Integer(Vec<Option<u64>>),
    Float(Vec<Option<f64>>),
    /// Some other type of this length, by its name; numbers of other widths read as floats.
    Other(String, usize),
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Values::Text(cells) => cells.len(),
            Values::Integer(cells) => cells.len(),
            Values::Float(cells) => cells.len(),
            Values::Other(_, len) => *len,
        }
    }

    fn dtype(&self) -> ArrowDataType {
        match self {
            Values::Integer(_) => ArrowDataType::UInt64,
            Values::Float(_) => ArrowDataType::Float64,
            Values::Text(_) | Values::Other(..) => ArrowDataType::Utf8View,
        }
    }

    fn array(&self) -> Box<dyn Array> {
        match self {
            Values::Text(cells) => Utf8ViewArray::from_slice(cells).boxed(),
            Values::Integer(cells) => PrimitiveArray::<u64>::from(cells.as_slice()).boxed(),
            Values::Float(cells) => PrimitiveArray::<f64>::from(cells.as_slice()).boxed(),
            Values::Other(name, len) => {
                Utf8ViewArray::from_slice(vec![Some(name.as_str()); *len]).boxed()
            }
        }
    }

    fn append(&mut self, more: Values) {
        match (self, more) {
            (Values::Text(cells), Values::Text(more)) => cells.extend(more),
            (Values::Integer(cells), Values::Integer(more)) => cells.extend(more),
            (Values::Float(cells), Values::Float(more)) => cells.extend(more),
            (Values::Other(_, len), more) => *len += more.len(),
            (first, more) => {
                *first = Values::Other("mixed".to_owned(), first.len() + more.len());
            }
        }
    }
}

/// Writes columns of equal length as one row group.
pub(crate) fn write_frame(path: &Path, columns: &[Column]) -> Result<(), ResultsError> {
    // Whole in memory first: the writer of parquet loses why a file cannot be written.
    let mut bytes = Vec::new();
    write_columns(&mut bytes, columns).map_err(|error| ResultsError::WriteParquet {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    write_atomic(path, &bytes)
}

fn write_columns(bytes: &mut Vec<u8>, columns: &[Column]) -> PolarsResult<()> {
    let options = WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: CompressionOptions::Snappy,
        data_page_size: None,
    };
    let field =
        |column: &Column| Field::new(column.name.as_str().into(), column.values.dtype(), true);
    let schema: ArrowSchema = columns
        .iter()
        .map(|column| (column.name.as_str().into(), field(column)))
        .collect();
    let arrays: Vec<Box<dyn Array>> = columns.iter().map(|column| column.values.array()).collect();
    let rows = columns.first().map_or(0, |column| column.values.len());
    let batch = RecordBatchT::try_new(rows, Arc::new(schema.clone()), arrays)?;
    let encodings: Buffer<Vec<Encoding>> = vec![vec![Encoding::Plain]; columns.len()]
        .into_iter()
        .collect();
    let mut writer = FileWriter::try_new(bytes, schema.clone(), options)?;
    for group in RowGroupIterator::try_new([Ok(batch)].into_iter(), &schema, options, encodings)? {
        writer.write(rows as u64, group?)?;
    }
    writer.end(None)?;
    Ok(())
}

/// Reads every column of a parquet file.
pub(crate) fn read_frame(path: &Path) -> Result<Vec<Column>, ResultsError> {
    let bytes = fs::read(path).map_err(ResultsError::io(path, "read"))?;
    read_columns(bytes).map_err(|error| ResultsError::Parquet {
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

fn read_columns(bytes: Vec<u8>) -> PolarsResult<Vec<Column>> {
    let bytes = Buffer::from(bytes);
    let metadata = read_metadata(&mut Cursor::new(bytes.as_slice()))?;
    let schema = infer_schema(&metadata)?;
    schema
        .iter_values()
        .map(|field| {
            let mut values = empty(&field.dtype);
            for group in &metadata.row_groups {
                for array in read_arrays(&bytes, group, field)? {
                    values.append(decode(array.as_ref()));
                }
            }
            Ok(Column {
                name: field.name.to_string(),
                values,
            })
        })
        .collect()
}

fn read_arrays(
    bytes: &Buffer<u8>,
    group: &RowGroupMetadata,
    field: &Field,
) -> PolarsResult<Vec<Box<dyn Array>>> {
    let columns = group.parquet_columns();
    let (pages, types) = get_field_pages(columns, columns, &field.name)
        .into_iter()
        .map(|chunk| {
            let range = chunk.byte_range();
            let end = (range.end as usize).min(bytes.len());
            let part = bytes.clone().sliced((range.start as usize).min(end)..end);
            let reader = PageReader::new(Cursor::new(part), chunk, vec![], usize::MAX);
            let kind = &chunk.descriptor().descriptor.primitive_type;
            (BasicDecompressor::new(reader, vec![]), kind)
        })
        .unzip();
    Ok(column_iter_to_arrays(pages, types, field.clone(), None)?.0)
}

/// The empty column that values of a type are appended to.
fn empty(dtype: &ArrowDataType) -> Values {
    match dtype {
        ArrowDataType::Utf8 | ArrowDataType::LargeUtf8 | ArrowDataType::Utf8View => {
            Values::Text(Vec::new())
        }
        ArrowDataType::UInt64 => Values::Integer(Vec::new()),
        dtype if is_number(dtype) => Values::Float(Vec::new()),
        other => Values::Other(format!("{other:?}"), 0),
    }
}

fn is_number(dtype: &ArrowDataType) -> bool {
    use ArrowDataType::{Float32, Float64, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32};
    matches!(
        dtype,
        Float32 | Float64 | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32
    )
}

fn decode(array: &dyn Array) -> Values {
    let float = |cells| Values::Float(cells);
    match array.dtype() {
        ArrowDataType::Utf8View => {
            let cells = array
                .as_any()
                .downcast_ref::<Utf8ViewArray>()
                .expect("its type says so");
            Values::Text(cells.iter().map(|cell| cell.map(str::to_owned)).collect())
        }
        ArrowDataType::UInt64 => Values::Integer(cells::<u64>(array).collect()),
        ArrowDataType::Float64 => float(cells::<f64>(array).collect()),
        ArrowDataType::Float32 => float(cells::<f32>(array).map(|c| c.map(f64::from)).collect()),
        ArrowDataType::Int64 => float(cells::<i64>(array).map(|c| c.map(|x| x as f64)).collect()),
        ArrowDataType::Int32 => float(cells::<i32>(array).map(|c| c.map(f64::from)).collect()),
        ArrowDataType::Int16 => float(cells::<i16>(array).map(|c| c.map(f64::from)).collect()),
        ArrowDataType::Int8 => float(cells::<i8>(array).map(|c| c.map(f64::from)).collect()),
        ArrowDataType::UInt32 => float(cells::<u32>(array).map(|c| c.map(f64::from)).collect()),
        ArrowDataType::UInt16 => float(cells::<u16>(array).map(|c| c.map(f64::from)).collect()),
        ArrowDataType::UInt8 => float(cells::<u8>(array).map(|c| c.map(f64::from)).collect()),
        other => Values::Other(format!("{other:?}"), array.len()),
    }
}

fn cells<T: NativeType>(array: &dyn Array) -> impl Iterator<Item = Option<T>> + '_ {
    let array = array
        .as_any()
        .downcast_ref::<PrimitiveArray<T>>()
        .expect("its type says so");
    let valid: Option<&Bitmap> = array.validity();
    array
        .values()
        .iter()
        .enumerate()
        .map(move |(i, value)| valid.is_none_or(|bits| bits.get_bit(i)).then_some(*value))
}
