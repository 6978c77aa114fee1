//! The folder `results/<name>`, which holds all state of a sweep. Every file in it has one writer
//! and is renamed into its place.
//!
//! ```text
//! sweep.toml, plan.json       the sweep file and its plan, as of the last `run`
//! data.json                   facts of each text: counts, entropy, losses that need no model
//! records/<run>.json          row and curve of a finished or diverged run, with a checksum
//! failures/<run>.json         row and curve of a failed run, with a checksum
//! models/<run>.safetensors    weights of a finished run, with models/<run>.json
//! checkpoints/                states that training resumes from, see [`crate::checkpoints`]
//! leases/<run>.json, lock     who is training which run at the moment
//! logs/                       what happened to each run, and the output of workers
//! runs.parquet, curves.parquet, positions.parquet, fits.json
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

/// A results folder, which need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsFolder {
    root: PathBuf,
}

/// Subfolders that working on a sweep needs.
const PARTS: [&str; 6] = ["records", "failures", "leases", "logs", "checkpoints", "models"];

/// Name of the sweep file as it was last run.
const SWEEP: &str = "sweep.toml";

/// Files that a folder may hold before it has its plan, left by earlier versions or by git.
const BEGUN: [&str; 4] = [SWEEP, "data.json", "place.json", ".gitignore"];

/// Records of the runs of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// Records of finished and diverged runs, in the order of the plan.
    pub done: Vec<RunRecord>,
    /// Records of failed runs, in the order of the plan.
    pub failed: Vec<RunRecord>,
    /// Ids of runs that have a record although the plan does not name them. The records are kept,
    /// and used again if a later plan names them.
    pub orphaned: Vec<String>,
    /// Messages about damaged records, which are moved aside wherever the reader may change the
    /// folder.
    pub damaged: Vec<String>,
    /// Remark for the user about the files that the rows were read from.
    pub remark: Option<String>,
}

impl ResultsFolder {
    /// The folder at `root`, whether or not it exists.
    pub fn at(root: PathBuf) -> Self {
        ResultsFolder { root }
    }

    /// Path of the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Checks that this folder may hold the results of the sweep `name`: it is absent or empty,
    /// belongs to that sweep, was left by a command that died before it wrote the plan, or has lost
    /// its plan.
    ///
    /// # Errors
    /// The folder belongs to another sweep or is not a results folder.
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

    /// Whether the folder has lost only its plan: it has a folder of records and the sweep file of
    /// the last `run`, whose name is `name` or that of the sweep which the tuning stage `name`
    /// serves.
    fn has_sweep_of(&self, name: &str) -> bool {
        let Ok(sweep) = self.sweep() else {
            return false;
        };
        let kept = sweep.spec().name.get_ref();
        let own = name == kept || name.strip_suffix(SUFFIX) == Some(kept);
        own && self.root.join("records").is_dir()
    }

    /// Whether the folder is absent, or holds only what [`ResultsFolder::adopt`] begins with.
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

    /// Parses the sweep file of the last `run`, from which the plan was made.
    ///
    /// # Errors
    /// The file does not exist or does not parse.
    pub fn sweep(&self) -> Result<Sweep, SweepError> {
        Sweep::read(&self.root.join(SWEEP))
    }

    /// Writes the plan and its sweep file, after [`ResultsFolder::check_owner`]. The plan is
    /// written first, since it identifies the folder.
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

    /// Makes the subfolders that working on a sweep needs.
    fn make_parts(&self) -> Result<(), SweepError> {
        for part in PARTS {
            let path = self.root.join(part);
            fs::create_dir_all(&path).map_err(SweepError::io(&path, "create the folder"))?;
        }
        Ok(())
    }

    /// Refuses a folder with symbolic links inside, through which writing would reach another
    /// place. The results folder itself may be a link.
    ///
    /// # Errors
    /// A subfolder or file is a link.
    fn check_links(&self) -> Result<(), SweepError> {
        let is_link = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        match PARTS.map(|part| self.root.join(part)).into_iter().find(|path| is_link(path)) {
            Some(path) => Err(SweepError::Link { path }),
            None => Ok(()),
        }
    }

    /// Checks that a worker can write at every place where it will have to.
    ///
    /// # Errors
    /// The first place that cannot be written to.
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

    /// Path of `data.json`, which holds the facts of each text.
    pub fn data_path(&self) -> PathBuf {
        self.root.join("data.json")
    }

