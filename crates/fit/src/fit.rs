//! One law on one set of rows, from rows to a full account of the fit.

use crate::bootstrap::{Replicates, bootstrap, carried, estimate};
use crate::design::Design;
use crate::envelope::Envelope;
use crate::error::FitError;
use crate::findings::Findings;
use crate::influence::{leave_one_out, without_worst_fitted};
use crate::law::Law;
use crate::linalg::Vector;
use crate::objective::{Objective, Reduction};
use crate::output::{Axis, Basin, Estimate, Fit, FittedPoint, ObjectiveValue};
use crate::point::{Point, without_worst};
use crate::problem::Problem;
use crate::solve::{Solution, at_bound, solve};
use crate::validate::validate;
use std::collections::BTreeMap;

/// How to fit, and what the columns were called.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What to minimise; None takes [`Law::default_objective`].
    pub objective: Option<Objective>,
    /// Bootstrap replicates; 0 leaves intervals out.
    pub bootstrap: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Rows of highest loss to leave out.
    pub drop_worst: usize,
    /// Which N the points carry: a column name such as `n_non_embedding`.
    pub n_kind: String,
    /// Which C the points carry: a column name such as `c_exact`.
    pub c_kind: String,
    /// Standard deviation of the loss between seeds, nats per token, where it is known from
    /// elsewhere; stands in for the residuals of isoFLOP curves that have none.
    pub seed_noise: Option<f64>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            objective: None,
            bootstrap: 1000,
            seed: 0,
            drop_worst: 0,
            n_kind: "n_non_embedding".into(),
            c_kind: "c_exact".into(),
            seed_noise: None,
        }
    }
}

/// Fits one law to all rows given.
///
/// # Errors
/// A number without a logarithm, a missing coordinate, or rows that cannot tell the law's
/// parameters; [`FitError::hint`] says which runs to add. A fit that runs but does not converge
/// is no error: its warnings say so.
pub fn fit(points: &[Point], law: Law, options: &Options) -> Result<Fit, FitError> {
    fit_named(points, law, options, "all rows", None)
}

/// Fits one law to a lower envelope, with the intervals of the analysis it came from.
pub(crate) fn fit_envelope(
    envelope: &Envelope,
    law: Law,
    options: &Options,
) -> Result<Fit, FitError> {
    let draws = (!envelope.draws.is_empty()).then_some(envelope.draws.as_slice());
    fit_named(&envelope.points, law, options, &envelope.words, draws)
}

/// [`fit`], with words for the choice of points and, where an earlier analysis placed the points,
/// its replicates.
pub(crate) fn fit_named(
    points: &[Point],
    law: Law,
    options: &Options,
    words: &str,
    draws: Option<&[Vec<Point>]>,
) -> Result<Fit, FitError> {
    points.iter().try_for_each(Point::check)?;
    let kept = without_worst(points, options.drop_worst)?;
    let design = Design::new(&kept, law)?;
    let losses: Vec<f64> = kept.iter().map(|point| point.loss).collect();
    let objective = options.objective.unwrap_or(law.default_objective());
    let mut problem = Problem::new(&design, &losses, objective);
    let solution = solve(&mut problem).ok_or(FitError::NoFall {
        law: law.name(),
        rows: kept.len(),
    })?;
    let basins: Vec<Vector> = solution.basins.iter().map(|basin| basin.theta).collect();
    let replicates = (options.bootstrap > 0).then(|| match draws {
        Some(draws) => carried(draws, law, objective, options),
        None => bootstrap(&design, &problem, &kept, &basins, options),
    });
    let mut parameters = estimates(&design, &basins[0], replicates.as_ref());
    let findings = Findings {
        points: &kept,
        design: &design,
        problem: &problem,
        solution: &solution,
        bootstrap: replicates.as_ref().map(|replicates| &replicates.summary),
        carried: draws.is_some(),
        worst: without_worst_fitted(&design, &problem, &basins),
    };
    let warnings = findings.judge(&mut parameters);
    let data = fitted_points(&kept, &problem, &basins[0]);
    Ok(Fit {
        law: law.name().into(),
        formula: law.formula(),
        series: common_series(&kept),
        x: law.axis(),
        n_kind: options.n_kind.clone(),
        c_kind: (law.axis() == Some(Axis::C)).then(|| options.c_kind.clone()),
        points: words.into(),
        noise: noise(&data, problem.form.parameters()),
        data,
        rows: kept.len(),
        dropped: points.len() - kept.len(),
        objective: ObjectiveValue {
            kind: objective.kind().into(),
            delta: objective.delta(),
            reduction: reduction_name(objective.reduction).into(),
            value: reduced(&problem, solution.best().value),
        },
        parameters,
        basins: describe_basins(&design, &problem, &solution),
        starts_tried: solution.starts,
        starts_agreed: solution.agreed,
        gradient_norm: solution.best().gradient_norm,
        influence: leave_one_out(&kept, &design, &problem, &basins),
        draws: replicates
            .as_ref()
            .map_or_else(Vec::new, |r| thinned(&r.values, law)),
        draw_names: law.names().iter().map(|name| (*name).to_owned()).collect(),
        validation: validate(&kept, law, objective),
        bootstrap: replicates.map(|replicates| replicates.summary),
        warnings,
        ..Fit::default()
    })
}

