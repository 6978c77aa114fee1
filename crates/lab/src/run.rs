//! The night: a sweep file to runs, fits and a report. The same again is the resume.

use crate::calibration;
use crate::fits;
use crate::jobs::Jobs;
use crate::places::{self, Places};
use crate::plan::{self, Planned, Setting};
use crate::prices::Prices;
use crate::report::ReportInput;
use crate::tune::{keep_rates, tune};
use crate::words::shell_word;
use crate::{Begun, Lab, LabError, Stop, stages, until};
use isoflop_fit::Options;
use isoflop_fit::output::Fits;
use isoflop_results::{RunRow, Status, Trust};
use isoflop_sweep::folder::Records;
use isoflop_sweep::reuse::{Reuse, reuse};
use isoflop_sweep::supervise::{Limits, Outcome, settle, supervise};
use isoflop_sweep::{Place, Plan, ResultsFolder, Sweep};
use isoflop_train::device::{DeviceChoice, Found};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

/// FLOPs of a sweep from which its speed is measured before it starts, for an honest ETA from the
/// first second: a minute or so.
const WORTH_MEASURING: f64 = 3e12;

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The sweep.
    pub sweep: Sweep,
    /// Workers at a time.
    pub jobs: Jobs,
    /// When to stop with a report of what there is.
    pub deadline: Option<SystemTime>,
    /// What it may be trained on.
    pub places: Places,
    /// Budgets of a plan given as a time, and sizes, are chosen anew.
    pub replan: bool,
    /// Folder of all results; this sweep's are in the folder of its name.
    pub results: PathBuf,
    /// Folder of all reports; this sweep's is in the folder of its name.
    pub reports: PathBuf,
}

/// How a night ended, and what is there in the morning.
pub struct Night {
    /// How it ended.
    pub end: End,
    /// The fits and the report, where the sweep came to its end or to its deadline with any run.
    pub morning: Option<Morning>,
}

/// How a night ended.
pub enum End {
    /// The runs of a plan, that of the sweep or of the stage before it, were trained as far as this.
    Trained {
        /// How that ended.
        outcome: Outcome,
        /// The plan's folder.
        folder: ResultsFolder,
        /// The plan.
        plan: Plan,
        /// What there is of its runs.
        records: Records,
    },
    /// Trials of learning rates failed. A rate is chosen from all of its trials or not at all.
    Untuned {
        /// The folder of the trials.
        folder: ResultsFolder,
        /// The stage.
        stage: Plan,
        /// The trials that failed.
        open: Vec<String>,
    },
}

/// What a finished sweep leaves to be read.
pub struct Morning {
    /// The folder with the results.
    pub folder: ResultsFolder,
    /// The fits.
    pub fits: Fits,
    /// The page.
    pub page: PathBuf,
    /// What the report is made of.
    pub source: ReportInput,
}

/// Trains every run of a sweep that is not done yet, fits the laws and writes the report.
///
/// # Errors
/// The sweep cannot be planned, a folder not be written, or a worker not be started.
pub fn run(lab: &Lab<'_>, request: &Request) -> Result<Night, LabError> {
    let setting = Setting {
        results: &request.results,
        jobs: request.jobs,
        places: &request.places,
        replan: request.replan,
    };
    let mut planned = plan::plan(lab, &request.sweep, &setting)?;
    if let Some(stage) = planned.stage {
        if let Some(end) = tune(lab, request, stage)? {
            return Ok(Night { end, morning: None });
        }
        planned = plan::plan(lab, &request.sweep, &setting)?;
    }
    if let Some((stage, tuned)) = &planned.tuned {
        keep_rates(&ResultsFolder::at(request.results.join(stage.name())), stage, tuned)?;
    }
    let folder = plan::folder(&request.sweep, &request.results);
    let setting = Setting { replan: false, ..setting };
    let mut fitted = None;
    loop {
        let Planned { plan, next, .. } = planned;
        let plan = next.unwrap_or(plan);
        stages::tell(lab, &folder, &plan);
        let plan = adopt(&folder, &plan, &request.sweep)?;
        let outcome = train(lab, request, &folder, &plan)?;
        let records = settle(&folder, &plan)?;
        if outcome == Outcome::Complete {
            let (further, fits) =
                stages::further(lab, request, &setting, &folder, &plan, &records)?;
            if let Some(further) = further {
                planned = further;
                continue;
            }
            fitted = fits;
        }
        let morning = match outcome {
            Outcome::Complete | Outcome::Deadline => {
                conclude(lab, request, &folder, &records, fitted)?
            }
            _ => None,
        };
        if let (Outcome::Deadline, Some(morning)) = (&outcome, &morning) {
            until::tell_of_time(lab, &request.sweep, &morning.fits);
        }
        return Ok(Night { end: End::Trained { outcome, folder, plan, records }, morning });
    }
}

