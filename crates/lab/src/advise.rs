//! Which runs to train next, and the plan that trains them.

use crate::fits::n_kind;
use crate::notice::Notice;
use crate::words::shell_word;
use crate::{Hinted, LabError, report};
use isoflop_core::Params;
use isoflop_core::units::short;
use isoflop_fit::MOST_EPOCHS;
use isoflop_fit::advise::{Advice, AdviceError, AdvisedRun, Limits, Target, advise};
use isoflop_fit::output::{Fit, Fits, FittedPoint};
use isoflop_model::{ModelConfig, ParamCount};
use isoflop_report::series_name;
use isoflop_results::Trust;
use isoflop_results::spent::flops_executed;
use isoflop_sweep::spec::{Cell, PlanSpec, Rate};
use isoflop_sweep::{Plan, ResultsFolder, Sweep};
use std::path::Path;

/// What advice is asked for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Where the fits were read: a file, or the results folder that holds one.
    pub path: &'a Path,
    /// A law in N and D.
    pub fit: &'a Fit,
    /// What should be known better.
    pub target: Target,
    /// Runs at most.
    pub runs: usize,
    /// FLOPs of all runs together; as much as has been spent unless said.
    pub flops: Option<f64>,
    /// FLOPs of one run at most; three times the largest so far unless said.
    pub flops_per_run: Option<f64>,
}

/// The runs to train.
#[derive(Clone, Debug)]
pub struct Advised {
    /// What they do to the target.
    pub advice: Advice,
    /// The size that a sweep file calls each run by, where the folder tells.
    pub sizes: Vec<Option<String>>,
    /// `[plan]` of the sweep file with these runs, where the folder has its plan and there are any.
    pub plan: Option<String>,
}

impl Advised {
    /// Every run with its size.
    pub fn runs(&self) -> impl Iterator<Item = (Option<&str>, &AdvisedRun)> {
        self.sizes.iter().map(Option::as_deref).zip(&self.advice.runs)
    }
}

/// Advises which runs shrink the interval of a quantity most for their FLOPs.
///
/// # Errors
/// The folder cannot be read, or the law cannot be advised by.
pub fn of(notice: &dyn Notice, question: &Question<'_>) -> Result<Advised, LabError> {
    let fit = question.fit;
    let known = Known::of(notice, question.path, fit)?;
    let spent = match &known {
        Some(known) => known.flops,
        None => {
            let compute = |p: &FittedPoint| p.c.or_else(|| Some(6.0 * p.n? * p.d?));
            fit.data.iter().filter_map(compute).sum()
        }
    };
    let limits = Limits {
        sizes: known
            .as_ref()
            .map_or(Vec::new(), |known| known.sizes.iter().map(|(_, n)| *n).collect()),
        runs: question.runs,
        flops_per_run: question
            .flops_per_run
            .or_else(|| Some(3.0 * fit.largest_compute()?))
            .unwrap_or(f64::INFINITY),
        flops: question.flops.unwrap_or(spent),
        tokens: known.as_ref().map_or(f64::INFINITY, |known| known.tokens),
        tokens_per_param: known
            .as_ref()
            .and_then(|known| known.range)
            .unwrap_or(Limits::default().tokens_per_param),
    };
    let advice = advise(fit, &question.target, limits).map_err(refused)?;
    let label = |run: &AdvisedRun| known.as_ref().and_then(|known| known.label(run.n));
    let sizes: Vec<Option<String>> = advice.runs.iter().map(label).collect();
    let plan = known.as_ref().filter(|_| !sizes.is_empty()).map(|known| {
        let more = sizes.iter().zip(&advice.runs).map(|(size, run)| {
            let size = size.clone().unwrap_or_else(|| short(run.n));
            (size, run.d)
        });
        known.spec.with_more_runs(&more.collect::<Vec<_>>())
    });
    Ok(Advised { advice, sizes, plan })
}

fn refused(error: AdviceError) -> LabError {
    let hint = match &error {
        AdviceError::UnknownTarget { .. } => "name one of these with --target, or n_opt, or loss",
        AdviceError::NotASurface { .. } => "name a law in N and D with --law",
        _ => "add runs at other sizes and token counts first; `isoflop fit` says which",
    };
    Hinted::new(error.to_string(), hint).into()
}

/// What a results folder knows beyond its fits.
struct Known {
    /// The plan of the sweep file as of the last `run`.
    spec: PlanSpec,
    /// Sizes of the sweep and rungs of the ladder, each with its non-embedding parameters.
    sizes: Vec<(String, f64)>,
    /// FLOPs that its runs took.
    flops: f64,
    /// Tokens of a run, at most: of those beyond, laws are told nothing.
    tokens: f64,
    /// Least and most tokens per parameter.
    range: Option<[f64; 2]>,
}

/// Rungs of the ladder in a decade.
const RUNGS: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 7.0];

/// Sizes so near to one another, as a factor, are one.
const SAME_SIZE: f64 = 1.15;

