//! A parquet file: its columns, and one column of one row group at a time.

use crate::checks;
use crate::chunk::Chunk;
use crate::column::{Column, Values};
use crate::kind::{Kind, named};
use isoflop_core::guard::guarded;
use isoflop_core::text::shown;
use polars_arrow::array::Array;
use polars_arrow::datatypes::Field;
use polars_buffer::Buffer;
use polars_parquet::parquet::schema::types::ParquetType;
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, FileMetadata, PageReader, column_iter_to_arrays,
    read_metadata,
};
use std::collections::HashMap;
use std::io::Cursor;

/// What may be held in memory at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows times columns, of the whole file for a table and of a row group for texts.
    pub cells: usize,
    /// Bytes that a column of a row group may unpack to.
    pub bytes: u64,
}

impl Limits {
    /// Of a table that is read whole.
    pub const TABLE: Limits = Limits { cells: 20_000_000, bytes: 1 << 28 };
    /// Of texts that are read a row group at a time.
    pub const TEXTS: Limits = Limits { cells: 20_000_000, bytes: 1 << 30 };
}

/// A file whose footer has been read.
pub struct File {
    bytes: Buffer<u8>,
    metadata: FileMetadata,
    columns: Vec<Head>,
    limits: Limits,
}

/// What is known of a column without its values.
struct Head {
    name: String,
    kind: Kind,
    /// Its place among the columns that hold values.
    leaf: usize,
}

impl File {
    /// Reads the footer.
    ///
    /// # Errors
    /// What is wrong with the file: it is not parquet, cut off or damaged.
    pub fn open(bytes: impl AsRef<[u8]> + Send + 'static, limits: Limits) -> Result<Self, String> {
        let bytes = Buffer::from_owner(bytes);
        checks::footer(&bytes)?;
        let read = guarded(|| read_metadata(&mut Cursor::new(bytes.as_slice())));
        let metadata = read.map_err(damaged)?.map_err(|error| error.to_string())?;
        let groups = metadata.row_groups.iter().map(|group| group.num_rows() as u128);
        if groups.sum::<u128>() != metadata.num_rows as u128 {
            return Err(damaged("its row groups do not hold the rows it declares"));
        }
        Ok(File { columns: heads(metadata.schema_descr.fields())?, metadata, bytes, limits })
    }

    /// Names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// What a column holds, as a message names it.
    pub fn holds(&self, column: usize) -> String {
        named(&self.columns[column].kind)
    }

    /// Row groups.
    pub fn groups(&self) -> usize {
        self.metadata.row_groups.len()
    }

    /// A note of the writer's, by its key.
    pub fn note(&self, key: &str) -> Option<&str> {
        let notes = self.metadata.key_value_metadata().iter().flatten();
        let mut found = notes.filter(|note| note.key == key);
        found.next()?.value.as_deref()
    }

    /// Where a row group ends in the file.
    pub fn end(&self, group: usize) -> u64 {
        let columns = self.metadata.row_groups[group].parquet_columns();
        let ends = columns.iter().filter_map(|chunk| guarded(|| chunk.byte_range().end).ok());
        ends.max().unwrap_or(0).min(self.bytes.len() as u64)
    }

    /// All columns.
    ///
    /// # Errors
    /// More cells than the limit, or a column that cannot be decoded.
    pub fn columns(&self) -> Result<Vec<Column>, String> {
        let cells = self.metadata.num_rows.checked_mul(self.columns.len());
        if cells.is_none_or(|cells| cells > self.limits.cells) {
            return Err(format!(
                "its {} rows of {} columns are more than {} million cells; keep the columns that are needed",
                self.metadata.num_rows,
                self.columns.len(),
                self.limits.cells / 1_000_000
            ));
        }
        let whole = |(index, head): (usize, &Head)| {
            let mut values = Values::empty(&head.kind);
            for group in 0..self.groups() {
                values.append(&self.chunk(group, index)?, self.limits.bytes)?;
            }
            Ok(Column { name: head.name.clone(), values })
        };
        self.columns.iter().enumerate().map(whole).collect()
    }

    /// A column of a row group.
    ///
    /// # Errors
    /// It is damaged, packed in a way that is not known, or more than the limits.
    pub fn chunk(&self, group: usize, column: usize) -> Result<Chunk, String> {
        let head = &self.columns[column];
        let group = &self.metadata.row_groups[group];
        let rows = group.num_rows();
        let whole = |arrays| Chunk { kind: head.kind.clone(), rows, arrays };
        if matches!(head.kind, Kind::Other(_) | Kind::Null) {
            return Ok(whole(Vec::new()));
        }
        let chunk = group.parquet_columns().get(head.leaf);
        let chunk = chunk.ok_or_else(|| damaged("a row group lacks a column"))?;
        if rows > self.limits.cells || chunk.num_values() != rows as i64 {
            return Err(damaged("a row group holds more or fewer rows than it declares"));
        }
        let named = |problem: String| format!("column `{}`: {problem}", shown(&head.name));
        let arrays = guarded(|| self.decode(head, chunk, rows))
            .map_err(damaged)
            .and_then(|decoded| decoded)
            .map_err(named)?;
        match arrays.iter().map(|array| array.len()).sum::<usize>() == rows {
            true => Ok(whole(arrays)),
            false => Err(named(damaged("it holds more or fewer rows than it declares"))),
        }
    }

    fn decode(
        &self,
        head: &Head,
        chunk: &ColumnChunkMetadata,
        rows: usize,
    ) -> Result<Vec<Box<dyn Array>>, String> {
        let primitive = &chunk.descriptor().descriptor.primitive_type;
        let Some(dtype) = head.kind.dtype(primitive.physical_type) else {
            return Err("its decimals have more than 38 digits; save them as floats".to_owned());
        };
        let range = chunk.byte_range();
        let (start, end) = (range.start as usize, range.end as usize);
        if start > end || end > self.bytes.len() {
            return Err("it ends beyond the file; is the file cut off?".to_owned());
        }
        let part = self.bytes.clone().sliced(start..end);
        checks::pages(&part, rows, self.limits.bytes)?;
        let longest = part.len();
        let reader = PageReader::new(Cursor::new(part), chunk, vec![], longest);
        let pages = BasicDecompressor::new(reader, vec![]);
        let field = Field::new(head.name.as_str().into(), dtype, true);
        let decoded = column_iter_to_arrays(vec![pages], vec![primitive], field, None);
        Ok(decoded.map_err(|error| error.to_string())?.0)
    }
}

fn heads(fields: &[ParquetType]) -> Result<Vec<Head>, String> {
    let mut leaf = 0;
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut heads = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        if let Some(first) = seen.insert(field.name(), i) {
            return Err(format!(
                "its columns {} and {} are both named `{}`",
                first + 1,
                i + 1,
                shown(field.name())
            ));
        }
        heads.push(Head { name: field.name().to_owned(), kind: Kind::of(field), leaf });
        leaf += leaves(field);
    }
    Ok(heads)
}

/// Columns with values that a field is made of.
fn leaves(field: &ParquetType) -> usize {
    match field {
        ParquetType::PrimitiveType(_) => 1,
        ParquetType::GroupType { fields, .. } => fields.iter().map(leaves).sum(),
    }
}

fn damaged(problem: impl AsRef<str>) -> String {
    format!("it is damaged ({})", shown(problem.as_ref()))
}
