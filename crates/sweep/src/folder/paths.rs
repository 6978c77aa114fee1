//! Where everything lies in a results folder, and what is added to its logs.

use super::ResultsFolder;
use isoflop_results::file::unlinked;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

impl ResultsFolder {
    /// `data.json`: what is known of each text.
    pub fn data_path(&self) -> PathBuf {
        self.root.join("data.json")
    }

    pub(super) fn plan_path(&self) -> PathBuf {
        self.root.join("plan.json")
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

    /// The file whose lock serialises commands that change the plan or the forecasts.
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

    /// `runs.parquet`.
    pub fn runs_path(&self) -> PathBuf {
        self.root.join("runs.parquet")
    }

    /// `positions.parquet`, which is there if a run has losses by position.
    pub fn positions_path(&self) -> PathBuf {
        self.root.join("positions.parquet")
    }

    /// `curves.parquet`.
    pub fn curves_path(&self) -> PathBuf {
        self.root.join("curves.parquet")
    }

    /// `forecasts.jsonl`, which is there once a forecast was sealed.
    pub fn forecasts_path(&self) -> PathBuf {
        self.root.join("forecasts.jsonl")
    }

    /// `fits.json`.
    pub fn fits_path(&self) -> PathBuf {
        self.root.join("fits.json")
    }
}
