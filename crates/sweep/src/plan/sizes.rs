//! Chooses the sizes of a plan with `sizes = "auto"`, budget by budget.

use super::cell::{CellPlanner, LaidOut};
use super::length::Length;
use super::range::Range;
use super::rungs::{Named, rungs};
use super::{Dropped, FEWEST_SIZES};
use crate::error::Problem;
use crate::run::PlannedRun;
use crate::spec::{GivenShape, Quantity, Size};
use isoflop_core::Series;
use isoflop_core::placement::{Chosen, Expected, Ladder, Minimum, Rung};
use isoflop_core::units::{scientific, short};
use serde::{Deserialize, Serialize};
use toml::Spanned;

/// Sizes that were chosen for a budget, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetSizes {
    /// Cell of the axes.
    pub series: Series,
    /// FLOPs.
    pub budget: f64,
    /// Whether the sizes wait for other budgets to end; they are then only those that are expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
    /// Parameters of the size that was expected to be the best.
    pub expected: f64,
    /// 90 % interval of that size.
    pub interval: [f64; 2],
    /// The sizes, ascending, as a sweep file writes them.
    pub sizes: Vec<String>,
    /// Sizes about the expected one that are left out; the plan's dropped runs say why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Minima of other budgets that correct the prior; none where the prior alone places the sizes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub minima: Vec<KnownMinimum>,
    /// Hash of what the runs have in common besides size, length, rate, batch and seed, and the range of
    /// tokens per parameter: under others, sizes are chosen anew.
    kin: String,
}

/// The best size of a budget that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownMinimum {
    /// FLOPs.
    pub budget: f64,
    /// Parameters.
    pub n: f64,
    /// Standard deviation of the logarithm of that size.
    pub sd: f64,
    /// Whether sizes on both sides enclose it; otherwise it is the size of lowest loss.
    pub enclosed: bool,
}

impl BudgetSizes {
    /// Why the sizes are these: `by the prior`, `by 3 budgets`.
    pub fn why(&self) -> String {
        match self.minima.len() {
            0 => "by the prior".to_owned(),
            1 => "by the prior and 1 budget".to_owned(),
            budgets => format!("by the prior and {budgets} budgets"),
        }
    }

    /// One line for people: `5 sizes, 12x2x1 16x2x1 ...; the best is expected at 6.1k [3.9k, 9.6k], by the
    /// prior and 2 budgets`.
    pub fn in_words(&self) -> String {
        let [low, high] = self.interval.map(short);
        format!(
            "{} sizes, {}; the best is expected at {} [{low}, {high}], {}",
            self.sizes.len(),
            self.sizes.join(" "),
            short(self.expected),
            self.why()
        )
    }
}

/// A budget with sizes, while others are still being placed.
struct Placed<'a> {
    budget: &'a Spanned<Quantity>,
    chosen: BudgetSizes,
    runs: Vec<PlannedRun>,
    dropped: Vec<Dropped>,
}

impl CellPlanner<'_, '_> {
    /// Runs of a cell whose sizes are chosen, with the budgets in the order of the file.
    pub(super) fn auto_runs(
        &self,
        lengths: &[Length<'_>],
        range: &Range,
    ) -> Result<LaidOut, Problem> {
        let budgets = budgets(lengths).ok_or_else(|| {
            Problem::new(
                self.sizes_span(),
                "sizes = \"auto\" follow compute budgets, and this plan has none",
            )
            .hint("give isoflop = { budgets = [..] } or time = \"8h\", or name the sizes")
        })?;
        let place = Placing::of(self, &budgets, range)?;
        let mut placed = place.all()?;
        placed.sort_by_key(|placed| budgets.iter().position(|b| std::ptr::eq(*b, placed.budget)));
        let mut out = LaidOut::default();
        for Placed { chosen, runs, dropped, .. } in placed {
            out.sizes.push(chosen);
            out.runs.extend(runs);
            out.dropped.extend(dropped);
        }
        Ok(out)
    }

    pub(super) fn sizes_span(&self) -> std::ops::Range<usize> {
        let spec = &self.cell.spec;
        spec.model.sizes.as_ref().map_or(spec.plan.span(), Spanned::span)
    }
}

fn budgets<'a>(lengths: &[Length<'a>]) -> Option<Vec<&'a Spanned<Quantity>>> {
    let budget = |length: &Length<'a>| match length {
        Length::Budget(budget) => Some(*budget),
        _ => None,
    };
    let all: Option<Vec<_>> = lengths.iter().map(budget).collect();
    all.filter(|all| !all.is_empty())
}

