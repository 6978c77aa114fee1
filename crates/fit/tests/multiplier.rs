//! What one series costs over another, where the truth is known: the second needs 1.3 times the compute.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../examples/coverage/pair.rs"]
mod pair;

use isoflop_fit::output::Estimate;
use pair::{Budgets, FACTOR, multiplier};

const FEW: Budgets = Budgets { budgets: 4, sizes: 5, seeds: 1 };
const MANY: Budgets = Budgets { budgets: 4, sizes: 6, seeds: 4 };

fn holds(e: &Estimate, value: f64) -> bool {
    e.low.unwrap() <= value && value <= e.high.unwrap()
}

/// How many of sixteen 90 % intervals hold the truth, and their median width. If they are independent and right,
/// eleven or fewer hold it once in 60 times.
fn held(plan: Budgets, noise: f64) -> (usize, f64) {
    let found: Vec<_> = (0..16).filter_map(|seed| multiplier(plan, noise, seed)).collect();
    assert_eq!(found.len(), 16);
    let ends = |e: &Estimate| e.high.unwrap() / e.low.unwrap();
    let mut widths: Vec<f64> = found.iter().map(|m| ends(&m.last().estimate)).collect();
    widths.sort_by(f64::total_cmp);
    let held = found.iter().filter(|m| holds(&m.last().estimate, FACTOR)).count();
    (held, widths[8])
}

#[test]
fn intervals_of_few_trunks_hold_the_multiplier_and_tell_it_from_one() {
    let (held, width) = held(FEW, 0.003);
    assert!(held >= 12, "{held} of 16");
    assert!(width < 1.3, "{width}");
}

#[test]
fn intervals_of_many_trunks_hold_the_multiplier_and_are_narrow() {
    let (held, width) = held(MANY, 0.003);
    assert!(held >= 12, "{held} of 16");
    assert!(width < 1.08, "{width}");
}

/// Three sizes of one trunk each leave the noise of a trunk open.
#[test]
fn runs_that_tell_no_multiplier_give_an_interval_that_claims_none() {
    let plan = Budgets { budgets: 3, sizes: 3, seeds: 1 };
    let found = multiplier(plan, 0.01, 0).unwrap();
    assert!(!found.last().estimate.identified, "{found:?}");
}
