//! Does a law hold where it was not fitted? Fits on the smaller budgets judged by the next, and
//! on all but the largest size judged by that.

use crate::design::Design;
use crate::law::Law;
use crate::objective::Objective;
use crate::output::{HeldOut, Validation};
use crate::point::Point;
use crate::polish::End;
use crate::problem::Problem;
use crate::solve::solve;

/// Compute within this factor is one budget.
const ONE_BUDGET: f64 = 1.2;

/// Windows at most; more budgets than that are joined into so many groups of equal counts.
const MOST_WINDOWS: usize = 8;

/// Says the loss of a row.
pub(crate) type Predictor = Box<dyn Fn(&Point) -> Option<f64>>;

/// Fits some rows; nothing where they do not identify the law.
pub(crate) type Fitter<'a> = dyn Fn(&[Point]) -> Option<Predictor> + 'a;

/// [`validate_with`] for a separable law.
pub(crate) fn validate(points: &[Point], law: Law, objective: Objective) -> Option<Validation> {
    validate_with(points, &|rows| {
        let design = Design::new(rows, law).ok()?;
        let losses: Vec<f64> = rows.iter().map(|point| point.loss).collect();
        let mut problem = Problem::new(&design, &losses, objective);
        let best = solve(&mut problem)?.basins.into_iter().next()?;
        let predict = move |point: &Point| {
            let mut x = [0.0; 2];
            for (term, axis) in law.axes().into_iter().enumerate() {
                x[term] = point.along(axis)?.ln() - design.centre[term];
            }
            Some(problem.form.value(&best.theta, &x))
        };
        (best.end == End::Converged).then(|| -> Predictor { Box::new(predict) })
    })
}

/// Leaves out every later budget and the largest size. Nothing where no smaller part of the rows
/// identifies the law.
pub(crate) fn validate_with(points: &[Point], fitter: &Fitter<'_>) -> Option<Validation> {
    let groups = by_compute(points)?;
    let mut windows = Vec::new();
    for next in 1..groups.len() {
        let fitted: Vec<Point> = groups[..next].concat();
        let name = format!("C {} to {}", short(least(&fitted)), short(most(&fitted)));
        windows.extend(judge(name, &fitted, &groups[next], fitter));
    }
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
    let largest_size = judge(name, &smaller, &largest, fitter).filter(|judged| !same(judged));
    let drifts: Vec<f64> = windows
        .iter()
        .map(|window| window.mean_error / window.reach.ln())
        .collect();
    let drift = (drifts.len() > 1).then(|| {
        let squares: f64 = drifts.iter().map(|drift| drift * drift).sum();
        (squares / drifts.len() as f64).sqrt()
    });
    (!windows.is_empty() || largest_size.is_some()).then_some(Validation {
        windows,
        largest_size,
        drift,
    })
}

/// Compute of a row: as given, or 6 N D.
fn compute(point: &Point) -> Option<f64> {
    let of_budget = point.flops_budget.or(point.c);
    of_budget.or_else(|| Some(6.0 * point.n? * point.d?))
}

fn least(points: &[Point]) -> f64 {
    points
        .iter()
        .filter_map(compute)
        .fold(f64::INFINITY, f64::min)
}

fn most(points: &[Point]) -> f64 {
    points.iter().filter_map(compute).fold(0.0, f64::max)
}

fn short(value: f64) -> String {
    isoflop_core::units::scientific(value)
}

/// Rows by budget, ascending; none where a row has no compute.
fn by_compute(points: &[Point]) -> Option<Vec<Vec<Point>>> {
    let mut rows: Vec<(f64, &Point)> = Vec::new();
    for point in points {
        rows.push((compute(point)?, point));
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

/// Fits some rows and compares others with the fit.
fn judge(
    window: String,
    fitted: &[Point],
    held_out: &[Point],
    fitter: &Fitter<'_>,
) -> Option<HeldOut> {
    let predict = fitter(fitted)?;
    let mut errors = Vec::new();
    for point in held_out {
        errors.push((predict(point)? / point.loss).ln());
    }
    let count = errors.len() as f64;
    let mean_error = errors.iter().sum::<f64>() / count;
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    let finite = mean_error.is_finite() && squares.is_finite();
    finite.then(|| HeldOut {
        window,
        rows: fitted.len(),
        held_out: errors.len(),
        reach: most(held_out) / most(fitted).min(most(held_out) / 1.000_001),
        mean_error,
        rms_error: (squares / count).sqrt(),
        ..HeldOut::default()
    })
}
