//! Whether a law holds where it was not fitted: fits on the smaller budgets are judged by the later ones, and
//! the fit on all but the largest size by that size.

use crate::drift::{Drift, Evidence};
use crate::engine::Engine;
use crate::laws::Law;
use crate::options::Options;
use crate::outlook::{Judge, Outlook, least, most};
use crate::output::{HeldOut, Reached, Validation};
use crate::point::Point;
use crate::watch::Task;
use crate::work::WINDOWS;
use isoflop_core::units::scientific;
use rayon::prelude::*;

/// Compute within this factor is one budget.
const ONE_BUDGET: f64 = 1.2;

/// Groups of rows at most; where there are more budgets, neighbours are joined.
const MOST_GROUPS: usize = 12;

/// Replicates of a window's fit at most: enough for a standard deviation.
const WINDOW_REPLICATES: usize = 60;

/// Leaves out every later budget and the largest size. Nothing where no smaller part of the rows
/// identifies the law. With a bootstrap every forecast has its interval, in which the drift is the one
/// that the rows fitted had shown by themselves. `full` are the inner parameters of the fit on all rows.
pub(crate) fn validate(
    points: &[Point],
    law: Law,
    engine: &dyn Engine,
    full: &[f64],
    options: &Options,
    task: &Task,
) -> Option<Validation> {
    let full = &engine.natural(full);
    let groups = by_compute(points)?;
    let judge = Judge {
        law,
        objective: engine.objective(),
        full,
        holds: engine.holds(),
        lone: engine.is_lone(),
        options: Options { bootstrap: options.bootstrap.min(WINDOW_REPLICATES), ..options.clone() },
    };
    let outlook = |next: usize| {
        let fitted: Vec<Point> = groups[..next].concat();
        let name = span(&fitted);
        let outlook = judge.outlook(name, &fitted);
        task.part(WINDOWS / groups.len() as f64);
        Some((outlook?, next))
    };
    let next = (1..groups.len()).into_par_iter();
    let outlooks: Vec<(Outlook, usize)> = next.filter_map(outlook).collect();
    if options.watch.is_stopped() {
        return None;
    }
    let seen = Seen::of(&groups, outlooks);
    let windows = seen.windows();
    let size = points.iter().filter_map(|point| point.n).fold(0.0, f64::max);
    let (largest, smaller): (Vec<Point>, Vec<Point>) =
        points.iter().cloned().partition(|point| point.n.is_some_and(|n| n >= size * 0.999));
    let name = format!("N below {}", scientific(size));
    // Where the largest size is all of the largest budget, as among minima, it has been judged.
    let same = |judged: &HeldOut| {
        let last = windows.last();
        last.is_some_and(|last| (last.rows, last.mean_error) == (judged.rows, judged.mean_error))
    };
    let largest_size = judge
        .outlook(name, &smaller)
        .and_then(|outlook| {
            let later = [largest];
            let drift = Drift::of(&seen.evidence(groups.len()), outlook.range());
            let judged = format!("N {}", scientific(size));
            outlook.held_out(judged, &later, outlook.reached(&later), &drift)
        })
        .map(|held| HeldOut { reached: Vec::new(), ..held })
        .filter(|judged| !same(judged));
    let mut found = Validation { drift: rate(&windows), windows, largest_size, misfit: None };
    found.misfit = found.verdict();
    (!found.windows.is_empty() || found.largest_size.is_some()).then_some(found)
}

/// The fits on the smaller budgets, and how far they miss all later ones.
struct Seen<'a> {
    groups: &'a [Vec<Point>],
    /// Each fit, with the number of the first budget that it has not seen.
    outlooks: Vec<(Outlook, usize)>,
    reached: Vec<Vec<Reached>>,
}

impl<'a> Seen<'a> {
    fn of(groups: &'a [Vec<Point>], outlooks: Vec<(Outlook, usize)>) -> Self {
        let all = outlooks.par_iter();
        let reached = all.map(|(outlook, next)| outlook.reached(&groups[*next..])).collect();
        Seen { groups, outlooks, reached }
    }

    /// What was known of the drift before the budgets from this number on were seen.
    fn evidence(&self, group: usize) -> Vec<Evidence> {
        let windows = self.outlooks.iter().zip(&self.reached).enumerate();
        windows
            .flat_map(|(window, ((outlook, next), reached))| {
                let seen = reached.iter().take(group.saturating_sub(*next));
                seen.map(move |at| Evidence::new(window, outlook.range(), at))
            })
            .collect()
    }

    fn windows(&self) -> Vec<HeldOut> {
        let all = self.outlooks.par_iter().zip(&self.reached);
        all.filter_map(|((outlook, next), reached)| {
            let drift = Drift::of(&self.evidence(*next), outlook.range());
            let later = &self.groups[*next..];
            outlook.held_out(span(&later[0]), later, reached.clone(), &drift)
        })
        .collect()
    }
}

/// Root mean square over windows of the mean error for each factor e beyond the rows fitted; none
/// below two windows.
fn rate(windows: &[HeldOut]) -> Option<f64> {
    let rates = windows.iter().map(|held| held.mean_error / held.reach.ln());
    let squares: f64 = rates.map(|rate| rate * rate).sum();
    (windows.len() > 1).then(|| (squares / windows.len() as f64).sqrt())
}

/// `C 1e18`, or `C 1e18 to 3e18` where the rows are of several budgets.
fn span(points: &[Point]) -> String {
    let (least, most) = (least(points), most(points));
    match most <= least * ONE_BUDGET {
        true => format!("C {}", scientific(most)),
        false => format!("C {} to {}", scientific(least), scientific(most)),
    }
}

/// Rows by budget, ascending; none where a row has no compute.
fn by_compute(points: &[Point]) -> Option<Vec<Vec<Point>>> {
    let mut rows: Vec<(f64, &Point)> = Vec::new();
    for point in points {
        rows.push((point.compute()?, point));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut groups: Vec<Vec<Point>> = Vec::new();
    let mut begun = 0.0;
    for (c, point) in &rows {
        match groups.last_mut() {
            Some(group) if *c <= begun * ONE_BUDGET => group.push((*point).clone()),
            _ => {
                begun = *c;
                groups.push(vec![(*point).clone()]);
            }
        }
    }
    Some(match groups.len() > MOST_GROUPS {
        true => joined(groups, rows.len().div_ceil(MOST_GROUPS)),
        false => groups,
    })
}

/// Neighbouring budgets joined until each group has `least` rows; no budget is divided.
fn joined(budgets: Vec<Vec<Point>>, least: usize) -> Vec<Vec<Point>> {
    let mut groups: Vec<Vec<Point>> = Vec::new();
    for budget in budgets {
        match groups.last_mut() {
            Some(group) if group.len() < least => group.extend(budget),
            _ => groups.push(budget),
        }
    }
    groups
}
