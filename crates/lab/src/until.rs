//! Runs that are added after those of the plan, until a quantity is known as well as `until` asks for.

use crate::advise::{self, Question};
use crate::run::Request;
use crate::{Lab, LabError, fits};
use isoflop_core::units::{scientific, significant};
use isoflop_fit::Options;
use isoflop_fit::advise::Target;
use isoflop_fit::output::{Estimate, Fit, Fits};
use isoflop_results::RunRow;
use isoflop_sweep::folder::Records;
use isoflop_sweep::plan::{AddedRun, Round};
use isoflop_sweep::spec::UntilSpec;
use isoflop_sweep::{Plan, PlannedRun, ResultsFolder, Sweep};
use std::collections::HashSet;

/// The law whose quantities are meant.
pub(crate) const LAW: &str = "chinchilla";

/// Runs of a round at most: enough for some workers, few enough that the next round knows better.
const RUNS: usize = 6;

/// Without a deadline, FLOPs of all added runs over those of the runs of the sweep file, at most.
pub(crate) const CAP: f64 = 4.0;

/// Standard deviations above the mean beyond which a twentieth of a normal distribution lies.
pub(crate) const TWENTIETH: f64 = 1.645;

/// The next runs of every series whose interval is still too wide; none where nothing is asked for, or
/// nothing more is to be done, with a sentence on what was reached. The fits that this rests on, where
/// something is asked for, are those of all rows.
///
/// # Errors
/// The rows cannot be fitted, or the fits not be written.
pub(crate) fn rounds(
    lab: &Lab<'_>,
    request: &Request,
    folder: &ResultsFolder,
    plan: &Plan,
    records: &Records,
) -> Result<(Vec<Round>, Option<Fits>), LabError> {
    let Some(until) = asked(&request.sweep) else {
        return Ok((Vec::new(), None));
    };
    let all = records.done.iter().chain(&records.failed).map(|record| record.row.clone());
    let rows: Vec<RunRow> = all.filter(|row| !row.is_validation()).collect();
    lab.notice.note(&format!("fitting, to see how well {} is known", until.target));
    let fits = fits::of_rows(lab.notice, &folder.runs_path(), &rows, &Options::default())?;
    fits::write(folder, &fits)?;
    let mut rounds = Vec::new();
    for series in series(plan) {
        let name = named(&series, until);
        match round(lab, request, folder, plan, &fits, &series, until) {
            Ok(Verdict::Known(sentence) | Verdict::Stopped(sentence)) => {
                lab.notice.note(&format!("until: {name} {sentence}"));
            }
            Ok(Verdict::More(round, flops)) => {
                lab.notice.note(&format!(
                    "until: {name} {}, {} asked for; {} runs of {} FLOPs are added, after which about {} is \
                     expected",
                    width_in_words(round.width),
                    until.width,
                    round.runs.len(),
                    scientific(flops),
                    significant(round.expected, 2)
                ));
                rounds.push(round);
            }
            Err(error) => lab.notice.note(&format!("until: {name}: {}; stopped", error.in_full())),
        }
    }
    Ok((rounds, Some(fits)))
}

/// Says how well a quantity is known when the time is over.
pub(crate) fn tell_of_time(lab: &Lab<'_>, sweep: &Sweep, fits: &Fits) {
    let Some(until) = asked(sweep) else {
        return;
    };
    let of_law = fits.fits.iter().filter(|fit| fit.law == LAW);
    for fit in of_law {
        let found = width(fit, &until.target);
        lab.notice.note(&format!(
            "until: {} {}, {} asked for; the time is over",
            named(&fit.series, until),
            width_in_words(found),
            until.width
        ));
    }
}

pub(crate) fn asked(sweep: &Sweep) -> Option<&UntilSpec> {
    sweep.spec().plan.get_ref().until.as_ref().map(|until| until.get_ref())
}

fn named(series: &str, until: &UntilSpec) -> String {
    match series {
        "" => until.target.clone(),
        series => format!("{} ({series})", until.target),
    }
}

