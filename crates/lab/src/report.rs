//! What a report is made of, read from results folders, and the page.

use crate::notice::Notice;
use crate::score::Score;
use crate::validate::score;
use crate::{LabError, fits, words};
use isoflop_fit::Options;
use isoflop_fit::output::Fits;
use isoflop_report::{Fact, Provenance, Report, ScoredForecast, SweepResults, merge};
use isoflop_results::{Curve, DataFile, DataRecord, Positions, RunRow, Table, Trust};
use isoflop_sweep::folder::Told;
use isoflop_sweep::{Plan, ResultsFolder};
use std::path::{Path, PathBuf};

/// The rows of the runs of a sweep file, without those of validation runs; what has to be said of
/// them is a remark.
///
/// # Errors
/// The errors are those of [`ResultsFolder::runs`].
pub fn runs(
    notice: &dyn Notice,
    folder: &ResultsFolder,
    trust: Trust,
) -> Result<Vec<RunRow>, LabError> {
    let mut rows = all_runs(notice, folder, trust)?;
    rows.retain(|row| !row.is_validation());
    Ok(rows)
}

/// The rows of a folder, validation runs among them; what has to be said of them is a remark.
///
/// # Errors
/// The errors are those of [`ResultsFolder::runs`].
pub fn all_runs(
    notice: &dyn Notice,
    folder: &ResultsFolder,
    trust: Trust,
) -> Result<Vec<RunRow>, LabError> {
    Ok(heard(notice, folder.runs(trust)?))
}

/// The rows of a folder with whatever columns its file has; what has to be said of them is a remark.
///
/// # Errors
/// The errors are those of [`ResultsFolder::runs_table`].
pub fn runs_table(
    notice: &dyn Notice,
    folder: &ResultsFolder,
    trust: Trust,
) -> Result<Table, LabError> {
    Ok(heard(notice, folder.runs_table(trust)?))
}

/// The learning curves of a folder; what has to be said of them is a remark.
///
/// # Errors
/// The errors are those of [`ResultsFolder::curves`].
pub fn curves(
    notice: &dyn Notice,
    folder: &ResultsFolder,
    trust: Trust,
) -> Result<Vec<Curve>, LabError> {
    Ok(heard(notice, folder.curves(trust)?))
}

/// The losses by position of a folder; what has to be said of them is a remark.
///
/// # Errors
/// The errors are those of [`ResultsFolder::positions`].
pub fn positions(
    notice: &dyn Notice,
    folder: &ResultsFolder,
    trust: Trust,
) -> Result<Vec<Positions>, LabError> {
    Ok(heard(notice, folder.positions(trust)?))
}

fn heard<T>(notice: &dyn Notice, told: Told<T>) -> T {
    told.remark.into_iter().for_each(|remark| notice.remark(&remark));
    told.rows
}

/// What is known of each text of the sweep; where `data.json` is damaged, what the plan knows.
pub fn texts(notice: &dyn Notice, folder: &ResultsFolder, plan: &Plan) -> Vec<DataRecord> {
    let known = DataFile::read(&folder.data_path()).unwrap_or_else(|error| {
        notice.remark(&format!("{error}; taken from plan.json instead"));
        None
    });
    known.map_or_else(|| plan.data().to_vec(), |file| file.data)
}

/// Runs of the stage that chose the learning rates, where there was one.
///
/// # Errors
/// The errors are those of [`runs`].
pub fn trials(
    notice: &dyn Notice,
    folder: &ResultsFolder,
    trust: Trust,
) -> Result<Vec<RunRow>, LabError> {
    let mut stage = folder.root().as_os_str().to_owned();
    stage.push(isoflop_sweep::tuning::SUFFIX);
    let stage = ResultsFolder::at(stage.into());
    match stage.root().exists() {
        true => runs(notice, &stage, trust),
        false => Ok(Vec::new()),
    }
}

/// Runs of sealed forecasts that have finished; none of a chain that does not hold, which is a remark.
pub fn forecasts(notice: &dyn Notice, folder: &ResultsFolder) -> Vec<ScoredForecast> {
    let scores = score(notice, folder).unwrap_or_else(|error| {
        notice.remark(&format!("{}; its forecasts are not drawn", error.in_full()));
        Vec::new()
    });
    let of_forecast = |score: Score| {
        let forecast = score.forecast;
        score.runs.into_iter().filter_map(move |run| {
            Some(ScoredForecast {
                run_id: run.run_id,
                series: forecast.series.clone(),
                reach: forecast.reach,
                predicted: forecast.loss.value,
                low: forecast.loss.low,
                high: forecast.loss.high,
                measured: run.measured?,
            })
        })
    };
    scores.into_iter().flat_map(of_forecast).collect()
}

/// The line of a page that says what was planned.
pub fn plan_fact(plan: &Plan) -> Fact {
    let value = format!("{}, {} runs", plan.kind(), plan.sweep_runs().count());
    Fact { label: "plan".to_owned(), value }
}

