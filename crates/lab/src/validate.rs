//! Trains the runs of sealed forecasts, and scores what was said of them.

use crate::forecast::Known;
use crate::jobs::Jobs;
use crate::notice::Notice;
use crate::places::Places;
use crate::run::{Request, train};
use crate::score::{Score, scores};
use crate::words::shell_word;
use crate::{Hinted, Lab, LabError, report};
use isoflop_core::units::scientific;
use isoflop_results::{RunRow, SealedForecast, Status, Trust};
use isoflop_sweep::claim::unfinished;
use isoflop_sweep::plan::Beyond;
use isoflop_sweep::supervise::{Outcome, settle};
use isoflop_sweep::{Place, Plan, PlannedRun, ResultsFolder};
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::SystemTime;

/// What is to be validated, and how.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Results folder of the sweep.
    pub folder: &'a ResultsFolder,
    /// Workers at a time.
    pub jobs: Jobs,
    /// When to stop; the same again resumes.
    pub deadline: Option<SystemTime>,
    /// What it may be trained on.
    pub places: Places,
}

/// What became of the forecasts of a folder.
#[derive(Clone, Debug)]
pub struct Validated {
    /// Every forecast, in the order of the chain.
    pub scores: Vec<Score>,
    /// How training ended; none where every run had ended before.
    pub outcome: Option<Outcome>,
    /// Why runs cannot be trained any more, a line a forecast.
    pub void: Vec<String>,
}

/// Trains what is left of the runs of sealed forecasts, as validation runs of the folder's plan, and
/// scores all forecasts. The same again resumes, and scores.
///
/// # Errors
/// There is no forecast, the chain does not hold, runs of the sweep are open, or training cannot go on.
pub fn validate(lab: &Lab<'_>, question: &Question<'_>) -> Result<Validated, LabError> {
    let folder = question.folder;
    let chain = folder.forecasts()?;
    if chain.forecasts().is_empty() {
        let hint = format!("`isoflop forecast {} --compute C` seals one", shell(folder));
        let message = format!("{}: no forecast is sealed in it", folder.root().display());
        return Err(Hinted::new(message, hint).into());
    }
    let rows = report::all_runs(lab.notice, folder, Trust::Checked)?;
    let (open, void) = open_runs(folder, chain.forecasts(), &rows)?;
    let mut outcome = None;
    if !open.is_empty() {
        check_sweep_is_done(folder, &folder.plan()?)?;
        let plan = folder.plan_validation(open)?;
        find_texts(folder, &plan)?;
        let request = Request {
            sweep: folder.sweep()?,
            jobs: question.jobs,
            deadline: question.deadline,
            places: question.places.clone(),
            replan: false,
            results: PathBuf::new(),
            reports: PathBuf::new(),
        };
        outcome = Some(train(lab, &request, folder, &plan)?);
        settle(folder, &plan)?;
    }
    Ok(Validated { scores: score(lab.notice, folder)?, outcome, void })
}

/// The forecasts of a folder with what became of them so far.
///
/// # Errors
/// The chain does not hold, or the folder cannot be read.
pub fn score(notice: &dyn Notice, folder: &ResultsFolder) -> Result<Vec<Score>, LabError> {
    let chain = folder.forecasts()?;
    if chain.forecasts().is_empty() {
        return Ok(Vec::new());
    }
    Ok(scores(&chain, &report::all_runs(notice, folder, Trust::Checked)?))
}

/// Runs of forecasts that have no row yet, and what is to be said of forecasts whose runs cannot be
/// trained any more.
fn open_runs(
    folder: &ResultsFolder,
    forecasts: &[SealedForecast],
    rows: &[RunRow],
) -> Result<(Vec<PlannedRun>, Vec<String>), LabError> {
    let ended = |id: &str| {
        let row = rows.iter().find(|row| row.run_id == id);
        row.is_some_and(|row| row.status != Status::Failed)
    };
    let (mut open, mut void): (Vec<PlannedRun>, Vec<String>) = (Vec::new(), Vec::new());
    let mut known: Option<Known> = None;
    let mut ids: HashSet<String> = HashSet::new();
    for (at, forecast) in forecasts.iter().enumerate() {
        if forecast.run_ids.iter().all(|id| ended(id)) {
            continue;
        }
        let known = match &mut known {
            Some(known) => known,
            None => known.insert(Known::of(folder)?),
        };
        let line = format!("{}:{}", folder.forecasts_path().display(), at + 1);
        match planned(known, forecast) {
            Ok(runs) => {
                open.extend(
                    runs.into_iter()
                        .filter(|run| !ended(run.id()) && ids.insert(run.id().to_owned())),
                );
            }
            Err(why) => void.push(format!("{line}: its run can no longer be trained: {why}")),
        }
    }
    match open.is_empty() && void.len() == forecasts.len() {
        true => Err(Hinted::new(
            void.join("; "),
            "a forecast is validated with the text, the sweep file and the version of the program that it was sealed with",
        )
        .into()),
        false => Ok((open, void)),
    }
}