    fn plan_path(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    /// Reads the plan.
    ///
    /// # Errors
    /// The plan does not exist or cannot be read.
    pub fn plan(&self) -> Result<Plan, SweepError> {
        let path = self.plan_path();
        let bytes = fs::read(&path).map_err(|error| SweepError::NoPlan {
            path: self.root.clone(),
            problem: format!("plan.json: {error}"),
        })?;
        Plan::parse(&bytes).map_err(|problem| SweepError::DamagedPlan { path, problem })
    }

    /// Path of the record of a finished or diverged run.
    pub fn record_path(&self, run_id: &str) -> PathBuf {
        self.root.join("records").join(format!("{run_id}.json"))
    }

    /// Folder of the weights of finished runs, `RUN.safetensors` and `RUN.json`.
    pub fn models_path(&self) -> PathBuf {
        self.root.join("models")
    }

    /// Path of the record of a failed run.
    pub fn failure_path(&self, run_id: &str) -> PathBuf {
        self.root.join("failures").join(format!("{run_id}.json"))
    }

    /// Folder of the states that training resumes from.
    pub fn checkpoints_path(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Folder of the leases.
    pub fn leases_path(&self) -> PathBuf {
        self.root.join("leases")
    }

    /// Path of the lease of a run.
    pub fn lease_path(&self, run_id: &str) -> PathBuf {
        self.leases_path().join(format!("{run_id}.json"))
    }

    /// Path of the file whose lock serialises claims.
    pub fn lock_path(&self) -> PathBuf {
        self.leases_path().join("lock")
    }

    /// Path of a run's log, which tells what happened to it, attempt by attempt.
    pub fn log_path(&self, run_id: &str) -> PathBuf {
        self.root.join("logs").join(format!("{run_id}.log"))
    }

    /// Adds a line to the log of a run. If it cannot be written, nothing else is affected.
    pub fn log(&self, run_id: &str, line: &str) {
        let path = self.log_path(run_id);
        if unlinked(&path).is_ok() {
            let file = fs::OpenOptions::new().create(true).append(true).open(path);
            let _ = file.and_then(|mut file| writeln!(file, "{line}"));
        }
    }

    /// Path of the log that holds the output of worker number `worker`.
    pub fn worker_log_path(&self, worker: usize) -> PathBuf {
        self.root.join("logs").join(format!("worker-{worker}.log"))
    }

    /// Makes an empty log for the output of worker number `worker`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn worker_log(&self, worker: usize) -> std::io::Result<fs::File> {
        let path = self.worker_log_path(worker);
        unlinked(&path)?;
        fs::File::create(path)
    }

    /// Reads every record. A damaged one is moved aside as `<name>.damaged`, so that its run counts
    /// as untrained.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn records(&self, plan: &Plan) -> Result<Records, SweepError> {
        self.gather(plan, true)
    }

    /// Reads every record like [`ResultsFolder::records`] but changes nothing: a damaged record is
    /// only reported. A folder that was archived without its records is read from `runs.parquet`,
    /// without curves.
    ///
    /// # Errors
    /// The folder cannot be read, or `runs.parquet` does not match its digest.
    pub fn peek(&self, plan: &Plan) -> Result<Records, SweepError> {
        self.peek_with(plan, Trust::Checked)
    }

    /// Reads every record like [`ResultsFolder::peek`]; `trust` says whether the digest is checked.
    ///
    /// # Errors
    /// The same as those of [`ResultsFolder::peek`].
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

    /// Reads the record of a run, if there is one. A record that is damaged or not of that run is
    /// moved aside if `mend` is set.
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

    /// Ids of all runs that have a record, whether of this plan or of earlier ones.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn recorded(&self) -> Result<HashSet<String>, SweepError> {
        self.ids_in("records")
    }

    /// Ids of all runs that have the record of a failure.
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

    /// Reads the record of one run and relabels it as this plan names the run. A damaged one is
    /// moved aside.
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

    /// Path of `runs.parquet`.
    pub fn runs_path(&self) -> PathBuf {
        self.root.join("runs.parquet")
    }

    /// Path of `positions.parquet`, which is there if a run has losses by position.
    pub fn positions_path(&self) -> PathBuf {
        self.root.join("positions.parquet")
    }

    /// Path of `curves.parquet`.
    pub fn curves_path(&self) -> PathBuf {
        self.root.join("curves.parquet")
    }

    /// Path of `fits.json`.
    pub fn fits_path(&self) -> PathBuf {
        self.root.join("fits.json")
    }
}

/// Returns the record if it is a possible one of the run that its file is named after; `run` is
/// that run, if the plan has it.
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
