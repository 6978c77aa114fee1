//! One law on one set of rows, from rows to a full account of the fit.

use crate::account::{named, reduced, reduction_name, scatter};
use crate::bootstrap::{Replicates, bootstrap, carried};
use crate::design::Design;
use crate::engine::{Engine, Optimum, Solution, engine};
use crate::envelope::{Envelope, of_one_length};
use crate::error::FitError;
use crate::few::Few;
use crate::findings::{DRAWN, Findings, far_rows};
use crate::fixed::holds;
use crate::headline;
use crate::influence::{leave_one_out, without, without_worst_fitted};
use crate::intervals::estimate;
use crate::laws::Law;
use crate::options::Options;
use crate::output::{
    Axis, Basin, Estimate, Fit, FittedPoint, KnownFloor, ObjectiveValue, Outliers, Problem, Profile,
};
use crate::point::{Point, without_worst};
use crate::profile::walk;
use crate::sensitivity::sensitivity;
use crate::units::Units;
use crate::validate::validate;
use crate::watch::Task;
use crate::work::{PROFILES, work};
use std::collections::BTreeMap;

/// Fits one law to all rows given.
///
/// # Errors
/// A number without a logarithm, a missing coordinate, or rows that cannot tell the law's
/// parameters; [`FitError::hint`] says which runs to add. A fit that runs but does not converge
/// is no error: its remarks say so.
pub fn fit(points: &[Point], law: Law, options: &Options) -> Result<Fit, FitError> {
    let mut found = fit_each(points, &[law], options);
    found.pop().expect("one fit a law")
}

/// Fits several laws to all rows given, one after another, with errors as those of [`fit`].
pub fn fit_each(points: &[Point], laws: &[Law], options: &Options) -> Vec<Result<Fit, FitError>> {
    let works = laws.iter().map(|law| work(*law, points.len(), options));
    options.watch.expect(works.sum());
    let fit = |law: &Law| match of_one_length(points, *law) {
        Some((points, words)) => fit_named(&points, *law, options, &words, None),
        None => fit_named(points, *law, options, &options.rows, None),
    };
    laws.iter().map(fit).collect()
}

/// Fits one law to a lower envelope, with the intervals of the analysis it came from.
pub(crate) fn fit_envelope(
    envelope: &Envelope,
    law: Law,
    options: &Options,
) -> Result<Fit, FitError> {
    options.watch.expect(work(law, envelope.points.len(), options));
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
    let watch = &options.watch;
    let task = Task::new(watch, work(law, points.len(), options));
    points.iter().try_for_each(Point::check)?;
    let kept = without_worst(points, options.drop_worst)?;
    let holds = holds(&options.fixed, law, &kept)?;
    let design = Design::new(&kept, law, holds.len())?;
    let objective = options.objective.unwrap_or(law.default_objective());
    let mut engine = engine(&kept, law, objective, &holds)?;
    engine.watched_by(watch);
    let mut solution =
        engine.solve().ok_or(FitError::NoFall { law: law.name(), rows: kept.len() })?;
    let finite = |loss: &f64| loss.is_finite() && *loss > 0.0;
    let best = solution.best();
    if !best.gradient_norm.is_finite() || !engine.losses(&best.t).iter().all(finite) {
        return Err(match watch.is_stopped() {
            true => FitError::Stopped,
            false => FitError::NotFinite { law: law.name(), rows: kept.len() },
        });
    }
    let units = Units::of(&kept);
    let intervals = options.bootstrap > 0;
    let walked = intervals.then(|| walk(&*engine, &mut solution, units.numbers()));
    let known = solution.known();
    let few = intervals.then(|| Few::of(&kept, &units, &*engine, &known, watch)).flatten();
    let walked_few = few.as_ref().and_then(|few| few.profiles(objective));
    let (profiled, found_by_profile) = walked.unwrap_or_default();
    let by_squares = walked_few.is_some() && draws.is_none();
    let profiled = walked_few.unwrap_or(profiled);
    task.part(PROFILES);
    let mut replicates = intervals.then(|| match draws {
        Some(draws) => carried(draws, law, objective, &holds, options),
        None => bootstrap(&design, &*engine, &units, few.as_ref(), &known, options, Some(&task)),
    });
    let mut parameters = estimates(&*engine, &known[0], replicates.as_ref());
    let far = far_rows(&*engine, &known[0]);
    if let Some(Replicates { summary, .. }) = &mut replicates {
        // Units drawn with replacement hold rows far from the law more often than its penalty bears.
        let by_profile = draws.is_none() && (by_squares || !far.is_empty());
        headline::choose(&mut parameters, &profiled, by_profile, summary);
    }
    let findings = Findings {
        points: &kept,
        engine: &*engine,
        solution: &solution,
        bootstrap: replicates.as_ref().map(|replicates| &replicates.summary),
        carried: draws.is_some(),
        found_by_profile,
        profiles: &profiled,
        worst: without_worst_fitted(&design, &*engine, &known),
    };
    let mut remarks = findings.judge(&mut parameters, &far);
    let data = fitted_points(&kept, &*engine, &known[0]);
    let known_floor = known_floor(&kept, law, &parameters, &profiled);
    let validation = validate(&kept, law, &*engine, &known[0], options, &task);
    // That other laws err stands with their windows, and their ranking follows from it.
    let misfit = validation.as_ref().and_then(|validation| validation.misfit.as_ref());
    if let Some(misfit) = misfit.filter(|_| law == DRAWN) {
        remarks.warn(Problem::Errs, &*misfit.sentence, Vec::new());
    }
    let influence = leave_one_out(&kept, &design, &*engine, &known);
    let sensitivity = sensitivity(&*engine, &known);
    // A fit that was stopped holds numbers that were cut short somewhere.
    if watch.is_stopped() {
        return Err(FitError::Stopped);
    }
    let mut fit = Fit {
        effective: Vec::new(),
        rivals: Vec::new(),
        known_floor,
        law: law.name().into_owned(),
        formula: law.formula(),
        series: common_series(&kept),
        x: law.axis(),
        n_kind: if law.is_in_total() { &options.n_total_kind } else { &options.n_kind }.clone(),
        c_kind: (law.axis() == Some(Axis::C)).then(|| options.c_kind.clone()),
        points: words.into(),
        noise: scatter(&data, engine.free()),
        data,
        rows: kept.len(),
        dropped: points.len() - kept.len(),
        objective: ObjectiveValue {
            kind: objective.kind().into(),
            delta: objective.delta(),
            reduction: reduction_name(objective.reduction).into(),
            value: reduced(&*engine, solution.best().value),
        },
        parameters,
        basins: describe_basins(&*engine, &solution),
        starts_tried: solution.starts,
        starts_agreed: solution.agreed,
        gradient_norm: solution.best().gradient_norm,
        influence,
        draws: replicates.as_ref().map_or_else(Vec::new, |r| thinned(&r.values, law)),
        draw_names: law.names(),
        validation,
        sensitivity,
        outliers: (!far.is_empty()).then(|| Outliers {
            rows: far.iter().map(|&row| kept[row].label.clone()).collect(),
            with: named(law, &engine.natural(&known[0])),
            without: without(&design, &*engine, &known, &far)
                .map_or_else(BTreeMap::new, |t| named(law, &engine.natural(&t))),
        }),
        profiles: profiled,
        bootstrap: replicates.map(|replicates| replicates.summary),
        remarks,
    };
    fit.effective = fit.effective_sizes(&kept);
    Ok(fit)
}

