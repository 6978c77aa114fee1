//! Tests of `fit` on tables as users have them: what is read, what is noticed in the rows, and what
//! is refused in one message. Most samples come from a law with E 1.7, A 400, B 1500, alpha 0.34
//! and beta 0.36.

use crate::workshop::{isoflop, stderr, stdout};
use assert_cmd::assert::Assert;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

fn fit(path: &Path, args: &[&str]) -> Assert {
    let mut command = isoflop();
    command.arg("fit").arg(path).args(args).assert()
}

/// The fit without intervals as JSON, and the notes on stderr.
fn quick(path: &Path, args: &[&str]) -> (Value, String) {
    let quick = [&["--bootstrap", "0", "--json"], args].concat();
    let fit = fit(path, &quick).code(0);
    let fits: Value = serde_json::from_str(&stdout(&fit)).unwrap();
    (fits, stderr(&fit))
}

fn parameter(fits: &Value, name: &str) -> f64 {
    fits["fits"][0]["parameters"][name]["value"].as_f64().unwrap()
}

fn assert_near(fits: &Value, name: &str, truth: f64, within: f64) {
    let found = parameter(fits, name);
    assert!((found / truth - 1.0).abs() < within, "{name} is {found}, not {truth}");
}

fn refused(path: &Path, args: &[&str]) -> String {
    stderr(&fit(path, args).code(2))
}

#[test]
fn tables_of_other_separators_and_shapes_give_the_law_that_made_them() {
    for (name, rows) in [
        ("well_tab.csv", 36),
        ("well_semi.csv", 36),
        ("thousands_and_blanks.csv", 12),
        ("nested.jsonl", 20),
        ("spark.parquet", 16),
        ("duckdb.parquet", 16),
    ] {
        let (fits, said) = quick(&sample(name), &[]);
        assert_eq!(fits["fits"][0]["rows"], rows, "{name}: {said}");
        // Noise and rounding in these samples move the exponents by less than the tolerance.
        assert_near(&fits, "alpha", 0.34, 0.03);
        assert_near(&fits, "beta", 0.36, 0.03);
    }
    let (_, said) = quick(&sample("thousands_and_blanks.csv"), &[]);
    assert!(said.contains("a comma stands before fractions"), "{said}");
    let (_, said) = quick(&sample("nested.jsonl"), &[]);
    assert!(said.contains("N is `config.n_params`"), "{said}");
    assert!(said.contains("loss is `metrics.final.val_loss`"), "{said}");
}

#[test]
fn lines_of_outliers_are_those_of_an_editor_under_every_line_end() {
    let text = fs::read_to_string(sample("crlf_lines_off_by_one.csv")).unwrap();
    let keep = tempfile::tempdir().unwrap();
    let plain = text.replace("\r\n", "\n");
    for text in [text.clone(), plain.clone(), format!("\u{feff}{text}"), plain.replace('\n', "\r")]
    {
        let path = keep.path().join("a.csv");
        fs::write(&path, text).unwrap();
        let (fits, _) = quick(&path, &[]);
        let mut rows: Vec<String> =
            serde_json::from_value(fits["fits"][0]["outliers"]["rows"].clone()).unwrap();
        rows.sort();
        assert_eq!(rows, ["line 14", "line 32", "line 5", "line 8"]);
    }
}

#[test]
fn a_model_card_is_read_with_its_comment_its_suffixes_and_its_empty_row() {
    let fit = fit(
        &sample("model_card.csv"),
        &["--law", "power", "--x", "c", "--bootstrap", "0", "--json"],
    );
    let fits: Value = serde_json::from_str(&stdout(&fit.code(0))).unwrap();
    let data = fits["fits"][0]["data"].as_array().unwrap();
    assert_eq!(data.len(), 7);
    assert_eq!((data[0]["n"].as_f64(), data[0]["d"].as_f64()), (Some(110e6), Some(2.2e9)));
    assert_eq!(data[6]["c"].as_f64(), Some(2.03e22));
    assert_eq!(data[0]["label"], "line 3");
    assert_eq!(fits["sources"][0]["c"], "`Training FLOPs`");
    assert_eq!(fits["sources"][0]["remarks"][0], "1 blank row passed over");
}

