//! How long a run is to train, as a plan asks for it.

use crate::error::Problem;
use crate::spec::{PlanSpec, Quantity};
use isoflop_core::units::{scientific, short};
use isoflop_core::{FlopCount, ModelConfig, ParamCount};
use toml::Spanned;

/// One requested length of runs.
pub(super) enum Length<'a> {
    Budget(&'a Spanned<Quantity>),
    Tokens(&'a Spanned<Quantity>),
    TokensPerParam(&'a Spanned<Quantity>),
}

impl Length<'_> {
    pub(super) fn label(&self) -> String {
        match self {
            Length::Budget(q) => format!("budget {}", scientific(q.get_ref().value)),
            Length::Tokens(q) => format!("{} tokens", short(q.get_ref().value)),
            Length::TokensPerParam(q) => {
                format!("{} tokens per parameter", short(q.get_ref().value))
            }
        }
    }

    pub(super) fn tokens(&self, model: &ModelConfig) -> f64 {
        match self {
            Length::Budget(q) => q.get_ref().value / FlopCount::of(model).per_token().0,
            Length::Tokens(q) => q.get_ref().value,
            Length::TokensPerParam(q) => {
                q.get_ref().value * ParamCount::of(model).non_embedding().0
            }
        }
    }
}

/// The lengths that a plan asks for, in the order of the file.
pub(super) fn lengths(plan: &Spanned<PlanSpec>) -> Result<Vec<Length<'_>>, Problem> {
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
