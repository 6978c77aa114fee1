//! How a model is trained: all that changes a loss besides the model, its text and the seed.

use crate::optimizer::Optimizer;
use crate::schedule::Schedule;
use serde::{Deserialize, Serialize};

/// The recipe of a run. It is a part of the run's identity, which is a hash of its JSON, so that a
/// field added later is left out of the JSON where it has its default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Tokens per step.
    pub batch_tokens: u64,
    /// Learning rate as a share of its peak, step by step.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Constants of the optimizer.
    pub optimizer: Optimizer,
    /// Probability with which a number of the output of a half is dropped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropout: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Recipe {
    /// Training tokens of the whole run; `None` if they are more than can be counted.
    pub fn tokens(&self) -> Option<u64> {
        self.schedule.steps.checked_mul(self.batch_tokens)
    }

    /// Learning rate at `step` (from 0).
    pub fn rate(&self, step: u64) -> f64 {
        self.learning_rate * self.schedule.factor(step)
    }

    /// The recipe without its length, which is equal for runs that agree until their rates fall.
    #[must_use]
    pub fn without_length(&self) -> Self {
        let schedule = Schedule { steps: 0, decay: 0, ..self.schedule };
        Recipe { schedule, ..*self }
    }

    /// Checks a recipe that was read from a file.
    ///
    /// # Errors
    /// The problem with the recipe.
    pub fn check(&self) -> Result<(), String> {
        let Schedule { kind, steps, warmup, decay } = self.schedule;
        if !self.schedule.is_possible() {
            return Err(format!(
                "{steps} steps, {warmup} of warm-up and {decay} of decay are no {} schedule",
                kind.name()
            ));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("{} is no probability of dropout", self.dropout));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(format!("{} is no learning rate", self.learning_rate));
        }
        match self.optimizer.is_possible() {
            true => Ok(()),
            false => Err("the constants of the optimizer are not possible".to_owned()),
        }
    }
}
