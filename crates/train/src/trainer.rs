//! From planned runs to losses.

use crate::NUMERICS_VERSION;
use crate::checkpoint::{self, CheckpointError, Manifest};
use crate::device::TrainDevice;
use crate::device::peak::peak_flops_per_s;
use crate::ops::release_unused;
use crate::session::Session;
use crate::source::prepare_run;
use isoflop_core::data::{DataOptions, DataSource};
use isoflop_data::Data;
use isoflop_sweep::{Ending, Keeper, PlannedRun, TrainFailure, Trained, Trainer};
use std::path::PathBuf;

/// Trains on one device.
#[derive(Default)]
pub struct BurnTrainer {
    device: TrainDevice,
    /// Where the weights of finished runs are kept, if anywhere.
    models: Option<PathBuf>,
    /// The data of the last run, kept for the next.
    loaded: Option<((DataSource, DataOptions, u64), Data)>,
}

impl BurnTrainer {
    /// On a device.
    pub fn on(device: TrainDevice) -> Self {
        BurnTrainer {
            device,
            ..BurnTrainer::default()
        }
    }

    /// Keeps the weights of every finished run as a checkpoint `RUN` in a folder.
    #[must_use]
    pub fn keeping_models(self, folder: PathBuf) -> Self {
        BurnTrainer {
            models: Some(folder),
            ..self
        }
    }

    fn data(&mut self, run: &PlannedRun) -> Result<Data, TrainFailure> {
        let key = (run.source.clone(), run.options.clone(), run.test_tokens);
        if let Some((loaded, data)) = &self.loaded
            && *loaded == key
        {
            return Ok(data.clone());
        }
        let failure = |error: isoflop_data::DataError| TrainFailure::Other(error.to_string());
        let prepared = prepare_run(run, &|_| {}).map_err(failure)?;
        let found = &prepared.metadata().digest;
        if *found != run.config.data_digest {
            let planned = &run.config.data_digest;
            return Err(TrainFailure::Other(format!(
                "the data changed since the plan: digest {found}, planned {planned}"
            )));
        }
        let data = prepared.load(&|_| {}).map_err(failure)?;
        self.loaded = Some((key, data.clone()));
        Ok(data)
    }
}

impl Trainer for BurnTrainer {
    fn kind(&self) -> String {
        self.device.kind()
    }

    fn micro_windows(&self, run: &PlannedRun) -> u64 {
        self.device
            .micro_windows(&run.config.model, run.batch_windows())
    }

    fn peak_flops_per_s(&self) -> Option<f64> {
        Some(peak_flops_per_s(&self.device))
    }

    fn train(
        &mut self,
        run: &PlannedRun,
        micro_windows: u64,
        keeper: &mut dyn Keeper,
    ) -> Result<Trained, TrainFailure> {
        if run.config.numerics_version != NUMERICS_VERSION {
            return Err(TrainFailure::Other(format!(
                "planned by another version (numerics {}, this one {NUMERICS_VERSION})",
                run.config.numerics_version
            )));
        }
        // Buffers of another run's sizes.
        release_unused();
        let data = self.data(run)?;
        self.device.release_memory();
        let session = Session::new(run, &self.device, micro_windows, data, keeper)?;
        let (trained, model) = session.train(keeper)?;
        if let (Some(folder), Ending::Finished(_)) = (&self.models, &trained.ending) {
            let manifest = Manifest::of(run, run.config.steps.steps);
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