impl Known {
    /// Reads the folder that the fits lie in; none for a file, for a folder without its plan or sweep file, and
    /// where N is counted otherwise.
    fn of(notice: &dyn Notice, path: &Path, fit: &Fit) -> Result<Option<Known>, LabError> {
        let folder = ResultsFolder::at(path.to_owned());
        if !path.is_dir() {
            return Ok(None);
        }
        // A folder that came without its plan or sweep file still has fits to advise by.
        let (Ok(plan), Ok(sweep)) = (folder.plan(), folder.sweep()) else {
            return Ok(None);
        };
        let rows = report::runs(notice, &folder, Trust::Checked)?;
        if fit.n_kind != n_kind(&rows) {
            return Ok(None);
        }
        let sizes = sizes(&plan, &sweep, &fit.series);
        let Open { tokens, range } = Open::of(&plan, &sweep, &fit.series);
        Ok(Some(Known {
            spec: sweep.spec().plan.get_ref().clone(),
            sizes,
            flops: flops_executed(&rows),
            tokens,
            range,
        }))
    }

    fn label(&self, n: f64) -> Option<String> {
        let found = self.sizes.iter().find(|(_, known)| *known == n);
        found.map(|(label, _)| label.clone())
    }
}

/// Sizes that runs of a series may have, each as a sweep file names it, with its parameters: those of its
/// runs, and rungs of the ladder where a rate is known for any size.
pub(crate) fn sizes(plan: &Plan, sweep: &Sweep, series: &str) -> Vec<(String, f64)> {
    let mut sizes: Vec<(String, f64)> = Vec::new();
    let of_series = || plan.sweep_runs().filter(|run| run.series.as_str() == series);
    for run in of_series() {
        if sizes.iter().all(|(_, n)| *n != run.n().0) {
            sizes.push((run.size.clone(), run.n().0));
        }
    }
    let cell = sweep.cells().iter().find(|cell| cell.series.as_str() == series);
    let rate = cell.map(|cell| cell.spec.train.learning_rate.get_ref());
    if matches!(rate, Some(Rate::BySize(_) | Rate::Tune(_))) {
        return sizes;
    }
    let model = of_series().next().map(|run| run.config.model);
    let largest = sizes.iter().map(|(_, n)| *n).fold(0.0, f64::max);
    for power in 3..14 {
        for rung in RUNGS.map(|rung| rung * 10f64.powi(power)) {
            let shape = model.and_then(|model: ModelConfig| model.shape_for(Params(rung)).ok());
            let (Some(model), Some(shape)) = (model, shape) else {
                continue;
            };
            let n = ParamCount::of(&ModelConfig { shape, ..model }).active_non_embedding().0;
            let far = |known: &(String, f64)| (known.1 / n).ln().abs() > SAME_SIZE.ln();
            if n < 10.0 * largest && sizes.iter().all(far) {
                sizes.push((short(rung), n));
            }
        }
    }
    sizes
}

/// What runs of a series may be.
pub(crate) struct Open {
    /// Tokens of a run, at most.
    pub(crate) tokens: f64,
    /// Least and most tokens per parameter.
    pub(crate) range: Option<[f64; 2]>,
}

impl Open {
    pub(crate) fn of(plan: &Plan, sweep: &Sweep, series: &str) -> Self {
        let run = plan.sweep_runs().find(|run| run.series.as_str() == series);
        let cell = sweep.cells().iter().find(|cell| cell.series.as_str() == series);
        Open {
            tokens: run.map_or(f64::INFINITY, |run| MOST_EPOCHS * run.train_tokens as f64),
            range: cell.and_then(Cell::tokens_per_param_range),
        }
    }
}

/// The fit of a law to a series, by the name that the page shows or the one that the rows have; the only one there is where no series is named.
///
/// # Errors
/// There is none; the hint has what there is, to be copied.
pub fn choose<'a>(
    path: &Path,
    fits: &'a Fits,
    law: &str,
    series: &str,
) -> Result<&'a Fit, LabError> {
    let names = names(fits);
    let of_law: Vec<&Fit> = fits.fits.iter().filter(|fit| fit.law == law).collect();
    let chosen = match of_law.as_slice() {
        [only] if series.is_empty() => Some(*only),
        several => several
            .iter()
            .copied()
            .find(|fit| fit.series == series || series_name(&fit.series, &names) == series),
    };
    chosen.ok_or_else(|| {
        let mut there: Vec<String> = fits
            .fits
            .iter()
            .filter(|fit| fit.x.is_none())
            .map(|fit| match fit.series.as_str() {
                "" => format!("--law {}", fit.law),
                series => format!(
                    "--law {} --series {}",
                    fit.law,
                    shell_word(&series_name(series, &names))
                ),
            })
            .collect();
        there.dedup();
        let which = match series {
            "" => String::new(),
            series => format!(" of {}", shell_word(series)),
        };
        let message = format!("{}: no such fit{which} of {law} in it", path.display());
        let hint = match there.is_empty() {
            true => {
                "a law in N and D is needed; `isoflop fit` says which runs that asks for".into()
            }
            false => format!("there are {}", there.join("; ")),
        };
        Hinted::new(message, hint).into()
    })
}

/// Every series of the fits, once.
fn names(fits: &Fits) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for fit in &fits.fits {
        if !all.contains(&fit.series.as_str()) {
            all.push(&fit.series);
        }
    }
    all
}
