//! What a report is made of, read from a results folder.

use crate::analysis;
use crate::progress::DataBar;
use anyhow::Result;
use isoflop_fit::Options;
use isoflop_fit::output::Fits;
use isoflop_report::{Fact, Sweep};
use isoflop_results::parquet::{read_curves, read_runs};
use isoflop_results::{DataFile, DataRecord, RunRow};
use isoflop_sweep::{Plan, ResultsFolder};
use isoflop_train::prepare_run;
use std::fs;
use std::path::Path;

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
    pub(crate) fn of(folder: &ResultsFolder, fits: Option<Fits>) -> Result<Source> {
        let plan = folder.plan()?;
        let fits = match fits {
            Some(fits) => fits,
            None => load_or_fit(folder)?,
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
                runs: read_runs(&folder.runs_path())?,
                curves: read_curves(&folder.curves_path())?,
                tuning: trials(folder),
                data: texts(folder, &plan)?,
                fits,
            },
            facts,
        })
    }
}

/// The fits of the last `run`, or fresh ones where runs are newer or there are none.
fn load_or_fit(folder: &ResultsFolder) -> Result<Fits> {
    let modified = |path: &Path| {
        fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    let current = modified(&folder.fits_path()) >= modified(&folder.runs_path());
    if current
        && let Ok(text) = fs::read_to_string(folder.fits_path())
        && let Ok(fits) = serde_json::from_str(&text)
    {
        return Ok(fits);
    }
    analysis::fits(&read_runs(&folder.runs_path())?, &Options::default())
}

/// What is known of each text of the sweep.
///
/// # Errors
/// `data.json` is there and cannot be read.
pub(crate) fn texts(folder: &ResultsFolder, plan: &Plan) -> Result<Vec<DataRecord>> {
    let known = DataFile::read(&folder.data_path())?;
    Ok(known.map_or_else(|| plan.data().to_vec(), |file| file.data))
}

/// Runs of the stage that chose the learning rates, where there was one.
pub(crate) fn trials(folder: &ResultsFolder) -> Vec<RunRow> {
    let mut stage = folder.root().as_os_str().to_owned();
    stage.push(isoflop_sweep::tuning::SUFFIX);
    let stage = ResultsFolder::at(stage.into());
    read_runs(&stage.runs_path()).unwrap_or_default()
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
