//! The same eight runs in every way that people write tables.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_results::table::{Decimal, Format, How, Value};
use isoflop_results::{ResultsError, Table, Trust};
use std::path::Path;

const N: [f64; 4] = [1.2e6, 5e6, 20e6, 80e6];
const D: [f64; 2] = [40e6, 1e9];
const LOSS: [f64; 8] = [7.879, 5.992, 6.561, 4.674, 5.767, 3.881, 5.272, 3.385];

fn read(name: &str, text: &str) -> Result<Table, ResultsError> {
    let path = Path::new(name);
    let format = Format::of(path, text.as_bytes())?;
    Table::parse(path, format, text.into(), Trust::Checked)
}

/// Rows of N, D and loss, each written by its own function.
fn rows(
    n: impl Fn(f64) -> String,
    loss: impl Fn(f64) -> String,
    row: impl Fn(&str, &str, &str) -> String,
) -> String {
    let cells = (0..8).map(|i| row(&n(N[i / 2]), &n(D[i % 2]), &loss(LOSS[i])));
    cells.collect()
}

fn plain(x: f64) -> String {
    x.to_string()
}

/// Digits in groups of three.
fn grouped(x: f64, separator: char) -> String {
    let digits: Vec<char> = x.to_string().chars().rev().collect();
    let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().collect()).collect();
    groups.join(&separator.to_string()).chars().rev().collect()
}

fn comma(x: f64) -> String {
    x.to_string().replace('.', ",")
}

fn assert_the_runs(what: &str, table: &Table) {
    let numbers = |name: &str| {
        let column = table.named(name);
        assert_eq!(column.len(), 1, "{what}: {name} of {:?}", table.names());
        table.numbers(&table.names()[column[0]]).unwrap()
    };
    let pairs = (0..8).map(|i| (N[i / 2], D[i % 2]));
    let (n, d): (Vec<f64>, Vec<f64>) = pairs.unzip();
    assert_eq!(numbers("params"), n, "{what}");
    assert_eq!(numbers("tokens"), d, "{what}");
    assert_eq!(numbers("loss"), LOSS, "{what}");
}

#[test]
fn a_table_of_text_is_read_whatever_its_separator_its_decimal_sign_and_its_line_ends() {
    let with = |separator: char| {
        let line = move |a: &str, b: &str, c: &str| format!("{a}{separator}{b}{separator}{c}\n");
        format!("{}{}", line("params", "tokens", "loss"), rows(plain, plain, line))
    };
    let european = |separator: char| {
        rows(|x| grouped(x, separator), comma, |a, b, c| format!("{a};{b};{c}\n"))
    };
    let head = "params;tokens;loss\n";
    let english = rows(|x| grouped(x, ','), plain, |a, b, c| format!("\"{a}\",\"{b}\",{c}\n"));
    let scaled = rows(|x| format!("{}M", x / 1e6), plain, |a, b, c| format!("{a},{b},{c}\n"));
    let exponents = rows(|x| format!("{x:e}"), plain, |a, b, c| format!("{a},{b},{c}\n"));
    let bars = rows(plain, plain, |a, b, c| format!("| {a} | {b} | {c} |\n"));
    let aligned = rows(plain, plain, |a, b, c| format!("{a:>12} {b:>14}   {c}\n"));
    for (what, name, text) in [
        ("commas", "a.csv", with(',')),
        ("a name that says nothing", "a.txt", with(',')),
        ("no ending", "table", with(';')),
        ("line ends of Windows", "a.csv", with(',').replace('\n', "\r\n")),
        ("line ends of old", "a.csv", with(',').replace('\n', "\r")),
        ("a byte order mark", "a.csv", format!("\u{feff}{}", with(','))),
        ("semicolons", "a.csv", with(';')),
        ("tabs", "a.tsv", with('\t')),
        ("tabs in a .csv", "a.csv", with('\t')),
        ("points between thousands", "a.csv", format!("{head}{}", european('.'))),
        ("spaces between thousands", "a.csv", format!("{head}{}", european(' '))),
        ("thin spaces between thousands", "a.csv", format!("{head}{}", european('\u{202f}'))),
        (
            "a comma and no thousands",
            "a.csv",
            format!("{head}{}", rows(plain, comma, |a, b, c| format!("{a};{b};{c}\n"))),
        ),
        ("commas between thousands", "a.csv", format!("params,tokens,loss\n{english}")),
        (
            "underscores",
            "a.csv",
            format!(
                "params,tokens,loss\n{}",
                rows(|x| grouped(x, '_'), plain, |a, b, c| format!("{a},{b},{c}\n"))
            ),
        ),
        ("suffixes", "a.csv", format!("Params,Tokens,Loss\n{scaled}")),
        ("powers of ten", "a.csv", format!("params,tokens,loss\n{exponents}")),
        ("Markdown", "a.md", format!("| params | tokens | loss |\n|---|---:|:--|\n{bars}")),
        ("spaces", "a.dat", format!("params tokens loss\n{aligned}")),
        (
            "names that begin as a comment does",
            "a.csv",
            format!(
                "#params,tokens,loss\n{}",
                rows(plain, plain, |a, b, c| format!("{a},{b},{c}\n"))
            ),
        ),
        (
            "a table of R",
            "a.txt",
            format!(
                "\"params\" \"tokens\" \"loss\"\n{}",
                rows(plain, plain, |a, b, c| format!("\"row\" {a} {b} {c}\n"))
            ),
        ),
        ("names in a comment", "a.dat", format!("# made by hand\n# params tokens loss\n{aligned}")),
        ("the separator in the first line", "a.csv", format!("sep=;\n{}", with(';'))),
        (
            "comments, blank rows and names again",
            "a.csv",
            format!("# losses\n\n{}\n,,\n# more\nparams,tokens,loss\n", with(',')),
        ),
    ] {
        let table = read(name, &text).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_the_runs(what, &table);
    }
}

