//! Laws of any shape: multi-start with exact gradients, and the same account of a fit as the
//! separable laws give.

mod dual;
mod formula;
mod law;
mod solve;
#[cfg(test)]
mod tests;

pub use law::GeneralLaw;

use crate::bootstrap::{Units, estimate};
use crate::error::FitError;
use crate::fit::{Options, common_series, noise, reduction_name};
use crate::objective::{Objective, Reduction};
use crate::output::{Basin, Bootstrap, Estimate, Fit, FittedPoint, Influence, ObjectiveValue};
use crate::point::{Point, without_worst};
use crate::validate::{Fitter, Predictor, validate_with};
use rayon::prelude::*;
use solve::{Problem, Solution};
use std::collections::BTreeMap;

/// Rows listed by their influence.
const LISTED: usize = 5;
/// Above so many rows only those of largest residual are left out one at a time.
const MOST_LEFT_OUT: usize = 60;
/// An interval whose ends differ by more than this factor tells nothing.
const WIDEST_FACTOR: f64 = 100.0;

/// Fits one of these laws to all rows given.
///
/// # Errors
/// A number without a logarithm, a missing coordinate, or fewer rows than the law has parameters.
pub fn fit_general(points: &[Point], law: GeneralLaw, options: &Options) -> Result<Fit, FitError> {
    points.iter().try_for_each(Point::check)?;
    let kept = without_worst(points, options.drop_worst)?;
    let objective = options.objective.unwrap_or(Objective::LOG_HUBER);
    let mut problem = problem(&kept, law, objective)?;
    let solution = problem.solve().ok_or(FitError::NoFall {
        law: "this law",
        rows: kept.len(),
    })?;
    let best = &solution.basins[0];
    let known: Vec<Vec<f64>> = solution
        .basins
        .iter()
        .take(3)
        .map(|basin| basin.t.clone())
        .collect();
    let units = Units::of(&kept, law.names().len());
    let refit = |index: u64| {
        let mut resampled = problem.clone();
        units.resample(
            options.seed,
            index,
            &problem.residuals(&best.t),
            &mut resampled.weights,
            &mut resampled.targets,
        );
        let found = resampled.resolve(&known)?;
        Some(law.natural(&found.t, &problem.centre))
    };
    let replicates: Vec<Vec<f64>> = (0..options.bootstrap as u64)
        .into_par_iter()
        .filter_map(refit)
        .collect();
    let summary = (options.bootstrap > 0).then(|| Bootstrap {
        replicates: options.bootstrap,
        failed: options.bootstrap - replicates.len(),
        unit: units.words().to_owned(),
        units: units.count(),
        interval: "percentile".into(),
        seed: options.seed,
    });
    let mut parameters = estimates(law, &law.natural(&best.t, &problem.centre), &replicates);
    let warnings = warnings(&problem, &solution, law, &mut parameters);
    let fitter: &Fitter<'_> = &|rows| {
        let mut problem = self::problem(rows, law, objective).ok()?;
        let best = problem.solve()?.basins.into_iter().next()?;
        best.converged.then(|| {
            let predict: Predictor = Box::new(move |point| {
                let mut place = law.place(point).ok()?;
                place.n -= problem.centre.n;
                place.d -= problem.centre.d;
                place.u -= problem.centre.d;
                place.x -= problem.centre.x;
                Some(problem.loss(&best.t, &place))
            });
            predict
        })
    };
    let reduced = |value: f64| match objective.reduction {
        Reduction::Sum => value,
        Reduction::Mean => value / kept.len() as f64,
    };
    let names = law.names();
    let data = fitted(&kept, &problem, &best.t);
    Ok(Fit {
        law: law.name(),
        formula: law.formula(),
        series: common_series(&kept),
        x: law.axis(),
        n_kind: options.n_kind.clone(),
        c_kind: (law.axis() == Some(crate::output::Axis::C)).then(|| options.c_kind.clone()),
        points: "all rows".into(),
        noise: noise(&data, best.t.len()),
        data,
        rows: kept.len(),
        dropped: points.len() - kept.len(),
        objective: ObjectiveValue {
            kind: objective.kind().into(),
            delta: objective.delta(),
            reduction: reduction_name(objective.reduction).into(),
            value: reduced(best.value),
        },
        parameters,
        basins: solution
            .basins
            .iter()
            .map(|basin| Basin {
                objective: reduced(basin.value),
                parameters: names
                    .iter()
                    .cloned()
                    .zip(law.natural(&basin.t, &problem.centre))
                    .collect(),
                at_bound: problem
                    .at_bound(&basin.t)
                    .into_iter()
                    .map(|k| names[k].clone())
                    .collect(),
            })
            .collect(),
        starts_tried: solution.starts,
        starts_agreed: solution.agreed,
        gradient_norm: best.gradient_norm,
        influence: influence(&kept, &problem, &known, law),
        validation: validate_with(&kept, fitter),
        bootstrap: summary,
        warnings,
        ..Fit::default()
    })
}

