//! Does a law hold where it was not fitted? Fits on the smaller budgets judged by the next, and
//! on all but the largest size judged by that.

use crate::bootstrap::bootstrap;
use crate::design::Design;
use crate::engine::{Engine, Held, engine};
use crate::few::Few;
use crate::fit::{Options, WINDOWS, noise};
use crate::law::Law;
use crate::objective::Objective;
use crate::output::{FittedPoint, Forecast, HeldOut, Validation};
use crate::point::Point;
use crate::predict::{Spread, drift_of};
use crate::units::Units;
use crate::watch::Task;
use rayon::prelude::*;

/// Compute within this factor is one budget.
const ONE_BUDGET: f64 = 1.2;

/// Windows at most; more budgets than that are joined into so many groups of equal counts.
const MOST_WINDOWS: usize = 8;

/// Replicates of a window's fit, at most: enough for a standard deviation.
const REPLICATES: usize = 60;

/// Leaves out every later budget and the largest size. Nothing where no smaller part of the rows
/// identifies the law. With a bootstrap every forecast has its interval, in which the drift is that
/// of the windows before. `full` are the inner parameters of the fit on all rows.
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
        options: Options {
            bootstrap: options.bootstrap.min(REPLICATES),
            ..options.clone()
        },
    };
    let window = |next: usize, before: &[HeldOut]| {
        let fitted: Vec<Point> = groups[..next].concat();
        let name = format!("C {} to {}", short(least(&fitted)), short(most(&fitted)));
        let judged = judge.held_out(name, &fitted, &groups[next], drift_of(before));
        task.part(WINDOWS / groups.len() as f64);
        judged
    };
    let mut windows: Vec<HeldOut> = Vec::new();
    match judge.options.bootstrap {
        // Without intervals no window needs those before it.
        0 => {
            let all = (1..groups.len()).into_par_iter();
            windows.extend(all.filter_map(|next| window(next, &[])).collect::<Vec<_>>());
        }
        _ => {
            for next in 1..groups.len() {
                windows.extend(window(next, &windows));
            }
        }
    }
    let drift = drift_of(&windows);
    let size = points
        .iter()
        .filter_map(|point| point.n)
        .fold(0.0, f64::max);
    let (largest, smaller): (Vec<Point>, Vec<Point>) = points
        .iter()
        .cloned()
        .partition(|point| point.n.is_some_and(|n| n >= size * 0.999));
    let name = format!("N below {}", short(size));
    // Where the largest size is all of the largest budget, as among minima, it has been judged.
    let same = |judged: &HeldOut| {
        let last = windows.last();
        last.is_some_and(|last| (last.rows, last.mean_error) == (judged.rows, judged.mean_error))
    };
    let largest_size = judge
        .held_out(name, &smaller, &largest, drift)
        .filter(|judged| !same(judged));
    (!windows.is_empty() || largest_size.is_some()).then_some(Validation {
        windows,
        largest_size,
        drift,
    })
}

fn least(points: &[Point]) -> f64 {
    let all = points.iter().filter_map(Point::compute);
    all.fold(f64::INFINITY, f64::min)
}

fn most(points: &[Point]) -> f64 {
    points.iter().filter_map(Point::compute).fold(0.0, f64::max)
}

fn short(value: f64) -> String {
    isoflop_core::units::scientific(value)
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
    if groups.len() > MOST_WINDOWS {
        let share = rows.len().div_ceil(MOST_WINDOWS);
        let chunks = rows.chunks(share);
        groups = chunks
            .map(|chunk| chunk.iter().map(|(_, point)| (*point).clone()).collect())
            .collect();
    }
    Some(groups)
}

/// What all windows share.
struct Judge<'a> {
    law: Law,
    objective: Objective,
    /// Natural parameters of the fit on all rows: one start of several.
    full: &'a [f64],
    /// Parameters that are held.
    holds: &'a [Held],
    /// Whether that fit has one optimum.
    lone: bool,
    options: Options,
}

impl Judge<'_> {
    /// Fits some rows and compares others with the fit.
    fn held_out(
        &self,
        window: String,
        fitted: &[Point],
        held_out: &[Point],
        drift: Option<f64>,
    ) -> Option<HeldOut> {
        let law = self.law;
        let design = Design::new(fitted, law, self.holds.len()).ok()?;
        let mut engine = engine(fitted, law, self.objective, self.holds).ok()?;
        engine.watched_by(&self.options.watch);
        let start = engine.inner(self.full);
        let best = engine.solve_near(&[start], self.lone)?;
        let reach = most(held_out) / most(fitted).min(most(held_out) / 1.000_001);
        let replicates = (self.options.bootstrap > 0).then(|| {
            let known = [best.t.clone()];
            let units = Units::of(fitted);
            let few = Few::of(fitted, &units, &*engine, &known, &self.options.watch);
            bootstrap(
                &design,
                &*engine,
                &units,
                few.as_ref(),
                &known,
                &self.options,
                None,
            )
            .values
        });
        let data: Vec<FittedPoint> = fitted
            .iter()
            .zip(engine.losses(&best.t))
            .map(|(point, fitted)| FittedPoint {
                label: String::new(),
                n: None,
                d: None,
                c: None,
                loss: point.loss,
                fitted,
            })
            .collect();
        let scatter = noise(&data, engine.free()).unwrap_or(0.0);
        let mut points = Vec::new();
        let mut errors = Vec::new();
        for point in held_out {
            let place = law.place(point).ok()?;
            let predicted = engine.loss_at(&best.t, &place);
            errors.push((predicted / point.loss).ln());
            let beyond = (point.compute()? / most(fitted)).ln().max(0.0);
            let interval = replicates.as_ref().map(|replicates| {
                let drawn = replicates.iter().map(|values| law.loss_of(values, &place));
                let noise = scatter.hypot(drift.unwrap_or(0.0) * beyond);
                Spread { noise }.about(predicted, drawn.filter(|loss| loss.is_finite()).collect())
            });
            points.push(Forecast {
                label: point.label.clone(),
                n: point.n,
                d: point.d,
                c: point.c,
                loss: point.loss,
                predicted,
                low: interval.and_then(|interval| interval.low),
                high: interval.and_then(|interval| interval.high),
            });
        }
        let inside = |point: &&Forecast| {
            let ends = point.low.zip(point.high);
            ends.is_some_and(|(low, high)| (low..=high).contains(&point.loss))
        };
        let count = errors.len() as f64;
        let mean_error = errors.iter().sum::<f64>() / count;
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let finite = mean_error.is_finite() && squares.is_finite();
        finite.then(|| HeldOut {
            window,
            rows: fitted.len(),
            held_out: errors.len(),
            reach,
            mean_error,
            rms_error: (squares / count).sqrt(),
            covered: replicates.map(|_| points.iter().filter(inside).count()),
            points,
        })
    }
}
