//! Lays out the runs of one cell of the axes.

use super::length::{Length, lengths};
use super::range::Range as Allowed;
use super::rounds::Round;
use super::seeds::seeds_at;
use super::sizes::BudgetSizes;
use super::{DataFacts, DataRequest, Dropped, FEWEST_SIZES, FEWEST_STEPS, PlanContext};
use crate::error::Problem;
use crate::memory;
use crate::rules::Setting;
use crate::run::{PlannedRun, RunConfig, RunParts, Skeleton, hash};
use crate::spec::{Auto, Cell, PlanSpec, Quantity, Rate, RunSpec, Size, Sizes, Spec};
use isoflop_core::units::scientific;
use isoflop_core::{OptimizerKind, Params, Recipe};
use isoflop_model::{FeedForward, ModelConfig, ParamCount, Parametrization, Shape};
use std::ops::Range;
use toml::Spanned;

/// Share of the machine's memory that one run may need.
const MEMORY_SHARE: f64 = 0.9;

/// Shape that stands in for a model's own until its size is looked up.
const SMALLEST: Shape = Shape { d_model: 8, n_layers: 1, n_heads: 1 };

/// Maximum number of runs in a plan.
const MOST_RUNS: usize = 100_000;

/// Steps of a run into which any warm-up fits.
const LONG: u64 = 1 << 32;

/// Maximum tokens per step.
const MOST_BATCH: f64 = 1e12;

/// Lays out the runs of one cell of the axes.
pub(super) struct CellPlanner<'a, 'b> {
    pub(super) cell: &'a Cell,
    pub(super) request: &'a DataRequest,
    pub(super) facts: &'a DataFacts,
    pub(super) context: &'a PlanContext<'b>,
}

/// Runs of a cell with what has to be said of them.
#[derive(Default)]
pub(super) struct LaidOut {
    pub(super) runs: Vec<PlannedRun>,
    /// Runs that are left out, and why.
    pub(super) dropped: Vec<Dropped>,
    /// Sizes that were chosen.
    pub(super) sizes: Vec<BudgetSizes>,
    /// Runs that were added to know a quantity better, which are among the runs.
    pub(super) rounds: Vec<Round>,
}

