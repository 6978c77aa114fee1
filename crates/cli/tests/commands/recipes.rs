//! Tests of recipes that a sweep file gives, from the plan to rows and page.

use crate::workshop::{SWEEP, Workshop, reproducible, stdout};
use isoflop_results::parquet::read_curves;
use isoflop_results::{Curve, RunRow, Status};
use std::fs;

/// Two lengths of one size under every schedule, with dropout.
fn recipes(more: &str) -> String {
    let (head, _) = SWEEP.split_once("[model]").unwrap();
    format!(
        "{head}[model]\nsizes = [\"8x2x1\"]\n[plan]\ngrid = {{ tokens = [\"24k\", \"48k\"] }}\n\
         [train]\nbatch_tokens = 256\ndropout = 0.2\nclip = 0.5\nwarmup = \"2k\"\n{more}\n\
         [axes]\n\"train.schedule\" = [\"wsd\", \"cosine\", \"linear\", \"constant\"]\n"
    )
}

/// Rows and curves of a sweep that has run.
fn trained(sweep: &str) -> (Workshop, Vec<RunRow>, Vec<Curve>) {
    let shop = Workshop::new(sweep);
    shop.run().code(0);
    let curves = read_curves(&shop.path("results/tiny/curves.parquet")).unwrap();
    let rows = shop.rows();
    (shop, rows, curves)
}

#[test]
fn runs_of_every_schedule_end_alike_with_and_without_trunks_and_drop_the_same() {
    let (shop, rows, curves) = trained(&recipes(""));
    let (_, alone, curves_alone) = trained(&recipes("trunks = false"));
    assert_eq!(curves, curves_alone);
    let told = |rows: &[RunRow]| -> Vec<_> {
        let but_spent = |row: &RunRow| {
            let mut cells = reproducible(row);
            cells.retain(|(name, _)| *name != "flops_spent");
            cells
        };
        rows.iter().map(but_spent).collect()
    };
    assert_eq!(told(&rows), told(&alone));
    for row in &rows {
        assert_eq!((row.status, row.dropout, row.clip), (Status::Finished, 0.2, 0.5));
        assert_eq!(row.warmup_steps, 8);
        assert!(row.train_loss.is_some(), "{}", row.run_id);
        let share = row.flops_spent / row.c_exact;
        let shares = match (row.schedule.as_str(), row.steps) {
            // What is left of a run is its decay: the longer one, which trains the trunk, too.
            ("wsd", _) => share < 0.21,
            ("constant", _) => share == 0.0,
            _ => share == 1.0,
        };
        assert!(shares, "{}: {share}", row.run_id);
    }
    let losses = |rows: &[RunRow]| -> Vec<u64> {
        let mut losses: Vec<_> = rows.iter().map(|row| row.test_loss.unwrap().to_bits()).collect();
        losses.sort_unstable();
        losses.dedup();
        losses
    };
    assert_eq!(losses(&rows).len(), 8, "every recipe and length has a loss of its own");
    let page = fs::read_to_string(shop.path("reports/tiny/index.html")).unwrap();
    assert!(page.contains("dropout: 0.2") && page.contains("clip: 0.5"));
}

#[test]
fn the_plan_tells_the_recipe_of_every_run_and_where_none_share_a_trunk() {
    let shop = Workshop::new(&recipes(""));
    let text = stdout(&shop.isoflop().args(["plan", "sweep.toml"]).assert().code(0));
    for kind in ["cosine", "linear"] {
        assert!(text.contains(&format!("runs of schedule = \"{kind}\" share no trunk")), "{text}");
    }
    let json = stdout(&shop.isoflop().args(["plan", "sweep.toml", "--json"]).assert().code(0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["unshared"].as_array().unwrap().len(), 2);
    let run = &json["runs"][2];
    assert_eq!(run["schedule"], "cosine");
    assert_eq!((&run["dropout"], &run["clip"]), (&0.2.into(), &0.5.into()));
    assert_eq!((&run["betas"][1], &run["weight_decay"]), (&0.98.into(), &0.1.into()));
    assert_eq!((&run["warmup_steps"], &run["decay_steps"]), (&8.into(), &86.into()));
    assert_eq!(run["trunk"], run["run_id"]);
}
