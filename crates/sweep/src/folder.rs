//! The folder `results/<name>`, which holds all state of a sweep. Every file in it has one writer
//! and is renamed into its place.
//!
//! ```text
//! sweep.toml, plan.json       the sweep file and its plan, as of the last `run`
//! forecasts.jsonl             sealed forecasts, a chain of lines that is only appended to
//! data.json                   facts of each text: counts, entropy, losses that need no model
//! records/<run>.json          row and curve of a finished or diverged run, with a checksum
//! failures/<run>.json         row and curve of a failed run, with a checksum
//! models/<run>.safetensors    weights of a finished run, with models/<run>.json
//! checkpoints/                states that training resumes from, one shelf per owner
//! leases/<run>.json           who is training which run at the moment, and how far it is
//! leases/<key>.<n>            line n of the book of claims: who held a run or trunk, how that ended
//! leases/lock                 lock of commands that change the plan or the forecasts
//! logs/                       what happened to each run, and the output of workers
//! slurm/                      what was asked of a cluster, prices on its nodes, output of pilots
//! runs.parquet, curves.parquet, positions.parquet, fits.json
//! ```

mod forecasts;
mod paths;
mod records;
mod rows;

pub use records::Records;
pub use rows::Told;

use crate::error::SweepError;
use crate::leases;
use crate::plan::Plan;
use crate::spec::Sweep;
use crate::tuned::SUFFIX;
use isoflop_results::DataFile;
use isoflop_results::file::{UNFINISHED, write_atomic};
use std::fs;
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
    /// written first, since it identifies the folder. Returns the plan as written: with the
    /// validation runs of the plan that was there ([`Plan::with_validation_of`]).
    ///
    /// # Errors
    /// The folder belongs to another sweep, or cannot be written.
    pub fn adopt(&self, plan: &Plan, sweep_source: &str) -> Result<Plan, SweepError> {
        self.check_owner(plan.name())?;
        self.check_links()?;
        // Without a plan there is nothing to keep, and a lock file would be no sign of a sweep.
        let _lock = match self.plan_path().exists() {
            true => Some(self.locked()?),
            false => None,
        };
        let plan = match self.plan() {
            Ok(earlier) => plan.clone().with_validation_of(&earlier),
            Err(_) => plan.clone(),
        };
        write_atomic(&self.plan_path(), plan.to_json()?.as_bytes())?;
        self.make_parts()?;
        write_atomic(&self.root.join(SWEEP), sweep_source.as_bytes())?;
        let data = DataFile { data: plan.data().to_vec() };
        data.write(&self.data_path())?;
        Ok(plan)
    }

    /// Takes the folder's lock, which is held until the returned file is dropped.
    fn locked(&self) -> Result<fs::File, SweepError> {
        let path = self.leases_path();
        fs::create_dir_all(&path).map_err(SweepError::io(&path, "create the folder"))?;
        leases::lock(self)
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
            // A worker of the same number, on another machine, may have removed it already.
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(SweepError::io(&path, "remove")(error));
            }
        }
        Ok(())
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
}
