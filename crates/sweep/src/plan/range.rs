//! Tokens per parameter that a plan allows.

use crate::error::Problem;
use crate::spec::{Cell, PlanSpec, Quantity, Sizes};
use isoflop_core::units::{short, significant};
use toml::Spanned;

impl Cell {
    /// Least and most tokens per parameter of the runs of the cell's kind of plan; none where any are
    /// allowed, or the file gives no range that can be.
    pub fn tokens_per_param_range(&self) -> Option<[f64; 2]> {
        let sizes = self.spec.model.sizes.as_ref();
        let is_auto = sizes.is_some_and(|sizes| *sizes.get_ref() == Sizes::Auto);
        let given = Range::given(&self.spec.plan).ok()?;
        let range = given.or(is_auto.then_some(Range::USUAL))?;
        Some([range.low, range.high])
    }
}

/// Least and most tokens per parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Range {
    /// The range of sizes that the planner chooses. The quickstart's runs within it follow one law, and
    /// those outside follow it worse (LOG.md).
    pub(super) const USUAL: Range = Range { low: 3.0, high: 3000.0 };

    /// The range that a plan gives.
    pub(super) fn given(plan: &Spanned<PlanSpec>) -> Result<Option<Range>, Problem> {
        let Some(given) = &plan.get_ref().tokens_per_param_range else {
            return Ok(None);
        };
        let hint = "write the least and the most, such as tokens_per_param_range = [3, 3000]";
        match given.get_ref().as_slice() {
            [low, high] if low.get_ref().value < high.get_ref().value => {
                let value = |of: &Spanned<Quantity>| of.get_ref().value;
                Ok(Some(Range { low: value(low), high: value(high) }))
            }
            [low, high] => {
                let text = |of: &Spanned<Quantity>| of.get_ref().text.clone();
                let message = format!("no number lies from {} to {}", text(low), text(high));
                Err(Problem::new(given.span(), message).hint(hint))
            }
            other => {
                let message = format!("a range has two ends, and here are {}", other.len());
                Err(Problem::new(given.span(), message).hint(hint))
            }
        }
    }

    /// Why so many tokens per parameter are not allowed; none if they are.
    pub(super) fn refusal(&self, tokens_per_param: f64) -> Option<String> {
        let found = significant(tokens_per_param, 3);
        let sentence = |beyond: &str, end: f64| {
            format!(
                "{found} tokens per parameter, {beyond} {} (tokens_per_param_range)",
                short(end)
            )
        };
        match tokens_per_param {
            at if at < self.low => Some(sentence("below", self.low)),
            at if at > self.high => Some(sentence("above", self.high)),
            _ => None,
        }
    }
}
