//! The rungs that sizes are chosen from: shapes of the ladder, seven in two decades.

use super::cell::CellPlanner;
use super::range::Range;
use super::{FEWEST_SIZES, FEWEST_STEPS};
use crate::error::Problem;
use crate::spec::{GivenShape, Quantity, Size};
use isoflop_core::placement::{Rung, STEP};
use isoflop_core::units::{scientific, short};
use isoflop_model::{FlopCount, ModelConfig, ParamCount};
use toml::Spanned;

/// A rung with the size that names it.
pub(super) struct Named {
    pub(super) rung: Rung,
    pub(super) model: ModelConfig,
    pub(super) size: Spanned<Size>,
}

/// Sizes tried for a rung, on either side of its own, and the factor between them: a third of a step.
const ASIDE: i32 = 1;
const FINE: f64 = 1.25;

/// What a single layer weighs against a miss in ln N: it is worse than its size says (LOG.md).
const ONE_LAYER: f64 = 0.3;

/// Rungs nearer to one another than this share of a step are one.
const APART: f64 = 0.5;

/// Rungs of a cell, seven in two decades and ascending, over all sizes that the budgets can bear.
pub(super) fn rungs(
    planner: &CellPlanner<'_, '_>,
    [least, most]: [f64; 2],
    range: &Range,
) -> Result<Vec<Named>, Problem> {
    // Tokens for a size are at most compute over 6 N; the head takes its part at small sizes.
    let from = (least / 6.0 / range.high).sqrt() / 30.0;
    let until = (most / 6.0 / range.low).sqrt() * STEP.exp();
    let step = |n: f64| (n.max(1.0).ln() / STEP) as i32;
    let mut all: Vec<Named> = Vec::new();
    let mut refused = None;
    for k in step(from)..=step(until) + 1 {
        let (model, n) = match nearest(planner, f64::from(k) * STEP) {
            Ok(found) => found,
            Err(problem) => {
                refused = Some(problem);
                continue;
            }
        };
        let last = all.last().map_or(f64::NEG_INFINITY, |named| named.rung.n.ln());
        if n.ln() < last + APART * STEP {
            continue;
        }
        let rung = Rung { n, flops: FlopCount::of(&model).per_token().0 };
        let batch = planner.batch_tokens(&model)?;
        if most / rung.flops < (FEWEST_STEPS * batch) as f64 && all.len() >= FEWEST_SIZES {
            break;
        }
        let heads = planner.cell.spec.model.d_head().is_none().then_some(model.shape.n_heads);
        let shape = GivenShape {
            d_model: model.shape.d_model,
            n_layers: model.shape.n_layers,
            n_heads: heads,
        };
        let size = Spanned::new(planner.sizes_span(), Size::Shape(shape));
        all.push(Named { rung, model, size });
    }
    match (all.is_empty(), refused) {
        (false, _) if all.len() >= FEWEST_SIZES => Ok(all),
        (true, Some(problem)) => Err(problem),
        _ => {
            let message = format!(
                "budgets up to {} bear no {FEWEST_SIZES} sizes of the ladder",
                scientific(most)
            );
            Err(Problem::new(planner.sizes_span(), message)
                .hint("raise the budgets, or widen tokens_per_param_range"))
        }
    }
}

/// The model of the ladder nearest to a size, with more than one layer if there is such a one about as
/// near, and its parameters.
fn nearest(planner: &CellPlanner<'_, '_>, ln_n: f64) -> Result<(ModelConfig, f64), Problem> {
    let mut best: Option<(f64, ModelConfig, f64)> = None;
    let mut refused = None;
    for aside in -ASIDE..=ASIDE {
        let value = ln_n.exp() * FINE.powi(aside);
        match planner.rung(Quantity { value, text: short(value) }) {
            Ok(model) => {
                let n = ParamCount::of(&model).active_non_embedding().0;
                let single = if model.shape.n_layers == 1 { ONE_LAYER } else { 0.0 };
                let miss = (n.ln() - ln_n).abs() + single;
                if best.as_ref().is_none_or(|(least, ..)| miss < *least) {
                    best = Some((miss, model, n));
                }
            }
            Err(problem) => refused = Some(problem),
        }
    }
    match (best, refused) {
        (Some((_, model, n)), _) => Ok((model, n)),
        (None, Some(problem)) => Err(problem),
        (None, None) => unreachable!("several sizes were tried"),
    }
}
