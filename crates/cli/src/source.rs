//! What a report is made of, read from a results folder.

use crate::analysis;
use crate::output::note;
use crate::progress::DataBar;
use anyhow::Result;
use isoflop_fit::Options;
use isoflop_fit::output::Fits;
use isoflop_report::{Fact, Sweep};
use isoflop_results::repeat::rows_digest;
use isoflop_results::{Curve, DataFile, DataRecord, RunRow, Table, Trust};
use isoflop_sweep::folder::Told;
use isoflop_sweep::{Plan, ResultsFolder};
use isoflop_train::prepare_run;
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Whether files are believed that say themselves that they were changed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct TrustArg {
    /// Read parquet files as they are, also where their values do not match the digest they carry.
    #[arg(long)]
    trust: bool,
}

impl TrustArg {
    pub(crate) fn trust(self) -> Trust {
        match self.trust {
            true => Trust::Blind,
            false => Trust::Checked,
        }
    }
}

/// The rows of a folder; what has to be said of them is said once.
///
/// # Errors
/// As [`ResultsFolder::runs`].
pub(crate) fn runs(folder: &ResultsFolder, trust: Trust) -> Result<Vec<RunRow>> {
    Ok(heard(folder.runs(trust)?))
}

/// As [`runs`], with whatever columns the file has.
///
/// # Errors
/// As [`ResultsFolder::runs_table`].
pub(crate) fn runs_table(folder: &ResultsFolder, trust: Trust) -> Result<Table> {
    Ok(heard(folder.runs_table(trust)?))
}

/// As [`runs`], of the curves.
///
/// # Errors
/// As [`ResultsFolder::curves`].
pub(crate) fn curves(folder: &ResultsFolder, trust: Trust) -> Result<Vec<Curve>> {
    Ok(heard(folder.curves(trust)?))
}

fn heard<T>(told: Told<T>) -> T {
    say_once(told.remark.as_deref());
    told.rows
}

/// Tells the person at the terminal something, if this command has not yet.
pub(crate) fn say_once(remark: Option<&str>) {
    static SAID: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let Some(remark) = remark else {
        return;
    };
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(remark.to_owned()) {
        note(&format!("note: {remark}"));
    }
}

/// One sweep, or several side by side.
pub(crate) struct Source {
    pub(crate) title: String,
    pub(crate) question: Option<String>,
    /// The folder of its report among all reports.
    pub(crate) folder: String,
    pub(crate) sweep: Sweep,
    pub(crate) facts: Vec<Fact>,
}

impl Source {
    /// Reads a folder; without fits those of the last `run`, or fresh ones.
    ///
    /// # Errors
    /// The folder holds no sweep, or a file cannot be read.
    pub(crate) fn of(folder: &ResultsFolder, fits: Option<Fits>, trust: Trust) -> Result<Source> {
        let plan = folder.plan()?;
        let runs = runs(folder, trust)?;
        let fits = match fits {
            Some(fits) => fits,
            None => match stored_fits(folder, &runs) {
                Some(fits) => fits,
                None => analysis::fits(&folder.runs_path(), &runs, &Options::default())?,
            },
        };
        let mut facts = vec![Fact {
            label: "plan".to_owned(),
            value: format!("{}, {} runs", plan.kind(), plan.runs().len()),
        }];
        facts.extend(data_facts(&plan));
        Ok(Source {
            title: plan.name().to_owned(),
            question: plan.question().map(str::to_owned),
            folder: plan.name().to_owned(),
            sweep: Sweep {
                runs,
                curves: curves(folder, trust)?,
                tuning: trials(folder, trust)?,
                data: texts(folder, &plan),
                fits,
            },
            facts,
        })
    }
}

/// The fits of the last `run`, unless they are of other runs or cannot be read, which is said.
pub(crate) fn stored_fits(folder: &ResultsFolder, runs: &[RunRow]) -> Option<Fits> {
    let path = folder.fits_path();
    if !path.exists() {
        return None;
    }
    let fits = match analysis::read_fits(&path) {
        Ok(fits) => fits,
        Err(problem) => {
            say_once(Some(&format!("{problem}; the laws are fitted anew")));
            return None;
        }
    };
    are_of(&fits, folder, runs).then_some(fits)
}

/// Whether fits are those of the runs of a folder: by the digest of its rows where they carry one, else by
/// age.
fn are_of(fits: &Fits, folder: &ResultsFolder, runs: &[RunRow]) -> bool {
    if let [source] = &fits.sources[..] {
        return source.sha256 == Some(rows_digest(runs));
    }
    let modified = |path: &Path| {
        let metadata = fs::metadata(path);
        metadata.and_then(|metadata| metadata.modified()).ok()
    };
    modified(&folder.fits_path()) >= modified(&folder.runs_path())
}

/// What is known of each text of the sweep; where `data.json` is damaged, what the plan knows.
pub(crate) fn texts(folder: &ResultsFolder, plan: &Plan) -> Vec<DataRecord> {
    let known = DataFile::read(&folder.data_path()).unwrap_or_else(|error| {
        say_once(Some(&format!("{error}; taken from plan.json instead")));
        None
    });
    known.map_or_else(|| plan.data().to_vec(), |file| file.data)
}

/// Runs of the stage that chose the learning rates, where there was one.
///
/// # Errors
/// As [`runs`].
pub(crate) fn trials(folder: &ResultsFolder, trust: Trust) -> Result<Vec<RunRow>> {
    let mut stage = folder.root().as_os_str().to_owned();
    stage.push(isoflop_sweep::tuning::SUFFIX);
    let stage = ResultsFolder::at(stage.into());
    match stage.root().exists() {
        true => runs(&stage, trust),
        false => Ok(Vec::new()),
    }
}

/// What is known of each text, as long as it is at hand.
fn data_facts(plan: &Plan) -> Vec<Fact> {
    let mut seen = Vec::new();
    let mut facts = Vec::new();
    for run in plan.runs() {
        let key = (&run.source, &run.options, run.test_tokens);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let bar = DataBar::new();
        if let Ok(prepared) = prepare_run(run, &|progress| bar.show(progress)) {
            facts.push(Fact {
                label: format!(
                    "text {}, {}",
                    prepared.metadata().name,
                    prepared.metadata().tokenizer
                ),
                value: crate::verbs::data::summary(prepared.metadata()),
            });
        }
    }
    facts
}
