//! Runs that were added to a plan, round by round, until a quantity is known well enough.

use super::Dropped;
use super::cell::CellPlanner;
use super::length::Length;
use crate::error::Problem;
use crate::run::PlannedRun;
use crate::spec::{GivenShape, Quantity, Size};
use isoflop_core::Series;
use isoflop_core::units::{parse_quantity, scientific};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// Runs that were added together, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Cell of the axes.
    pub series: Series,
    /// Quantity that is to be known better.
    pub target: String,
    /// Full width that its 90 % interval is to have.
    pub wanted: f64,
    /// Full width when the runs were chosen; none where the interval was open.
    pub width: Option<f64>,
    /// Width that was expected of the runs, to first order and if the law holds.
    pub expected: f64,
    /// The runs.
    pub runs: Vec<AddedRun>,
}

/// A run that was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AddedRun {
    /// Its id; none before it is laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Size as a sweep file writes it.
    pub size: String,
    /// Training tokens that were asked for.
    pub tokens: f64,
}

impl CellPlanner<'_, '_> {
    /// Runs of the rounds of this cell, with the rounds as they are laid out. A round whose runs would
    /// now be others is left out: the sweep file has changed.
    pub(super) fn rounds(&self) -> (Vec<PlannedRun>, Vec<Round>, Vec<Dropped>) {
        let all = self.context.history.map_or(&[][..], |history| &history.rounds);
        let (mut runs, mut rounds, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
        for round in all.iter().filter(|round| round.series == self.cell.series) {
            match self.round(round) {
                Some((round, of_round)) => {
                    runs.extend(of_round);
                    rounds.push(round);
                }
                None => dropped.push(Dropped {
                    cell: format!("{} runs added for {}", round.runs.len(), round.target),
                    reason: "the sweep file has changed since, and they would be others".to_owned(),
                }),
            }
        }
        (runs, rounds, dropped)
    }

    fn round(&self, round: &Round) -> Option<(Round, Vec<PlannedRun>)> {
        let (mut laid_out, mut runs) = (Vec::new(), Vec::new());
        for added in &round.runs {
            match (self.added(added), &added.id) {
                (Ok(Some(run)), id) if id.as_ref().is_none_or(|id| id == run.id()) => {
                    laid_out.push(AddedRun { id: Some(run.id().to_owned()), ..added.clone() });
                    runs.push(run);
                }
                // A new run that is too short, or too large for the memory, is none.
                (Ok(None) | Err(_), None) => {}
                _ => return None,
            }
        }
        Some((Round { runs: laid_out, ..round.clone() }, runs))
    }

    /// The run, with the first seed; none where it would be too short.
    fn added(&self, added: &AddedRun) -> Result<Option<PlannedRun>, Problem> {
        let quantity = |text: &str| {
            let value = parse_quantity(text);
            let value = value.map_err(|error| Problem::new(0..0, error.to_string()))?;
            Ok::<_, Problem>(Quantity { value, text: text.to_owned() })
        };
        let size = match GivenShape::parse(&added.size) {
            Some(shape) => Size::Shape(shape),
            None => Size::Rung(quantity(&added.size)?),
        };
        let tokens = Quantity { value: added.tokens, text: scientific(added.tokens) };
        let (label, model) = self.model(&self.cell.spec, &Spanned::new(0..0, size))?;
        let tokens = Spanned::new(0..0, tokens);
        let replicates = self.replicates(&label, &model, &Length::Tokens(&tokens), None)?;
        Ok(replicates.ok().and_then(|runs| runs.into_iter().next()))
    }
}
