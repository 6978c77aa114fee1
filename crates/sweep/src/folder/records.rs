//! The records of runs: reading them, looking at them without a change, and merging them into tables.

use super::{ResultsFolder, rows};
use crate::error::SweepError;
use crate::leases::open_again;
use crate::plan::Plan;
use crate::row::is_of;
use crate::run::PlannedRun;
use isoflop_results::{ResultsError, RunRecord, RunRow, Status, Trust, parquet};
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// What is known of the runs of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// Finished and diverged runs of the plan, in its order.
    pub done: Vec<RunRecord>,
    /// Failed runs of the plan, in its order.
    pub failed: Vec<RunRecord>,
    /// Records of runs that the plan no longer names; kept, and used again if it does.
    pub orphaned: Vec<String>,
    /// Damaged files that were moved aside.
    pub damaged: Vec<String>,
    /// What has to be said of where the rows are from.
    pub remark: Option<String>,
}

impl ResultsFolder {
    /// Reads every record. A damaged one is moved aside as `<name>.damaged`, so that its run
    /// counts as not trained.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn records(&self, plan: &Plan) -> Result<Records, SweepError> {
        self.gather(plan, true)
    }

    /// As [`ResultsFolder::records`], changing nothing: a damaged record is only named. A folder
    /// that was archived without its records is read from `runs.parquet`, without curves.
    ///
    /// # Errors
    /// The folder cannot be read, or `runs.parquet` does not match its digest.
    pub fn peek(&self, plan: &Plan) -> Result<Records, SweepError> {
        self.peek_with(plan, Trust::Checked)
    }

    /// As [`ResultsFolder::peek`], with or without a look at the digest.
    ///
    /// # Errors
    /// As [`ResultsFolder::peek`].
    pub fn peek_with(&self, plan: &Plan, trust: Trust) -> Result<Records, SweepError> {
        if self.root.join("records").exists() || !self.runs_path().exists() {
            return self.gather(plan, false);
        }
        let known = |row: &RunRow| plan.run(&row.run_id).is_some();
        let told = self.runs(trust)?;
        let rows = told.rows.into_iter().filter(known);
        let records = rows.map(RunRecord::of);
        let (failed, done) = records.partition(|record| record.row.status == Status::Failed);
        Ok(Records { done, failed, remark: told.remark, ..Records::default() })
    }

    pub(super) fn gather(&self, plan: &Plan, mend: bool) -> Result<Records, SweepError> {
        let mut records = Records::default();
        let (recorded, failures) = (self.recorded()?, self.failed()?);
        for run in plan.runs() {
            if !recorded.contains(run.id()) && !failures.contains(run.id()) {
                continue;
            }
            let mut read = |path: &Path| {
                let record = self.read_record(path, Some(run), mend, &mut records.damaged)?;
                Ok::<_, SweepError>(record.map(|mut record| {
                    run.label(plan.name(), &mut record.row);
                    record
                }))
            };
            match read(&self.record_path(run.id()))? {
                Some(record) => records.done.push(record),
                None => records.failed.extend(read(&self.failure_path(run.id()))?),
            }
        }
        records.orphaned = self.orphans(plan)?;
        Ok(records)
    }

    /// Reads the record of a run, if it is there. One that is damaged, or is not of that run, is
    /// moved aside where `mend` says so.
    pub(super) fn read_record(
        &self,
        path: &Path,
        run: Option<&PlannedRun>,
        mend: bool,
        damaged: &mut Vec<String>,
    ) -> Result<Option<RunRecord>, SweepError> {
        match RunRecord::read(path).and_then(|record| check_record(path, run, record)) {
            Ok(record) => Ok(Some(record)),
            Err(ResultsError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            Err(error @ ResultsError::DamagedRecord { .. }) => {
                if mend {
                    let aside = path.with_extension("json.damaged");
                    fs::rename(path, &aside).map_err(SweepError::io(path, "move aside"))?;
                    if let Some(run) = run {
                        open_again(self, run.id())?;
                    }
                }
                damaged.push(error.to_string());
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn orphans(&self, plan: &Plan) -> Result<Vec<String>, SweepError> {
        let known: HashSet<&str> = plan.runs().iter().map(|run| run.id()).collect();
        let mut orphans: Vec<String> = self.recorded()?.into_iter().collect();
        orphans.retain(|id| !known.contains(id.as_str()));
        orphans.sort();
        Ok(orphans)
    }

    /// Ids of the runs that have a record, of this plan or of earlier ones.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn recorded(&self) -> Result<HashSet<String>, SweepError> {
        self.ids_in("records")
    }

    /// Ids of the runs that have failed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn failed(&self) -> Result<HashSet<String>, SweepError> {
        self.ids_in("failures")
    }

    fn ids_in(&self, part: &str) -> Result<HashSet<String>, SweepError> {
        let folder = self.root.join(part);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(HashSet::new());
            }
            Err(error) => return Err(SweepError::io(&folder, "read the folder")(error)),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let ids = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()));
        Ok(ids.filter(|id| !id.starts_with('.')).collect())
    }

    /// The record of one run of the plan, told anew in its words. A damaged one is moved aside.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn record(&self, plan: &Plan, run: &PlannedRun) -> Result<Option<RunRecord>, SweepError> {
        let path = self.record_path(run.id());
        let mut record = self.read_record(&path, Some(run), true, &mut Vec::new())?;
        if let Some(record) = &mut record {
            run.label(plan.name(), &mut record.row);
        }
        Ok(record)
    }

    /// Writes `runs.parquet` and `curves.parquet` from the records.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn merge(&self, records: &Records) -> Result<(), SweepError> {
        parquet::write_runs(&self.runs_path(), &rows::runs_of(records))?;
        parquet::write_curves(&self.curves_path(), &rows::curves_of(records))?;
        let positions = rows::positions_of(records);
        if !positions.is_empty() {
            parquet::write_positions(&self.positions_path(), &positions)?;
        }
        Ok(())
    }
}

/// The record, if it is one of the run that its file is named after; `run` is what the plan knows of
/// that run.
fn check_record(
    path: &Path,
    run: Option<&PlannedRun>,
    record: RunRecord,
) -> Result<RunRecord, ResultsError> {
    let failed = path.parent().is_some_and(|part| part.ends_with("failures"));
    let row = &record.row;
    let possible = match row.status {
        Status::Finished => row.test_loss.is_some_and(|loss| loss.is_finite() && loss >= 0.0),
        Status::Diverged => row.test_loss.is_none(),
        Status::Failed => true,
    };
    let problem = if path.file_stem().is_none_or(|name| *name != *row.run_id) {
        format!("it is the record of {}", row.run_id)
    } else if run.is_some_and(|run| !is_of(row, run)) {
        "its row is not that of the planned run".to_owned()
    } else if failed != (row.status == Status::Failed) || !possible {
        format!("a run that has {} cannot have such a row here", row.status)
    } else {
        return Ok(record);
    };
    Err(ResultsError::DamagedRecord { path: path.to_owned(), problem })
}
