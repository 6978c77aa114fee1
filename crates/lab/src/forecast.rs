//! Forecasts that are sealed before their runs: what a law says of a compute, of the run that will be
//! trained with it, and the line that is kept of both.

use crate::notice::Notice;
use crate::reach::beyond;
use crate::score::seed_noise;
use crate::{Hinted, LabError, advise, fits, report};
use isoflop_core::units::{scientific, short, two_digits};
use isoflop_fit::optimum::Cost;
use isoflop_fit::output::{Estimate, Fit, Fits};
use isoflop_fit::predict::At;
use isoflop_fit::{LEVEL, MOST_EPOCHS, Options, best};
use isoflop_results::sealed::{Predicted, runs_digest};
use isoflop_results::{Chain, RunRow, SealedForecast, Trust};
use isoflop_sweep::plan::Beyond;
use isoflop_sweep::row::row_of_plan;
use isoflop_sweep::tuning::{SUFFIX, Tuned};
use isoflop_sweep::{Plan, PlannedRun, ResultsFolder, SpecError, Sweep};
use isoflop_train::numerics_version;

/// The law whose series is taken where no law is named, and the one that forecasts where none has
/// been chosen.
const USUAL: &str = "chinchilla";

/// What is to be forecast.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Results folder of the sweep.
    pub folder: &'a ResultsFolder,
    /// FLOPs, each a forecast of its own.
    pub computes: &'a [f64],
    /// Runs for each compute, which differ in their seed.
    pub seeds: usize,
    /// Law in N and D; the one that `fit --auto` chooses unless named.
    pub law: Option<&'a str>,
    /// Series, as in runs.parquet or as on the page; the only one there is unless named.
    pub series: &'a str,
}

/// Forecasts that have been sealed.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// All forecasts of the folder.
    pub chain: Chain,
    /// Number of the new ones, the last of the chain.
    pub new: usize,
    /// What to mind about them.
    pub warnings: Vec<String>,
}

impl Sealed {
    /// The new forecasts, each with the number of its line.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &SealedForecast)> {
        let numbered = self.chain.forecasts().iter().enumerate();
        let first = self.chain.forecasts().len() - self.new;
        numbered.skip(first).map(|(at, forecast)| (at + 1, forecast))
    }
}

/// Forecasts the loss of runs that are not planned yet, and seals it in the folder.
///
/// # Errors
/// The folder cannot be read or written, its fits have no such law, a forecast has no interval, or a
/// run is known already.
pub fn seal(notice: &dyn Notice, question: &Question<'_>) -> Result<Sealed, LabError> {
    let folder = question.folder;
    let rows = report::runs(notice, folder, Trust::Checked)?;
    // Fits of earlier versions hold no choice.
    let tells = |fits: &Fits| question.law.is_some() || !fits.choices.is_empty();
    let fits = match fits::stored(notice, folder, &rows).filter(tells) {
        Some(fits) => fits,
        None => fits::of_rows(notice, &folder.runs_path(), &rows, &Options::default())?,
    };
    let fit = law(question, &fits)?;
    let known = Known::of(folder)?;
    let mut forecasts: Vec<SealedForecast> = Vec::new();
    for compute in question.computes {
        let forecast = known.forecast(fit, *compute, question.seeds, &rows)?;
        if let Some(twin) = forecasts.iter().find(|twin| twin.run_ids == forecast.run_ids) {
            let message = format!(
                "{} and {} FLOPs are one run, {}",
                scientific(twin.compute),
                scientific(*compute),
                twin.run_ids[0]
            );
            return Err(Hinted::new(message, "leave out one of them").into());
        }
        forecasts.push(forecast);
    }
    let new = forecasts.len();
    let chain = folder.seal(forecasts)?;
    let validation = fit.validation.as_ref();
    let misfit = validation.and_then(|validation| validation.verdict());
    let furthest = chain.forecasts().iter().rev().take(new).map(|f| f.reach).reduce(f64::max);
    let windows = validation.and_then(|validation| validation.reach());
    let mut warnings: Vec<String> = misfit
        .map(|misfit| format!("warning: {}: {}", fit.law, misfit.sentence))
        .into_iter()
        .collect();
    warnings.extend(furthest.and_then(|reach| beyond(reach, windows)));
    let new_ones = chain.forecasts().iter().rev().take(new);
    let most = new_ones.map(|forecast| forecast.epochs).fold(0.0, f64::max);
    if most > MOST_EPOCHS {
        warnings.push(format!(
            "warning: a run sees its text {most:.1} times, and the law was fitted without runs of more than \
             {MOST_EPOCHS} epochs: train on more text"
        ));
    }
    Ok(Sealed { chain, new, warnings })
}

/// The law that is asked: as named, or the one that was chosen for the series.
fn law<'a>(question: &Question<'_>, fits: &'a Fits) -> Result<&'a Fit, LabError> {
    let path = question.folder.root();
    if let Some(named) = question.law {
        return advise::choose(path, fits, named, question.series);
    }
    let best = best(fits);
    let chosen = |fit: &&Fit| fit.x.is_none() && best.iter().any(|best| best.is(fit));
    let chosen: Vec<&Fit> = fits.fits.iter().filter(chosen).collect();
    match chosen[..] {
        [only] if question.series.is_empty() => Ok(only),
        // Series go by the names that the usual law has them under.
        _ => {
            let usual = advise::choose(path, fits, USUAL, question.series)?;
            let same = |fit: &&&Fit| fit.series == usual.series;
            Ok(chosen.iter().find(same).copied().unwrap_or(usual))
        }
    }
}

/// What a results folder tells of runs that it does not have.
pub(crate) struct Known {
    plan: Plan,
    sweep: Sweep,
    tuned: Option<Tuned>,
    root: String,
}

