mod optimizers;
mod options;
mod rates;
mod recipes;
mod seeds;
mod sizes;

use super::*;
use crate::plan::{DataFacts, DataRequest};
use isoflop_core::Tokens;
use isoflop_model::FlopCount;
use proptest::prelude::*;
use std::path::Path;

const SWEEP: &str = r#"
name = "t"
[data]
corpus = "rust-docs"
[model]
sizes = ["3k", "10k", "30k"]
[plan]
isoflop = { budgets = ["1e11", "3e11"] }
"#;

fn facts(request: &DataRequest) -> Result<DataFacts, crate::plan::DataRefusal> {
    match request.source.name().as_str() {
        "rust-docs" | "rust-code" => Ok(DataFacts::of(isoflop_results::DataRecord {
            corpus: format!("{}@1", request.source.name()),
            data_digest: format!("{:016x}", request.source.name().len()),
            vocab_size: 256,
            train_tokens: 1_000_000,
            test_tokens: 1 << 18,
            tokenizer: "bytes".to_owned(),
            ..Default::default()
        })),
        other => Err((format!("no corpus `{other}`"), Some("built in: rust-docs".to_owned()))),
    }
}

fn plan(source: &str) -> Result<Plan, String> {
    let shown =
        |error: crate::SpecError| format!("{error}\nhint: {}", error.hint().unwrap_or("none"));
    let sweep = Sweep::parse(Path::new("t.toml"), source.to_owned()).map_err(shown)?;
    let mut context = PlanContext {
        facts: &mut facts,
        numerics_version: |_| 1,
        memory_bytes: 8 << 30,
        tuned: None,
        history: None,
        with_waiting: true,
    };
    Plan::build(&sweep, &mut context).map_err(shown)
}

fn refusal(from: &str, to: &str) -> String {
    let source = SWEEP.replace(from, to);
    assert_ne!(source, SWEEP);
    plan(&source).unwrap_err()
}

#[test]
fn a_budget_is_met_to_half_a_step_by_every_size() {
    let plan = plan(SWEEP).unwrap();
    assert_eq!(plan.runs().len(), 6);
    for run in plan.runs() {
        let per_step = FlopCount::of(&run.config.model)
            .of_tokens(Tokens(run.config.recipe.batch_tokens as f64));
        let miss = (run.c_exact().0 - run.flops_budget.unwrap()).abs();
        assert!(miss <= per_step.0 / 2.0 + 1.0, "{}: {miss}", run.id());
    }
}

