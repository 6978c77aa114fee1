//! The recipe of a run: what `[train]` gives, and otherwise what the rules give.

use super::cell::CellPlanner;
use crate::error::Problem;
use crate::rules::warmup_tokens;
use crate::spec::{Stretch, TrainSpec};
use isoflop_core::{Optimizer, Recipe, Schedule, ScheduleKind};
use isoflop_model::{ModelConfig, ParamCount};
use toml::Spanned;

impl CellPlanner<'_, '_> {
    /// Recipe of a run of the size `label`, with its number of steps and of tokens per step.
    pub(super) fn recipe(
        &self,
        label: &str,
        model: &ModelConfig,
        (steps, batch_tokens): (u64, u64),
        learning_rate: f64,
    ) -> Result<Recipe, Problem> {
        let train = &self.cell.spec.train;
        let rule = warmup_tokens(ParamCount::of(model).active_non_embedding());
        let rule = (rule / batch_tokens as f64).ceil() as u64;
        let schedule = schedule(train, label, (steps, batch_tokens), rule)?;
        let usual = train.rules.optimizer(*train.optimizer.get_ref());
        let [beta1, beta2] = train.betas.unwrap_or([usual.beta1, usual.beta2]);
        let optimizer = Optimizer {
            beta1,
            beta2,
            weight_decay: train.weight_decay.unwrap_or(usual.weight_decay),
            clip_norm: train.clip,
            ..usual
        };
        Ok(Recipe { batch_tokens, schedule, learning_rate, optimizer, dropout: train.dropout })
    }
}

/// Schedule of a run, whose warm-up is that of the rule unless the file gives one. The rule's is cut
/// in a run that is short for it, and one that the file gives is refused there.
fn schedule(
    train: &TrainSpec,
    label: &str,
    (steps, batch_tokens): (u64, u64),
    rule: u64,
) -> Result<Schedule, Problem> {
    let of = |given: &Spanned<Stretch>| given.get_ref().steps(steps, batch_tokens);
    let kind = train.schedule;
    let decay = match (&train.decay, kind) {
        (None, _) => Schedule::share(steps, Schedule::DECAY_SHARE),
        (Some(given), ScheduleKind::Wsd) => of(given),
        (Some(given), kind) => return Err(needless(given, kind)),
    };
    let too_long = |given: &Spanned<Stretch>, what: String| {
        let message = format!("{what} does not fit into the {steps} steps of a run of {label}");
        let hint = "make it shorter, or this run longer; a fraction, such as 0.02, fits every run";
        Err(Problem::new(given.span(), message).hint(hint))
    };
    match &train.decay {
        Some(given) if decay == 0 => {
            let problem = Problem::new(given.span(), "a decay of 0 steps is a constant rate");
            return Err(problem.hint("schedule = \"constant\" has no decay"));
        }
        Some(given) if decay > steps => {
            return too_long(given, format!("a decay of {decay} steps"));
        }
        _ => {}
    }
    let Some(given) = &train.warmup else {
        return Ok(Schedule::new(kind, steps, rule, decay));
    };
    let warmup = of(given);
    let (least, beside) = match kind {
        ScheduleKind::Wsd => (decay, format!(" beside a decay of {decay}")),
        ScheduleKind::Cosine | ScheduleKind::Linear => (1, String::new()),
        ScheduleKind::Constant => (0, String::new()),
    };
    match warmup > steps - least {
        true => too_long(given, format!("a warm-up of {warmup} steps{beside}")),
        false => Ok(Schedule::new(kind, steps, warmup, least)),
    }
}

/// A decay for a shape that has none of its own.
fn needless(given: &Spanned<Stretch>, kind: ScheduleKind) -> Problem {
    let why = match kind {
        ScheduleKind::Constant => "never decays",
        _ => "decays from its warm-up to its end",
    };
    let message = format!("`decay` has no meaning here: schedule = \"{}\" {why}", kind.name());
    Problem::new(given.span(), message)
        .hint("leave it out; where `train.schedule` is an axis, [[when]] sets it for \"wsd\" alone")
}