/// The runs of a forecast as they are planned now, if they are those that it was sealed for.
fn planned(known: &Known, forecast: &SealedForecast) -> Result<Vec<PlannedRun>, String> {
    let asked = Beyond {
        series: &forecast.series,
        size: &forecast.size,
        compute: forecast.compute,
        seeds: &forecast.seeds,
    };
    let runs = known.runs(&asked).map_err(|error| error.to_string())?;
    for (run, sealed) in runs.iter().zip(&forecast.run_ids) {
        let digest = &run.config.data_digest;
        if *digest != forecast.data_digest {
            return Err(format!(
                "the text has changed: data_digest {} is now {digest}",
                forecast.data_digest
            ));
        }
        if run.id() != sealed {
            return Err(format!(
                "it was sealed for run {sealed}, which is now planned as {}",
                run.id()
            ));
        }
    }
    Ok(runs)
}

/// Refuses a folder in which runs of the sweep are open: workers would train those first, and files
/// of a folder without its records would be written anew without them.
fn check_sweep_is_done(folder: &ResultsFolder, plan: &Plan) -> Result<(), LabError> {
    let order: Vec<&PlannedRun> = plan.sweep_runs().collect();
    let open = unfinished(folder, &order)?.len();
    if let Some(waiting) = plan.waiting().next() {
        let message = format!(
            "{}: budget {} of the sweep has no runs yet",
            folder.root().display(),
            scientific(waiting.budget)
        );
        let hint =
            "`isoflop run` with its sweep file trains them, and a forecast is validated after that";
        return Err(Hinted::new(message, hint).into());
    }
    if open == 0 {
        return Ok(());
    }
    let message = format!(
        "{}: {open} of {} runs of the sweep have no record",
        folder.root().display(),
        order.len()
    );
    let hint =
        "`isoflop run` with its sweep file trains them, and a forecast is validated after that";
    Err(Hinted::new(message, hint).into())
}

/// Tells workers where texts are, unless `isoflop run` has told them on this machine.
fn find_texts(folder: &ResultsFolder, plan: &Plan) -> Result<(), LabError> {
    if Place::of(folder).is_some_and(|place| place.folder.is_dir()) {
        return Ok(());
    }
    let cache = isoflop_data::Places::of_this_machine()?.cache;
    Ok(Place::here(plan, &cache)?.keep(folder)?)
}

fn shell(folder: &ResultsFolder) -> String {
    shell_word(&folder.root().display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_forecast_of_another_text_or_of_another_run_is_not_trained_as_if_it_were_this_one() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/quickstart");
        let known = Known::of(&ResultsFolder::at(root)).unwrap();
        let asked = Beyond { series: "", size: "260k", compute: 1e13, seeds: &[0, 1] };
        let runs = known.runs(&asked).unwrap();
        let sealed = SealedForecast {
            compute: asked.compute,
            size: asked.size.to_owned(),
            seeds: asked.seeds.to_vec(),
            run_ids: runs.iter().map(|run| run.id().to_owned()).collect(),
            data_digest: runs[0].config.data_digest.clone(),
            ..SealedForecast::new()
        };
        assert_eq!(planned(&known, &sealed), Ok(runs));
        let text = SealedForecast { data_digest: "0".repeat(16), ..sealed.clone() };
        let why = planned(&known, &text).unwrap_err();
        assert!(why.contains("the text has changed: data_digest 0000000000000000"), "{why}");
        let shorter = SealedForecast { compute: 9e12, ..sealed.clone() };
        let why = planned(&known, &shorter).unwrap_err();
        assert!(why.contains(&format!("sealed for run {}", sealed.run_ids[0])), "{why}");
        let gone = SealedForecast { series: "a=b".to_owned(), ..sealed };
        assert!(planned(&known, &gone).unwrap_err().contains("`a=b`"));
    }
}
