//! What a checkpoint is of.

use crate::run::PlannedRun;
use isoflop_core::Optimizer;
use isoflop_model::{ModelConfig, ParamCount, Shape};
use serde::{Deserialize, Serialize};

/// Raised when the files change in a way that older code cannot read.
pub const FORMAT: u64 = 1;

/// What a checkpoint is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u64,
    /// The run.
    pub run_id: String,
    /// The model.
    pub model: ModelConfig,
    /// Constants of the optimizer.
    pub optimizer: Optimizer,
    /// Optimizer steps done.
    pub step: u64,
    /// Name of the tokenizer.
    pub tokenizer: String,
    /// Digest of the data it was trained on.
    pub data_digest: String,
    /// Seed of initialisation and batches.
    pub seed: u64,
    /// Version of the numerics.
    pub numerics_version: u64,
}

impl Manifest {
    /// Of a run after `step` steps.
    pub fn of(run: &PlannedRun, step: u64) -> Self {
        Manifest {
            format: FORMAT,
            run_id: run.id().to_owned(),
            model: run.config.model,
            optimizer: run.config.recipe.optimizer,
            step,
            tokenizer: run.config.tokenizer.clone(),
            data_digest: run.config.data_digest.clone(),
            seed: run.config.seed,
            numerics_version: run.config.numerics_version,
        }
    }

    /// Whether a model as it says can be made of so many numbers: asked before memory is taken by it.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check(&self, numbers: usize) -> Result<(), String> {
        const LARGEST_ROTARY_TABLE: f64 = 268_435_456.0;
        let model = &self.model;
        let Shape { d_model, n_layers, n_heads } = model.shape;
        let shape = Shape::new(d_model, n_layers, n_heads).and_then(|_| model.check());
        shape.map_err(|error| error.to_string())?;
        let table = model.context as f64 * d_model as f64;
        match ParamCount::of(model).total().0 > numbers as f64 || table > LARGEST_ROTARY_TABLE {
            true => {
                Err(format!("{numbers} numbers are too few for the model that it is said to be"))
            }
            false => Ok(()),
        }
    }
}