/// The line of a page on one text; its table of texts has the rest.
fn text_fact(text: &DataRecord) -> Fact {
    let held_out = match (text.held_out_bytes, text.held_out_documents) {
        (Some(bytes), Some(documents)) => {
            format!("{} held out in {documents}, ", words::bytes(bytes))
        }
        // Folders of earlier versions do not say.
        _ => String::new(),
    };
    Fact {
        label: format!("text {}, {}", text.corpus, text.tokenizer),
        value: format!(
            "digest {}; {} of train text in {} documents, {held_out}{} tokens {}scored",
            text.data_digest,
            words::bytes(text.train_bytes),
            text.train_documents,
            text.test_tokens,
            if held_out.is_empty() { "" } else { "of it " },
        ),
    }
}

/// One sweep, or several side by side.
pub struct ReportInput {
    /// Name of the sweep.
    pub title: String,
    /// What it asks.
    pub question: Option<String>,
    /// The folder of its report among all reports.
    pub folder: String,
    /// Its rows, curves and fits.
    pub sweep: SweepResults,
    /// Lines of provenance.
    pub facts: Vec<Fact>,
}

impl ReportInput {
    /// Reads a folder; without fits those that it holds, or fresh ones where these are of other rows or of an
    /// earlier version. Fresh ones are kept in the folder, so that every command shows the same numbers.
    ///
    /// # Errors
    /// The folder holds no sweep, or a file cannot be read.
    pub fn of(
        notice: &dyn Notice,
        folder: &ResultsFolder,
        fits: Option<Fits>,
        trust: Trust,
    ) -> Result<ReportInput, LabError> {
        let runs = runs(notice, folder, trust)?;
        let fits = match fits.or_else(|| fits::stored(notice, folder, &runs)) {
            Some(fits) => fits,
            None => {
                let fits = fits::of_rows(notice, &folder.runs_path(), &runs, &Options::default())?;
                fits::keep(notice, folder, &fits);
                fits
            }
        };
        ReportInput::with(notice, folder, runs, fits, trust)
    }

    /// Reads a folder, with its validation runs among those of the sweep and in its fits.
    ///
    /// # Errors
    /// The errors are those of [`ReportInput::of`].
    pub fn with_validation(
        notice: &dyn Notice,
        folder: &ResultsFolder,
        trust: Trust,
    ) -> Result<ReportInput, LabError> {
        let runs = all_runs(notice, folder, trust)?;
        let fits = fits::of_rows(notice, &folder.runs_path(), &runs, &Options::default())?;
        ReportInput::with(notice, folder, runs, fits, trust)
    }

    fn with(
        notice: &dyn Notice,
        folder: &ResultsFolder,
        runs: Vec<RunRow>,
        fits: Fits,
        trust: Trust,
    ) -> Result<ReportInput, LabError> {
        let plan = folder.plan()?;
        let data = texts(notice, folder, &plan);
        let mut facts = vec![plan_fact(&plan)];
        facts.extend(data.iter().map(text_fact));
        Ok(ReportInput {
            title: plan.name().to_owned(),
            question: plan.question().map(str::to_owned),
            folder: plan.name().to_owned(),
            sweep: SweepResults {
                runs,
                curves: curves(notice, folder, trust)?,
                positions: positions(notice, folder, trust)?,
                tuning: trials(notice, folder, trust)?,
                data,
                fits,
                forecasts: forecasts(notice, folder),
            },
            facts,
        })
    }

    /// Several folders under the names of their sweeps; the second of a name is told apart by a number.
    pub fn side_by_side(sources: Vec<ReportInput>) -> ReportInput {
        let mut names: Vec<String> = Vec::new();
        let (mut parts, mut facts) = (Vec::new(), Vec::new());
        for source in sources {
            let same = names.iter().filter(|n| n.split(" #").next() == Some(&source.title)).count();
            let name = match same {
                0 => source.title,
                k => format!("{} #{}", source.title, k + 1),
            };
            facts.extend(source.facts.into_iter().map(|mut fact| {
                fact.label = format!("{name}: {}", fact.label);
                fact
            }));
            parts.push((name.clone(), source.sweep));
            names.push(name);
        }
        ReportInput {
            title: names.join(" and "),
            question: Some(format!("How do {} differ?", names.join(" and "))),
            folder: names.join("-vs-").replace(" #", "-"),
            sweep: merge(parts),
            facts,
        }
    }

    /// The report of it.
    pub fn report(&self, provenance: Provenance) -> Report<'_> {
        let SweepResults { runs, curves, positions, tuning, data, fits, forecasts } = &self.sweep;
        Report {
            title: &self.title,
            question: self.question.as_deref(),
            runs,
            curves,
            positions,
            tuning,
            fits,
            forecasts,
            data,
            provenance,
        }
    }

    /// Where it comes from, made now by these commands.
    pub fn provenance(&self, commands: Vec<String>) -> Provenance {
        let now = jiff::Timestamp::now();
        Provenance {
            commands,
            generated: Some(now.strftime("%Y-%m-%d %H:%M UTC").to_string()),
            facts: self.facts.clone(),
        }
    }

    /// Writes the report into `reports/<name>`; returns the page.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, reports: &Path, commands: Vec<String>) -> Result<PathBuf, LabError> {
        let out = reports.join(&self.folder);
        isoflop_report::write(&self.report(self.provenance(commands)), &out)?;
        Ok(out.join("index.html"))
    }
}