/// Everything that the sizes of one cell are chosen by.
struct Placing<'a, 'b, 'c> {
    planner: &'a CellPlanner<'b, 'c>,
    range: &'a Range,
    /// Ascending.
    budgets: Vec<&'a Spanned<Quantity>>,
    named: Vec<Named>,
    ladder: Ladder,
    kin: String,
}

impl<'a, 'b, 'c> Placing<'a, 'b, 'c> {
    fn of(
        planner: &'a CellPlanner<'b, 'c>,
        budgets: &[&'a Spanned<Quantity>],
        range: &'a Range,
    ) -> Result<Self, Problem> {
        let mut budgets = budgets.to_vec();
        budgets.sort_by(|a, b| a.get_ref().value.total_cmp(&b.get_ref().value));
        let ends = [budgets[0], budgets[budgets.len() - 1]].map(|budget| budget.get_ref().value);
        let named = rungs(planner, ends, range)?;
        let ladder = Ladder::new(named.iter().map(|named| named.rung).collect(), ends[0]);
        let kin = format!("{} {} {}", planner.kin(&named[0].model)?, range.low, range.high);
        Ok(Placing { planner, range, budgets, named, ladder, kin })
    }

    /// Places every budget: first those that were placed before, then as far as ended budgets tell, and
    /// at last where they are expected.
    ///
    /// A stage is placed when all budgets that have sizes have ended, so that stages are the same however
    /// often a sweep is interrupted.
    fn all(&self) -> Result<Vec<Placed<'a>>, Problem> {
        let mut placed = Vec::new();
        for budget in &self.budgets {
            if let Some(known) = self.known(budget.get_ref().value) {
                placed.push(self.lay_out(budget, known)?);
            }
        }
        while self.have_ended(&placed) {
            let minima = self.minima(&placed);
            let open = self.open(&placed);
            let budgets: Vec<f64> = open.iter().map(|budget| budget.get_ref().value).collect();
            let stage = self.ladder.stage(&budgets, placed.is_empty(), &minima);
            if stage.is_empty() {
                return Ok(placed);
            }
            for (budget, expected) in open.iter().zip(&stage) {
                placed.push(self.lay_out(budget, self.chosen(budget, expected, &minima)?)?);
            }
        }
        let ended = placed.iter().filter(|placed| self.has_ended(placed));
        let minima: Vec<Minimum> = ended.filter_map(|placed| self.minimum(placed)).collect();
        for budget in self.open(&placed) {
            let expected = self.ladder.expected(budget.get_ref().value, &minima);
            let waiting = BudgetSizes { waits: true, ..self.chosen(budget, &expected, &minima)? };
            let mut waiting = self.lay_out(budget, waiting)?;
            if !self.planner.context.with_waiting {
                waiting.runs.clear();
                waiting.dropped.clear();
            }
            placed.push(waiting);
        }
        Ok(placed)
    }

