//! Tests of sizes that the planner chooses, of the range of tokens per parameter, and of `until`.

use super::{SWEEP, plan, refusal};
use crate::plan::Plan;
use std::collections::HashSet;

fn auto() -> String {
    SWEEP
        .replace("[\"3k\", \"10k\", \"30k\"]", "\"auto\"")
        .replace("[\"1e11\", \"3e11\"]", "[\"1e11\", \"3e11\", \"1e12\", \"3e12\"]")
}

fn refused(source: &str) -> String {
    assert_ne!(source, auto());
    plan(source).unwrap_err()
}

fn labels(plan: &Plan, budget: usize) -> HashSet<&str> {
    plan.sizes()[budget].sizes.iter().map(String::as_str).collect()
}

#[test]
fn before_anything_has_run_the_prior_places_sizes_at_every_budget() {
    let plan = plan(&auto()).unwrap();
    assert_eq!(plan.sizes().len(), 4);
    let reason = "(tokens_per_param_range)";
    assert!(plan.dropped().iter().all(|out| out.reason.ends_with(reason)), "{:?}", plan.dropped());
    let waits: Vec<bool> = plan.sizes().iter().map(|sizes| sizes.waits).collect();
    assert_eq!(waits, [false, false, true, true]);
    for (k, sizes) in plan.sizes().iter().enumerate() {
        let runs: Vec<_> =
            plan.runs().iter().filter(|run| run.flops_budget == Some(sizes.budget)).collect();
        let sized: Vec<&str> = runs.iter().map(|run| run.size.as_str()).collect();
        assert_eq!(sized, sizes.sizes);
        assert!(sized.len() >= 4 && sized.len() + sizes.left_out.len() >= 6, "{sizes:?}");
        let n = |k: usize| runs[k].n().0;
        assert!(n(1) < sizes.expected && sizes.expected < n(runs.len() - 1), "{sizes:?}");
        assert!(runs.windows(2).all(|pair| pair[1].n().0 > 1.2 * pair[0].n().0), "{sizes:?}");
        for run in &runs {
            assert!((3.0..=3000.0).contains(&run.tokens().per_param(run.n())), "{}", run.id());
        }
        // Neighbouring budgets share sizes, whose runs share trunks.
        if k > 0 {
            let shared = labels(&plan, k).intersection(&labels(&plan, k - 1)).count();
            assert!(shared >= 3, "{:?}", plan.sizes());
        }
    }
    let whole: f64 = plan.runs().iter().map(|run| run.c_exact().0).sum();
    assert!(plan.flops().0 < 0.9 * whole, "{} of {whole}", plan.flops());
    let read = Plan::parse(plan.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(read, plan);
}

#[test]
fn the_ladder_of_every_family_has_rungs_and_few_of_one_layer() {
    for family in isoflop_model::Family::ALL {
        let source = auto().replace("[model]", &format!("[model]\nfamily = \"{}\"", family.name()));
        let plan = plan(&source).unwrap_or_else(|error| panic!("{family:?}: {error}"));
        assert!(plan.sizes().iter().all(|sizes| sizes.sizes.len() >= 4), "{:?}", plan.sizes());
        let flat = plan.runs().iter().filter(|run| run.config.model.shape.n_layers == 1).count();
        assert!(flat <= 6, "{family:?}: {:?}", plan.sizes());
    }
}

#[test]
fn heads_of_a_given_width_are_left_out_of_the_names() {
    let plan = plan(&auto().replace("[model]", "[model]\nd_head = 8")).unwrap();
    assert!(plan.runs().iter().all(|run| run.config.model.shape.d_head() == 8));
    assert!(plan.sizes()[0].sizes.iter().all(|size| size.matches('x').count() == 1));
}

#[test]
fn automatic_sizes_without_budgets_with_tuned_rates_or_misspelt_are_refused_where_they_stand() {
    insta::assert_snapshot!(
        refused(&auto().replace("isoflop = { budgets = [\"1e11\", \"3e11\", \"1e12\", \"3e12\"] }", "grid = { tokens = [\"1M\"] }")),
        @r#"
    t.toml:6:9: sizes = "auto" follow compute budgets, and this plan has none
       |
     6 | sizes = "auto"
       |         ^^^^^^
    hint: give isoflop = { budgets = [..] } or time = "8h", or name the sizes
    "#
    );
    let word = refused(&auto().replace("\"auto\"", "\"30k\""));
    assert!(word.contains("t.toml:6:9: `30k` is neither \"auto\" nor a list"), "{word}");
    let small = refused(&auto().replace("\"1e11\"", "\"1e7\""));
    assert!(small.contains("t.toml:8:24: budget 1e7 keeps"), "{small}");
    assert!(small.contains("fewer than 10"), "{small}");
    let by_size =
        refused(&auto().replace("[plan]", "[train]\nlearning_rate = { \"3k\" = 0.01 }\n[plan]"));
    assert!(by_size.contains("no learning rate is given for the size"), "{by_size}");
}

#[test]
fn a_range_leaves_out_runs_and_says_why_and_none_does_not() {
    let before = plan(SWEEP).unwrap();
    assert!(before.dropped().is_empty());
    let range = "[plan]\ntokens_per_param_range = [10, 500]";
    let source =
        SWEEP.replace("[\"3k\", \"10k\", \"30k\"]", "[\"3k\", \"7k\", \"10k\", \"15k\", \"30k\"]");
    let ranged = plan(&source.replace("[plan]", range)).unwrap();
    let ratio = |run: &crate::PlannedRun| run.tokens().per_param(run.n());
    assert!(ranged.runs().iter().all(|run| (10.0..=500.0).contains(&ratio(run))));
    let outside = plan(&source).unwrap();
    let outside = outside.runs().iter().filter(|run| !(10.0..=500.0).contains(&ratio(run)));
    assert_eq!(ranged.dropped().len(), outside.count());
    assert!(!ranged.dropped().is_empty());
    for dropped in ranged.dropped() {
        let reason = &dropped.reason;
        assert!(reason.ends_with("above 500 (tokens_per_param_range)"), "{dropped:?}");
    }
    // Single runs are asked for by name.
    let single = source
        .replace("[plan]", &format!("{range}\nruns = [{{ size = \"3k\", tokens = \"3M\" }}]"));
    assert_eq!(plan(&single).unwrap().runs().len(), ranged.runs().len() + 1);
}

#[test]
fn impossible_ranges_and_unknown_aims_are_refused_where_they_stand() {
    let range = |text: &str| refusal("[plan]", &format!("[plan]\ntokens_per_param_range = {text}"));
    insta::assert_snapshot!(range("[3000, 3]"), @r#"
    t.toml:8:26: no number lies from 3k to 3
       |
     8 | tokens_per_param_range = [3000, 3]
       |                          ^^^^^^^^^
    hint: write the least and the most, such as tokens_per_param_range = [3, 3000]
    "#);
    assert!(range("[3]").contains("a range has two ends, and here are 1"));
    assert!(range("[-3, 3]").contains("t.toml:8:27"));
    let aim = |text: &str| refusal("[plan]", &format!("[plan]\nuntil = {text}"));
    insta::assert_snapshot!(aim("{ exponent = 0.03 }"), @r#"
    t.toml:8:9: `exponent` is no quantity that `until` knows: there are n_exponent, d_exponent, alpha, beta
       |
     8 | until = { exponent = 0.03 }
       |         ^^^^^^^^^^^^^^^^^^^
    hint: none
    "#);
    for (text, why) in [
        ("{}", "no quantity is named"),
        ("{ alpha = 0.0 }", "0 is no width of an interval"),
        ("{ alpha = 0.1, beta = 0.1 }", "`until` has two quantities"),
        ("0.03", "`plan.until` must be a table"),
    ] {
        assert!(aim(text).contains(why), "{}", aim(text));
    }
}
