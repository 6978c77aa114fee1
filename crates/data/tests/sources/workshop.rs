//! A temporary folder of texts, and the data that tests prepare from it.

use flate2::Compression;
use flate2::write::GzEncoder;
use isoflop_core::data::{DataOptions, DataSource, Real};
use isoflop_data::{DataError, Places, Prepared, Request, prepare_at};
use polars_arrow::array::{Array, Utf8ViewArray};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use polars_arrow::record_batch::RecordBatchT;
use polars_parquet::write::{
    CompressionOptions, Encoding, FileWriter, RowGroupIterator, StatisticsOptions, Version,
    WriteOptions,
};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) struct Workshop {
    folder: tempfile::TempDir,
}

/// Documents of several lines, no two alike, with words drawn by number.
pub(crate) fn documents(count: usize) -> Vec<String> {
    let word = |n: u64| {
        let n = (n ^ 0x9e37).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        ["stone", "river", "seven", "lamp", "é tude", "quiet", "run", "世界", "under", "x1"]
            [n as usize % 10]
    };
    (0..count as u64)
        .map(|document| {
            (0..30 + document % 7)
                .map(|line| {
                    let words = (0..9).map(|at| word(document * 1009 + line * 31 + at));
                    words.collect::<Vec<_>>().join(" ") + "\n"
                })
                .collect()
        })
        .collect()
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Workshop { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes each document into a file of its own, in order.
    pub(crate) fn write_texts(&self, folder: &str, documents: &[String]) {
        for (index, document) in documents.iter().enumerate() {
            self.write(&format!("{folder}/{index:04}.txt"), document);
        }
    }

    pub(crate) fn places(&self) -> Places {
        Places { cache: self.path("cache"), sources: self.path("nowhere") }
    }

    pub(crate) fn base(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn text(&self, pattern: &str) -> DataSource {
        DataSource::Text { pattern: pattern.to_owned(), base: self.base() }
    }

    pub(crate) fn jsonl(&self, pattern: &str, field: &str) -> DataSource {
        DataSource::Jsonl {
            pattern: pattern.to_owned(),
            base: self.base(),
            field: field.to_owned(),
        }
    }

    pub(crate) fn parquet(&self, pattern: &str, column: &str) -> DataSource {
        DataSource::Parquet {
            pattern: pattern.to_owned(),
            base: self.base(),
            column: column.to_owned(),
        }
    }

    pub(crate) fn tokens(&self, pattern: &str) -> DataSource {
        DataSource::Tokens { pattern: pattern.to_owned(), base: self.base() }
    }

    pub(crate) fn try_prepare(
        &self,
        source: &DataSource,
        options: &DataOptions,
    ) -> Result<Prepared, DataError> {
        self.try_scored(source, options, 1 << 18)
    }

    pub(crate) fn try_scored(
        &self,
        source: &DataSource,
        options: &DataOptions,
        test_tokens: usize,
    ) -> Result<Prepared, DataError> {
        let request = Request { source, options, test_tokens };
        prepare_at(&request, &self.places(), &|_| {})
    }

    pub(crate) fn prepare(&self, source: &DataSource, options: &DataOptions) -> Prepared {
        self.try_prepare(source, options).unwrap()
    }

    /// The error message about a source, with the folder's path removed, and the hint.
    pub(crate) fn refusal(&self, source: &DataSource, options: &DataOptions) -> (String, String) {
        let error = self.try_prepare(source, options).unwrap_err();
        let folder = format!("{}{}", self.folder.path().display(), std::path::MAIN_SEPARATOR);
        let text = error.to_string().replace(&folder, "").replace('\\', "/");
        (text, error.hint().unwrap_or_default())
    }
}

/// Options with the given tokenizer that allow any overlap, since the documents share words.
pub(crate) fn with(tokenizer: &str) -> DataOptions {
    DataOptions {
        tokenizer: tokenizer.to_owned(),
        max_overlap: Real(1.0),
        ..DataOptions::default()
    }
}

pub(crate) fn jsonl_of(documents: &[String], field: &str) -> String {
    documents
        .iter()
        .enumerate()
        .map(|(id, text)| serde_json::json!({ "id": id, field: text }).to_string() + "\n")
        .collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a parquet file with a column of text and one of numbers, in groups of `rows` rows.
pub(crate) fn write_parquet(path: &Path, column: &str, documents: &[String], rows: usize) {
    let texts: Vec<Option<&str>> = documents.iter().map(|text| Some(text.as_str())).collect();
    write_parquet_of(path, column, &texts, rows);
}

/// Writes a parquet file like [`write_parquet`], of texts that may be null.
pub(crate) fn write_parquet_of(path: &Path, column: &str, texts: &[Option<&str>], rows: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let options = WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: CompressionOptions::Snappy,
        data_page_size: None,
    };
    let field = |name: &str, dtype| Field::new(name.into(), dtype, true);
    let schema: ArrowSchema = [
        ("id".into(), field("id", ArrowDataType::UInt64)),
        (column.into(), field(column, ArrowDataType::Utf8View)),
    ]
    .into_iter()
    .collect();
    let mut writer =
        FileWriter::try_new(fs::File::create(path).unwrap(), schema.clone(), options).unwrap();
    for group in texts.chunks(rows) {
        let ids: Vec<Option<u64>> = (0..group.len() as u64).map(Some).collect();
        let arrays: Vec<Box<dyn Array>> = vec![
            polars_arrow::array::PrimitiveArray::<u64>::from(ids.as_slice()).boxed(),
            Utf8ViewArray::from_slice(group).boxed(),
        ];
        let batch = RecordBatchT::try_new(group.len(), Arc::new(schema.clone()), arrays).unwrap();
        let encodings = vec![vec![Encoding::Plain]; 2].into_iter().collect();
        let groups =
            RowGroupIterator::try_new([Ok(batch)].into_iter(), &schema, options, encodings)
                .unwrap();
        for group_of in groups {
            writer.write(group.len() as u64, group_of.unwrap()).unwrap();
        }
    }
    writer.end(None).unwrap();
}
