//! Tests of what must never change by accident: ids, digests and losses of a sweep that was trained
//! once and committed, and the readability of its folder. A change of numerics needs a new
//! NUMERICS_VERSION and trains the sweep anew. `tests/pinned` holds the sweep file, its text and
//! its results.

use crate::workshop::{isoflop, note, reproducible, stdout};
use isoflop_results::parquet::{read_curves, read_runs};
use isoflop_results::{RunRow, Status};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn pinned() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pinned")
}

/// Copies the pinned sweep and its text, and if asked its results, into a temporary folder.
fn copy(with_results: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut open = vec![pinned()];
    while let Some(from) = open.pop() {
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(pinned()).unwrap();
            match path.is_dir() {
                true if name.starts_with("results") && !with_results => {}
                true => open.push(path),
                false => {
                    let to = folder.path().join(name);
                    fs::create_dir_all(to.parent().unwrap()).unwrap();
                    fs::copy(&path, to).unwrap();
                }
            }
        }
    }
    folder
}

fn run(folder: &tempfile::TempDir, args: &[&str]) -> assert_cmd::assert::Assert {
    isoflop()
        .args(args)
        .current_dir(folder.path())
        .env("ISOFLOP_CACHE", folder.path().join("cache"))
        .assert()
        .code(0)
}

/// Rows by run id.
fn rows(results: &Path) -> BTreeMap<String, RunRow> {
    let rows = read_runs(&results.join("pinned/runs.parquet")).unwrap();
    rows.into_iter().map(|row| (row.run_id.clone(), row)).collect()
}

#[test]
fn ids_digests_and_losses_are_those_that_were_committed() {
    let before = rows(&pinned().join("results"));
    assert_eq!(before.len(), 32);
    let folder = copy(false);
    run(&folder, &["run", "sweep.toml"]);
    let after = rows(&folder.path().join("results"));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let mut to_the_bit = 0;
    for (id, was) in &before {
        let is = &after[id];
        assert_eq!(was.status, Status::Finished);
        assert_eq!(was.data_digest, is.data_digest, "{id}");
        assert_eq!((was.n_total, was.c_exact), (is.n_total, is.c_exact), "{id}");
        // With other vector instructions or caches, sums round differently. A change of the
        // mathematics would move these losses by more than a thousandth.
        let same_vectors = was.instruction_set == is.instruction_set;
        let allowed = if same_vectors { 1e-4 } else { 1e-3 };
        let (loss, again) = (was.test_loss.unwrap(), is.test_loss.unwrap());
        assert!((loss / again - 1.0).abs() < allowed, "{id}: {loss} {again}");
        to_the_bit += usize::from(loss.to_bits() == again.to_bits());
    }
    note(&format!("{to_the_bit} of {} losses are equal to the last bit", before.len()));
}

#[test]
fn the_committed_folder_reads_as_it_did_and_trains_nothing() {
    let folder = copy(true);
    let results = folder.path().join("results");
    let before: Vec<_> = rows(&results).values().map(reproducible).collect();
    let curves = read_curves(&results.join("pinned/curves.parquet")).unwrap();
    let status = run(&folder, &["status", "results/pinned"]);
    assert!(stdout(&status).contains("32 of 32 ended"), "{}", stdout(&status));
    run(&folder, &["export", "results/pinned", "--out", "rows.csv"]);
    let csv = fs::read_to_string(folder.path().join("rows.csv")).unwrap();
    assert_eq!(csv.lines().count(), 33);
    let again = run(&folder, &["run", "sweep.toml"]);
    let said = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(said.contains("nothing to train"), "{said}");
    let after: Vec<_> = rows(&results).values().map(reproducible).collect();
    assert_eq!(before, after);
    assert_eq!(curves, read_curves(&results.join("pinned/curves.parquet")).unwrap());
}
