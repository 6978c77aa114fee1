//! `results/<name>`: all the state there is. Every file has one writer and is renamed into place.
//!
//! ```text
//! sweep.toml, plan.json       what was asked, as of the last `run`
//! data.json                   what is known of each text: counts, entropy, losses that need no model
//! records/<run>.json          row and curve of a finished or diverged run, checksummed
//! failures/<run>.json         the same of a failed run
//! models/<run>.safetensors    weights of a finished run, with models/<run>.json
//! checkpoints/                states to go on from, a shelf an owner
//! leases/<run>.json, lock     who trains what right now
//! logs/                       what happened to each run, and what workers print
//! runs.parquet, curves.parquet, fits.json
//! ```

mod paths;
mod records;
mod rows;

pub use records::Records;
pub use rows::Told;

use crate::error::SweepError;
use crate::plan::Plan;
use crate::spec::Sweep;
use crate::tuned::SUFFIX;
use isoflop_results::DataFile;
use isoflop_results::file::{UNFINISHED, write_atomic};
use std::fs;
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
}