    /// Budgets that have no sizes yet, ascending.
    fn open(&self, placed: &[Placed<'a>]) -> Vec<&'a Spanned<Quantity>> {
        let is_placed = |budget: &&Spanned<Quantity>| {
            placed.iter().any(|placed| std::ptr::eq(placed.budget, *budget))
        };
        self.budgets.iter().copied().filter(|budget| !is_placed(budget)).collect()
    }

    /// Sizes that were chosen for a budget before, for runs that these are alike.
    fn known(&self, budget: f64) -> Option<BudgetSizes> {
        let all = &self.planner.context.history?.sizes;
        let is_of = |known: &&BudgetSizes| {
            known.series == self.planner.cell.series
                && known.budget == budget
                && known.kin == self.kin
                && !known.waits
        };
        all.iter().find(is_of).cloned()
    }

    fn chosen(
        &self,
        budget: &Spanned<Quantity>,
        expected: &Expected,
        minima: &[Minimum],
    ) -> Result<BudgetSizes, Problem> {
        let mut allowed = Vec::new();
        for named in &self.named {
            let label = named.size.get_ref().label();
            let length = Length::Budget(budget);
            let laid_out =
                self.planner.replicates(&label, &named.model, &length, Some(self.range))?;
            allowed.push((named.rung, laid_out.is_ok()));
        }
        let is_allowed = |rung: &Rung| allowed.contains(&(*rung, true));
        let Chosen { sizes, left_out } = self.ladder.choose(expected, is_allowed);
        let labels = |numbers: Vec<usize>| -> Vec<String> {
            numbers.into_iter().map(|at| self.named[at].size.get_ref().label()).collect()
        };
        let known = |minimum: &Minimum| KnownMinimum {
            budget: minimum.budget,
            n: minimum.ln_n.exp().round(),
            sd: rounded(minimum.sd),
            enclosed: minimum.enclosed,
        };
        Ok(BudgetSizes {
            series: self.planner.cell.series.clone(),
            budget: budget.get_ref().value,
            waits: false,
            expected: expected.ln_n.exp().round(),
            interval: expected.interval().map(f64::round),
            sizes: labels(sizes),
            left_out: labels(left_out),
            minima: minima.iter().map(known).collect(),
            kin: self.kin.clone(),
        })
    }

    fn lay_out(
        &self,
        budget: &'a Spanned<Quantity>,
        chosen: BudgetSizes,
    ) -> Result<Placed<'a>, Problem> {
        let (mut runs, mut dropped) = (Vec::new(), Vec::new());
        let mut kept = 0;
        for label in chosen.sizes.iter().chain(&chosen.left_out) {
            let is_chosen = chosen.sizes.contains(label);
            let shape = GivenShape::parse(label).ok_or_else(|| {
                Problem::new(budget.span(), format!("`{label}` is no size of the ladder"))
            })?;
            let size = Spanned::new(self.planner.sizes_span(), Size::Shape(shape));
            let (label, model) = self.planner.model(&self.planner.cell.spec, &size)?;
            let length = Length::Budget(budget);
            match self.planner.replicates(&label, &model, &length, Some(self.range))? {
                Ok(replicates) if is_chosen => {
                    kept += 1;
                    runs.extend(replicates);
                }
                Ok(_) => {}
                Err(left_out) => dropped.push(left_out),
            }
        }
        if kept < FEWEST_SIZES {
            // Of a budget that buys nothing, the smallest size says why.
            dropped.extend(self.smallest(budget)?);
            let why: Vec<String> =
                dropped.iter().map(|out| format!("{}: {}", out.cell, out.reason)).collect();
            let message = format!(
                "budget {} keeps {kept} sizes of the ladder; a curve needs {FEWEST_SIZES} ({})",
                scientific(budget.get_ref().value),
                why.join("; ")
            );
            return Err(Problem::new(budget.span(), message).hint(
                "raise this budget, lower train.batch_tokens, or widen tokens_per_param_range",
            ));
        }
        Ok(Placed { budget, chosen, runs, dropped })
    }

    /// Why the smallest rung is left out at a budget, if it is.
    fn smallest(&self, budget: &Spanned<Quantity>) -> Result<Option<Dropped>, Problem> {
        let Named { size, model, .. } = &self.named[0];
        let (label, length) = (size.get_ref().label(), Length::Budget(budget));
        Ok(self.planner.replicates(&label, model, &length, Some(self.range))?.err())
    }

    fn loss(&self, run: &PlannedRun) -> Option<Option<f64>> {
        self.planner.context.history?.ended.get(run.id()).copied()
    }

    fn has_ended(&self, placed: &Placed<'_>) -> bool {
        placed.runs.iter().all(|run| self.loss(run).is_some())
    }

    fn have_ended(&self, placed: &[Placed<'_>]) -> bool {
        placed.iter().all(|placed| self.has_ended(placed))
    }

    fn minima(&self, placed: &[Placed<'_>]) -> Vec<Minimum> {
        let mut minima: Vec<Minimum> =
            placed.iter().filter_map(|placed| self.minimum(placed)).collect();
        minima.sort_by(|a, b| a.budget.total_cmp(&b.budget));
        minima
    }

    fn minimum(&self, placed: &Placed<'_>) -> Option<Minimum> {
        let loss = |run: &PlannedRun| Some((run.n().0, self.loss(run)??));
        let losses: Vec<(f64, f64)> = placed.runs.iter().filter_map(loss).collect();
        Minimum::of(placed.chosen.budget, &losses)
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
