use super::*;
use crate::digest::KEY;
use crate::record::tests::record;
use isoflop_core::Series;
use std::fs;

fn curve(record: &crate::RunRecord) -> Curve {
    Curve { run_id: record.row.run_id.clone(), points: record.curve.clone() }
}

/// Saves columns as another program does: without a digest.
fn save(path: &Path, columns: &[Column]) {
    let mut bytes = Vec::new();
    isoflop_parquet::write(&mut bytes, columns, &[]).unwrap();
    fs::write(path, bytes).unwrap();
}

fn columns(path: &Path) -> Vec<Column> {
    let bytes = fs::read(path).unwrap();
    Frame::parse(path, bytes, Trust::Checked).unwrap().columns
}

fn checked(path: &Path) -> Result<Sealed<Vec<RunRow>>, ResultsError> {
    open_runs(path, Trust::Checked)
}

#[test]
fn runs_and_curves_read_back_to_the_last_bit_and_carry_their_digest() {
    let folder = tempfile::tempdir().unwrap();
    let records = [record("a"), record("b")];
    let rows: Vec<_> = records.iter().map(|record| record.row.clone()).collect();
    let curves: Vec<_> = records.iter().map(curve).collect();
    let (runs_path, curves_path) =
        (folder.path().join("r.parquet"), folder.path().join("c.parquet"));
    write_runs(&runs_path, &rows).unwrap();
    write_curves(&curves_path, &curves).unwrap();
    let runs = checked(&runs_path).unwrap();
    assert_eq!((runs.rows, runs.sealed), (rows, true));
    let read = open_curves(&curves_path, Trust::Checked).unwrap();
    assert_eq!((read.rows, read.sealed), (curves, true));
}

#[test]
fn no_flipped_bit_of_runs_or_curves_gives_other_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.parquet");
    let records = [record("a"), record("b")];
    let rows = records.clone().map(|record| record.row);
    let curves = records.each_ref().map(curve);
    let flips = |bytes: &[u8], check: &dyn Fn(Vec<u8>, usize)| {
        for at in (0..bytes.len()).step_by(bytes.len() / 400 + 1) {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << (at % 8);
            check(flipped, at);
        }
    };
    write_runs(&path, &rows).unwrap();
    flips(&fs::read(&path).unwrap(), &|bytes, at| {
        if let Ok(read) = parse_runs(&path, bytes, Trust::Checked) {
            assert_eq!(read.rows, rows, "byte {at}");
        }
    });
    write_curves(&path, &curves).unwrap();
    flips(&fs::read(&path).unwrap(), &|bytes, at| {
        if let Ok(read) = parse_curves(&path, bytes, Trust::Checked) {
            assert_eq!(read.rows, curves, "byte {at}");
        }
    });
}

#[test]
fn losses_by_position_read_back_to_the_last_bit_and_carry_their_digest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.parquet");
    let positions = ["a", "b"]
        .map(|run_id| Positions { run_id: run_id.to_owned(), points: record(run_id).positions });
    assert!(positions.iter().all(|run| run.points.len() == 2));
    write_positions(&path, &positions).unwrap();
    let read = open_positions(&path, Trust::Checked).unwrap();
    assert_eq!((read.rows, read.sealed), (positions.to_vec(), true));
}