#[test]
fn a_packed_table_and_one_in_utf_16_are_read() {
    let keep = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(sample("well_tab.csv")).unwrap();
    let (plain, _) = quick(&sample("well_tab.csv"), &[]);
    let units = format!("\u{feff}{text}");
    let wide: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // The gzip member has stored blocks (RFC 1951, 3.2.4), so that the test needs no compressor.
    let mut packed = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01".to_vec();
    packed.extend((text.len() as u16).to_le_bytes());
    packed.extend((!(text.len() as u16)).to_le_bytes());
    packed.extend(text.as_bytes());
    packed.extend(crc32(text.as_bytes()).to_le_bytes());
    packed.extend((text.len() as u32).to_le_bytes());
    for (name, bytes) in [("a.tsv", &wide), ("a.csv.gz", &packed), ("a", &packed)] {
        fs::write(keep.path().join(name), bytes).unwrap();
        let (fits, _) = quick(&keep.path().join(name), &[]);
        assert_eq!(fits["fits"], plain["fits"], "{name}");
    }
    packed.truncate(60);
    fs::write(keep.path().join("cut.csv.gz"), packed).unwrap();
    let text = refused(&keep.path().join("cut.csv.gz"), &[]);
    assert!(text.contains("cannot unpack") && text.contains("cut.csv.gz"), "{text}");
    fs::write(keep.path().join("book.xlsx"), b"PK\x03\x04").unwrap();
    let text = refused(&keep.path().join("book.xlsx"), &[]);
    assert!(text.contains("format `xlsx`") && text.contains("save the table as .csv"), "{text}");
}

/// CRC-32 as used by gzip (RFC 1952, section 8).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| match crc & 1 {
            1 => 0xedb8_8320 ^ (crc >> 1),
            _ => crc >> 1,
        })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn checkpoints_are_seen_and_those_of_a_run_are_one_unit() {
    let path = sample("checkpoints_6_runs.csv");
    let fit = fit(&path, &["--bootstrap", "30", "--json"]).code(0);
    let fits: Value = serde_json::from_str(&stdout(&fit)).unwrap();
    assert!(stderr(&fit).contains("`run` names 6 runs with several token counts each"));
    let bootstrap = &fits["fits"][0]["bootstrap"];
    assert_eq!(bootstrap["units"], 6);
    let unit = bootstrap["unit"].as_str().unwrap();
    assert!(!unit.contains("trunk"), "{unit}");
    // Without the column of runs, the losses show which rows are checkpoints of one run.
    let keep = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let bare = text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n");
    fs::write(keep.path().join("bare.csv"), bare.collect::<String>()).unwrap();
    let (_, said) = quick(&keep.path().join("bare.csv"), &[]);
    assert!(said.contains("smoother along D than along N"), "{said}");
    let (_, said) = quick(&sample("well_tab.csv"), &[]);
    assert!(!said.contains("smoother"), "{said}");
}

#[test]
fn the_last_checkpoint_of_each_run_is_used_on_a_flag() {
    let (fits, said) = quick(&sample("nested.jsonl"), &["--last", "--law", "power", "--x", "n"]);
    assert!(said.contains("the last checkpoint of each `run`: 5 of 20 rows"), "{said}");
    let data = fits["fits"][0]["data"].as_array().unwrap();
    assert!(data.iter().all(|point| point["d"].as_f64() == Some(2e9)));
    let text = refused(&sample("well_tab.csv"), &["--last"]);
    assert!(text.contains("no column tells") && text.contains("--unit"), "{text}");
}