impl CellPlanner<'_, '_> {
    /// Runs of the cell: those of the kind of plan, single ones, and those that were added.
    pub(super) fn runs(&self) -> Result<LaidOut, Problem> {
        let spec = &self.cell.spec;
        let lengths = lengths(&spec.plan)?;
        let is_auto =
            spec.model.sizes.as_ref().is_some_and(|sizes| *sizes.get_ref() == Sizes::Auto);
        let range = Allowed::given(&spec.plan)?;
        let models = match lengths.is_empty() || is_auto {
            true => Vec::new(),
            false => self.models(spec)?,
        };
        let seeds = spec.train.seeds.get_ref();
        if seeds.is_empty() {
            return Err(Problem::new(spec.train.seeds.span(), "no seed").hint("seeds = [0]"));
        }
        let single = single_runs(spec)?;
        check_count(&spec.plan, &[lengths.len(), models.len(), seeds.len()])?;
        check_count(&spec.plan, &[single.len(), seeds.len()])?;
        let mut out = match is_auto && !lengths.is_empty() {
            true => self.auto_runs(&lengths, &range.unwrap_or(Allowed::USUAL))?,
            false => LaidOut::default(),
        };
        let mut add = |label: &str, model: &ModelConfig, length: &Length<'_>, range| {
            let replicates = self.replicates(label, model, length, range)?;
            let kept = replicates.is_ok();
            match replicates {
                Ok(replicates) => out.runs.extend(replicates),
                Err(left_out) => out.dropped.push(left_out),
            }
            Ok(usize::from(kept))
        };
        for length in lengths.iter().filter(|_| !is_auto) {
            let mut kept = 0;
            for (label, model) in &models {
                kept += add(label, model, length, range.as_ref())?;
            }
            check_kept(length, kept, range.is_some())?;
        }
        for run in single {
            let (label, model) = self.model(spec, &run.size)?;
            add(&label, &model, &Length::Tokens(&run.tokens), None)?;
        }
        let (runs, rounds, dropped) = self.rounds();
        out.runs.extend(runs);
        out.dropped.extend(dropped);
        out.rounds = rounds;
        Ok(out)
    }

    /// One run per seed; or the length that is left out because it is too short, or has too few or too
    /// many tokens per parameter.
    pub(super) fn replicates(
        &self,
        label: &str,
        model: &ModelConfig,
        length: &Length<'_>,
        range: Option<&Allowed>,
    ) -> Result<Result<Vec<PlannedRun>, Dropped>, Problem> {
        let batch_tokens = self.batch_tokens(model)?;
        let steps = length.steps(model, self.facts.train_tokens, batch_tokens)?;
        let left_out =
            |reason: String| Ok(Err(Dropped { cell: self.cell_name(label, length), reason }));
        if steps < FEWEST_STEPS {
            return left_out(format!(
                "{steps} steps of {batch_tokens} tokens, fewer than {FEWEST_STEPS}"
            ));
        }
        let n = ParamCount::of(model).active_non_embedding().0;
        let tokens_per_param = (steps * batch_tokens) as f64 / n;
        if let Some(reason) = range.and_then(|range| range.refusal(tokens_per_param)) {
            return left_out(reason);
        }
        let seeds = &seeds_at(&self.cell.spec, length)?;
        let run = |&seed| self.run(label, *model, steps, batch_tokens, length, seed);
        seeds.iter().map(run).collect::<Result<_, Problem>>().map(Ok)
    }

    fn cell_name(&self, size: &str, length: &Length<'_>) -> String {
        match self.cell.series.as_str() {
            "" => format!("{size}, {}", length.label()),
            series => format!("{size}, {}, {series}", length.label()),
        }
    }

    /// Models of the sizes in `[model]`, each with the size as written.
    pub(super) fn models(&self, spec: &Spec) -> Result<Vec<(String, ModelConfig)>, Problem> {
        let (sizes, span) = match &spec.model.sizes {
            Some(sizes) => (sizes.get_ref().named(), sizes.span()),
            None => (&[][..], spec.plan.span()),
        };
        let mut models: Vec<(String, ModelConfig)> = Vec::new();
        for size in sizes {
            let (label, model) = self.model(spec, size)?;
            let shape = model.shape;
            if let Some((twin, _)) = models.iter().find(|(_, known)| known.shape == shape) {
                let message = format!("sizes `{twin}` and `{label}` are the same model, {shape}");
                return Err(
                    Problem::new(size.span(), message).hint("drop one, or move it further away")
                );
            }
            models.push((label, model));
        }
        match models.is_empty() {
            true => Err(Problem::new(span, "no sizes")
                .hint("[model] needs them: sizes = [\"3k\", \"10k\", \"30k\"]")),
            false => Ok(models),
        }
    }

    /// Model of one size, with the size as written.
    pub(super) fn model(
        &self,
        spec: &Spec,
        size: &Spanned<Size>,
    ) -> Result<(String, ModelConfig), Problem> {
        let model = spec.model.of_size(self.like(), size.get_ref(), size.span())?;
        check_optimizer(&spec.train.optimizer, &model)?;
        self.check_memory(&model, size.span())?;
        Ok((size.get_ref().label(), model))
    }

    /// The model of the ladder for a number of parameters, whether or not it fits into memory.
    pub(super) fn rung(&self, n: Quantity) -> Result<ModelConfig, Problem> {
        let spec = &self.cell.spec;
        let span = spec.model.sizes.as_ref().map_or(spec.plan.span(), Spanned::span);
        spec.model.of_size(self.like(), &Size::Rung(n), span)
    }

    /// A model of this text, of the smallest shape.
    fn like(&self) -> ModelConfig {
        ModelConfig {
            output_init: self.cell.spec.train.rules.output_init(),
            document_mask: self.cell.spec.data.mask_documents.then_some(self.facts.separator),
            ..ModelConfig::transformer(SMALLEST, self.facts.vocab_size, self.request.context)
        }
    }

    /// Hash of what the runs of the cell have in common besides size, length, rate, batch and seed.
    pub(super) fn kin(&self, model: &ModelConfig) -> Result<String, Problem> {
        let batch_tokens = self.batch_tokens(model)?;
        let recipe = self.recipe("", model, (LONG, batch_tokens), 1.0)?;
        let mut config = self.run_of("", *model, recipe, None, 0).config.of_any_length();
        config.model.shape = SMALLEST;
        (config.recipe.learning_rate, config.recipe.batch_tokens) = (0.0, 0);
        Ok(hash(&config))
    }

    fn check_memory(&self, model: &ModelConfig, span: Range<usize>) -> Result<(), Problem> {
        let windows = self.batch_tokens(model)? / model.context as u64;
        let needed = memory::training_bytes(model, memory::micro_windows(model, windows));
        let limit = (self.context.memory_bytes as f64 * MEMORY_SHARE) as u64;
        if needed <= limit {
            return Ok(());
        }
        let Shape { d_model, n_layers, .. } = model.shape;
        let message = format!(
            "training {d_model} x {n_layers} ({} parameters) takes about {}, this machine has {}",
            ParamCount::of(model).total(),
            memory::shown(needed),
            memory::shown(self.context.memory_bytes),
        );
        Err(Problem::new(span, message)
            .hint("choose a smaller size or context; a batch that does not fit is split"))
    }

    pub(super) fn batch_tokens(&self, model: &ModelConfig) -> Result<u64, Problem> {
        let given = &self.cell.spec.train.batch_tokens;
        let n = ParamCount::of(model).active_non_embedding();
        match *given.get_ref() {
            Auto::Auto => Ok(self.cell.spec.train.rules.batch_tokens(n, model.context)),
            Auto::Given(tokens) if tokens > MOST_BATCH => Err(Problem::new(
                given.span(),
                format!("a batch of {} tokens is too large", scientific(tokens)),
            )
            .hint(format!("a step has at most {} tokens", scientific(MOST_BATCH)))),
            Auto::Given(tokens) if tokens > 0.0 && tokens % model.context as f64 == 0.0 => {
                Ok(tokens as u64)
            }
            Auto::Given(tokens) => {
                let windows = (tokens / model.context as f64).round().max(1.0);
                let message =
                    format!("a batch of {tokens} tokens is not whole windows of {}", model.context);
                let hint = format!("batch_tokens = {}", windows * model.context as f64);
                Err(Problem::new(given.span(), message).hint(hint))
            }
        }
    }

    pub(super) fn run(
        &self,
        label: &str,
        model: ModelConfig,
        steps: u64,
        batch_tokens: u64,
        length: &Length<'_>,
        seed: u64,
    ) -> Result<PlannedRun, Problem> {
        let budget = match length {
            Length::Budget(budget) => Some(budget.get_ref().value),
            _ => None,
        };
        let of_rule = self.rate_of_rule(&model, batch_tokens);
        let with = |rate| -> Result<PlannedRun, Problem> {
            let recipe = self.recipe(label, &model, (steps, batch_tokens), rate)?;
            Ok(self.run_of(label, model, recipe, budget, seed))
        };
        let given = &self.cell.spec.train.learning_rate;
        match given.get_ref() {
            Rate::Auto => with(of_rule),
            Rate::Given(rate) => with(*rate),
            Rate::BySize(rates) => match rates.iter().find(|(size, _)| size.label() == label) {
                Some((_, rate)) => with(*rate),
                None => {
                    let message = format!("no learning rate is given for the size {label}");
                    let hint = format!("\"{label}\" = {of_rule} is that of the rule");
                    Err(Problem::new(given.span(), message).hint(hint))
                }
            },
            Rate::Tune(_) => {
                let untuned = with(of_rule)?;
                let tuned = self.context.tuned;
                match tuned.and_then(|tuned| tuned.rate(&untuned.tuning_key())) {
                    Some(rate) => with(rate),
                    None => Ok(untuned),
                }
            }
        }
    }

    pub(super) fn rate_of_rule(&self, model: &ModelConfig, batch_tokens: u64) -> f64 {
        let train = &self.cell.spec.train;
        train.rules.learning_rate(&Setting {
            optimizer: *train.optimizer.get_ref(),
            mixer: model.mixer.half().name(),
            qk_norm: model.mixer.attention().is_some_and(|attention| attention.qk_norm),
            has_experts: matches!(model.feed_forward, FeedForward::Experts(_)),
            n: rate_size(model),
            batch_tokens,
        })
    }

    pub(super) fn run_of(
        &self,
        label: &str,
        model: ModelConfig,
        recipe: Recipe,
        flops_budget: Option<f64>,
        seed: u64,
    ) -> PlannedRun {
        PlannedRun::new(RunParts {
            series: self.cell.series.clone(),
            size: label.to_owned(),
            family: self.cell.spec.model.family,
            config: RunConfig {
                skeleton: Skeleton::default(),
                model,
                data_digest: self.facts.digest.clone(),
                tokenizer: self.facts.tokenizer.clone(),
                recipe,
                seed,
                numerics_version: (self.context.numerics_version)(&model),
            },
            source: self.request.source.clone(),
            options: self.request.options.clone(),
            corpus: self.facts.name.clone(),
            test_tokens: self.request.test_tokens,
            scored_tokens: self.facts.test_tokens,
            train_tokens: self.facts.train_tokens,
            flops_budget,
            entropy: self.facts.record.entropy.map(|rate| rate.nats_per_token),
            trunks: self.cell.spec.train.trunks,
        })
    }
}

