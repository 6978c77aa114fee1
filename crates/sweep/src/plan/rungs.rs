//! The rungs that sizes are chosen from: shapes of the ladder, seven in two decades.

use super::cell::CellPlanner;
use super::range::Range;
use super::{FEWEST_SIZES, FEWEST_STEPS};
use crate::error::Problem;
use crate::spec::{GivenShape, Quantity, Size};
use isoflop_core::placement::{Rung, STEP};
use isoflop_core::units::{Params, scientific, short};
use isoflop_model::{FlopCount, ModelConfig, ParamCount, Shape, reference_aspect};
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

/// What a shape that is no good sample of its size weighs against a miss in ln N: a single layer, which is
/// worse than its size says (LOG.md), or a width over depth further than [`ASPECT_WITHIN`] from the ladder's.
const ODD_SHAPE: f64 = 0.3;

/// Factor about the ladder's width over depth within which loss is flat in it.
const ASPECT_WITHIN: f64 = 2.0;

/// Width of a head below which there are no two.
const NARROWEST_HEAD: usize = 8;

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

/// The model of the ladder nearest to a size, of no odd shape if there is such a one about as near, and
/// its parameters.
fn nearest(planner: &CellPlanner<'_, '_>, ln_n: f64) -> Result<(ModelConfig, f64), Problem> {
    let mut best: Option<(f64, ModelConfig, f64)> = None;
    let mut refused = None;
    for aside in -ASIDE..=ASIDE {
        let value = ln_n.exp() * FINE.powi(aside);
        match planner.rung(Quantity { value, text: short(value) }) {
            Ok(model) => {
                let model = with_two_heads(planner, model);
                let n = ParamCount::of(&model).active_non_embedding().0;
                let odd = if is_odd(&model, n) { ODD_SHAPE } else { 0.0 };
                let miss = (n.ln() - ln_n).abs() + odd;
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

/// The model with two heads, where the ladder gives it one that is wide enough for two: at width 16 two heads
/// are better by 2 % of the loss (LOG.md).
fn with_two_heads(planner: &CellPlanner<'_, '_>, model: ModelConfig) -> ModelConfig {
    let shape = model.shape;
    let halved = shape.d_model / 2;
    let has_room = shape.n_heads == 1 && halved >= NARROWEST_HEAD && halved.is_multiple_of(2);
    match planner.cell.spec.model.d_head().is_none()
        && model.mixer.attention().is_some()
        && has_room
    {
        true => ModelConfig { shape: Shape { n_heads: 2, ..shape }, ..model },
        false => model,
    }
}

fn is_odd(model: &ModelConfig, n: f64) -> bool {
    let shape = model.shape;
    let aspect = shape.d_model as f64 / shape.n_layers as f64;
    let off = (aspect / reference_aspect(Params(n))).ln().abs();
    shape.n_layers == 1 || off > ASPECT_WITHIN.ln()
}
