//! From a spec to runs.

use super::{
    DataFacts, DataRequest, Dropped, FEWEST_SIZES, FEWEST_STEPS, Plan, PlanContext, PlanKind,
    SCHEMA,
};
use crate::error::Problem;
use crate::memory;
use crate::rules::{auto_batch_tokens, auto_learning_rate, warmup_tokens};
use crate::run::{DataSource, Optimizer, PlannedRun, RunConfig, RunParts};
use crate::spec::{Auto, Cell, DataSpec, PlanSpec, Quantity, Spec, Sweep};
use isoflop_core::units::{scientific, short};
use isoflop_core::{FlopCount, ModelConfig, ParamCount, Schedule, Shape};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// Default cap on the test tokens scored.
const TEST_TOKENS: u64 = 1 << 18;

/// Share of the machine's memory that one run may need.
const MEMORY_SHARE: f64 = 0.9;

pub(super) fn build(sweep: &Sweep, context: &mut PlanContext<'_>) -> Result<Plan, Problem> {
    let spec = sweep.spec();
    check_name(&spec.name)?;
    let kind = plan_kind(&spec.plan)?;
    let mut plan = Plan {
        schema: SCHEMA,
        name: spec.name.get_ref().clone(),
        question: spec.question.clone(),
        kind,
        runs: Vec::new(),
        dropped: Vec::new(),
    };
    let mut known = HashMap::new();
    let mut ids = HashSet::new();
    for cell in sweep.cells() {
        let request = data_request(&cell.spec.data, sweep.path())?;
        let facts = match known.get(&request) {
            Some(facts) => facts,
            None => {
                let span = source_span(&cell.spec.data);
                let facts = (context.facts)(&request).map_err(|(message, hint)| {
                    Problem {
                        span: Some(span),
                        message,
                        hint: None,
                    }
                    .maybe_hint(hint)
                })?;
                known.entry(request.clone()).or_insert(facts)
            }
        };
        let planner = CellPlanner {
            cell,
            request: &request,
            facts,
            context,
        };
        let (runs, dropped) = planner.runs()?;
        plan.dropped.extend(dropped);
        for run in runs {
            match ids.insert(run.id().to_owned()) {
                true => plan.runs.push(run),
                false => plan.dropped.push(Dropped {
                    cell: run.id().to_owned(),
                    reason: "the same run stands in the plan already".to_owned(),
                }),
            }
        }
    }
    match plan.runs.is_empty() {
        true => Err(Problem::new(
            spec.plan.span(),
            "the plan has no run of at least ten steps",
        )
        .hint("give larger budgets, or a smaller train.batch_tokens")),
        false => Ok(plan),
    }
}

fn check_name(name: &Spanned<String>) -> Result<(), Problem> {
    let text = name.get_ref();
    let wrong = |why: &str| {
        Err(Problem::new(
            name.span(),
            format!("`{text}` cannot name a results folder: {why}"),
        )
        .hint("use letters, digits, `-`, `_` and `.`, such as \"quickstart\""))
    };
    if text.trim().is_empty() {
        return wrong("it is empty");
    }
    if text.starts_with('.') || text.contains(['/', '\\', ':']) || text.contains(char::is_control) {
        return wrong("it has a character that a folder must not have");
    }
    match text.len() {
        0..=200 => Ok(()),
        _ => wrong("it is longer than 200 bytes"),
    }
}

fn plan_kind(plan: &Spanned<PlanSpec>) -> Result<PlanKind, Problem> {
    let given: Vec<_> = [
        (plan.get_ref().isoflop.is_some(), PlanKind::Isoflop),
        (plan.get_ref().grid.is_some(), PlanKind::Grid),
        (
            plan.get_ref().tokens_per_param.is_some(),
            PlanKind::TokensPerParam,
        ),
    ]
    .into_iter()
    .filter_map(|(is_given, kind)| is_given.then_some(kind))
    .collect();
    match given[..] {
        [kind] => Ok(kind),
        [] => Err(Problem::new(plan.span(), "the plan has no kind")
            .hint("give one of isoflop = { budgets = [..] }, grid = { tokens = [..] }, tokens_per_param = [..]")),
        _ => {
            let names: Vec<_> = given.iter().map(|kind| format!("`{kind}`")).collect();
            Err(Problem::new(plan.span(), format!("the plan has two kinds: {}", names.join(" and ")))
                .hint("keep one; write a second sweep file for the other"))
        }
    }
}

fn source_span(data: &DataSpec) -> Range<usize> {
    let name = data.corpus.as_ref().or(data.text.as_ref());
    name.map_or(0..0, Spanned::span)
}