/// Number of replicates that are kept for predictions.
const DRAWS: usize = 200;

/// Free parameters of evenly spaced replicates, to six digits.
fn thinned(values: &[Vec<f64>], law: Law) -> Vec<Vec<f64>> {
    let kept = values.len().min(DRAWS);
    let six_digits = |value: &f64| format!("{value:.5e}").parse().unwrap_or(*value);
    (0..kept)
        .map(|i| &values[i * values.len() / kept])
        .map(|values| values[..law.parameters()].iter().map(six_digits).collect())
        .filter(|values: &Vec<f64>| values.iter().all(|value| value.is_finite()))
        .collect()
}

fn estimates(
    engine: &dyn Engine,
    t: &[f64],
    replicates: Option<&Replicates>,
) -> BTreeMap<String, Estimate> {
    let values = engine.natural(t).into_iter().enumerate();
    let named = engine.law().all_names().into_iter().zip(values);
    // JSON has no infinity: X_c of an exponent near zero is left out.
    named
        .filter(|(_, (_, value))| value.is_finite())
        .map(|(name, (k, value))| {
            let found = match replicates {
                _ if engine.holds().iter().any(|held| held.quantity == k) => {
                    Estimate { fixed: true, ..estimate(value, &[]) }
                }
                Some(replicates) => replicates.estimate(k, value),
                None => estimate(value, &[]),
            };
            (name, found)
        })
        .collect()
}

fn fitted_points(points: &[Point], engine: &dyn Engine, t: &[f64]) -> Vec<FittedPoint> {
    let rows = points.iter().zip(engine.losses(t));
    rows.map(|(point, fitted)| FittedPoint {
        label: point.label.clone(),
        n: if engine.law().is_in_total() { point.n_total } else { point.n },
        d: point.d,
        c: point.c,
        loss: point.loss,
        fitted,
    })
    .collect()
}

fn describe_basins(engine: &dyn Engine, solution: &Solution) -> Vec<Basin> {
    let law = engine.law();
    let names = law.names();
    let describe = |basin: &Optimum| Basin {
        objective: reduced(engine, basin.value),
        parameters: names
            .iter()
            .cloned()
            .zip(engine.natural(&basin.t))
            .filter(|(_, value)| value.is_finite())
            .collect(),
        at_bound: engine.at_bound(&basin.t).into_iter().map(|k| names[k].clone()).collect(),
    };
    solution.basins.iter().map(describe).collect()
}

/// E beside the entropy rate that all rows share. In N or in D alone E also holds what the other leaves.
fn known_floor(
    points: &[Point],
    law: Law,
    parameters: &BTreeMap<String, Estimate>,
    profiles: &[Profile],
) -> Option<KnownFloor> {
    let entropy = points.first()?.entropy?;
    let same = |p: &Point| p.entropy.is_some_and(|other| (other / entropy - 1.0).abs() < 1e-9);
    if !points.iter().all(same) || matches!(law.axis(), Some(Axis::N | Axis::D)) {
        return None;
    }
    let found = law.names().contains(&"E".to_owned()).then(|| parameters.get("E"))??;
    let profile = profiles.iter().find(|profile| profile.parameter == "E");
    let (low, high) = profile.map_or((found.low, found.high), |p| (p.low, p.high));
    let judged = profile.is_some() || found.low.is_some();
    let inside = low.is_none_or(|low| low <= entropy) && high.is_none_or(|high| entropy <= high);
    Some(KnownFloor { entropy, fitted: found.value, low, high, agrees: judged.then_some(inside) })
}

/// The series of all rows; empty where they come from several.
pub(crate) fn common_series(points: &[Point]) -> String {
    match points.iter().all(|point| point.series == points[0].series) {
        true => points[0].series.clone(),
        false => String::new(),
    }
}
