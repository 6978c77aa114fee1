//! Files as other programs write them; `samples/make.py` made them.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_parquet::{Column, File, Limits, Values};

fn open(name: &str) -> File {
    let path = format!("{}/tests/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    File::open(std::fs::read(path).unwrap(), Limits::TABLE).unwrap()
}

fn columns(name: &str) -> Vec<Column> {
    open(name).columns().unwrap()
}

fn values(columns: &[Column], name: &str) -> Values {
    let column = columns.iter().find(|column| column.name == name);
    column.unwrap_or_else(|| panic!("no {name}")).values.clone()
}

/// The rows that every sample holds.
mod expected {
    use isoflop_parquet::Values;

    pub(crate) fn text() -> Values {
        let cells = [Some("a"), None, Some(""), Some("größer")];
        Values::Text(cells.map(|cell| cell.map(str::to_owned)).to_vec())
    }

    pub(crate) fn unsigned() -> Values {
        Values::Unsigned(vec![Some(1), None, Some(3), Some(250)])
    }

    pub(crate) fn signed() -> Values {
        Values::Signed(vec![Some(1), None, Some(3), Some(250)])
    }

    pub(crate) fn quarters() -> Values {
        Values::Float(vec![Some(0.25), None, Some(0.75), Some(62.5)])
    }
}

#[test]
fn every_compression_and_version_reads_alike() {
    for name in ["none", "snappy", "gzip", "zstd", "brotli", "lz4", "version_2"] {
        let columns = columns(&format!("{name}.parquet"));
        assert_eq!(values(&columns, "uint64"), expected::unsigned(), "{name}");
        assert_eq!(values(&columns, "float64"), expected::quarters(), "{name}");
        assert_eq!(values(&columns, "text"), expected::text(), "{name}");
    }
}

#[test]
fn numbers_and_texts_of_every_width_and_encoding_are_read() {
    let columns = columns("types.parquet");
    for name in ["uint8", "uint16", "uint32", "last"] {
        assert_eq!(values(&columns, name), expected::unsigned(), "{name}");
    }
    for name in ["int16", "int32", "int64"] {
        assert_eq!(values(&columns, name), expected::signed(), "{name}");
    }
    for name in ["float16", "float32", "decimal_9", "decimal_38"] {
        assert_eq!(values(&columns, name), expected::quarters(), "{name}");
    }
    for name in ["large_text", "view_text", "category", "bytes"] {
        assert_eq!(values(&columns, name), expected::text(), "{name}");
    }
    assert_eq!(values(&columns, "nulls"), Values::Null(4));
    let truth = [Some("true"), None, Some("false"), Some("true")];
    assert_eq!(
        values(&columns, "truth"),
        Values::Text(truth.map(|cell| cell.map(str::to_owned)).to_vec())
    );
    for (name, kind) in
        [("date", "date"), ("timestamp", "timestamp"), ("list", "list"), ("struct", "struct")]
    {
        assert_eq!(values(&columns, name), Values::Other(kind.to_owned(), 4));
    }
}

#[test]
fn decimals_are_read_up_to_38_digits_and_beyond_it_the_message_says_what_to_do() {
    let narrow = columns("integer_decimals.parquet");
    for name in ["decimal_9", "decimal_18"] {
        assert_eq!(values(&narrow, name), expected::quarters(), "{name}");
    }
    let problem = open("wide_decimals.parquet").columns().unwrap_err();
    assert_eq!(
        problem,
        "column `decimal_60`: its decimals have more than 38 digits; save them as floats"
    );
}

#[test]
fn a_frame_that_pandas_saved_is_read_with_its_index_as_a_column() {
    let columns = columns("pandas.parquet");
    let numbers = vec![Some(1.0), None, Some(3.0), Some(250.0)];
    assert_eq!(values(&columns, "uint64"), Values::Float(numbers));
    assert_eq!(values(&columns, "text"), expected::text());
    assert_eq!(values(&columns, "empty"), Values::Null(4));
    let index = vec![Some(3), Some(1), Some(2), Some(0)];
    assert_eq!(values(&columns, "__index_level_0__"), Values::Signed(index));
}

#[test]
fn a_file_without_rows_has_its_columns() {
    let columns = columns("no_rows.parquet");
    assert_eq!(columns.len(), 3);
    assert!(columns.iter().all(|column| column.values.is_empty()));
}

#[test]
fn texts_of_a_group_come_as_bytes_and_numbers_do_not() {
    let file = open("version_2.parquet");
    let name = |index| file.names().nth(index).unwrap().to_owned();
    let text = (0..3).find(|index| name(*index) == "text").unwrap();
    assert_eq!(file.groups(), 2);
    let first = file.chunk(0, text).unwrap();
    let texts: Vec<_> = first.texts().unwrap().collect();
    assert_eq!(texts, [Some(&b"a"[..]), None, Some(b"")]);
    assert!(file.chunk(0, 0).unwrap().texts().is_none());
    assert_eq!(file.holds(0), "numbers");
    assert!(file.end(0) < file.end(1));
}

#[test]
fn what_is_written_is_read_back_with_its_notes() {
    let column = |name: &str, values| Column { name: name.to_owned(), values };
    let written = [
        column("a", expected::unsigned()),
        column("b", expected::quarters()),
        column("c", expected::text()),
        column("d", expected::signed()),
    ];
    let mut bytes = Vec::new();
    isoflop_parquet::write(&mut bytes, &written, &[("isoflop.note", "x".to_owned())]).unwrap();
    let file = File::open(bytes, Limits::TABLE).unwrap();
    assert_eq!(file.columns().unwrap(), written);
    assert_eq!(file.note("isoflop.note"), Some("x"));
    assert_eq!(file.note("isoflop"), None);
}

#[test]
fn a_column_named_twice_is_refused_and_both_places_are_named() {
    let mut bytes = Vec::new();
    let one = |name: &str| Column { name: name.to_owned(), values: expected::unsigned() };
    isoflop_parquet::write(&mut bytes, &[one("loss"), one("n"), one("losz")], &[]).unwrap();
    // The writer keeps names apart: the third is renamed in the bytes.
    while let Some(at) = bytes.windows(4).position(|window| window == b"losz") {
        bytes[at..at + 4].copy_from_slice(b"loss");
    }
    let problem = File::open(bytes, Limits::TABLE).err().unwrap();
    assert_eq!(problem, "its columns 1 and 3 are both named `loss`");
}