impl Known {
    /// Reads the plan, the sweep file and the tuned rates of a folder.
    ///
    /// # Errors
    /// The plan or the sweep file cannot be read.
    pub(crate) fn of(folder: &ResultsFolder) -> Result<Self, LabError> {
        let (plan, sweep) = (folder.plan()?, folder.sweep()?);
        let root = folder.root().display().to_string();
        Ok(Known { plan, sweep, tuned: tuned(folder), root })
    }

    /// The runs that a forecast speaks of, as this version of the program plans them.
    pub(crate) fn runs(&self, asked: &Beyond<'_>) -> Result<Vec<PlannedRun>, SpecError> {
        self.plan.runs_beyond(&self.sweep, asked, numerics_version, self.tuned.as_ref())
    }

    fn forecast(
        &self,
        fit: &Fit,
        compute: f64,
        seeds: usize,
        rows: &[RunRow],
    ) -> Result<SealedForecast, LabError> {
        let mute = |what: &str| -> LabError {
            let message = format!(
                "{}: the law {} gives no {what} with an interval at {} FLOPs",
                self.root,
                fit.law,
                scientific(compute)
            );
            Hinted::new(
                message,
                "name another law with --law; `isoflop predict` shows what each of them says",
            )
            .into()
        };
        let cost = Cost::counted(fit).unwrap_or(Cost::SixNd);
        let optimum = fit.optimum(compute, &cost).ok_or_else(|| mute("optimum"))?;
        let [n_opt, d_opt, loss_opt] = optimum.map(|prediction| predicted(&prediction.estimate));
        let n_opt = n_opt.ok_or_else(|| mute("N*"))?;
        let size = short(two_digits(n_opt.value));
        let seeds = self.seeds(&fit.series, seeds);
        let series = fit.series.as_str();
        let runs = self.runs(&Beyond { series, size: &size, compute, seeds: &seeds })?;
        let Some(run) = runs.first() else {
            return Err(Hinted::new("a forecast of no run", "give --seeds 1 or more").into());
        };
        let seed_noise = seed_noise(rows).map(|noise| noise.sd);
        // A law that runs through its rows has no scatter, and a run of another seed has all the same.
        let noise = fit.noise.into_iter().chain(seed_noise).reduce(f64::max);
        let noisy = Fit { noise, ..fit.clone() };
        let loss = noisy.predict(self.place(run)).and_then(|found| predicted(&found.estimate));
        let largest = fit.largest_compute().ok_or_else(|| mute("reach"))?;
        let fitted: Vec<(&str, f64)> = fitted(fit, rows).collect();
        Ok(SealedForecast {
            sealed_time: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            isoflop_version: env!("CARGO_PKG_VERSION").to_owned(),
            sweep: self.plan.name().to_owned(),
            series: fit.series.clone(),
            compute,
            reach: compute / largest,
            law: fit.law.clone(),
            level: LEVEL,
            n_opt,
            d_opt: d_opt.ok_or_else(|| mute("D*"))?,
            loss_opt: loss_opt.ok_or_else(|| mute("loss"))?,
            size,
            n: run.n().0 as u64,
            tokens: run.tokens().0 as u64,
            c_exact: run.c_exact().0,
            epochs: run.epochs(),
            loss: loss.ok_or_else(|| mute("loss"))?,
            seed_noise,
            run_ids: runs.iter().map(|run| run.id().to_owned()).collect(),
            seeds,
            data_digest: run.config.data_digest.clone(),
            fitted: fitted.len() as u64,
            runs: runs_digest(fitted),
            ..SealedForecast::new()
        })
    }

    /// Seeds for so many runs: those of the series first, then the numbers above them.
    fn seeds(&self, series: &str, count: usize) -> Vec<u64> {
        let mut seeds: Vec<u64> = Vec::new();
        for run in self.plan.sweep_runs().filter(|run| run.series.as_str() == series) {
            if !seeds.contains(&run.config.seed) {
                seeds.push(run.config.seed);
            }
        }
        let next = seeds.iter().max().map_or(0, |largest| largest.saturating_add(1));
        let more = count.saturating_sub(seeds.len()) as u64;
        seeds.extend((0..more).map(|step| next.saturating_add(step)));
        seeds.truncate(count);
        seeds
    }

    /// Where a law is asked for the loss of a run.
    fn place(&self, run: &PlannedRun) -> At {
        let row = row_of_plan(self.plan.name(), run);
        let (experts, granularity) = fits::mixture(&row);
        At {
            n: Some(run.n().0),
            d: Some(run.tokens().0),
            c: Some(run.c_exact().0),
            epochs: Some(run.epochs()),
            batch: Some(run.config.recipe.batch_tokens as f64),
            experts,
            granularity,
        }
    }
}

/// Rates that the stage before the sweep found, where it had one that is done.
fn tuned(folder: &ResultsFolder) -> Option<Tuned> {
    let mut stage = folder.root().as_os_str().to_owned();
    stage.push(SUFFIX);
    let stage = ResultsFolder::at(stage.into());
    let plan = stage.plan().ok()?;
    Tuned::of(&plan, &stage.peek(&plan).ok()?.done).ok()
}

/// Runs that a law was fitted to, with their losses.
fn fitted<'a>(fit: &'a Fit, rows: &'a [RunRow]) -> impl Iterator<Item = (&'a str, f64)> {
    let seen = |row: &&RunRow| fit.data.iter().any(|point| point.label == row.run_id);
    rows.iter().filter(seen).filter_map(|row| Some((row.run_id.as_str(), row.test_loss?)))
}

fn predicted(estimate: &Estimate) -> Option<Predicted> {
    Some(Predicted { value: estimate.value, low: estimate.low?, high: estimate.high? })
}
