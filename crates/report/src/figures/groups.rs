//! Runs that differ in one thing alone.

use crate::view::View;
use isoflop_results::RunRow;

/// A value that runs may differ in, and one that may be missing.
pub(super) type Value = fn(&RunRow) -> f64;

/// Finished runs in groups of like size, tokens, seed and whatever else `same` tells, each group
/// with at least `least` distinct values of what differs, ascending in it.
pub(super) fn alike<'a>(
    view: &View<'a>,
    (n, tokens): (f64, f64),
    same: impl Fn(&RunRow) -> String,
    differs: Value,
    least: usize,
) -> Vec<Vec<&'a RunRow>> {
    let mut runs = view.finished.clone();
    runs.sort_by_key(|r| (r.n(), r.tokens));
    let near = |a: u64, b: u64, factor: f64| {
        let (a, b) = (a as f64, b as f64);
        a.max(b) <= factor * a.min(b)
    };
    let mut groups: Vec<(String, Vec<&RunRow>)> = Vec::new();
    for run in runs {
        let key = same(run);
        let home = groups.iter_mut().find(|(known, members)| {
            let first = members[0];
            *known == key && near(first.n(), run.n(), n) && near(first.tokens, run.tokens, tokens)
        });
        match home {
            Some((_, members)) => members.push(run),
            None => groups.push((key, vec![run])),
        }
    }
    let mut found: Vec<Vec<&RunRow>> = groups.into_iter().map(|(_, members)| members).collect();
    for members in &mut found {
        members.sort_by(|a, b| differs(a).total_cmp(&differs(b)));
    }
    found.retain(|members| {
        let mut values: Vec<f64> = members.iter().map(|r| differs(r)).collect();
        values.dedup();
        values.len() >= least
    });
    found
}

/// A key that is equal for rates or epochs within about a quarter of each other.
pub(super) fn about(value: f64) -> i64 {
    (value.max(f64::MIN_POSITIVE).ln() * 4.0).round() as i64
}

/// A key that is equal for runs of about as many epochs, and for all runs of text that is not repeated.
pub(super) fn repeats(run: &RunRow) -> i64 {
    about(run.epochs.max(1.0))
}