#[test]
fn rows_that_are_there_again_count_once_and_are_named() {
    let (fits, said) = quick(&sample("duplicated_rows.csv"), &[]);
    assert!(
        said.contains(
            "72 of 108 rows equal an earlier one in every column and count once (lines 38, 39"
        ),
        "{said}"
    );
    let (plain, _) = quick(&sample("well_tab.csv"), &[]);
    assert_eq!(fits["fits"][0]["rows"], 36);
    assert_eq!(parameter(&fits, "alpha"), parameter(&plain, "alpha"));
}

#[test]
fn a_sweep_of_rates_is_seen_and_the_best_of_each_size_and_length_is_fitted_on_a_flag() {
    let path = sample("rate_sweep_over_few_sizes.csv");
    let all = fit(&path, &["--bootstrap", "30", "--json"]).code(0);
    let said = stderr(&all);
    assert!(said.contains("315 rows share 15 (N, D): within one vary `lr`, `batch`"), "{said}");
    assert!(said.contains("--best-of"), "{said}");
    let fits: Value = serde_json::from_str(&stdout(&all)).unwrap();
    assert_eq!(fits["fits"][0]["bootstrap"]["units"], 15);
    let (best, said) = quick(&path, &["--best-of"]);
    assert!(said.contains("15 of 315 rows"), "{said}");
    let table = fs::read_to_string(&path).unwrap();
    let losses = table.lines().filter(|line| line.starts_with("60000000,600000000,"));
    let losses = losses.map(|line| line.rsplit_once(',').unwrap().1.parse::<f64>().unwrap());
    let data = best["fits"][0]["data"].as_array().unwrap();
    assert_eq!(data.len(), 15);
    assert_eq!(data[0]["loss"].as_f64(), losses.reduce(f64::min));
}

#[test]
fn counts_in_millions_are_asked_about_and_read_by_flag_header_or_suffix() {
    let path = sample("params_in_millions.csv");
    let text = refused(&path, &[]);
    assert!(text.contains("2 things stand in the way"), "{text}");
    assert!(
        text.contains("`params` holds 20 to 3000") && text.contains("`tokens` holds 0.3 to 60"),
        "{text}"
    );
    assert!(text.contains("--n-unit M"), "{text}");
    let (by_flag, said) = quick(&path, &["--n-unit", "M", "--d-unit", "B"]);
    assert!(said.contains("N is `params` times 1e6, D is `tokens` times 1e9"), "{said}");
    assert_near(&by_flag, "alpha", 0.34, 0.03);
    let keep = tempfile::tempdir().unwrap();
    let table = fs::read_to_string(&path).unwrap();
    let headed = table.replacen("params,tokens", "params_m,tokens (B)", 1);
    fs::write(keep.path().join("a.csv"), headed).unwrap();
    let (by_header, _) = quick(&keep.path().join("a.csv"), &[]);
    assert_eq!(parameter(&by_header, "A"), parameter(&by_flag, "A"));
    let suffixed =
        table.lines().enumerate().map(|(i, line)| match line.split(',').collect::<Vec<_>>()[..] {
            [n, d, loss] if i > 0 => format!("{n}M,{d}B,{loss}\n"),
            _ => format!("{line}\n"),
        });
    fs::write(keep.path().join("b.csv"), suffixed.collect::<String>()).unwrap();
    let (by_suffix, _) = quick(&keep.path().join("b.csv"), &[]);
    assert_near(&by_suffix, "A", parameter(&by_flag, "A"), 1e-6);
    let (as_it_is, _) = quick(&path, &["--n-unit", "1", "--d-unit", "1"]);
    assert_eq!(as_it_is["fits"][0]["data"][0]["n"], 20.0);
}

#[test]
fn a_column_that_cannot_be_compute_is_passed_over_or_refused_where_it_was_named() {
    let path = sample("flops_column_is_not_compute.csv");
    let (fits, said) = quick(&path, &[]);
    assert!(
        said.contains("`flops` is passed over as C: it holds 4e7 where 6 N D is 4.8e16"),
        "{said}"
    );
    assert!(
        said.contains("C is `iso_flop`") && said.contains("`iso_flop` holds the budgets"),
        "{said}"
    );
    assert_near(&fits, "alpha", 0.34, 0.02);
    let text = refused(&path, &["--c", "flops"]);
    assert!(text.contains("column `flops` cannot be C: it holds 4e7"), "{text}");
}

