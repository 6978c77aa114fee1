//! How narrow an interval is expected to become as runs are added to a plan, before they are trained.

use crate::advise::{self, Open};
use crate::fits;
use crate::until::{CAP, LAW, TWENTIETH, asked, flops, series};
use isoflop_fit::MOST_EPOCHS;
use isoflop_fit::advise::{Limits, Target, advise as best_runs};
use isoflop_fit::output::{Estimate, Fit, Fits, FittedPoint};
use isoflop_sweep::spec::UntilSpec;
use isoflop_sweep::{Plan, PlannedRun, ResultsFolder, Sweep};
use serde::Serialize;
use std::collections::BTreeMap;

/// How narrow an interval is expected to become, run by run, to first order and if the law holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Path {
    /// Cell of the axes.
    pub series: String,
    /// The quantity.
    pub target: String,
    /// Full width that its interval is to have.
    pub wanted: f64,
    /// Whether the law is that of the folder's fits; otherwise it is the one assumed before any run.
    pub fitted: bool,
    /// Width after the runs of the plan.
    pub width: f64,
    /// What comes then.
    pub steps: Vec<Step>,
}

/// What is expected after some of the added runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Added runs.
    pub runs: usize,
    /// FLOPs of the added runs.
    pub flops: f64,
    /// Width of the interval.
    pub width: f64,
}

/// E, A, alpha, B, beta of a transformer on `rust-docs`, bytes, from 3e10 to 1e13 FLOPs (LOG.md), and the
/// scatter of ln L about it: what is assumed before any run has ended.
const ASSUMED: [(&str, f64); 5] =
    [("E", 0.6), ("A", 5.0), ("alpha", 0.156), ("B", 119.0), ("beta", 0.382)];
const SCATTER: f64 = 0.015;

/// Added runs of a path at most.
const LONGEST: usize = 200;

/// The paths that a plan's aim is expected to take; none without an aim, or where the plan's runs would not
/// identify the law.
pub fn paths(plan: &Plan, sweep: &Sweep, folder: &ResultsFolder) -> Vec<Path> {
    let Some(until) = asked(sweep) else {
        return Vec::new();
    };
    let fits = fits::read(&folder.fits_path()).ok();
    series(plan)
        .iter()
        .filter_map(|series| path(plan, sweep, fits.as_ref(), series, until))
        .collect()
}

fn path(
    plan: &Plan,
    sweep: &Sweep,
    fits: Option<&Fits>,
    series: &str,
    until: &UntilSpec,
) -> Option<Path> {
    let of_series = |fit: &&Fit| fit.law == LAW && fit.series == series;
    let fitted = fits.and_then(|fits| fits.fits.iter().find(of_series));
    let law = planned_fit(plan, fitted, series);
    let (of_file, added) = flops(plan, series);
    let Open { tokens, range } = Open::of(plan, sweep, series);
    let limits = Limits {
        sizes: advise::sizes(plan, sweep, series).into_iter().map(|(_, n)| n).collect(),
        runs: LONGEST,
        flops_per_run: 3.0 * law.largest_compute()?,
        flops: CAP * of_file - added,
        tokens,
        tokens_per_param: range.unwrap_or(Limits::default().tokens_per_param),
    };
    let advice = best_runs(&law, &Target::Parameter(until.target.clone()), limits).ok()?;
    let width = |error: f64| 2.0 * TWENTIETH * error;
    let mut steps = Vec::new();
    let mut flops = 0.0;
    for (k, run) in advice.runs.iter().enumerate() {
        if steps.last().map_or(width(advice.standard_error), |step: &Step| step.width)
            <= until.width
        {
            break;
        }
        flops += run.c;
        steps.push(Step { runs: k + 1, flops, width: width(run.standard_error) });
    }
    Some(Path {
        series: series.to_owned(),
        target: until.target.clone(),
        wanted: until.width,
        fitted: fitted.is_some(),
        width: width(advice.standard_error),
        steps,
    })
}

/// A fit to the runs of a plan as if all had ended on the law.
fn planned_fit(plan: &Plan, fitted: Option<&Fit>, series: &str) -> Fit {
    let parameters: BTreeMap<String, f64> = match fitted {
        Some(fit) => fit.parameters.iter().map(|(name, of)| (name.clone(), of.value)).collect(),
        None => ASSUMED.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
    };
    let of = |name: &str| parameters.get(name).copied().unwrap_or(f64::NAN);
    let point = |run: &PlannedRun| {
        let (n, d) = (run.n().0, run.tokens().0);
        let loss = of("E") + of("A") * n.powf(-of("alpha")) + of("B") * d.powf(-of("beta"));
        FittedPoint {
            label: run.id().to_owned(),
            n: Some(n),
            d: Some(d),
            c: Some(run.c_exact().0),
            loss,
            fitted: loss,
        }
    };
    let runs = plan.sweep_runs().filter(|run| run.series.as_str() == series);
    let estimate = |value: f64| Estimate {
        value,
        low: None,
        high: None,
        standard_error: None,
        identified: true,
        fixed: false,
    };
    Fit {
        law: LAW.to_owned(),
        series: series.to_owned(),
        data: runs.filter(|run| run.epochs() <= MOST_EPOCHS).map(point).collect(),
        draw_names: ASSUMED.iter().map(|(name, _)| (*name).to_owned()).collect(),
        noise: fitted.and_then(|fit| fit.noise).or(Some(SCATTER)),
        parameters: parameters.into_iter().map(|(name, value)| (name, estimate(value))).collect(),
        ..Fit::default()
    }
}
