use super::*;
use crate::parquet::write_runs;
use crate::record::tests::record;
use isoflop_parquet::{Column, Values};
use std::fs::File;

fn read(name: &str, content: &str) -> Result<Table, ResultsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    Table::read(&path)
}

#[test]
fn the_same_rows_read_alike_from_csv_and_json_lines() {
    let from_csv = read("a.csv", "params,loss,name\n1e6,3.5,a\n2000000,3.25,b\n").unwrap();
    let from_jsonl = read(
        "a.jsonl",
        "{\"params\": 1e6, \"loss\": 3.5, \"name\": \"a\"}\n\n{\"loss\": 3.25, \"name\": \"b\", \"params\": 2000000}\n",
    )
    .unwrap();
    for table in [&from_csv, &from_jsonl] {
        assert_eq!(table.numbers("params").unwrap(), [1e6, 2e6]);
        assert_eq!(table.numbers("loss").unwrap(), [3.5, 3.25]);
    }
    assert_eq!((from_csv.line(1), from_jsonl.line(1)), (3, 3));
}

#[test]
fn runs_parquet_is_such_a_table_too_and_so_are_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.parquet");
    write_runs(&path, &[record("a").row]).unwrap();
    let table = Table::read(&path).unwrap();
    assert!(table.sealed());
    let of_rows = Table::of_runs(&path, &[record("a").row]);
    assert_eq!(of_rows.names(), table.names());
    assert_eq!(of_rows.columns, table.columns);
    assert_eq!(table.numbers("n_non_embedding").unwrap(), [3120.0]);
    assert_eq!(table.cells("run_id").unwrap(), [Cell::Text("a".to_owned())]);
}

#[test]
fn errors_name_the_file_the_line_and_the_value() {
    let text = read("a.csv", "loss\n3.5\nlow\n").unwrap().numbers("loss").unwrap_err().to_string();
    assert!(text.ends_with("a.csv:3: column `loss` holds `low`, not a number"), "{text}");
    let gap = read("a.csv", "n,loss\n1,2\n3,\n").unwrap().numbers("loss").unwrap_err().to_string();
    assert!(gap.ends_with("a.csv:3: column `loss` holds ``, not a number"), "{gap}");
    let missing = read("a.csv", "n,l\n1,2\n").unwrap().numbers("loss").unwrap_err().to_string();
    assert!(missing.ends_with("no column `loss`; it has n, l"), "{missing}");
    let ragged = read("a.csv", "n,l\n1,2\n1,2,3\n").unwrap_err().to_string();
    assert!(ragged.ends_with("a.csv:3: it has 3 fields, and the first line names 2"), "{ragged}");
    let json = read("a.jsonl", "{\"a\": 1}\n[]\n").unwrap_err().to_string();
    assert!(json.contains("a.jsonl:2: not a JSON object"), "{json}");
    assert!(matches!(read("a.csv", "n,l\n"), Err(ResultsError::NoRows { .. })));
    assert!(matches!(read("a.xlsx", ""), Err(ResultsError::UnknownFormat { .. })));
}

#[test]
fn a_byte_order_mark_goes_and_a_null_is_a_gap_in_every_format() {
    let csv = read("a.csv", "\u{feff}loss,n\n3.5,\n").unwrap();
    let lines = read("a.jsonl", "\u{feff}{\"loss\": 3.5, \"n\": null}\n").unwrap();
    let mut bytes = Vec::new();
    let column =
        |name: &str, cell| Column { name: name.to_owned(), values: Values::Text(vec![cell]) };
    let columns = [column("loss", Some("3.5".to_owned())), column("n", None)];
    isoflop_parquet::write(&mut bytes, &columns, &[]).unwrap();
    let path = Path::new("a.parquet");
    let parquet = Table::parse(path, Format::Parquet, bytes, Trust::Checked).unwrap();
    for table in [csv, lines, parquet] {
        assert_eq!(table.names(), ["loss", "n"]);
        assert_eq!(table.numbers("loss").unwrap(), [3.5]);
        assert_eq!(table.cells("n").unwrap(), [Cell::Missing]);
    }
}

#[test]
fn a_name_that_is_there_twice_is_refused_with_both_places() {
    let csv = read("a.csv", "loss,n,loss\n1,2,3\n").unwrap_err();
    let text = csv.to_string();
    assert!(text.ends_with("a.csv:1: column `loss` is there twice, as fields 1 and 3"), "{text}");
    assert!(csv.hint().is_some());
    let lines = "{\"n\": 1, \"loss\": 2}\n{\"n\": 1, \"loss\": 2, \"n\": 3}\n";
    let text = read("a.jsonl", lines).unwrap_err().to_string();
    assert!(
        text.ends_with("a.jsonl:2: key `n` is there twice, as values 1 and 3 of the line"),
        "{text}"
    );
    let spare = read("a.csv", "loss,n,,\n1,2,,\n").unwrap();
    assert_eq!(spare.numbers("n").unwrap(), [2.0]);
}

#[test]
fn a_git_lfs_pointer_is_told_in_every_format() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9999\n";
    for name in ["a.csv", "a.jsonl", "a.parquet"] {
        let error = read(name, pointer).unwrap_err();
        assert!(error.to_string().contains("Git LFS pointer"), "{error}");
        assert!(error.hint().unwrap().contains("git lfs pull"));
    }
}

#[test]
fn more_cells_than_memory_is_for_are_refused() {
    // Every line has a key of its own: a square of gaps.
    let lines: String = (0..5000).map(|i| format!("{{\"k{i}\": 1}}\n")).collect();
    let error = read("a.jsonl", &lines).unwrap_err();
    assert!(matches!(error, ResultsError::TooLarge { .. }), "{error}");
    let error = read("a.csv", &format!("n\n{}", "1\n".repeat(1_000_001))).unwrap_err();
    assert!(matches!(error, ResultsError::TooLarge { .. }), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vast.csv");
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = Table::read(&path).unwrap_err();
    assert!(matches!(error, ResultsError::TooLarge { .. }), "{error}");
}

#[test]
fn long_values_and_names_are_cut_in_messages() {
    let long = "x".repeat(5000);
    let table = read("a.csv", &format!("loss\n{long}\n")).unwrap();
    assert!(table.numbers("loss").unwrap_err().to_string().len() < 400);
    let table = read("a.csv", &format!("{long},b\n1,2\n")).unwrap();
    assert!(table.numbers("loss").unwrap_err().to_string().len() < 400);
}

#[test]
fn nan_reads_as_a_number_so_that_the_fitter_can_name_it() {
    let table = read("a.csv", "loss\nNaN\n").unwrap();
    assert!(table.numbers("loss").unwrap()[0].is_nan());
}
