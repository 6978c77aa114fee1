//! Lengths of runs as a plan gives them.

use crate::error::Problem;
use crate::run::MOST_TOKENS;
use crate::spec::{PlanSpec, Quantity};
use isoflop_core::units::{scientific, short};
use isoflop_model::{FlopCount, ModelConfig, ParamCount};
use toml::Spanned;

/// One requested length of runs.
pub(super) enum Length<'a> {
    Budget(&'a Spanned<Quantity>),
    Tokens(&'a Spanned<Quantity>),
    TokensPerParam(&'a Spanned<Quantity>),
    Epochs(&'a Spanned<Quantity>),
}

impl Length<'_> {
    pub(super) fn label(&self) -> String {
        match self {
            Length::Budget(q) => format!("budget {}", scientific(q.get_ref().value)),
            Length::Tokens(q) => format!("{} tokens", short(q.get_ref().value)),
            Length::TokensPerParam(q) => {
                format!("{} tokens per parameter", short(q.get_ref().value))
            }
            Length::Epochs(q) => format!("{} epochs", short(q.get_ref().value)),
        }
    }

    fn quantity(&self) -> &Spanned<Quantity> {
        match self {
            Length::Budget(q)
            | Length::Tokens(q)
            | Length::TokensPerParam(q)
            | Length::Epochs(q) => q,
        }
    }

    /// Number of whole steps of a run of this length.
    ///
    /// # Errors
    /// The length has more tokens than can be counted.
    pub(super) fn steps(
        &self,
        model: &ModelConfig,
        train_tokens: u64,
        batch_tokens: u64,
    ) -> Result<u64, Problem> {
        let tokens = self.tokens(model, train_tokens);
        if tokens <= MOST_TOKENS as f64 {
            return Ok((tokens / batch_tokens as f64).round() as u64);
        }
        let message = format!(
            "{} is {} tokens for a model of {} parameters, more than can be counted",
            self.label(),
            scientific(tokens),
            ParamCount::of(model).active_non_embedding()
        );
        let hint = format!("a run has at most {} tokens", scientific(MOST_TOKENS as f64));
        Err(Problem::new(self.quantity().span(), message).hint(hint))
    }

    /// Tokens of a run of this length, with a train split of `train_tokens` tokens.
    fn tokens(&self, model: &ModelConfig, train_tokens: u64) -> f64 {
        match self {
            Length::Budget(q) => q.get_ref().value / FlopCount::of(model).per_token().0,
            Length::Tokens(q) => q.get_ref().value,
            Length::TokensPerParam(q) => {
                q.get_ref().value * ParamCount::of(model).active_non_embedding().0
            }
            Length::Epochs(q) => q.get_ref().value * train_tokens as f64,
        }
    }
}

/// Lengths that a plan asks for, in the order of the file.
pub(super) fn lengths(plan: &Spanned<PlanSpec>) -> Result<Vec<Length<'_>>, Problem> {
    let spec = plan.get_ref();
    let given = [
        spec.isoflop.as_ref().map(|isoflop| &isoflop.budgets),
        spec.grid.as_ref().map(|grid| &grid.tokens),
        spec.tokens_per_param.as_ref(),
        spec.epochs.as_ref(),
    ];
    let Some(list) = given.into_iter().flatten().next() else {
        return Ok(Vec::new());
    };
    if list.get_ref().is_empty() {
        return Err(Problem::new(list.span(), "an empty list").hint("give at least one value"));
    }
    for (i, entry) in list.get_ref().iter().enumerate() {
        if list.get_ref()[..i].iter().any(|other| other.get_ref().value == entry.get_ref().value) {
            let message = format!("{} stands here twice", entry.get_ref().text);
            return Err(
                Problem::new(entry.span(), message).hint("drop one; `seeds` makes replicates")
            );
        }
    }
    let length = |entry| match given {
        [Some(_), ..] => Length::Budget(entry),
        [_, Some(_), ..] => Length::Tokens(entry),
        [_, _, Some(_), _] => Length::TokensPerParam(entry),
        _ => Length::Epochs(entry),
    };
    Ok(list.get_ref().iter().map(length).collect())
}