#[test]
fn runs_of_few_steps_are_dropped_and_listed() {
    let plan = plan(&SWEEP.replace("\"30k\"]", "\"30k\", \"10M\"]")).unwrap();
    assert_eq!(plan.runs().len(), 6);
    let dropped: Vec<_> =
        plan.dropped().iter().map(|d| format!("{}: {}", d.cell, d.reason)).collect();
    insta::assert_debug_snapshot!(dropped, @r#"
    [
        "10M, budget 1e11: 0 steps of 5120 tokens, fewer than 10",
        "10M, budget 3e11: 1 steps of 5120 tokens, fewer than 10",
    ]
    "#);
}

#[test]
fn a_budget_that_keeps_two_sizes_is_refused_where_it_stands() {
    insta::assert_snapshot!(refusal("\"1e11\"", "\"1e9\""), @r#"
    t.toml:8:24: budget 1e9 keeps 2 sizes of at least 10 steps; a curve needs 3
       |
     8 | isoflop = { budgets = ["1e9", "3e11"] }
       |                        ^^^^^
    hint: raise this budget, add smaller sizes, or lower train.batch_tokens
    "#);
}

#[test]
fn heads_that_do_not_divide_are_pointed_at() {
    let text = refusal("\"30k\"]", "{ d_model = 100, n_layers = 2, n_heads = 8 }]");
    assert!(text.contains("t.toml:6:23: d_model 100 does not split into 8 heads"), "{text}");
    assert!(text.ends_with("hint: d_model 96 or 104 would fit"), "{text}");
}

#[test]
fn a_size_beyond_the_memory_is_refused_with_both_figures() {
    let text = refusal("\"30k\"]", "\"30k\", \"2B\"]");
    assert!(text.contains("this machine has 8.0 GiB"), "{text}");
    assert!(text.contains("t.toml:6:30"), "{text}");
}

#[test]
fn two_kinds_of_plan_and_none_are_refused() {
    let two = refusal("[plan]", "[plan]\ngrid = { tokens = [\"1M\"] }");
    assert!(two.contains("the plan has two kinds: `isoflop` and `grid`"), "{two}");
    let none = refusal("isoflop = { budgets = [\"1e11\", \"3e11\"] }", "");
    assert!(none.contains("the plan has no kind"), "{none}");
}

#[test]
fn what_the_corpus_says_is_shown_at_its_name() {
    insta::assert_snapshot!(refusal("\"rust-docs\"", "\"rust-dogs\""), @r#"
    t.toml:4:10: no corpus `rust-dogs`
       |
     4 | corpus = "rust-dogs"
       |          ^^^^^^^^^^^
    hint: built in: rust-docs
    "#);
}

#[test]
fn sizes_that_fall_on_one_rung_budgets_given_twice_and_bad_batches_are_refused() {
    let twins = refusal("\"30k\"]", "\"9.9k\"]");
    assert!(twins.contains("sizes `10k` and `9.9k` are the same model, 20x2x1"), "{twins}");
    let twice = refusal("\"3e11\"]", "\"1.0e11\"]");
    assert!(twice.contains("1.0e11 stands here twice"), "{twice}");
    let batch = refusal("[plan]", "[train]\nbatch_tokens = 1000\n[plan]");
    assert!(batch.contains("a batch of 1000 tokens is not whole windows of 128"), "{batch}");
    assert!(batch.ends_with("hint: batch_tokens = 1024"), "{batch}");
}

#[test]
fn a_name_that_would_leave_the_results_folder_is_refused() {
    for name in ["../up", "", ".hidden", "a/b", "c:d"] {
        let text = refusal("name = \"t\"", &format!("name = \"{name}\""));
        assert!(text.contains("cannot name a results folder"), "{text}");
    }
    assert_eq!(
        plan(&SWEEP.replace("name = \"t\"", "name = \"<b>日本\"")).unwrap().name(),
        "<b>日本"
    );
}

#[test]
fn tokens_per_param_and_grids_give_the_tokens_asked_for() {
    let grid =
        plan(&SWEEP.replace(
            "isoflop = { budgets = [\"1e11\", \"3e11\"] }",
            "grid = { tokens = [\"1M\"] }",
        ))
        .unwrap();
    for run in grid.runs() {
        assert!((run.tokens().0 / 1e6 - 1.0).abs() < 0.001, "{}", run.id());
        assert_eq!(run.flops_budget, None);
    }
    let multiples =
        plan(&SWEEP.replace(
            "isoflop = { budgets = [\"1e11\", \"3e11\"] }",
            "tokens_per_param = [20, 100]",
        ))
        .unwrap();
    let first = &multiples.runs()[0];
    assert!((first.tokens().per_param(first.n()) / 20.0 - 1.0).abs() < 0.01);
}

#[test]
fn every_budget_gets_its_cheapest_run_first_and_the_longest_comes_next() {
    let plan = plan(SWEEP).unwrap();
    let budgets: Vec<_> = plan.work_order().iter().map(|run| run.flops_budget.unwrap()).collect();
    assert_eq!(budgets, [1e11, 3e11, 3e11, 3e11, 1e11, 1e11]);
}

#[test]
fn a_plan_reads_back_from_its_json() {
    let plan = plan(SWEEP).unwrap();
    assert_eq!(Plan::parse(plan.to_json().unwrap().as_bytes()).unwrap(), plan);
}

proptest! {
    #[test]
    fn ids_are_unique_and_do_not_depend_on_the_order_of_the_file(
        sizes in Just(["\"3k\"", "\"10k\"", "\"30k\"", "\"64x2x4\"", "\"100k\""]).prop_shuffle(),
        budgets in Just(["1e11", "2e11", "5e11"]).prop_shuffle(),
    ) {
        let ids = |sizes: &[&str], budgets: &[&str]| {
            let source = SWEEP
                .replace("\"3k\", \"10k\", \"30k\"", &sizes.join(", "))
                .replace("\"1e11\", \"3e11\"", &budgets.join(", "));
            let mut ids: Vec<_> = plan(&source).unwrap().runs().iter().map(|r| r.id().to_owned()).collect();
            ids.sort();
            ids
        };
        let shuffled = ids(&sizes, &budgets);
        let mut unique = shuffled.clone();
        unique.dedup();
        prop_assert_eq!(unique.len(), 15);
        prop_assert_eq!(shuffled, ids(&["\"3k\"", "\"10k\"", "\"30k\"", "\"64x2x4\"", "\"100k\""], &["1e11", "2e11", "5e11"]));
    }
}

#[test]
fn one_number_of_tokens_rounded_to_steps_of_other_lengths_is_still_one() {
    let source = SWEEP
        .replace("isoflop = { budgets = [\"1e11\", \"3e11\"] }", "grid = { tokens = [\"1M\"] }");
    let plan = plan(&source.replace("\"30k\"", "\"30k\", \"1M\"")).unwrap();
    let lengths: HashSet<u64> = plan.runs().iter().map(|run| run.tokens().0 as u64).collect();
    assert!(lengths.len() > 1);
}

#[test]
fn quantities_beyond_anybody_are_refused_at_once_with_their_place() {
    let started = std::time::Instant::now();
    let isoflop = "isoflop = { budgets = [\"1e11\", \"3e11\"] }";
    for (to, told) in [
        ("grid = { tokens = [\"1e30\"] }", "more than can be counted"),
        ("tokens_per_param = [1e20]", "more than can be counted"),
        ("epochs = [1e300]", "more than can be counted"),
        ("isoflop = { budgets = [\"1e300\"] }", "more than can be counted"),
        ("time = { limit = \"8h\", budgets = 4000000000 }", "from 1 to 100"),
        ("time = { limit = \"8h\", factor = 1e300 }", "must not lead beyond"),
    ] {
        let refused = refusal(isoflop, to);
        assert!(refused.contains(told) && refused.contains("t.toml:8:"), "{to}: {refused}");
    }
    for (size, told) in [
        ("9e30", "the ladder ends at 100T"),
        ("1099511627776x2x2", "too large"),
        ("8x18446744073709551615x1", "too large"),
    ] {
        let refused = refusal("\"3k\"", &format!("\"{size}\""));
        assert!(refused.contains(told) && refused.contains("t.toml:6:"), "{size}: {refused}");
    }
    for train in [
        "batch_tokens = 1e300",
        "learning_rate = { tune = { rates = 4294967295 } }",
        "learning_rate = { tune = { rates = 99, factor = 1e300 } }",
    ] {
        assert!(plan(&format!("{SWEEP}[train]\n{train}\n")).is_err(), "{train}");
    }
    let axes: Vec<String> =
        ["data.split_seed", "train.batch_tokens", "data.test_tokens", "data.context"]
            .iter()
            .map(|key| format!("\"{key}\" = {:?}", (1..=90).collect::<Vec<_>>()))
            .collect();
    let refused = plan(&format!("{SWEEP}[axes]\n{}\n", axes.join("\n"))).unwrap_err();
    assert!(refused.contains("more than 10000 cells"), "{refused}");
    let seeds: Vec<u32> = (0..40_000).collect();
    let refused = plan(&format!("{SWEEP}[train]\nseeds = {seeds:?}\n")).unwrap_err();
    assert!(refused.contains("240000 runs"), "{refused}");
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn a_budget_of_centuries_is_planned_at_once() {
    let started = std::time::Instant::now();
    let plan = plan(&SWEEP.replace("\"3e11\"", "\"1e20\"")).unwrap();
    assert!(plan.runs().iter().any(|run| run.steps() > 1_000_000_000_000));
    assert!(started.elapsed().as_secs() < 2);
}

/// A sweep file whose plan names single runs.
const RUNS: &str =
    r#"runs = [{ size = "30k", tokens = "3M" }, { size = "24x2x2", tokens = 700000 }]"#;

#[test]
fn single_runs_stand_beside_those_of_a_kind_and_keep_their_ids() {
    let before = plan(SWEEP).unwrap();
    let both = plan(&format!("{SWEEP}{RUNS}\n")).unwrap();
    assert_eq!(both.kind(), PlanKind::Isoflop);
    assert_eq!(both.runs()[..6], *before.runs());
    let single: Vec<_> = both.runs()[6..]
        .iter()
        .map(|run| (run.size.as_str(), (run.tokens().0 / 1e5).round() as u64, run.flops_budget))
        .collect();
    assert_eq!(single, [("30k", 30, None), ("24x2x2", 7, None)]);
}

#[test]
fn single_runs_alone_need_no_sizes() {
    let alone = SWEEP
        .replace("sizes = [\"3k\", \"10k\", \"30k\"]\n", "")
        .replace("isoflop = { budgets = [\"1e11\", \"3e11\"] }", RUNS);
    let alone = plan(&alone).unwrap();
    assert_eq!((alone.kind(), alone.runs().len()), (PlanKind::Runs, 2));
    let none = refusal("sizes = [\"3k\", \"10k\", \"30k\"]", "");
    assert!(none.contains("no sizes"), "{none}");
    let empty = plan(&format!("{SWEEP}runs = []\n")).unwrap_err();
    assert!(empty.contains("an empty list"), "{empty}");
    let odd = plan(&format!("{SWEEP}runs = [{{ size = \"30k\", token = 3 }}]\n")).unwrap_err();
    assert!(odd.contains("did you mean `tokens`?"), "{odd}");
}

#[test]
fn a_single_run_that_stands_in_the_plan_already_is_listed_as_dropped() {
    let twice = RUNS.replace("\"24x2x2\", tokens = 700000", "\"30k\", tokens = \"3M\"");
    let plan = plan(&format!("{SWEEP}{twice}\n")).unwrap();
    assert_eq!((plan.runs().len(), plan.dropped().len()), (7, 1));
}

#[test]
fn the_flops_of_a_plan_count_a_trunk_once() {
    let source = SWEEP.replace(
        "isoflop = { budgets = [\"1e11\", \"3e11\"] }",
        "grid = { tokens = [\"1M\", \"2M\"] }",
    );
    let flops = |source: &str| plan(source).unwrap().flops().0;
    let alone = flops(&format!("{source}[train]\ntrunks = false\n"));
    // The run of 2M tokens counts in full, that of 1M with the fifth that is its own.
    let share = flops(&source) / alone;
    assert!((share - 2.2 / 3.0).abs() < 0.002, "{share}");
}