/// Makes a results folder that of a plan, with what a worker elsewhere needs to find its texts; the
/// plan is then that of the folder, with its validation runs.
pub(crate) fn adopt(folder: &ResultsFolder, plan: &Plan, sweep: &Sweep) -> Result<Plan, LabError> {
    let plan = folder.adopt(plan, sweep.source())?;
    let cache = isoflop_data::Places::of_this_machine()?.cache;
    Place::here(&plan, &cache)?.keep(folder)?;
    Ok(plan)
}

/// A device with so many workers, and what runs cost there.
fn staffed(
    lab: &Lab<'_>,
    request: &Request,
    plan: &Plan,
) -> Result<(Found, usize, Prices), LabError> {
    let places = &request.places;
    match places.only_processor() {
        Some(found) if plan.flops().0 < WORTH_MEASURING => {
            return Ok((found.clone(), request.jobs.resolve(plan), Prices::flops(plan)));
        }
        _ => {}
    }
    match (places.settle(lab, plan, request.jobs, false), places.only()) {
        (Ok(settled), _) => {
            if settled.found.is_adapter() {
                lab.notice.note(&settled.in_words());
            }
            Ok((settled.found, settled.jobs, Prices::Seconds(settled.prices)))
        }
        // Memory that is too small for a whole batch, say, is for the runs to find out.
        (Err(error), Some(found)) if found.is_adapter() => {
            lab.notice.note(&format!("warning: {}; going on without", error.in_full()));
            let jobs = match request.jobs {
                Jobs::Given(jobs) => jobs,
                Jobs::Auto => 1,
            };
            Ok((found.clone(), jobs, Prices::flops(plan)))
        }
        (Err(error), _) => Err(error),
    }
}

/// Trains the open runs of a folder's plan.
///
/// # Errors
/// The folder cannot be read or written, or a worker cannot be started.
pub(crate) fn train(
    lab: &Lab<'_>,
    request: &Request,
    folder: &ResultsFolder,
    plan: &Plan,
) -> Result<Outcome, LabError> {
    let before = folder.records(plan)?;
    let open = plan.runs().len() - before.done.len();
    note_left_out(lab, &reuse(plan, folder)?, request.sweep.path());
    if open == 0 {
        lab.notice.note(&format!("nothing to train: all {} runs are done", plan.runs().len()));
        return Ok(Outcome::Complete);
    }
    let (found, workers, prices) = staffed(lab, request, plan)?;
    places::keep(folder, &found)?;
    let jobs = workers.min(open);
    let on = match found.choice {
        DeviceChoice::Cpu => String::new(),
        choice => format!(" on {choice}"),
    };
    let done = before.done.len();
    lab.notice.note(&format!(
        "{}: {open} runs to train, {done} done already, {jobs} worker processes{on}, results in {}",
        plan.name(),
        folder.root().display()
    ));
    let mut watcher = lab.notice.begun(Begun { plan, folder, jobs, prices, done });
    let mut workers = lab.crew.workers(folder, found.choice);
    let _heeded = Heeded::by(lab.stop);
    let limits = Limits { jobs, deadline: request.deadline };
    let stop = lab.stop.flag();
    let outcome = supervise(folder, plan, limits, &mut *workers, &mut *watcher, stop)?;
    learn(folder, plan, &before, &found, jobs)?;
    // The request may come with the end of the last run: what follows would not heed it.
    Ok(match outcome {
        Outcome::Complete if stop.load(Ordering::Acquire) => Outcome::Stopped,
        outcome => outcome,
    })
}

