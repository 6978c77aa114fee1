//! Tests of the binary as a person uses it.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../../report/tests/browser/chromium.rs"]
#[allow(dead_code, reason = "the report's tests use the rest of it")]
mod chromium;
mod damage;
mod devices;
mod escapes;
mod forecasts;
mod foreign;
mod input;
mod mixtures;
mod models;
mod night;
mod pages;
mod pinned;
mod rates;
mod recipes;
mod reports;
mod sealed;
#[cfg(target_os = "linux")]
mod signals;
mod stages;
mod sweeps;
mod tables;
mod texts;
mod workers;
mod workshop;

use isoflop_results::schema::Column;
use isoflop_results::{CurvePoint, PositionPoint, RunRow};
use std::fs;
use std::path::Path;
use workshop::{isoflop, stdout};

#[test]
fn every_verb_has_an_example_in_its_help() {
    for verb in [
        "plan",
        "run",
        "worker",
        "logs",
        "submit",
        "cancel",
        "status",
        "fit",
        "predict",
        "forecast",
        "validate",
        "report",
        "watch",
        "export",
        "export-model",
        "bench",
        "data",
        "check",
        "doctor",
    ] {
        let help = stdout(&isoflop().args([verb, "--help"]).assert().code(0));
        assert!(help.contains("Example") && help.contains(&format!("isoflop {verb} ")), "{help}");
    }
}

#[test]
fn the_columns_are_documented() {
    let docs =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results.md"))
            .unwrap();
    for columns in [RunRow::COLUMNS, CurvePoint::COLUMNS, PositionPoint::COLUMNS] {
        let lines: Vec<String> = columns.iter().map(Column::documentation).collect();
        let table = lines.join("\n");
        assert!(docs.contains(&table), "docs/results.md must contain\n{table}\n");
    }
}