/// The N that the rule for the learning rate uses. Under the maximal-update parametrisation this is
/// the N of the same depth at the base width, since one rate is best at every width.
fn rate_size(model: &ModelConfig) -> Params {
    let mut model = *model;
    if model.parametrization == Parametrization::Mup {
        model.shape.d_model = Parametrization::BASE_WIDTH;
    }
    ParamCount::of(&model).active_non_embedding()
}

/// Refuses gradient descent where rates shrink with the width as those of AdamW do.
fn check_optimizer(optimizer: &Spanned<OptimizerKind>, model: &ModelConfig) -> Result<(), Problem> {
    let is_mup = model.parametrization == Parametrization::Mup;
    match optimizer.get_ref() {
        OptimizerKind::Sgd if is_mup => Err(Problem::new(
            optimizer.span(),
            "the maximal-update parametrisation has no rates for sgd",
        )
        .hint("optimizer = \"adamw\" or \"muon\", or parametrization = \"standard\"")),
        _ => Ok(()),
    }
}

/// Single runs that a plan names one by one.
pub(super) fn single_runs(spec: &Spec) -> Result<&[RunSpec], Problem> {
    match &spec.plan.get_ref().runs {
        Some(runs) if runs.get_ref().is_empty() => Err(Problem::new(runs.span(), "an empty list")
            .hint("runs = [{ size = \"30k\", tokens = \"3M\" }]")),
        Some(runs) => Ok(runs.get_ref()),
        None => Ok(&[]),
    }
}

/// Refuses a plan with more than the maximum number of runs.
pub(super) fn check_count(plan: &Spanned<PlanSpec>, factors: &[usize]) -> Result<(), Problem> {
    let runs = factors.iter().fold(1usize, |product, factor| product.saturating_mul(*factor));
    if runs <= MOST_RUNS {
        return Ok(());
    }
    Err(Problem::new(plan.span(), format!("the plan has {runs} runs"))
        .hint(format!("a sweep has at most {MOST_RUNS}; split it over several sweep files")))
}

fn check_kept(length: &Length<'_>, kept: usize, is_ranged: bool) -> Result<(), Problem> {
    match length {
        Length::Budget(budget) if kept < FEWEST_SIZES => {
            let within = if is_ranged { " within tokens_per_param_range" } else { "" };
            let message = format!(
                "budget {} keeps {kept} sizes of at least {FEWEST_STEPS} steps{within}; a curve needs {FEWEST_SIZES}",
                scientific(budget.get_ref().value)
            );
            Err(Problem::new(budget.span(), message)
                .hint("raise this budget, add smaller sizes, or lower train.batch_tokens"))
        }
        _ => Ok(()),
    }
}
