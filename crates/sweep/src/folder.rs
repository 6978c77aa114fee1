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
use crate::row::is_of;
use crate::run::PlannedRun;
use crate::spec::Sweep;
use crate::tuning::SUFFIX;
use isoflop_results::file::{UNFINISHED, unlinked, write_atomic};
use isoflop_results::{DataFile, ResultsError, RunRecord, RunRow, Status, Trust, parquet};
use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A results folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsFolder {
    root: PathBuf,
}

/// Folders that work on a sweep needs.
const PARTS: [&str; 6] = ["records", "failures", "leases", "logs", "checkpoints", "models"];

/// The sweep file as it was last run.
const SWEEP: &str = "sweep.toml";

/// Files that a folder may hold before it has its plan, as earlier versions and helpers of git left
/// them.
const BEGUN: [&str; 4] = [SWEEP, "data.json", "place.json", ".gitignore"];

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

    /// Whether this folder may hold the results of a sweep: absent, empty, that sweep's, left by a
    /// command that died before it had written the plan, or one that has lost it.
    ///
    /// # Errors
    /// It belongs to another sweep or is no results folder.
    pub fn check_owner(&self, name: &str) -> Result<(), SweepError> {
        let parent_plan = self.root.parent().map(|parent| ResultsFolder::at(parent.to_owned()));
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
            Err(_) if self.plan_path().exists() || self.is_unfinished()? => Ok(()),
            Err(_) if self.has_sweep_of(name) => Ok(()),
            Err(_) => Err(SweepError::NotAResultsFolder { path: self.root.clone() }),
        }
    }

    /// Whether it has lost its plan alone: the sweep file of the last `run` is there, of that name or of the
    /// sweep whose stage has it, and so is the folder of records.
    fn has_sweep_of(&self, name: &str) -> bool {
        let Ok(sweep) = self.sweep() else {
            return false;
        };
        let kept = sweep.spec().name.get_ref();
        let own = name == kept || name.strip_suffix(SUFFIX) == Some(kept);
        own && self.root.join("records").is_dir()
    }

    /// Absent, or holding nothing but what [`ResultsFolder::adopt`] begins with.
    fn is_unfinished(&self) -> Result<bool, SweepError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(SweepError::io(&self.root, "read the results folder")(error)),
        };
        for entry in entries {
            let entry = entry.map_err(SweepError::io(&self.root, "read the results folder"))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let begun = BEGUN.contains(&name.as_ref()) || name.ends_with(UNFINISHED);
            let empty =
                || fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_none());
            let part = PARTS.contains(&name.as_ref());
            if !(begun || part && empty()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The sweep file that the plan came from, as of the last `run`.
    ///
    /// # Errors
    /// There is none, or it does not parse.
    pub fn sweep(&self) -> Result<Sweep, SweepError> {
        Sweep::read(&self.root.join(SWEEP))
    }

    /// Writes the plan and the sweep file it came from, after [`ResultsFolder::check_owner`]. The
    /// plan comes first: a folder that has one is known for what it is.
    ///
    /// # Errors
    /// The folder belongs to another sweep, or cannot be written.
    pub fn adopt(&self, plan: &Plan, sweep_source: &str) -> Result<(), SweepError> {
        self.check_owner(plan.name())?;
        self.check_links()?;
        write_atomic(&self.plan_path(), plan.to_json()?.as_bytes())?;
        self.make_parts()?;
        write_atomic(&self.root.join(SWEEP), sweep_source.as_bytes())?;
        let data = DataFile { data: plan.data().to_vec() };
        Ok(data.write(&self.data_path())?)
    }

    /// Makes the folders that work on a sweep needs.
    fn make_parts(&self) -> Result<(), SweepError> {
        for part in PARTS {
            let path = self.root.join(part);
            fs::create_dir_all(&path).map_err(SweepError::io(&path, "create the folder"))?;
        }
        Ok(())
    }

    /// Refuses a folder that would lead what is written to another place: someone else's folder may
    /// hold links. The results folder itself may be one.
    ///
    /// # Errors
    /// The link.
    fn check_links(&self) -> Result<(), SweepError> {
        let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        match PARTS.map(|part| self.root.join(part)).into_iter().find(|path| is_link(path)) {
            Some(path) => Err(SweepError::Link { path }),
            None => Ok(()),
        }
    }

    /// Whether a worker can write wherever it will have to.
    ///
    /// # Errors
    /// The first place where it cannot.
    pub fn check_writable(&self) -> Result<(), SweepError> {
        self.check_links()?;
        self.make_parts()?;
        for part in PARTS {
            let path =
                self.root.join(part).join(format!(".probe.{}{UNFINISHED}", std::process::id()));
            write_atomic(&path, b"")?;
            crate::lease::remove(&path)?;
        }
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
        let path = self.plan_path();
        let bytes = fs::read(&path).map_err(|error| SweepError::NoPlan {
            path: self.root.clone(),
            problem: format!("plan.json: {error}"),
        })?;
        Plan::parse(&bytes).map_err(|problem| SweepError::DamagedPlan { path, problem })
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
        if unlinked(&path).is_ok() {
            let file = fs::OpenOptions::new().create(true).append(true).open(path);
            let _ = file.and_then(|mut file| writeln!(file, "{line}"));
        }
    }

    /// What worker number `worker` printed.
    pub fn worker_log_path(&self, worker: usize) -> PathBuf {
        self.root.join("logs").join(format!("worker-{worker}.log"))
    }

    /// An empty file for what worker number `worker` prints.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn worker_log(&self, worker: usize) -> std::io::Result<fs::File> {
        let path = self.worker_log_path(worker);
        unlinked(&path)?;
        fs::File::create(path)
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
        let records = rows.map(|row| RunRecord { row, curve: Vec::new() });
        let (failed, done) = records.partition(|record| record.row.status == Status::Failed);
        Ok(Records { done, failed, remark: told.remark, ..Records::default() })
    }

    fn gather(&self, plan: &Plan, mend: bool) -> Result<Records, SweepError> {
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
    fn read_record(
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
