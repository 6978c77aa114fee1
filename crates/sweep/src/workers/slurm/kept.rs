//! What a submission leaves in a results folder, in `slurm/`: what was asked for, the file of the
//! jobs, prices of the runs on the site's nodes, and the jobs' output. All of it can be lost: pilots
//! are found by their name, and the next `submit` writes it anew.

use super::site::NodeType;
use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::forecast::Price;
use isoflop_results::file::{unlinked, write_atomic};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// What a person asked for, by which pilots that are missing are submitted later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Whose jobs they are.
    pub user: String,
    /// Sweep file, as an absolute path.
    pub sweep: PathBuf,
    /// Folder of all results, as an absolute path.
    pub results: PathBuf,
    /// Partition.
    pub partition: Option<String>,
    /// Account.
    pub account: Option<String>,
    /// Seconds that a job may run for.
    pub time_s: u64,
    /// Most pilots at a time.
    pub max_jobs: u64,
    /// Processors of a pilot.
    pub cpus_per_job: Option<u64>,
    /// GPUs of a job.
    pub gpus_per_job: u64,
    /// More arguments of `sbatch`.
    pub sbatch_args: Vec<String>,
}

/// Prices of runs on nodes of one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodePrices {
    /// The nodes; `None` for prices of another machine that stand in.
    pub nodes: Option<NodeType>,
    /// Device that a pilot trains on.
    pub device: String,
    /// Workers of a pilot.
    pub workers: u64,
    /// Prices in seconds, by run.
    pub prices: BTreeMap<String, Price>,
}

/// The folder `slurm` of a results folder.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a>(&'a ResultsFolder);

impl<'a> Kept<'a> {
    /// That of a results folder, whether or not it is there.
    pub fn of(folder: &'a ResultsFolder) -> Self {
        Kept(folder)
    }

    fn root(&self) -> PathBuf {
        self.0.root().join("slurm")
    }

    /// Folder of the jobs' output.
    pub fn logs(&self) -> PathBuf {
        self.root().join("logs")
    }

    /// The file of the jobs.
    pub fn script_path(&self) -> PathBuf {
        self.root().join("pilot.sbatch")
    }

    /// Makes the folder.
    ///
    /// # Errors
    /// It cannot be made, or a link lies in its place.
    pub fn make(&self) -> Result<(), SweepError> {
        for path in [self.root(), self.logs()] {
            if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
                return Err(SweepError::Link { path });
            }
            fs::create_dir_all(&path).map_err(SweepError::io(&path, "create the folder"))?;
        }
        Ok(())
    }

    /// Keeps a submission by one process from another's, as far as the file system has locks; where
    /// it has none, both may submit pilots, and those for which no run is open end at once.
    ///
    /// # Errors
    /// The file of the lock cannot be made.
    pub fn lock(&self) -> Result<File, SweepError> {
        let path = self.root().join("lock");
        unlinked(&path).map_err(SweepError::io(&path, "replace"))?;
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(SweepError::io(&path, "open"))?;
        let _ = file.lock();
        Ok(file)
    }

    /// Lets one process at a time conclude what the folder's plan has; `None` while another does.
    pub fn conclusion(&self) -> Option<File> {
        let path = self.root().join("conclusion");
        unlinked(&path).ok()?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            _ => Some(file),
        }
    }

    /// What was asked for; `None` where nothing was, or it is lost.
    pub fn asked(&self) -> Option<Asked> {
        self.read("asked.json")
    }

    /// Keeps what was asked for.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_asked(&self, asked: &Asked) -> Result<(), SweepError> {
        self.write("asked.json", asked)
    }

    /// Prices of the runs; `None` where they are not known.
    pub fn prices(&self) -> Option<NodePrices> {
        self.read("prices.json")
    }

    /// Keeps the prices of the runs.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn keep_prices(&self, prices: &NodePrices) -> Result<(), SweepError> {
        self.write("prices.json", prices)
    }

    /// The file of the jobs; `None` where it is lost.
    pub fn script(&self) -> Option<String> {
        fs::read_to_string(self.script_path()).ok()
    }

    /// Keeps the file of the jobs.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_script(&self, text: &str) -> Result<(), SweepError> {
        Ok(write_atomic(&self.script_path(), text.as_bytes())?)
    }

    /// Whether the pilots were taken back, so that none is to be submitted but by a person.
    pub fn is_cancelled(&self) -> bool {
        self.root().join("cancelled").exists()
    }

    /// Says that the pilots are taken back, or no longer.
    ///
    /// # Errors
    /// The mark cannot be made or removed.
    pub fn cancel(&self, is: bool) -> Result<(), SweepError> {
        let path = self.root().join("cancelled");
        match is {
            true => Ok(write_atomic(&path, b"")?),
            false => remove(&path),
        }
    }

    /// Says that a pilot has begun on its node.
    pub fn began(&self, job: &str) {
        // A mark that cannot be written costs a submission by `status`, no run.
        let _ = write_atomic(&self.mark(job), b"");
    }

    /// Says that a pilot has ended of its own accord.
    pub fn ended(&self, job: &str) {
        let _ = remove(&self.mark(job));
    }

    /// Jobs of the pilots that began and have not ended of their own accord, including those at
    /// work.
    pub fn begun(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| Some(name.strip_prefix("begun.")?.to_owned())).collect()
    }

    fn mark(&self, job: &str) -> PathBuf {
        self.root().join(format!("begun.{job}"))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.root().join(name)).ok()?).ok()
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), SweepError> {
        let text = serde_json::to_string_pretty(value).expect("a struct of text and numbers");
        Ok(write_atomic(&self.root().join(name), text.as_bytes())?)
    }
}

fn remove(path: &Path) -> Result<(), SweepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SweepError::io(path, "remove")(error))
        }
        _ => Ok(()),
    }
}