/// Every series of the sweep's runs, once.
pub(crate) fn series(plan: &Plan) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for run in plan.sweep_runs() {
        if !all.iter().any(|series| run.series.as_str() == series) {
            all.push(run.series.to_string());
        }
    }
    all
}

/// Full width of the interval of a quantity; none where it is open, or the rows do not identify it.
fn width(fit: &Fit, target: &str) -> Option<f64> {
    let estimate: &Estimate = fit.parameters.get(target).filter(|estimate| estimate.identified)?;
    Some(estimate.high? - estimate.low?)
}

fn width_in_words(width: Option<f64>) -> String {
    match width {
        Some(width) => format!("has an interval {} wide", significant(width, 2)),
        None => "is not identified yet".to_owned(),
    }
}

/// What follows for one series.
enum Verdict {
    Known(String),
    Stopped(String),
    /// Runs, and their FLOPs.
    More(Round, f64),
}

fn round(
    lab: &Lab<'_>,
    request: &Request,
    folder: &ResultsFolder,
    plan: &Plan,
    fits: &Fits,
    series: &str,
    until: &UntilSpec,
) -> Result<Verdict, LabError> {
    let fit = advise::choose(&folder.fits_path(), fits, LAW, series)?;
    let found = width(fit, &until.target);
    if let Some(width) = found.filter(|width| *width <= until.width) {
        let estimate = fit.parameters[&until.target];
        let end = |end: Option<f64>| significant(end.unwrap_or(f64::NAN), 3);
        return Ok(Verdict::Known(format!(
            "is {} [{}, {}], {} wide, {} asked for",
            significant(estimate.value, 3),
            end(estimate.low),
            end(estimate.high),
            significant(width, 2),
            until.width
        )));
    }
    let (of_file, added) = flops(plan, series);
    let left = match request.deadline {
        Some(_) => f64::INFINITY,
        None => CAP * of_file - added,
    };
    let question = Question {
        path: folder.root(),
        fit,
        target: Target::Parameter(until.target.clone()),
        runs: RUNS,
        flops: Some(left.min(of_file + added)),
        flops_per_run: None,
    };
    let advised = advise::of(lab.notice, &question)?;
    let before = advised.advice.standard_error;
    let expected = |error: f64| match found {
        Some(width) => width * error / before,
        None => 2.0 * TWENTIETH * error,
    };
    let mut runs = Vec::new();
    let (mut flops, mut reached) = (0.0, f64::INFINITY);
    for (size, run) in advised.runs() {
        if let Some(size) = size.filter(|_| reached > until.width) {
            runs.push(AddedRun { id: None, size: size.to_owned(), tokens: run.d });
            flops += run.c;
            reached = expected(run.standard_error);
        }
    }
    if runs.is_empty() {
        let why = match left < of_file {
            true => format!(
                "added runs have taken {} FLOPs, of {CAP} times those of the sweep file at most; give a \
                 --deadline for more",
                scientific(added)
            ),
            false => "no run that the law can bear takes a hundredth off its error".to_owned(),
        };
        let state = width_in_words(found);
        return Ok(Verdict::Stopped(format!("{state}, {} asked for; stopped: {why}", until.width)));
    }
    let round = Round {
        series: series.into(),
        target: until.target.clone(),
        wanted: until.width,
        width: found,
        expected: reached,
        runs,
    };
    Ok(Verdict::More(round, flops))
}

/// FLOPs of the runs of a series that the sweep file names, and of those that were added.
pub(crate) fn flops(plan: &Plan, series: &str) -> (f64, f64) {
    let added: HashSet<&str> = plan
        .rounds()
        .iter()
        .flat_map(|round| &round.runs)
        .filter_map(|r| r.id.as_deref())
        .collect();
    let of_series = plan.sweep_runs().filter(|run| run.series.as_str() == series);
    let (added, named): (Vec<&PlannedRun>, Vec<&PlannedRun>) =
        of_series.partition(|run| added.contains(run.id()));
    let sum = |runs: Vec<&PlannedRun>| runs.iter().map(|run| run.c_exact().0).sum();
    (sum(named), sum(added))
}
