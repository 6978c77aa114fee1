//! Trials of learning rates, which come before a sweep whose rates are tuned.

use super::FEWEST_STEPS;
use super::cell::{CellPlanner, single_runs};
use crate::error::Problem;
use crate::run::{MOST_TOKENS, PlannedRun};
use crate::spec::{Rate, Sizes, Spec, TuneSpec};
use isoflop_core::units::two_digits;
use isoflop_model::ModelConfig;

impl CellPlanner<'_, '_> {
    /// Trials of learning rates for the cell: each size, at rates around that of the rule, with the
    /// first seed.
    pub(super) fn tuning_runs(&self) -> Result<Vec<PlannedRun>, Problem> {
        let spec = &self.cell.spec;
        let Rate::Tune(tune) = spec.train.learning_rate.get_ref() else {
            return Ok(Vec::new());
        };
        if let Some(sizes) = &spec.model.sizes
            && *sizes.get_ref() == Sizes::Auto
        {
            let message =
                "rates are tuned for sizes that are known, and sizes = \"auto\" follow the runs";
            return Err(Problem::new(sizes.span(), message)
                .hint("learning_rate = \"auto\", or name the sizes"));
        }
        let seed = spec.train.seeds.get_ref().first().copied().unwrap_or(0);
        let mut runs = Vec::new();
        for (label, model) in self.all_models(spec)? {
            let batch_tokens = self.batch_tokens(&model)?;
            let steps = match tune.tokens {
                Some(tokens) => {
                    (tokens.min(MOST_TOKENS as f64) / batch_tokens as f64).round() as u64
                }
                None => TuneSpec::STEPS,
            };
            if steps < FEWEST_STEPS {
                return Err(Problem {
                    span: None,
                    message: format!(
                        "a trial of learning rates for {label} would be {steps} steps of {batch_tokens} tokens"
                    ),
                    hint: None,
                }
                .hint("give learning_rate = { tune = { tokens = .. } } more tokens"));
            }
            let middle = self.rate_of_rule(&model, batch_tokens);
            let half = i32::try_from(tune.rates / 2).unwrap_or(i32::MAX);
            for power in -half..=half {
                let rate = two_digits(middle * tune.factor.powi(power));
                let recipe = self.recipe(&label, &model, (steps, batch_tokens), rate)?;
                runs.push(self.run_of(&label, model, recipe, None, seed));
            }
        }
        Ok(runs)
    }

    /// Models of the sizes in `[model]` and of the single runs, each once.
    fn all_models(&self, spec: &Spec) -> Result<Vec<(String, ModelConfig)>, Problem> {
        let mut models = match (&spec.model.sizes, &spec.plan.get_ref().runs) {
            (None, Some(_)) => Vec::new(),
            _ => self.models(spec)?,
        };
        for run in single_runs(spec)? {
            let (label, model) = self.model(spec, &run.size)?;
            if models.iter().all(|(_, known)| known.shape != model.shape) {
                models.push((label, model));
            }
        }
        Ok(models)
    }
}
