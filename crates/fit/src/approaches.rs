//! Approaches 1, 2 and 3 of Hoffmann et al. 2022 side by side: three ways to answer how the best size grows
//! with compute. Where they disagree, an assumption of one of them fails.

use crate::curve::Bottom;
use crate::frontier;
use crate::interpolated;
use crate::isoflop::isoflop_with_draws;
use crate::isoflop_bootstrap::Draws;
use crate::laws::Law;
use crate::lines::{Lines, lines, six_nd};
use crate::options::Options;
use crate::output::{Approach, Approaches, Fit, Fits, Isoflop, Optimum, Remarks};
use crate::parabola::parabola_bias;
use crate::parametric;
use crate::point::{Point, without_worst};

/// The approaches that these rows allow; none where they allow none. `draws` are the replicates of the
/// isoFLOP minima.
pub(crate) fn approaches(
    points: &[Point],
    isoflop: Option<&Isoflop>,
    draws: &Draws,
    surface: Option<&Fit>,
    options: &Options,
) -> Option<Approaches> {
    let all: Vec<Approach> = [
        frontier::approach(points, options),
        isoflop.and_then(|isoflop| parabolas(isoflop, draws)),
        isoflop.and_then(|isoflop| interpolated::approach(isoflop, options)),
        surface.and_then(parametric::approach),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!all.is_empty()).then(|| Approaches {
        series: points[0].series.clone(),
        n_kind: options.n_kind.clone(),
        c_kind: options.c_kind.clone(),
        approaches: all,
    })
}

fn parabolas(isoflop: &Isoflop, draws: &Draws) -> Option<Approach> {
    let exponent = isoflop.n_exponent?;
    let minima = || {
        let budgets = isoflop.budgets.iter().enumerate();
        budgets.filter_map(|(k, budget)| Some((k, budget.minimum.as_ref()?)))
    };
    let optima: Vec<Optimum> = minima()
        .map(|(_, minimum)| Optimum {
            c: minimum.c,
            n: minimum.n_opt.value,
            d: minimum.d_opt.value,
            loss: minimum.loss.value,
        })
        .collect();
    let redrawn = |draw: &Vec<Option<Bottom>>| -> Option<Lines> {
        let again = minima().map(|(k, minimum)| {
            let bottom = draw.get(k).copied().flatten()?;
            Some(Optimum { c: minimum.c, n: bottom.n_opt, d: bottom.d_opt, loss: bottom.loss })
        });
        lines(&again.collect::<Option<Vec<Optimum>>>()?)
    };
    let replicates: Vec<Lines> = draws.iter().filter_map(redrawn).collect();
    let six_nd = lines(&optima).and_then(|found| six_nd(&optima, &found, &replicates));
    let mut found = Approach {
        name: "2".into(),
        words: "a parabola of loss in ln N for each budget, a line through the minima".into(),
        n_exponent: None,
        n_log_coefficient: isoflop.n_log_coefficient,
        d_exponent: None,
        d_log_coefficient: isoflop.d_log_coefficient,
        six_nd,
        optima,
        intervals: isoflop
            .bootstrap
            .as_ref()
            .map(|b| format!("{} {} replicates of {}", b.replicates, b.interval, b.unit)),
        // What is said of the minima stands with them.
        remarks: Remarks::default(),
    };
    if !exponent.identified {
        found.doubt();
    }
    found.n_exponent = Some(exponent);
    found.d_exponent = isoflop.d_exponent;
    Some(found)
}

/// Adds approaches 1, 2 and 3 to fits of a table whose rows have budgets; nothing where they have none
/// or no law in N and D was asked for.
pub fn side_by_side(points: &[Point], fits: &mut Fits, options: &Options) {
    let surface = fits.fits.iter().find(|fit| fit.law() == Some(Law::Chinchilla));
    let budgets = points.iter().all(|point| point.flops_budget.is_some());
    if points.is_empty() || !budgets || surface.is_none() && fits.isoflop.is_empty() {
        return;
    }
    let Ok(kept) = without_worst(points, options.drop_worst) else {
        return;
    };
    let (again, draws) = isoflop_with_draws(&kept, options).ok().flatten().unzip();
    let draws = draws.unwrap_or_default();
    let mut found = fits.isoflop.pop().or(again);
    if let (Some(found), Some(surface)) = (&mut found, surface) {
        found.bias = parabola_bias(found, surface);
    }
    fits.approaches.extend(approaches(&kept, found.as_ref(), &draws, surface, options));
    fits.isoflop.extend(found);
}
