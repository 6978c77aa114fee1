//! `results/<name>`: all the state there is. Every file has one writer and is renamed into place.
//!
//! ```text
//! sweep.toml, plan.json       what was asked, as of the last `run`
//! data.json                   what is known of each text: counts, entropy, losses that need no model
//! records/<run>.json          row and curve of a finished or diverged run, checksummed
//! failures/<run>.json         the same of a failed run
//! models/<run>.safetensors    weights of a finished run, with models/<run>.json
//! checkpoints/                states to go on from, see [`crate::checkpoints`]
//! leases/<run>.json, lock     who trains what right now
//! logs/                       what happened to each run, and what workers print
//! runs.parquet, curves.parquet, fits.json
//! ```

mod rows;

pub use rows::Told;

use crate::error::SweepError;
use crate::plan::Plan;
use crate::run::PlannedRun;
use isoflop_results::file::write_atomic;
use isoflop_results::{DataFile, ResultsError, RunRecord, RunRow, Status, Trust, parquet};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A results folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsFolder {
    root: PathBuf,
}

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
    /// The folder at `root`, whether or not it exists.
    pub fn at(root: PathBuf) -> Self {
        ResultsFolder { root }
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether this folder may hold the results of a sweep: absent, empty, or that sweep's.
    ///
    /// # Errors
    /// It belongs to another sweep or is no results folder.
    pub fn check_owner(&self, name: &str) -> Result<(), SweepError> {
        let parent_plan = self
            .root
            .parent()
            .map(|parent| ResultsFolder::at(parent.to_owned()));
        if let Some(parent) = parent_plan
            && let Ok(plan) = parent.plan()
        {
            return Err(SweepError::OtherSweep {
                path: parent.root,
                found: plan.name().to_owned(),
                wanted: name.to_owned(),
            });
        }
        match self.plan() {
            Ok(plan) if plan.name() == name => Ok(()),
            Ok(plan) => Err(SweepError::OtherSweep {
                path: self.root.clone(),
                found: plan.name().to_owned(),
                wanted: name.to_owned(),
            }),
            Err(_) if self.plan_path().exists() || self.is_bare()? => Ok(()),
            Err(_) => Err(SweepError::NotAResultsFolder {
                path: self.root.clone(),
            }),
        }
    }

    /// Absent, or empty but for a `runs.parquet` and its companions as a repository keeps them.
    fn is_bare(&self) -> Result<bool, SweepError> {
        match fs::read_dir(&self.root) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(SweepError::io(&self.root, "read the results folder")(error)),
        }
    }

    /// Writes the plan and the sweep file it came from, after [`ResultsFolder::check_owner`].
    ///
    /// # Errors
    /// The folder belongs to another sweep, or cannot be written.
    pub fn adopt(&self, plan: &Plan, sweep_source: &str) -> Result<(), SweepError> {
        self.check_owner(plan.name())?;
        for folder in ["records", "failures", "leases", "logs"] {
            let path = self.root.join(folder);
            fs::create_dir_all(&path).map_err(SweepError::io(&path, "create the folder"))?;
        }
        write_atomic(&self.root.join("sweep.toml"), sweep_source.as_bytes())?;
        let data = DataFile {
            data: plan.data().to_vec(),
        };
        data.write(&self.data_path())?;
        write_atomic(&self.plan_path(), plan.to_json()?.as_bytes())?;
        Ok(())
    }

    /// `data.json`: what is known of each text.
    pub fn data_path(&self) -> PathBuf {
        self.root.join("data.json")
    }

    fn plan_path(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    /// Reads the plan.
    ///
    /// # Errors
    /// There is none, or it is not readable.
    pub fn plan(&self) -> Result<Plan, SweepError> {
        let missing = |problem: String| SweepError::NoPlan {
            path: self.root.clone(),
            problem,
        };
        let text = fs::read_to_string(self.plan_path())
            .map_err(|error| missing(format!("plan.json: {error}")))?;
        Plan::from_json(&text).map_err(|error| missing(format!("plan.json: {error}")))
    }

    /// Where the record of a finished or diverged run lies.
    pub fn record_path(&self, run_id: &str) -> PathBuf {
        self.root.join("records").join(format!("{run_id}.json"))
    }

    /// Where the weights of finished runs lie, `RUN.safetensors` and `RUN.json`.
    pub fn models_path(&self) -> PathBuf {
        self.root.join("models")
    }

    /// Where the record of a failed run lies.
    pub fn failure_path(&self, run_id: &str) -> PathBuf {
        self.root.join("failures").join(format!("{run_id}.json"))
    }

    /// Where states to go on from lie.
    pub fn checkpoints_path(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Where leases lie.
    pub fn leases_path(&self) -> PathBuf {
        self.root.join("leases")
    }

    /// Where the lease of a run lies.
    pub fn lease_path(&self, run_id: &str) -> PathBuf {
        self.leases_path().join(format!("{run_id}.json"))
    }

    /// The file whose lock serialises claims.
    pub fn lock_path(&self) -> PathBuf {
        self.leases_path().join("lock")
    }

    /// What happened to a run, attempt by attempt.
    pub fn log_path(&self, run_id: &str) -> PathBuf {
        self.root.join("logs").join(format!("{run_id}.log"))
    }

    /// Adds a line to the log of a run. A log that cannot be written stops nothing.
    pub fn log(&self, run_id: &str, line: &str) {
        let path = self.log_path(run_id);
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }

    /// What worker number `worker` printed.
    pub fn worker_log_path(&self, worker: usize) -> PathBuf {
        self.root.join("logs").join(format!("worker-{worker}.log"))
    }

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
        let records = rows.map(|row| RunRecord {
            row,
            curve: Vec::new(),
        });
        let (failed, done) = records.partition(|record| record.row.status == Status::Failed);
        Ok(Records {
            done,
            failed,
            remark: told.remark,
            ..Records::default()
        })
    }

    fn gather(&self, plan: &Plan, mend: bool) -> Result<Records, SweepError> {
        let mut records = Records::default();
        let (recorded, failures) = (self.recorded()?, self.failed()?);
        for run in plan.runs() {
            if !recorded.contains(run.id()) && !failures.contains(run.id()) {
                continue;
            }
            match self.read_record(&self.record_path(run.id()), mend, &mut records.damaged)? {
                Some(record) => records.done.push(record),
                None => {
                    let path = self.failure_path(run.id());
                    records
                        .failed
                        .extend(self.read_record(&path, mend, &mut records.damaged)?);
                }
            }
        }
        let runs: HashMap<&str, &PlannedRun> =
            plan.runs().iter().map(|run| (run.id(), run)).collect();
        for record in records.done.iter_mut().chain(&mut records.failed) {
            if let Some(run) = runs.get(record.row.run_id.as_str()) {
                run.label(plan.name(), &mut record.row);
            }
        }
        records.orphaned = self.orphans(plan)?;
        Ok(records)
    }

    fn read_record(
        &self,
        path: &Path,
        mend: bool,
        damaged: &mut Vec<String>,
    ) -> Result<Option<RunRecord>, SweepError> {
        match RunRecord::read(path) {
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
        let mut record = self.read_record(&self.record_path(run.id()), true, &mut Vec::new())?;
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
        Ok(())
    }

    /// `runs.parquet`.
    pub fn runs_path(&self) -> PathBuf {
        self.root.join("runs.parquet")
    }

    /// `curves.parquet`.
    pub fn curves_path(&self) -> PathBuf {
        self.root.join("curves.parquet")
    }

    /// `fits.json`.
    pub fn fits_path(&self) -> PathBuf {
        self.root.join("fits.json")
    }
}