/// While it lives, the work looks at the flag of a [`Stop`].
pub(crate) struct Heeded<'a>(&'a dyn Stop);

impl<'a> Heeded<'a> {
    pub(crate) fn by(stop: &'a dyn Stop) -> Self {
        stop.heeded(true);
        Heeded(stop)
    }
}

impl Drop for Heeded<'_> {
    fn drop(&mut self) {
        self.0.heeded(false);
    }
}

/// Takes the speeds of the runs that this command has trained for the prices of the next.
fn learn(
    folder: &ResultsFolder,
    plan: &Plan,
    before: &Records,
    found: &Found,
    jobs: usize,
) -> Result<(), LabError> {
    let known: HashSet<&str> = before.done.iter().map(|r| r.row.run_id.as_str()).collect();
    let mut rows: Vec<RunRow> = folder.records(plan)?.done.into_iter().map(|r| r.row).collect();
    rows.retain(|row| !known.contains(row.run_id.as_str()));
    calibration::learn(plan, found, jobs, &rows);
    Ok(())
}

/// Names the runs that the folder holds and the sweep no longer does, by what sets them apart.
fn note_left_out(lab: &Lab<'_>, reuse: &Reuse, sweep: &Path) {
    const MOST: usize = 3;
    let note = |line: String| lab.notice.note(&line);
    let reasons = reuse.reasons();
    let runs = |count| match count {
        1 => "1 earlier run is".to_owned(),
        _ => format!("{count} earlier runs are"),
    };
    for (why, count) in reasons.iter().take(MOST) {
        note(format!("{} kept and left out, no longer in the sweep: {why}", runs(*count)));
    }
    let others: usize = reasons.iter().skip(MOST).map(|(_, count)| count).sum();
    if others > 0 {
        note(format!(
            "{} left out for other reasons; `isoflop plan {}` names them",
            runs(others),
            shell_word(&sweep.display().to_string())
        ));
    }
}

/// Fits what there is, unless that has just been done, and writes the report.
fn conclude(
    lab: &Lab<'_>,
    request: &Request,
    folder: &ResultsFolder,
    records: &Records,
    fitted: Option<Fits>,
) -> Result<Option<Morning>, LabError> {
    let all = records.done.iter().chain(&records.failed).map(|record| record.row.clone());
    let rows: Vec<RunRow> = all.filter(|row| !row.is_validation()).collect();
    let finished = rows.iter().any(|row| row.status == Status::Finished);
    let options = Options::default();
    match finished {
        true if fitted.is_some() => {}
        true => lab.notice.note(&format!("fitting laws, {} replicates each", options.bootstrap)),
        false => lab.notice.note("no run has finished, so there is nothing to fit"),
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let fits = match fitted {
        Some(fits) => fits,
        None => fits::of_rows(lab.notice, &folder.runs_path(), &rows, &options)?,
    };
    fits::write(folder, &fits)?;
    let sweep = shell_word(&request.sweep.path().display().to_string());
    let write = || {
        let source = ReportInput::of(lab.notice, folder, Some(fits.clone()), Trust::Checked)?;
        let page = source.write(&request.reports, vec![format!("isoflop run {sweep}")])?;
        Ok((source, page))
    };
    let (source, page) = write().map_err(|error| LabError::LastReport(Box::new(error)))?;
    Ok(Some(Morning { folder: folder.clone(), fits, page, source }))
}
