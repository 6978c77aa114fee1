//! Tests that damaged files in a results folder never lead to wrong numbers with exit code 0.

use crate::workshop::{SWEEP, Workshop, stderr, stdout};
use std::fs;

/// Runs `isoflop` with these arguments in the workshop's folder.
fn command(shop: &Workshop, args: &[&str]) -> assert_cmd::assert::Assert {
    shop.isoflop().args(args).assert()
}

/// Copies of a file with one bit flipped, at about `count` evenly spread places.
fn flips(whole: &[u8], count: usize) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..whole.len()).step_by(whole.len() / count + 1).map(|at| {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1 << (at % 8);
        (at, flipped)
    })
}

#[test]
fn damaged_parquet_is_made_again_from_the_records_or_refused() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let files = [
        ("runs", vec!["export", "results/tiny", "--out", "out.csv"]),
        ("curves", vec!["export", "results/tiny", "--curves", "--out", "out.csv"]),
    ];
    for (name, export) in &files {
        let path = shop.path(&format!("results/tiny/{name}.parquet"));
        let whole = fs::read(&path).unwrap();
        command(&shop, export).code(0);
        let good = fs::read(shop.path("out.csv")).unwrap();
        let mut told = 0;
        for (at, flipped) in flips(&whole, 200) {
            fs::write(&path, flipped).unwrap();
            let exported = command(&shop, export).code(0);
            assert_eq!(fs::read(shop.path("out.csv")).unwrap(), good, "byte {at}");
            let said = stderr(&exported).matches("made again from the 6 records").count();
            assert!(said <= 1, "{}", stderr(&exported));
            told += said;
        }
        // Most bytes of so short a file name columns, which changes no value.
        assert!(told > 4, "{name}: told {told} times");
        // `run` has nothing to train here, but mends the file.
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        shop.run().code(0);
        assert_eq!(fs::read(&path).unwrap(), whole, "{name}");
    }
    // The folder now looks like one that was archived without its records.
    fs::rename(shop.path("results/tiny/records"), shop.path("aside")).unwrap();
    for (name, export) in &files {
        let path = shop.path(&format!("results/tiny/{name}.parquet"));
        let whole = fs::read(&path).unwrap();
        command(&shop, export).code(0);
        let good = fs::read(shop.path("out.csv")).unwrap();
        let mut refused = 0;
        for (at, flipped) in flips(&whole, 200) {
            fs::write(&path, flipped).unwrap();
            let ended = command(&shop, export);
            if ended.get_output().status.code() == Some(0) {
                assert_eq!(fs::read(shop.path("out.csv")).unwrap(), good, "byte {at}");
                continue;
            }
            let ended = ended.code(2);
            assert!(stderr(&ended).contains("hint:"), "{}", stderr(&ended));
            refused += 1;
        }
        assert!(refused > 4, "{name}: refused {refused} times");
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn values_that_are_not_those_of_the_digest_are_read_only_on_trust() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let path = shop.path("results/tiny/runs.parquet");
    let mut bytes = fs::read(&path).unwrap();
    // The digest is stored near the end of the file as 64 hex digits; one of them is changed.
    let key = b"isoflop.digest";
    let at = bytes.windows(key.len()).rposition(|window| window == key);
    let digit = at.unwrap() + key.len() + 10;
    bytes[digit] = if bytes[digit] == b'0' { b'1' } else { b'0' };
    fs::write(&path, bytes).unwrap();
    fs::remove_dir_all(shop.path("results/tiny/records")).unwrap();
    let status = ["status", "results/tiny"];
    let fit =
        ["fit", "results/tiny/runs.parquet", "--bootstrap", "0", "--law", "power", "--x", "n"];
    let report = ["report", "results/tiny", "--terminal"];
    let export = ["export", "results/tiny", "--out", "o.csv"];
    for args in [&status[..], &fit, &report, &export] {
        let refused = command(&shop, args).code(2);
        let text = stderr(&refused);
        assert!(text.contains("do not match the digest"), "{text}");
        assert!(text.contains("--trust"), "{text}");
        let trusted: Vec<&str> = args.iter().copied().chain(["--trust"]).collect();
        command(&shop, &trusted).code(0);
    }
}

#[test]
fn damaged_weights_are_refused_and_those_without_a_checksum_are_told() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let run = &shop.rows()[0].run_id;
    let stem = format!("results/tiny/models/{run}");
    let (numbers, label) =
        (shop.path(&format!("{stem}.safetensors")), shop.path(&format!("{stem}.json")));
    let export = || {
        let run = format!("results/tiny/{run}");
        command(&shop, &["export-model", &run, "--out", "model"])
    };
    let whole = fs::read(&numbers).unwrap();
    for (at, flipped) in flips(&whole, 8) {
        fs::write(&numbers, flipped).unwrap();
        let refused = export().code(2);
        let text = stderr(&refused);
        assert!(text.contains("its checksum does not match"), "byte {at}: {text}");
        assert!(text.contains(&format!("records/{run}.json")), "{text}");
    }
    assert!(!shop.path("model").exists());
    fs::write(&numbers, &whole).unwrap();
    let text = fs::read_to_string(&label).unwrap();
    assert!(text.contains("\"seed\": 0"), "{text}");
    fs::write(&label, text.replace("\"seed\": 0", "\"seed\": 1")).unwrap();
    let other = stderr(&export().code(2));
    assert!(other.contains(&format!("it is not of run {run}")), "{other}");
    // Earlier versions wrote the label without a checksum.
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    old.as_object_mut().unwrap().remove("sha256").unwrap();
    fs::write(&label, old.to_string()).unwrap();
    let exported = export().code(0);
    assert!(stderr(&exported).contains("has no checksum"), "{}", stderr(&exported));
    assert!(stdout(&exported).contains(run), "{}", stdout(&exported));
}