fn problem(points: &[Point], law: GeneralLaw, objective: Objective) -> Result<Problem, FitError> {
    let places = points
        .iter()
        .map(|point| law.place(point))
        .collect::<Result<Vec<_>, _>>()?;
    let parameters = law.names().len();
    if points.len() <= parameters {
        return Err(FitError::TooFewRows {
            law: "this law",
            parameters,
            needed: parameters + 1,
            rows: points.len(),
        });
    }
    let losses: Vec<f64> = points.iter().map(|point| point.loss).collect();
    Ok(Problem::new(law, places, &losses, objective))
}

fn estimates(
    law: GeneralLaw,
    values: &[f64],
    replicates: &[Vec<f64>],
) -> BTreeMap<String, Estimate> {
    let named = law.names().into_iter().zip(values).enumerate();
    named
        .filter(|(_, (_, value))| value.is_finite())
        .map(|(k, (name, value))| {
            let column: Vec<f64> = replicates.iter().map(|values| values[k]).collect();
            (name, estimate(*value, &column))
        })
        .collect()
}

fn warnings(
    problem: &Problem,
    solution: &Solution,
    law: GeneralLaw,
    parameters: &mut BTreeMap<String, Estimate>,
) -> Vec<String> {
    let best = &solution.basins[0];
    let mut warnings = Vec::new();
    if !best.converged {
        warnings.push(format!(
            "the fit did not converge, gradient norm {:.1e}: do not quote it",
            best.gradient_norm
        ));
    }
    if solution.unmoved > 0 {
        warnings.push(format!(
            "{} of {} starts did not move and are no optima",
            solution.unmoved, solution.starts
        ));
    }
    if solution.unfinished > solution.unmoved {
        warnings.push(format!(
            "{} of {} starts did not converge",
            solution.unfinished - solution.unmoved,
            solution.starts
        ));
    }
    if solution.agreed < 2 {
        warnings.push("only one start found this optimum; another may be better".into());
    }
    if let Some(second) = solution.basins.get(1)
        && second.value < best.value * 1.02
    {
        warnings.push(format!(
            "another optimum is as good: {:.6e} against {:.6e}; see basins",
            second.value, best.value
        ));
    }
    let names = law.names();
    for k in problem.at_bound(&best.t) {
        warnings.push(format!(
            "{} is at its bound: these rows do not show it",
            names[k]
        ));
        if let Some(estimate) = parameters.get_mut(&names[k]) {
            estimate.identified = false;
        }
    }
    for (name, estimate) in parameters.iter_mut() {
        let (Some(low), Some(high)) = (estimate.low, estimate.high) else {
            continue;
        };
        let wide = match low > 0.0 {
            true => high / low > WIDEST_FACTOR,
            false => high - low > 4.0 * estimate.value.abs(),
        };
        if wide {
            estimate.identified = false;
            warnings.push(format!(
                "{name} is not identified by these runs: its 90 % interval is {low:.4e} to {high:.4e}"
            ));
        }
    }
    warnings
}

fn influence(
    points: &[Point],
    problem: &Problem,
    known: &[Vec<f64>],
    law: GeneralLaw,
) -> Vec<Influence> {
    let full = law.natural(&known[0], &problem.centre);
    let mut rows: Vec<(usize, f64)> = problem
        .residuals(&known[0])
        .into_iter()
        .map(f64::abs)
        .enumerate()
        .collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut found: Vec<Influence> = rows
        .into_par_iter()
        .take(MOST_LEFT_OUT)
        .filter_map(|(row, _)| {
            let mut without = problem.clone();
            without.weights[row] = 0.0;
            let values = law.natural(&without.resolve(&known[..1])?.t, &problem.centre);
            let change = |k: usize| values[k] / full[k] - 1.0;
            let most = (0..values.len())
                .filter(|k| change(*k).is_finite())
                .max_by(|a, b| change(*a).abs().total_cmp(&change(*b).abs()))?;
            Some(Influence {
                label: points[row].label.clone(),
                parameter: law.names()[most].clone(),
                without: values[most],
                relative_change: change(most),
            })
        })
        .collect();
    found.sort_by(|a, b| b.relative_change.abs().total_cmp(&a.relative_change.abs()));
    found.truncate(LISTED);
    found
}

fn fitted(points: &[Point], problem: &Problem, t: &[f64]) -> Vec<FittedPoint> {
    let rows = points.iter().zip(&problem.places);
    rows.map(|(point, place)| FittedPoint {
        label: point.label.clone(),
        n: point.n,
        d: point.d,
        c: point.c,
        loss: point.loss,
        fitted: problem.loss(t, place),
    })
    .collect()
}