#[test]
fn values_that_do_not_match_the_digest_are_refused_unless_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    write_runs(&path, &[record("a").row]).unwrap();
    let mut columns = columns(&path);
    let loss = columns.iter_mut().find(|column| column.name == "test_loss");
    loss.unwrap().values = Values::Float(vec![Some(1.5)]);
    let mut bytes = Vec::new();
    let old = crate::digest::digest(&[]);
    isoflop_parquet::write(&mut bytes, &columns, &[(KEY, old)]).unwrap();
    fs::write(&path, bytes).unwrap();
    let error = checked(&path).unwrap_err();
    assert!(matches!(error, ResultsError::OtherDigest { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--trust"));
    let read = open_runs(&path, Trust::Blind).unwrap();
    assert_eq!(read.rows[0].test_loss, Some(1.5));
}

#[test]
fn a_series_of_any_values_comes_back_and_text_of_earlier_versions_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    let mut row = record("a").row;
    let sly = [("z.b", "a, b=c"), ("a.z", "\"{}\\"), ("m", "日本, x")];
    let pairs = sly.map(|(key, value)| (key.to_owned(), value.to_owned()));
    row.series = Series::new(pairs.to_vec());
    let name = RunRow { series: Series::parse("my runs"), ..row.clone() };
    let none = RunRow { series: Series::default(), ..row.clone() };
    let rows = [row, name, none];
    write_runs(&path, &rows).unwrap();
    assert_eq!(checked(&path).unwrap().rows, rows);
    let series = &columns(&path)[2].values;
    let Values::Text(cells) = series else { panic!("{series:?}") };
    assert_eq!(cells[0].as_deref().map(|json| json.starts_with("{\"z.b\":")), Some(true));
    assert_eq!(cells[2], None);
    let record = crate::RunRecord::of(rows[0].clone());
    assert_eq!(crate::RunRecord::parse(&record.to_bytes()).unwrap(), record);
    let mut old = columns(&path);
    old[2].values = Values::Text(vec![Some("a=1, b=x, y".to_owned()); 3]);
    save(&path, &old);
    let read = checked(&path).unwrap().rows;
    assert_eq!(read[0].series.value("b"), Some("x, y"));
}

#[test]
fn a_file_that_pandas_saved_again_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    let mut rows = [record("a").row, record("b").row];
    rows[1].peak_memory_bytes = Some(1 << 40);
    write_runs(&path, &rows).unwrap();
    let mut saved = columns(&path);
    for column in &mut saved {
        let values = &mut column.values;
        *values = match (column.name.as_str(), &*values) {
            // Whole numbers with gaps become floats, others signed; a column of gaps alone loses its
            // type.
            ("peak_memory_bytes", Values::Unsigned(cells)) => {
                Values::Float(cells.iter().map(|c| c.map(|x| x as f64)).collect())
            }
            ("message" | "diverged_step" | "mfu", cells) => Values::Null(cells.len()),
            (_, Values::Unsigned(cells)) => {
                Values::Signed(cells.iter().map(|c| c.map(|x| x as i64)).collect())
            }
            (_, other) => other.clone(),
        };
    }
    saved.push(Column {
        name: "__index_level_0__".to_owned(),
        values: Values::Signed(vec![Some(1), Some(0)]),
    });
    save(&path, &saved);
    let read = checked(&path).unwrap();
    assert_eq!((read.rows, read.sealed), (rows.to_vec(), false));
}

#[test]
fn a_number_that_is_not_whole_or_a_gap_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    write_runs(&path, &[record("a").row]).unwrap();
    let whole = columns(&path);
    let problem = |name: &str, values: Values| {
        let mut columns = whole.clone();
        let column = columns.iter_mut().find(|column| column.name == name);
        column.unwrap().values = values;
        save(&path, &columns);
        checked(&path).unwrap_err().to_string()
    };
    let half = problem("steps", Values::Float(vec![Some(2.5)]));
    assert!(half.contains("`steps` holds 2.5, not a whole number"), "{half}");
    let negative = problem("steps", Values::Signed(vec![Some(-1)]));
    assert!(negative.contains("`steps` holds -1"), "{negative}");
    let vast = problem("steps", Values::Float(vec![Some(1e17)]));
    assert!(vast.contains("not a whole number"), "{vast}");
    let gap = problem("epochs", Values::Float(vec![None]));
    assert!(gap.contains("row 1: ") && gap.contains("epochs"), "{gap}");
    let text = problem("epochs", Values::Text(vec![Some("x".to_owned())]));
    assert!(text.contains("`epochs` is not of floats"), "{text}");
}

#[test]
fn a_file_of_an_earlier_version_reads_with_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    let row = record("a").row;
    write_runs(&path, std::slice::from_ref(&row)).unwrap();
    let mut earlier = columns(&path);
    let later = |name: &str| RunRow::COLUMNS.iter().any(|c| c.later && c.name == name);
    earlier.retain(|column| !later(&column.name));
    save(&path, &earlier);
    let read =
        RunRow { n_active_non_embedding: None, flops_scan: None, flops_optimizer: None, ..row };
    assert_eq!(checked(&path).unwrap().rows, std::slice::from_ref(&read));
    assert_eq!(read.n(), read.n_non_embedding);
    earlier.retain(|column| column.name != "seed");
    save(&path, &earlier);
    let error = checked(&path).unwrap_err().to_string();
    assert!(error.contains("seed"), "{error}");
}

#[test]
fn a_sweep_without_rows_yet_has_a_file_with_all_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.parquet");
    write_runs(&path, &[]).unwrap();
    assert_eq!(columns(&path).len(), RunRow::COLUMNS.len());
    assert_eq!(checked(&path).unwrap().rows, []);
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.parquet");
    fs::write(&path, b"PAR1 nothing of the kind PAR1").unwrap();
    let error = checked(&path).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("runs.parquet: not readable as parquet"), "{text}");
    assert!(error.hint().is_some());
}
