//! Runs beyond those of a sweep file: those that a forecast speaks of, and that score it.

use super::cell::CellPlanner;
use super::length::Length;
use super::{DataFacts, DataRefusal, DataRequest, FEWEST_STEPS, Plan, PlanContext};
use crate::error::{Problem, SpecError};
use crate::memory;
use crate::run::{PlannedRun, RunConfig, RunRole};
use crate::spec::{Quantity, Size, Sweep};
use crate::tuned::Tuned;
use isoflop_core::units::{parse_quantity, scientific};
use isoflop_model::ModelConfig;
use toml::Spanned;

/// A size trained with a compute, in one cell of the axes.
#[derive(Clone, Copy, Debug)]
pub struct Beyond<'a> {
    /// Cell of the axes, as text; empty without axes.
    pub series: &'a str,
    /// Size as a sweep file writes it: a number of parameters, for the nearest rung of the ladder.
    pub size: &'a str,
    /// FLOPs in the count of `c_exact`.
    pub compute: f64,
    /// Seeds, one a run.
    pub seeds: &'a [u64],
}

impl Plan {
    /// Runs that this plan does not have, laid out as those of its sweep file are, one a seed.
    /// `numerics_version` and `tuned` are those of [`PlanContext`].
    ///
    /// # Errors
    /// The sweep has no such series or no rate for the size, or the runs would be too short or too
    /// large.
    pub fn runs_beyond(
        &self,
        sweep: &Sweep,
        asked: &Beyond<'_>,
        numerics_version: fn(&ModelConfig) -> u64,
        tuned: Option<&Tuned>,
    ) -> Result<Vec<PlannedRun>, SpecError> {
        // Facts of planned texts are in the plan.
        let mut facts = |request: &DataRequest| -> Result<DataFacts, DataRefusal> {
            Err((format!("{:?} is no text of the plan", request.source), None))
        };
        let memory_bytes = memory::machine_bytes();
        let context = PlanContext {
            facts: &mut facts,
            numerics_version,
            memory_bytes,
            tuned,
            history: None,
            with_waiting: true,
        };
        let laid_out = self.lay_out_beyond(sweep, asked, &context);
        // Places in the sweep file are those of other sizes.
        laid_out.map_err(|problem| sweep.locate(Problem { span: None, ..problem }))
    }

    fn lay_out_beyond(
        &self,
        sweep: &Sweep,
        asked: &Beyond<'_>,
        context: &PlanContext<'_>,
    ) -> Result<Vec<PlannedRun>, Problem> {
        let cell = sweep.cells().iter().find(|cell| cell.series.as_str() == asked.series);
        let like = self.runs.iter().find(|run| run.series.as_str() == asked.series);
        let (Some(cell), Some(like)) = (cell, like) else {
            return Err(problem(format!("no run of it is of the series `{}`", asked.series)));
        };
        let digest = &like.config.data_digest;
        let record = self.data.iter().find(|record| record.data_digest == *digest);
        let Some(record) = record else {
            return Err(problem(format!("its plan does not say what the text {digest} is")));
        };
        let request = DataRequest {
            source: like.source.clone(),
            options: like.options.clone(),
            context: like.config.model.context,
            test_tokens: like.test_tokens,
        };
        let facts = DataFacts::of(record.clone());
        let planner = CellPlanner { cell, request: &request, facts: &facts, context };
        let size = Spanned::new(0..0, Size::Rung(quantity(asked.size)?));
        let text = scientific(asked.compute);
        let compute = Spanned::new(0..0, Quantity { value: asked.compute, text });
        planner.beyond(&size, &compute, asked.seeds)
    }

    /// The plan with these runs as validation runs, behind its own; those that it has stay as they
    /// are.
    #[must_use]
    pub fn with_validation(mut self, runs: impl IntoIterator<Item = PlannedRun>) -> Self {
        for mut run in runs {
            if self.place(run.id()).is_none() {
                run.role = RunRole::Validation;
                self.runs.push(run);
            }
        }
        self
    }

    /// The plan with the validation runs of an earlier plan of the same folder, as long as this one
    /// has runs of their text and of their version of the numerics: others could no longer be
    /// trained or compared.
    #[must_use]
    pub fn with_validation_of(self, earlier: &Plan) -> Self {
        if self.name != earlier.name {
            return self;
        }
        let kin = |run: &PlannedRun| {
            let of = |config: &RunConfig| (config.data_digest.clone(), config.numerics_version);
            self.runs.iter().any(|known| of(&known.config) == of(&run.config))
        };
        let of_earlier = earlier.validation_runs().filter(|run| kin(run)).cloned();
        let kept: Vec<PlannedRun> = of_earlier.collect();
        self.with_validation(kept)
    }

    /// Runs that score sealed forecasts.
    pub fn validation_runs(&self) -> impl Iterator<Item = &PlannedRun> {
        self.runs.iter().filter(|run| run.role == RunRole::Validation)
    }

    /// Runs of the sweep file.
    pub fn sweep_runs(&self) -> impl Iterator<Item = &PlannedRun> {
        self.runs.iter().filter(|run| run.role == RunRole::Sweep)
    }
}

impl CellPlanner<'_, '_> {
    fn beyond(
        &self,
        size: &Spanned<Size>,
        compute: &Spanned<Quantity>,
        seeds: &[u64],
    ) -> Result<Vec<PlannedRun>, Problem> {
        let (label, model) = self.model(&self.cell.spec, size)?;
        let length = Length::Budget(compute);
        let batch_tokens = self.batch_tokens(&model)?;
        let steps = length.steps(&model, self.facts.train_tokens, batch_tokens)?;
        if steps < FEWEST_STEPS {
            return Err(problem(format!(
                "{label} with {} FLOPs are {steps} steps of {batch_tokens} tokens, fewer than {FEWEST_STEPS}",
                compute.get_ref().text
            )));
        }
        let run = |&seed| self.run(&label, model, steps, batch_tokens, &length, seed);
        seeds.iter().map(run).collect()
    }
}

fn quantity(text: &str) -> Result<Quantity, Problem> {
    let value = parse_quantity(text).map_err(|error| problem(error.to_string()))?;
    Ok(Quantity { value, text: text.to_owned() })
}

fn problem(message: impl Into<String>) -> Problem {
    Problem { span: None, message: message.into(), hint: None }
}
