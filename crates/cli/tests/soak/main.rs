//! A sweep with a tuning stage, from a text that is not prepared yet to its fits and report, is
//! killed, damaged and deprived of disk space at random instants and places. `just soak` asks for
//! more repetitions than the tests do.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![cfg(unix)]

mod damages;
mod disks;
mod kills;
#[path = "../commands/workshop.rs"]
#[allow(dead_code, reason = "the tests of commands use the rest of it")]
mod workshop;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use workshop::Workshop;

/// A sweep with nine runs, nine trials and fits with intervals that takes a few seconds.
const SWEEP: &str = r#"
name = "tiny"
max_failures = 100
[data]
text = "text/*.md"
context = 32
test_tokens = 2000
[model]
sizes = ["8x1x1", "12x1x1", "16x1x1"]
[plan]
isoflop = { budgets = ["3e8", "8e8", "2e9"] }
[train]
batch_tokens = 256
learning_rate = { tune = { rates = 3, tokens = 5120 } }
"#;

/// The same sweep with too few budgets for a law, which saves the seconds for fits.
fn without_fits() -> String {
    SWEEP.replace("\"3e8\", ", "")
}

/// Number that an environment variable gives, or the default.
fn times(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Random draws from a fixed seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
}

/// Starts the program in a workshop, with the workshop's own cache and in a process group of its
/// own.
fn start(shop: &Workshop, args: &[&str]) -> Child {
    use std::os::unix::process::CommandExt;
    let log = fs::OpenOptions::new().create(true).append(true).open(shop.path("said.txt")).unwrap();
    Command::new(assert_cmd::cargo::cargo_bin("isoflop"))
        .args(args)
        .current_dir(shop.path(""))
        .env("ISOFLOP_CACHE", shop.path("cache"))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0)
        .spawn()
        .unwrap()
}

const RUN: [&str; 4] = ["run", "sweep.toml", "--jobs", "2"];

/// Runs the command to its end.
fn run(shop: &Workshop, args: &[&str]) -> ExitStatus {
    start(shop, args).wait().unwrap()
}

/// Everything that the program has printed in a workshop since the last call.
fn said(shop: &Workshop) -> String {
    let text = fs::read(shop.path("said.txt")).unwrap_or_default();
    let _ = fs::remove_file(shop.path("said.txt"));
    String::from_utf8_lossy(&text).into_owned()
}

/// Everything that must be equal between repeats: rows without their times, curves, fits, rates and
/// weights.
fn outcome(shop: &Workshop) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    let rows: Vec<_> = shop.rows().iter().map(workshop::reproducible).collect();
    parts.insert("rows".to_owned(), format!("{rows:?}"));
    let results = shop.path("results/tiny");
    let curves = isoflop_results::parquet::read_curves(&results.join("curves.parquet")).unwrap();
    parts.insert("curves".to_owned(), format!("{curves:?}"));
    for file in ["tiny/fits.json", "tiny.tuning/tuning.json"] {
        let path = shop.path("results").join(file);
        parts.insert(file.to_owned(), fs::read_to_string(path).unwrap());
    }
    for path in files(&results.join("models")) {
        // Files that a killed writer left are removed only once they are two minutes old.
        if path.to_string_lossy().ends_with(".partial") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        parts.insert(name, format!("{sum:016x}"));
    }
    assert!(shop.path("reports/tiny/index.html").exists());
    parts
}

/// Names of the parts that differ.
fn differing(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
    names.into_iter().filter(|name| a.get(*name) != b.get(*name)).cloned().collect()
}

/// Every file below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// A workshop in which a sweep was run once, undisturbed.
fn undisturbed(sweep: &str) -> Workshop {
    let shop = Workshop::new(sweep);
    assert!(run(&shop, &RUN).success(), "{}", said(&shop));
    shop
}

/// Copies all files of one folder into another.
fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let place = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(&path, &place).unwrap();
    }
}
