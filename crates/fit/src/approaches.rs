//! Approaches 1, 2 and 3 of Hoffmann et al. 2022 side by side: three ways to one question, how the
//! best size grows with compute. Where they disagree, one of their assumptions fails.

use crate::fit::Options;
use crate::frontier;
use crate::interpolated;
use crate::intervals::estimate;
use crate::isoflop::{Bottom, isoflop_with_draws};
use crate::isoflop_bootstrap::Draws;
use crate::output::{Approach, Approaches, Counting, Estimate, Fit, Fits, Isoflop, Optimum};
use crate::parabola::{log_line, parabola_bias};
use crate::parametric;
use crate::point::{Point, without_worst};

/// All that these rows allow; none of them where they allow none. `draws` are the replicates of the
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

/// Slope and intercept of ln N* and of ln D* against ln C.
pub(crate) type Pair = [(f64, f64); 2];

/// The lines through some optima under both counts of compute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    /// C as the rows have it.
    pub(crate) given: Pair,
    /// C = 6 N D; none where all optima have one.
    pub(crate) six_nd: Option<Pair>,
}

/// None below two different C.
pub(crate) fn lines(optima: &[Optimum]) -> Option<Lines> {
    let through = |c: fn(&Optimum) -> f64| -> Option<Pair> {
        let line = |of: fn(&Optimum) -> f64| {
            let points: Vec<(f64, f64)> = optima.iter().map(|at| (c(at), of(at))).collect();
            log_line(&points)
        };
        Some([line(|at| at.n)?, line(|at| at.d)?])
    };
    Some(Lines { given: through(|at| at.c)?, six_nd: through(|at| 6.0 * at.n * at.d) })
}

/// Counts of compute that differ by less than this are one.
const SAME_COUNT: f64 = 0.01;

/// The exponents of some optima under C = 6 N D; none where that is what their C is.
pub(crate) fn six_nd(optima: &[Optimum], found: &Lines, replicates: &[Lines]) -> Option<Counting> {
    let off = |at: &Optimum| (at.c / (6.0 * at.n * at.d) - 1.0).abs() > SAME_COUNT;
    let pair = found.six_nd.filter(|_| optima.iter().any(off))?;
    let drawn: Vec<Pair> = replicates.iter().filter_map(|lines| lines.six_nd).collect();
    let exponent = |of: usize| {
        let slopes: Vec<f64> = drawn.iter().map(|pair| pair[of].0).collect();
        told(estimate(pair[of].0, &slopes))
    };
    Some(Counting {
        n_exponent: exponent(0),
        n_log_coefficient: pair[0].1,
        d_exponent: exponent(1),
        d_log_coefficient: pair[1].1,
    })
}

/// An exponent whose interval is wider than twice its value is not identified.
fn told(exponent: Estimate) -> Estimate {
    let width = exponent.low.zip(exponent.high).map(|(low, high)| high - low);
    Estimate {
        identified: width.is_none_or(|width| width <= 2.0 * exponent.value.abs()),
        ..exponent
    }
}

/// An approach from its optima and those of its replicates.
pub(crate) fn from_optima(
    name: &str,
    words: String,
    optima: Vec<Optimum>,
    replicates: &[Lines],
    intervals: Option<String>,
    warnings: Vec<String>,
) -> Option<Approach> {
    let found = lines(&optima)?;
    let exponent = |of: usize| {
        let slopes: Vec<f64> = replicates.iter().map(|r| r.given[of].0).collect();
        told(estimate(found.given[of].0, &slopes))
    };
    Some(Approach {
        name: name.into(),
        words,
        n_exponent: Some(exponent(0)),
        n_log_coefficient: Some(found.given[0].1),
        d_exponent: Some(exponent(1)),
        d_log_coefficient: Some(found.given[1].1),
        six_nd: six_nd(&optima, &found, replicates),
        optima,
        intervals: intervals.filter(|_| !replicates.is_empty()),
        warnings,
    })
}

impl Approach {
    /// Marks every exponent as not identified by the rows.
    pub(crate) fn doubt(&mut self) {
        let six = self.six_nd.iter_mut();
        let six = six.flat_map(|c| [&mut c.n_exponent, &mut c.d_exponent]);
        let own = self.n_exponent.iter_mut().chain(&mut self.d_exponent);
        own.chain(six).for_each(|found| found.identified = false);
    }
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
        warnings: isoflop.warnings.clone(),
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
    let surface = fits.fits.iter().find(|fit| fit.law == "chinchilla");
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