/// Standard deviation of ln L about a law of so many parameters.
pub(crate) fn noise(data: &[FittedPoint], parameters: usize) -> Option<f64> {
    let spare = data
        .len()
        .checked_sub(parameters)
        .filter(|spare| *spare > 0)?;
    let squares: f64 = data
        .iter()
        .map(|point| (point.loss / point.fitted).ln().powi(2))
        .sum();
    Some((squares / spare as f64).sqrt())
}

/// Replicates that are kept for predictions.
const DRAWS: usize = 200;

/// Free parameters of evenly spaced replicates, to six digits.
fn thinned(values: &[Vec<f64>], law: Law) -> Vec<Vec<f64>> {
    let kept = values.len().min(DRAWS);
    let six_digits = |value: &f64| format!("{value:.5e}").parse().unwrap_or(*value);
    (0..kept)
        .map(|i| &values[i * values.len() / kept])
        .map(|values| values[..law.names().len()].iter().map(six_digits).collect())
        .collect()
}

fn estimates(
    design: &Design,
    theta: &Vector,
    replicates: Option<&Replicates>,
) -> BTreeMap<String, Estimate> {
    let law = design.law;
    let values = law.values(theta, &design.centre);
    let drawn = replicates
        .map(|replicates| replicates.values.as_slice())
        .unwrap_or_default();
    let names = law.names().iter().chain(law.derived_names());
    let mut estimates = BTreeMap::new();
    for (k, (name, value)) in names.zip(values).enumerate() {
        let column: Vec<f64> = drawn.iter().map(|values| values[k]).collect();
        // JSON has no infinity: X_c of an exponent near zero is left out.
        if value.is_finite() {
            estimates.insert((*name).to_owned(), estimate(value, &column));
        }
    }
    estimates
}

fn fitted_points(points: &[Point], problem: &Problem, theta: &Vector) -> Vec<FittedPoint> {
    let fitted = problem
        .rows
        .iter()
        .map(|row| problem.form.value(theta, &row.x));
    points
        .iter()
        .zip(fitted)
        .map(|(point, fitted)| FittedPoint {
            label: point.label.clone(),
            n: point.n,
            d: point.d,
            c: point.c,
            loss: point.loss,
            fitted,
        })
        .collect()
}

fn describe_basins(design: &Design, problem: &Problem, solution: &Solution) -> Vec<Basin> {
    let law = design.law;
    let describe = |theta: &Vector, value: f64| Basin {
        objective: reduced(problem, value),
        parameters: law
            .names()
            .iter()
            .map(|name| (*name).to_owned())
            .zip(law.values(theta, &design.centre))
            .collect(),
        at_bound: at_bound(problem.form, theta)
            .into_iter()
            .map(|k| law.names()[k].to_owned())
            .collect(),
    };
    solution
        .basins
        .iter()
        .map(|basin| describe(&basin.theta, basin.value))
        .collect()
}

pub(crate) fn reduction_name(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Sum => "sum",
        Reduction::Mean => "mean",
    }
}

fn reduced(problem: &Problem, sum: f64) -> f64 {
    match problem.objective.reduction {
        Reduction::Sum => sum,
        Reduction::Mean => sum / problem.weight(),
    }
}

/// Empty where the rows come from several series.
pub(crate) fn common_series(points: &[Point]) -> String {
    match points.iter().all(|point| point.series == points[0].series) {
        true => points[0].series.clone(),
        false => String::new(),
    }
}
