//! Implements the trainer of planned runs.

use crate::checkpoint;
use crate::device::TrainDevice;
use crate::device::peak::peak_flops_per_s;
use crate::numerics_version;
use crate::ops::release_unused;
use crate::session::Session;
use crate::source::{prepare_run, prepare_run_in};
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_data::{Data, DataError, Prepared};
use isoflop_sweep::checkpoint::{CheckpointError, Manifest};
use isoflop_sweep::{Ending, Keeper, Lack, PlannedRun, TrainFailure, Trained, Trainer};
use std::collections::HashSet;
use std::path::PathBuf;

/// Trains runs on one device.
#[derive(Default)]
pub struct BurnTrainer {
    device: TrainDevice,
    /// Folder in which the weights of finished runs are kept; `None` if they are not kept.
    models: Option<PathBuf>,
    /// Cache of prepared texts besides this machine's own.
    cache: Option<PathBuf>,
    /// Data of the last run, which the next run may use too.
    loaded: Option<(Text, Data)>,
}

impl BurnTrainer {
    /// A trainer on a device.
    pub fn on(device: TrainDevice) -> Self {
        BurnTrainer { device, ..BurnTrainer::default() }
    }

    /// Keeps the weights of every finished run in a folder, as a checkpoint named by the run's id.
    #[must_use]
    pub fn keeping_models(self, folder: PathBuf) -> Self {
        BurnTrainer { models: Some(folder), ..self }
    }

    /// Also looks for texts in another cache, if this machine's own cannot be filled.
    #[must_use]
    pub fn with_cache(self, cache: PathBuf) -> Self {
        BurnTrainer { cache: Some(cache), ..self }
    }

    fn data(&mut self, run: &PlannedRun) -> Result<Data, TrainFailure> {
        let key = text_of(run);
        if let Some((loaded, data)) = &self.loaded
            && *loaded == key
        {
            return Ok(data.clone());
        }
        let data = self.prepared(run)?.load(&|_| {}).map_err(lack)?;
        self.loaded = Some((key, data.clone()));
        Ok(data)
    }

    /// The text of a run: from this machine's cache, from its source, or from the other cache.
    fn prepared(&self, run: &PlannedRun) -> Result<Prepared, Lack> {
        let problem = match prepare_run(run, &|_| {}) {
            Ok(prepared) => match check_digest(run, &prepared) {
                Ok(()) => return Ok(prepared),
                Err(changed) => changed,
            },
            Err(error) => lack(error),
        };
        let elsewhere = self.cache.iter().find_map(|cache| {
            let prepared = prepare_run_in(run, cache, &|_| {}).ok()?;
            check_digest(run, &prepared).ok().map(|()| prepared)
        });
        elsewhere.ok_or(problem)
    }
}

type Text = (DataSource, DataOptions, u64);

fn text_of(run: &PlannedRun) -> Text {
    (run.source.clone(), run.options.clone(), run.test_tokens)
}

fn lack(error: DataError) -> Lack {
    Lack {
        what: format!("its text cannot be had: {error}"),
        hint: Some(error.hint().unwrap_or_else(|| {
            "start the worker in the folder where `isoflop run` was started, or set ISOFLOP_CACHE to \
             the cache that it filled"
                .to_owned()
        })),
    }
}

fn check_digest(run: &PlannedRun, prepared: &Prepared) -> Result<(), Lack> {
    let (found, planned) = (&prepared.metadata().digest, &run.config.data_digest);
    if found == planned {
        return Ok(());
    }
    Err(Lack {
        what: format!(
            "{} is another text than the one planned: its digest is {found}, that of the plan {planned}",
            prepared.metadata().name
        ),
        hint: Some(
            "bring the text back as it was, or run `isoflop run SWEEP.toml` again, which plans \
             for the text as it is"
                .to_owned(),
        ),
    })
}

fn check_version(run: &PlannedRun) -> Result<(), Lack> {
    let planned = run.config.numerics_version;
    let own = numerics_version(&run.config.model);
    if planned == own {
        return Ok(());
    }
    Err(Lack {
        what: format!(
            "the sweep was planned by a program of numerics version {planned}, this one has \
             {own}, and their losses must not mix"
        ),
        hint: Some(format!(
            "start the worker with the program that runs the sweep, or plan it anew with this one: \
             `isoflop run SWEEP.toml` (version {})",
            env!("CARGO_PKG_VERSION")
        )),
    })
}

impl Trainer for BurnTrainer {
    fn kind(&self) -> String {
        self.device.kind()
    }

    fn micro_windows(&self, run: &PlannedRun) -> u64 {
        self.device.micro_windows(&run.config.model, run.batch_windows())
    }

    fn peak_flops_per_s(&self) -> Option<f64> {
        Some(peak_flops_per_s(&self.device))
    }

    fn check(&mut self, runs: &[&PlannedRun]) -> Result<(), Lack> {
        let mut texts = HashSet::new();
        for run in runs {
            check_version(run)?;
            if texts.insert(text_of(run)) {
                self.prepared(run)?;
            }
        }
        Ok(())
    }

    fn train(
        &mut self,
        run: &PlannedRun,
        micro_windows: u64,
        keeper: &mut dyn Keeper,
    ) -> Result<Trained, TrainFailure> {
        check_version(run)?;
        // Unused buffers have the sizes of an earlier run.
        release_unused();
        let data = self.data(run)?;
        self.device.release_memory();
        let session = Session::new(run, &self.device, micro_windows, data, keeper)?;
        let (trained, model) = session.train(keeper)?;
        if let (Some(folder), Ending::Finished(_)) = (&self.models, &trained.ending) {
            let manifest = Manifest::of(run, run.steps());
            checkpoint::save(&folder.join(run.id()), &manifest, &model.weights, None).map_err(
                |error| match error {
                    CheckpointError::Write(error) => error.into(),
                    error => TrainFailure::Other(error.to_string()),
                },
            )?;
        }
        Ok(trained)
    }
}