#[test]
fn blank_cells_are_all_named_or_left_out_on_a_flag() {
    let keep = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(sample("well_tab.csv")).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[4] = "\t300000000\t3.4".to_owned();
    lines[9] = "148411139\t865619943\tn/a".to_owned();
    lines[11] = "148411139\t865619943\tdiverged".to_owned();
    let path = keep.path().join("a.tsv");
    fs::write(&path, lines.join("\n")).unwrap();
    let text = refused(&path, &[]);
    assert!(text.contains("3 things stand in the way"), "{text}");
    for part in [
        "a.tsv:5: column `params` is blank or NaN",
        "a.tsv:10: column `loss` is blank or NaN",
        "a.tsv:12: column `loss` holds `diverged`, not a number",
        "--skip-blank",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    lines.remove(11);
    fs::write(&path, lines.join("\n")).unwrap();
    let (fits, said) = quick(&path, &["--skip-blank"]);
    assert!(said.contains("2 rows with blank cells left out (lines 5, 10)"), "{said}");
    assert_eq!(fits["fits"][0]["rows"], 33);
    let (fits, _) = quick(&sample("pandas.parquet"), &["--skip-blank"]);
    assert_eq!(fits["fits"][0]["rows"], 16);
    assert_near(&fits, "alpha", 0.34, 0.01);
}

#[test]
fn a_column_that_may_be_several_is_asked_about() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("a.jsonl");
    let line = "{\"params\": 1e6, \"tokens\": 1e8, \"final\": {\"val_loss\": 3}, \"best\": {\"val_loss\": 2}}\n";
    fs::write(&path, line).unwrap();
    let text = refused(&path, &[]);
    assert!(text.contains("may be any of final.val_loss, best.val_loss"), "{text}");
    let text = refused(&path, &["--loss", "final.val_loss"]);
    assert!(!text.contains("may be any of"), "{text}");
}

#[test]
fn a_fit_answers_in_fifteen_lines_and_says_where_its_rows_are_from() {
    let keep = tempfile::tempdir().unwrap();
    let path = keep.path().join("a.csv");
    let text = fs::read_to_string(sample("well_semi.csv")).unwrap();
    let lines = text.lines().enumerate().map(|(i, line)| match i {
        0 => format!("{line};corpus\n"),
        i => format!("{line};{}\n", if i % 9 == 0 { "pile" } else { "c4" }),
    });
    fs::write(&path, lines.collect::<String>()).unwrap();
    let args = ["--where", "corpus=c4", "--bootstrap", "60"];
    let short = stdout(&fit(&path, &args).code(0));
    assert!(short.lines().count() <= 15, "{short}");
    for part in [
        "chinchilla: L = ",
        "alpha = 0.3",
        "[",
        "held out: ",
        "32 of 36 rows with corpus = c4",
        "(sha256 ",
        "32 rows (rows with corpus = c4)",
    ] {
        assert!(short.contains(part), "{part}: {short}");
    }
    assert!(!short.contains("all rows") && !short.contains("trunk"), "{short}");
    let long = stdout(&fit(&path, &[&args[..], &["--details"]].concat()).code(0));
    assert!(long.contains("other thresholds") && long.contains("profile"), "{long}");
    let latex = stdout(&fit(&path, &[&args[..], &["--table", "latex"]].concat()).code(0));
    for part in ["% - file: ", "% - sha256 of the file: ", "filter: corpus = c4", "loss is `loss`"]
    {
        assert!(latex.contains(part), "{part}: {latex}");
    }
    let json = stdout(&fit(&path, &[&args[..], &["--json"]].concat()).code(0));
    let fits: Value = serde_json::from_str(&json).unwrap();
    let source = &fits["sources"][0];
    assert_eq!(source["sha256"].as_str().unwrap().len(), 64);
    assert_eq!((source["rows"].as_u64(), source["used"].as_u64()), (Some(36), Some(32)));
    assert_eq!(source["filter"][0], "corpus = c4");
    assert_eq!(source["c"], "6 N D");
}