fn data_request(data: &DataSpec, sweep_file: &Path) -> Result<DataRequest, Problem> {
    let source = match (&data.corpus, &data.text) {
        (Some(corpus), None) => DataSource::Corpus(corpus.get_ref().clone()),
        (None, Some(text)) => DataSource::Text {
            pattern: text.get_ref().clone(),
            base: sweep_file.parent().unwrap_or(Path::new("")).to_owned(),
        },
        (Some(_), Some(text)) => {
            return Err(
                Problem::new(text.span(), "[data] has both `corpus` and `text`").hint("keep one"),
            );
        }
        (None, None) => {
            return Err(Problem {
                span: None,
                message: "[data] names no text".to_owned(),
                hint: None,
            }
            .hint("give corpus = \"rust-docs\", or text = \"path or glob\""));
        }
    };
    let context = *data.context.get_ref();
    if context == 0 {
        return Err(
            Problem::new(data.context.span(), "a context of 0 tokens").hint("128 is the default")
        );
    }
    let test_tokens = match &data.test_tokens {
        Some(given) => whole(given, "test tokens")?,
        None => TEST_TOKENS,
    };
    Ok(DataRequest {
        source,
        tokenizer: data.tokenizer,
        context,
        test_tokens,
    })
}

fn whole(given: &Spanned<Quantity>, what: &str) -> Result<u64, Problem> {
    let value = given.get_ref().value;
    match value >= 1.0 && value.fract() == 0.0 && value < 2f64.powi(53) {
        true => Ok(value as u64),
        false => Err(Problem::new(
            given.span(),
            format!("{value} is not a whole number of {what}"),
        )),
    }
}

