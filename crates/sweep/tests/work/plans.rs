//! Tests that the runs of any plan have distinct ids, are trained once each, and are all trained.

use crate::fake::{Fake, bench_of, plan_of};
use isoflop_sweep::workplace::Shift;
use proptest::prelude::*;
use std::collections::HashSet;

/// A grid of random sizes, lengths and seeds in random order.
fn sweep() -> impl Strategy<Value = (Vec<&'static str>, Vec<&'static str>, Vec<u64>, bool)> {
    let some =
        |of: &'static [&'static str]| prop::sample::subsequence(of, 1..=of.len()).prop_shuffle();
    let sizes = some(&["8x1x1", "16x1x1", "16x2x2", "24x2x2"]);
    let tokens = some(&["10k", "20k", "30k", "45k", "90k"]);
    let seeds = prop::sample::subsequence(vec![0u64, 1, 7], 1..=3).prop_shuffle();
    (sizes, tokens, seeds, any::<bool>())
}

fn source((sizes, tokens, seeds, trunks): &(Vec<&str>, Vec<&str>, Vec<u64>, bool)) -> String {
    format!(
        "name = \"fake\"\n[data]\ncorpus = \"any\"\n[model]\nsizes = {sizes:?}\n\
         [plan]\ngrid = {{ tokens = {tokens:?} }}\n[train]\nseeds = {seeds:?}\ntrunks = {trunks}\n"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn ids_are_unique_and_do_not_depend_on_the_order_of_the_file(parts in sweep()) {
        let plan = plan_of(&source(&parts));
        let ids = |plan: &isoflop_sweep::Plan| -> HashSet<String> {
            plan.runs().iter().map(|run| run.id().to_owned()).collect()
        };
        prop_assert_eq!(ids(&plan).len(), parts.0.len() * parts.1.len() * parts.2.len());
        let (mut sizes, mut tokens, mut seeds, trunks) = parts;
        sizes.sort_unstable();
        tokens.sort_unstable();
        seeds.sort_unstable();
        let sorted = plan_of(&source(&(sizes, tokens, seeds, trunks)));
        prop_assert_eq!(ids(&sorted), ids(&plan));
        for run in plan.runs() {
            let wanted: f64 = run.tokens().0 / run.config.recipe.batch_tokens as f64;
            prop_assert_eq!(wanted, run.steps() as f64);
        }
    }

    #[test]
    fn no_run_is_lost_or_trained_twice_wherever_work_is_stopped(parts in sweep(), every in 20u64..400) {
        let source = source(&parts);
        let whole = bench_of(&source);
        let mut undisturbed = Fake::default();
        whole.work(&mut undisturbed);
        let bench = bench_of(&source);
        let mut steps = 0;
        loop {
            let mut fake = Fake { stop_after: Some(every), ..Fake::default() };
            let shift = bench.work(&mut fake);
            steps += fake.steps;
            if shift == Shift::Done {
                break;
            }
        }
        prop_assert_eq!(bench.losses(), whole.losses());
        prop_assert_eq!(bench.losses().len(), bench.plan.runs().len());
        prop_assert_eq!(steps, undisturbed.steps);
    }
}