/// Sixteen runs of a known law, one per line.
fn runs(row: impl Fn(f64, f64, f64) -> String) -> String {
    let sizes = [1e7, 4e7, 1.6e8, 6.4e8];
    let tokens = [4e8, 2e9, 1e10, 5e10];
    let pairs = sizes.iter().flat_map(|n| tokens.iter().map(move |d| (*n, *d)));
    let lines = pairs.map(|(n, d): (f64, f64)| {
        let loss = 1.7 + 400.0 * n.powf(-0.34) + 1500.0 * d.powf(-0.36);
        row(n, d, loss) + "\n"
    });
    lines.collect()
}

#[test]
fn columns_are_found_by_the_names_that_tools_and_papers_give_them() {
    let keep = tempfile::tempdir().unwrap();
    for (name, head, body, said) in [
        (
            "wandb.csv",
            "Name,config.n_params,eval/loss,train/loss,tokens_seen",
            runs(|n, d, loss| format!("a,{n},{loss},{},{d}", loss - 0.1)),
            "N is `config.n_params`, D is `tokens_seen`, C is 6 N D, loss is `eval/loss`",
        ),
        (
            "collected.csv",
            "Model,Parameters,Training dataset size (tokens),Training compute (FLOP),Validation loss",
            runs(|n, d, loss| format!("a,{n:e},{d:e},{:e},{loss}", 6.0 * n * d)),
            "C is `Training compute (FLOP)`, loss is `Validation loss`",
        ),
        (
            "kaplan.csv",
            "N (millions),D (billions),Compute (PF-days),Test Loss (nats)",
            runs(|n, d, loss| format!("{},{},{},{loss}", n / 1e6, d / 1e9, 6.0 * n * d / 8.64e19)),
            "N is `N (millions)` times 1e6, D is `D (billions)` times 1e9, C is `Compute (PF-days)` times 8.64e19",
        ),
        (
            "letters.csv",
            "N,D,L",
            runs(|n, d, loss| format!("{n},{d},{loss}")),
            "N is `N`, D is `D`, C is 6 N D, loss is `L`",
        ),
        (
            "perplexity.csv",
            "num_params,num_tokens,val_ppl",
            runs(|n, d, loss| format!("{n},{d},{}", loss.exp())),
            "loss is ln `val_ppl`",
        ),
    ] {
        let path = keep.path().join(name);
        fs::write(&path, format!("{head}\n{body}")).unwrap();
        let (fits, noted) = quick(&path, &[]);
        assert!(noted.contains(said), "{name}: {noted}");
        assert_near(&fits, "alpha", 0.34, 1e-3);
        assert_near(&fits, "E", 1.7, 1e-3);
    }
}

#[test]
fn rows_of_two_tables_are_units_of_their_own() {
    let keep = tempfile::tempdir().unwrap();
    let head = "params,tokens,loss\n";
    for (name, off) in [("a.csv", 1.001), ("b.csv", 0.999)] {
        let body = runs(|n, d, loss| format!("{n},{d},{}", loss * off));
        fs::write(keep.path().join(name), format!("{head}{body}")).unwrap();
    }
    let args = ["fit", "a.csv", "b.csv", "--bootstrap", "30", "--json"];
    let fit = isoflop().current_dir(keep.path()).args(args).assert().code(0);
    let fits: Value = serde_json::from_str(&stdout(&fit)).unwrap();
    assert_eq!(fits["fits"][0]["bootstrap"]["units"], 32);
    assert_eq!(fits["sources"].as_array().unwrap().len(), 2);
}