/// One requested length of runs.
enum Length<'a> {
    Budget(&'a Spanned<Quantity>),
    Tokens(&'a Spanned<Quantity>),
    TokensPerParam(&'a Spanned<Quantity>),
}

impl Length<'_> {
    fn label(&self) -> String {
        match self {
            Length::Budget(q) => format!("budget {}", scientific(q.get_ref().value)),
            Length::Tokens(q) => format!("{} tokens", short(q.get_ref().value)),
            Length::TokensPerParam(q) => {
                format!("{} tokens per parameter", short(q.get_ref().value))
            }
        }
    }

    fn tokens(&self, model: &ModelConfig) -> f64 {
        match self {
            Length::Budget(q) => q.get_ref().value / FlopCount::of(model).per_token().0,
            Length::Tokens(q) => q.get_ref().value,
            Length::TokensPerParam(q) => {
                q.get_ref().value * ParamCount::of(model).non_embedding().0
            }
        }
    }
}

struct CellPlanner<'a, 'b> {
    cell: &'a Cell,
    request: &'a DataRequest,
    facts: &'a DataFacts,
    context: &'a PlanContext<'b>,
}

impl CellPlanner<'_, '_> {
    fn runs(&self) -> Result<(Vec<PlannedRun>, Vec<Dropped>), Problem> {
        let spec = &self.cell.spec;
        let models = self.models(spec)?;
        let seeds = spec.train.seeds.get_ref();
        if seeds.is_empty() {
            return Err(Problem::new(spec.train.seeds.span(), "no seed").hint("seeds = [0]"));
        }
        let (mut runs, mut dropped) = (Vec::new(), Vec::new());
        for length in lengths(&spec.plan)? {
            let mut kept = 0;
            for (label, model) in &models {
                let batch_tokens = self.batch_tokens(model)?;
                let steps = (length.tokens(model) / batch_tokens as f64).round() as u64;
                if steps < FEWEST_STEPS {
                    let reason = format!(
                        "{steps} steps of {batch_tokens} tokens, fewer than {FEWEST_STEPS}"
                    );
                    dropped.push(Dropped {
                        cell: self.cell_name(label, &length),
                        reason,
                    });
                    continue;
                }
                kept += 1;
                runs.extend(
                    seeds
                        .iter()
                        .map(|&seed| self.run(label, *model, steps, batch_tokens, &length, seed)),
                );
            }
            check_kept(&length, kept)?;
        }
        Ok((runs, dropped))
    }

    fn cell_name(&self, size: &str, length: &Length<'_>) -> String {
        match self.cell.series.as_str() {
            "" => format!("{size}, {}", length.label()),
            series => format!("{size}, {}, {series}", length.label()),
        }
    }

    fn models(&self, spec: &Spec) -> Result<Vec<(String, ModelConfig)>, Problem> {
        let sizes = &spec.model.sizes;
        let mut models: Vec<(String, ModelConfig)> = Vec::new();
        for size in sizes.get_ref() {
            let refuse = |error: isoflop_core::ShapeError| {
                Problem::new(size.span(), error.to_string()).maybe_hint(error.hint())
            };
            let label = size.get_ref().label();
            let shape = size.get_ref().shape().map_err(refuse)?;
            let model = ModelConfig {
                shape,
                norm: spec.model.norm,
                position: spec.model.position,
                vocab_size: self.facts.vocab_size,
                context: self.request.context,
            };
            model.check().map_err(refuse)?;
            self.check_memory(&model, size.span())?;
            if let Some((twin, _)) = models.iter().find(|(_, known)| known.shape == shape) {
                let message = format!("sizes `{twin}` and `{label}` are the same model, {shape}");
                return Err(
                    Problem::new(size.span(), message).hint("drop one, or move it further away")
                );
            }
            models.push((label, model));
        }
        match models.is_empty() {
            true => {
                Err(Problem::new(sizes.span(), "no sizes")
                    .hint("sizes = [\"3k\", \"10k\", \"30k\"]"))
            }
            false => Ok(models),
        }
    }

    fn check_memory(&self, model: &ModelConfig, span: Range<usize>) -> Result<(), Problem> {
        let windows = self.batch_tokens(model)? / model.context as u64;
        let needed = memory::training_bytes(model, windows);
        let limit = (self.context.memory_bytes as f64 * MEMORY_SHARE) as u64;
        if needed <= limit {
            return Ok(());
        }
        let Shape {
            d_model, n_layers, ..
        } = model.shape;
        let message = format!(
            "training {d_model} x {n_layers} ({} parameters) takes about {}, this machine has {}",
            ParamCount::of(model).total(),
            memory::shown(needed),
            memory::shown(self.context.memory_bytes),
        );
        Err(Problem::new(span, message).hint("choose a smaller size, batch or context"))
    }

    fn batch_tokens(&self, model: &ModelConfig) -> Result<u64, Problem> {
        let given = &self.cell.spec.train.batch_tokens;
        let n = ParamCount::of(model).non_embedding();
        match *given.get_ref() {
            Auto::Auto => Ok(auto_batch_tokens(n, model.context)),
            Auto::Given(tokens) if tokens > 0.0 && tokens % model.context as f64 == 0.0 => {
                Ok(tokens as u64)
            }
            Auto::Given(tokens) => {
                let windows = (tokens / model.context as f64).round().max(1.0);
                let message = format!(
                    "a batch of {tokens} tokens is not whole windows of {}",
                    model.context
                );
                let hint = format!("batch_tokens = {}", windows * model.context as f64);
                Err(Problem::new(given.span(), message).hint(hint))
            }
        }
    }

    fn run(
        &self,
        label: &str,
        model: ModelConfig,
        steps: u64,
        batch_tokens: u64,
        length: &Length<'_>,
        seed: u64,
    ) -> PlannedRun {
        let train = &self.cell.spec.train;
        let n = ParamCount::of(&model).non_embedding();
        let learning_rate = match train.learning_rate {
            Auto::Auto => auto_learning_rate(n, batch_tokens),
            Auto::Given(rate) => rate,
        };
        let warmup = (warmup_tokens(n) / batch_tokens as f64).ceil() as u64;
        PlannedRun::new(RunParts {
            series: self.cell.series.clone(),
            size: label.to_owned(),
            config: RunConfig {
                family: self.cell.spec.model.family,
                model,
                data_digest: self.facts.digest.clone(),
                tokenizer: self.request.tokenizer,
                batch_tokens,
                schedule: train.schedule,
                steps: Schedule::wsd(steps, warmup),
                learning_rate,
                optimizer: Optimizer::default(),
                seed,
                numerics_version: self.context.numerics_version,
            },
            source: self.request.source.clone(),
            corpus: self.facts.name.clone(),
            test_tokens: self.request.test_tokens,
            train_tokens: self.facts.train_tokens,
            flops_budget: match length {
                Length::Budget(budget) => Some(budget.get_ref().value),
                _ => None,
            },
        })
    }
}

fn lengths(plan: &Spanned<PlanSpec>) -> Result<Vec<Length<'_>>, Problem> {
    let spec = plan.get_ref();
    let list = match (&spec.isoflop, &spec.grid, &spec.tokens_per_param) {
        (Some(isoflop), _, _) => &isoflop.budgets,
        (_, Some(grid), _) => &grid.tokens,
        (_, _, Some(multiples)) => multiples,
        _ => return Ok(Vec::new()),
    };
    if list.get_ref().is_empty() {
        return Err(Problem::new(list.span(), "an empty list").hint("give at least one value"));
    }
    for (i, entry) in list.get_ref().iter().enumerate() {
        if list.get_ref()[..i]
            .iter()
            .any(|other| other.get_ref().value == entry.get_ref().value)
        {
            let message = format!("{} stands here twice", entry.get_ref().text);
            return Err(
                Problem::new(entry.span(), message).hint("drop one; `seeds` makes replicates")
            );
        }
    }
    let length = |entry| match (&spec.isoflop, &spec.grid) {
        (Some(_), _) => Length::Budget(entry),
        (_, Some(_)) => Length::Tokens(entry),
        _ => Length::TokensPerParam(entry),
    };
    Ok(list.get_ref().iter().map(length).collect())
}

fn check_kept(length: &Length<'_>, kept: usize) -> Result<(), Problem> {
    match length {
        Length::Budget(budget) if kept < FEWEST_SIZES => {
            let message = format!(
                "budget {} keeps {kept} sizes of at least {FEWEST_STEPS} steps; a curve needs {FEWEST_SIZES}",
                scientific(budget.get_ref().value)
            );
            Err(Problem::new(budget.span(), message)
                .hint("raise this budget, add smaller sizes, or lower train.batch_tokens"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