#[test]
fn json_is_read_as_lines_objects_columns_and_as_pandas_writes_it() {
    let object = |a: &str, b: &str, c: &str| {
        format!(
            "{{\"config\": {{\"params\": {a}, \"tokens\": {b}}}, \"eval\": {{\"loss\": {c}}}, \"lr\": NaN}}\n"
        )
    };
    let lines = rows(plain, plain, object);
    let array = format!("[\n{}\n]", lines.trim_end().replace('\n', ",\n"));
    let column = |cells: Vec<String>| format!("[{}]", cells.join(","));
    let of = |values: [f64; 8]| column(values.iter().map(f64::to_string).collect());
    let (n, d) = (std::array::from_fn(|i| N[i / 2]), std::array::from_fn(|i| D[i % 2]));
    let columns =
        format!("{{\"params\": {}, \"tokens\": {}, \"loss\": {}}}", of(n), of(d), of(LOSS));
    let numbered = |values: [f64; 8]| {
        let cells: Vec<String> =
            values.iter().enumerate().map(|(i, x)| format!("\"{i}\": {x}")).collect();
        format!("{{{}}}", cells.join(","))
    };
    let pandas = format!(
        "{{\"params\":{},\"tokens\":{},\"loss\":{}}}",
        numbered(n),
        numbered(d),
        numbered(LOSS)
    );
    let split = rows(plain, plain, |a, b, c| format!("[{a},{b},{c}],"));
    let split = format!(
        "{{\"columns\":[\"params\",\"tokens\",\"loss\"],\"data\":[{}]}}",
        split.trim_end_matches(',')
    );
    let within = format!("{{\"made\": \"by hand\", \"runs\": {array}}}").replace("NaN", "null");
    let pretty =
        lines.replace(", \"eval\"", ",\n \"eval\"").replace("{\"config\"", "{\n\"config\"");
    for (what, name, text) in [
        ("lines", "a.jsonl", lines.clone()),
        ("lines in a .json", "a.json", lines.replace('\n', "\r\n")),
        ("an array", "a.json", array.clone()),
        ("an array in a .txt", "a.txt", array.clone()),
        ("objects over several lines", "a.json", pretty),
        ("columns", "a.json", columns),
        ("columns of pandas", "a.json", pandas),
        ("split", "a.json", split),
        ("rows under a name", "a.json", within),
    ] {
        let table = read(name, &text).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_the_runs(what, &table);
    }
    let table = read("a.json", &array).unwrap();
    assert_eq!((table.line(0), table.line(7)), (2, 9));
}

#[test]
fn lines_are_those_that_an_editor_counts() {
    for (what, text) in [
        ("line feeds", "n,loss\n1,2\n3,4\n5,low\n"),
        ("line ends of Windows", "n,loss\r\n1,2\r\n3,4\r\n5,low\r\n"),
        ("line ends of old", "n,loss\r1,2\r3,4\r5,low\r"),
        ("a byte order mark", "\u{feff}n,loss\r\n1,2\r\n3,4\r\n5,low"),
        ("a blank line", "n,loss\r\n1,2\r\n\r\n5,low\r\n"),
        ("a comment", "n,loss\n1,2\n# a remark\n5,low\n"),
        ("a comment first", "# a remark\r\nn,loss\r\n1,2\r\n5,low\r\n"),
        ("a text on two lines", "n,loss,note\r\n1,2,\"a\r\nb\"\r\n5,low,\r\n"),
    ] {
        let table = read("a.csv", text).unwrap();
        let error = table.numbers("loss").unwrap_err().to_string();
        assert!(error.starts_with("a.csv:4: column `loss` holds `low`"), "{what}: {error}");
    }
}

#[test]
fn what_nothing_settles_is_asked_and_what_was_given_is_taken() {
    let text = "params;loss\n1,200;3,405\n2,400;3,125\n";
    let table = read("a.csv", text).unwrap();
    assert_eq!(table.value(1, 0), Value::Unclear("3,405"));
    for (decimal, loss) in [(Decimal::Comma, 3.405), (Decimal::Point, 3405.0)] {
        let how = How { trust: Trust::Checked, decimal: Some(decimal) };
        let table = Table::parse(Path::new("a.csv"), Format::Delimited, text.into(), how).unwrap();
        assert_eq!(table.numbers("loss").unwrap()[0], loss);
    }
}

#[test]
fn rows_that_do_not_fit_the_names_are_listed_together() {
    let text = "params,tokens,loss\n1,200,000,4e7,3.5\n2e6,4e7,3.25\n1,300,000,4e7,3.4\n";
    let error = read("a.csv", text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.csv:2: it has 5 fields, and the first line names 3\n  a.csv:4: it has 5 fields, and the first line names 3"
    );
    assert!(error.hint().unwrap().contains("quotes"));
}

#[test]
fn an_object_of_many_keys_or_many_values_is_refused_before_it_fills_the_memory() {
    let keys: String = (0..20_000).map(|i| format!("\"k{i}\": 1,")).collect();
    for text in [
        format!("{{{keys} \"n\": 1}}\n{{\"n\": 2}}\n"),
        format!("[{}]", (0..9000).map(|i| format!("{{\"k{i}\":1}}")).collect::<Vec<_>>().join(",")),
        format!(
            "{{\"runs\":[{}]}}",
            (0..9000).map(|i| format!("{{\"k{i}\":1}}")).collect::<Vec<_>>().join(",")
        ),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
    ] {
        let error = read("a.json", &text).unwrap_err();
        assert!(error.to_string().len() < 400, "{error}");
    }
}
