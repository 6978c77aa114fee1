//! Which charts and laws the runs of a plan can support, before they are trained.

use super::{FEWEST_SIZES, Plan, PlanKind};
use crate::run::PlannedRun;
use isoflop_core::units::short;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// Rows that a law of five parameters needs at the least.
const FEWEST_ROWS: usize = 6;

/// Points of a power law with an interval.
const FEWEST_POINTS: usize = 3;

/// A chart or law and whether the plan supports it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chart {
    /// What it shows.
    pub name: &'static str,
    /// Whether it can be drawn or fitted.
    pub supported: bool,
    /// On what it rests, or why not.
    pub why: String,
}

/// The charts of the first cell of the axes; the others have the same. Laws see no run of more than
/// `most_epochs`.
pub(super) fn charts(plan: &Plan, most_epochs: f64) -> Vec<Chart> {
    let series = plan.runs().first().map_or("", |run| run.series.as_str());
    let of_series = plan.runs().iter().filter(|run| run.series == series);
    let all: Vec<&PlannedRun> = of_series.collect();
    let (runs, repeated): (Vec<&PlannedRun>, Vec<&PlannedRun>) =
        all.iter().partition(|run| run.epochs() <= most_epochs);
    let mut charts = laws(plan, &runs);
    let left = match (runs.len(), repeated.len()) {
        (_, 0) => None,
        (0, _) => Some(format!("every run passes {most_epochs} epochs")),
        (_, left) => {
            Some(format!("{left} of {} runs pass {most_epochs} epochs and do not count", all.len()))
        }
    };
    for law in charts.iter_mut().filter(|_| left.is_some()) {
        let left = left.as_deref().unwrap_or_default();
        law.why = match runs.is_empty() {
            true => format!("{left}, which these laws do not know"),
            false => format!("{}; {left}", law.why),
        };
    }
    charts.push(Chart {
        name: "learning curves",
        supported: true,
        why: format!("{} runs", all.len()),
    });
    let seeds: HashSet<u64> = all.iter().map(|run| run.config.seed).collect();
    charts.push(Chart {
        name: "noise floor",
        supported: seeds.len() > 1,
        why: match seeds.len() {
            0 | 1 => "one seed; seeds = [0, 1, 2] replicates every run".to_owned(),
            count => format!("{count} seeds"),
        },
    });
    charts
}

/// What is fitted, on the runs that laws see.
fn laws(plan: &Plan, runs: &[&PlannedRun]) -> Vec<Chart> {
    let sizes = distinct(runs, |run| run.n().0);
    let lengths = distinct(runs, |run| run.tokens().0);
    let curve = |name, what: &str, points: usize| Chart {
        name,
        supported: points >= FEWEST_POINTS,
        why: match points {
            1 => format!("all runs share one {what}"),
            _ => format!("{points} different {what}"),
        },
    };
    let mut charts = match plan.kind() {
        PlanKind::Isoflop | PlanKind::Time => isoflop(runs),
        _ => Vec::new(),
    };
    charts.push(curve("L(N)", "N", sizes));
    charts.push(curve("L(D)", "D", lengths));
    let problem = surface_problem(runs, sizes, lengths);
    charts.push(Chart {
        name: "L(N, D)",
        supported: problem.is_none(),
        why: problem.map_or_else(
            || format!("{} runs", runs.len()),
            |problem| format!("not identified: {problem}"),
        ),
    });
    charts
}

fn isoflop(runs: &[&PlannedRun]) -> Vec<Chart> {
    let mut sizes: HashMap<u64, usize> = HashMap::new();
    for run in runs {
        let budget = run.flops_budget.unwrap_or(0.0);
        *sizes.entry(budget.to_bits()).or_default() += 1;
    }
    let enough = sizes.values().filter(|count| **count >= FEWEST_SIZES).count();
    let minima = format!("{enough} budgets of {FEWEST_SIZES} sizes or more");
    vec![
        Chart { name: "isoFLOP curves", supported: enough > 0, why: minima.clone() },
        Chart {
            name: "L(C), N*(C), D*(C)",
            supported: enough >= FEWEST_POINTS,
            why: format!("{minima}; {FEWEST_POINTS} minima are needed"),
        },
    ]
}

/// Why the runs do not tell the effect of N from that of D.
fn surface_problem(runs: &[&PlannedRun], sizes: usize, lengths: usize) -> Option<String> {
    if lengths == 1 {
        return Some("all runs share one D".to_owned());
    }
    if sizes == 1 {
        return Some("all runs share one N".to_owned());
    }
    let ratios = distinct(runs, |run| run.tokens().per_param(run.n()));
    if ratios == 1 {
        let ratio = runs[0].tokens().per_param(runs[0].n());
        return Some(format!(
            "N and D move together, {} tokens per parameter in every run",
            short(ratio)
        ));
    }
    (runs.len() < FEWEST_ROWS).then(|| format!("{} runs for five parameters", runs.len()))
}

/// Values within one per cent are one, as in the fits: tokens are rounded to whole steps.
const SAME: f64 = 1.01;

fn distinct(runs: &[&PlannedRun], of: impl Fn(&PlannedRun) -> f64) -> usize {
    let mut values: Vec<f64> = runs.iter().map(|run| of(run)).collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|next, kept| *next <= *kept * SAME);
    values.len()
}
