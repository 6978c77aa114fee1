//! Approach 2 of Hoffmann et al. 2022: the best size at each budget from a parabola, then a power
//! law through the bottoms.

use crate::curve::{Bottom, Curve};
use crate::design::mean;
use crate::error::FitError;
use crate::interpolated;
use crate::isoflop_bootstrap::{Draws, with_intervals};
use crate::lines::Pair;
use crate::options::Options;
use crate::output::{Axis, BudgetCurve, Estimate, FittedPoint, Isoflop, Minimum, Problem, Remarks};
use crate::parabola::{fit_parabola, log_line};
use crate::point::Point;
use crate::units::number_units;
use isoflop_core::units::scientific;

/// Factor of sizes to one side of the bottom beyond which the law's cubic term bends a parabola: with
/// Hoffmann's constants, factor 8 each side misplaces D* by 3 % at 1e24.
const WIDE: f64 = 8.0;
/// Ratio of the range of sizes (in ln N) on one side of the bottom to that on the other, beyond which the
/// bottom is off centre.
const LOPSIDED: f64 = 3.0;
/// Budgets below which a line through the minima has no scatter to tell how good it is.
const FEWEST_BUDGETS: usize = 3;

/// IsoFLOP analysis of one series; budgets are those asked for, never rounded spending. None
/// where no point has a budget. Points without `c` count as having spent their budget.
///
/// # Errors
/// A number without a logarithm, or a point with a budget but without N or D.
pub fn isoflop(points: &[Point], options: &Options) -> Result<Option<Isoflop>, FitError> {
    Ok(isoflop_with_draws(points, options)?.map(|(isoflop, _)| isoflop))
}

/// [`isoflop`], and the bottoms of every bootstrap replicate for the laws fitted through them.
pub(crate) fn isoflop_with_draws(
    points: &[Point],
    options: &Options,
) -> Result<Option<(Isoflop, Draws)>, FitError> {
    points.iter().try_for_each(Point::check)?;
    let groups = by_budget(points);
    if groups.is_empty() {
        return Ok(None);
    }
    let mut curves = Vec::new();
    let mut budgets = Vec::new();
    for (flops_budget, group) in groups {
        let curve = curve(flops_budget, &group)?;
        budgets.push(describe(&curve, &group));
        curves.push(curve);
    }
    number(&mut curves, points);
    let bottoms: Vec<Option<Bottom>> =
        curves.iter().map(|curve| curve.bottom(&curve.losses)).collect();
    let lines = through_bottoms(&curves, &bottoms);
    let remarks = counted(&curves, bottoms.iter().flatten().count());
    let [n, d] = [0, 1].map(|of| lines.map(|lines| lines[of]));
    let isoflop = Isoflop {
        series: points[0].series.clone(),
        n_kind: options.n_kind.clone(),
        n_exponent: n.map(|(slope, _)| bare(slope)),
        n_log_coefficient: n.map(|(_, intercept)| intercept),
        d_exponent: d.map(|(slope, _)| bare(slope)),
        d_log_coefficient: d.map(|(_, intercept)| intercept),
        drift: drift(&budgets),
        budgets,
        remarks,
        ..Isoflop::default()
    };
    Ok(Some(with_intervals(isoflop, &curves, options)))
}

/// Remarks on how many budgets have a minimum.
fn counted(curves: &[Curve], found: usize) -> Remarks {
    let mut remarks = Remarks::default();
    let missing = curves.iter().filter_map(|curve| {
        let (_, add) = curve.lack()?;
        Some(format!("{add} at {} FLOPs", scientific(curve.flops_budget)))
    });
    let missing: Vec<String> = missing.collect();
    let all = curves.len();
    if all < FEWEST_BUDGETS {
        let budgets = if all == 1 { "budget" } else { "budgets" };
        let text =
            format!("an exponent needs a minimum at three budgets, and there are {all} {budgets}");
        remarks.warn(Problem::FewBudgets, text, Vec::new());
    }
    if !missing.is_empty() {
        let text = format!("{found} of {all} budgets have their lowest loss inside their sizes");
        remarks.warn(Problem::MissedMinimum, text, missing);
    }
    if found == 2 {
        remarks.note(
            "only two budgets have a minimum, so that the exponents are a line through two points",
        );
    }
    remarks
}

/// Numbers the units of all curves' runs, in the order in which [`by_budget`] lists them.
fn number(curves: &mut [Curve], points: &[Point]) {
    let groups = by_budget(points);
    let runs = groups.iter().flat_map(|(_, group)| group);
    let mut numbers = number_units(runs.map(|run| run.unit.as_str())).into_iter();
    for curve in curves {
        curve.units = numbers.by_ref().take(curve.losses.len()).collect();
    }
}

/// The rows of each budget in ascending order of the budgets, which are compared bit for bit.
fn by_budget(points: &[Point]) -> Vec<(f64, Vec<&Point>)> {
    let mut groups: Vec<(f64, Vec<&Point>)> = Vec::new();
    for point in points {
        let Some(budget) = point.flops_budget else {
            continue;
        };
        match groups.iter_mut().find(|(other, _)| *other == budget) {
            Some((_, group)) => group.push(point),
            None => groups.push((budget, vec![point])),
        }
    }
    groups.sort_by(|a, b| a.0.total_cmp(&b.0));
    groups
}

fn curve(flops_budget: f64, group: &[&Point]) -> Result<Curve, FitError> {
    let along = |axis| -> Result<Vec<f64>, FitError> {
        group.iter().map(|point| point.need(axis, "isoflop").map(f64::ln)).collect()
    };
    let spent: Vec<f64> = group.iter().map(|point| point.c.unwrap_or(flops_budget)).collect();
    Ok(Curve {
        flops_budget,
        ln_n: along(Axis::N)?,
        ln_d: along(Axis::D)?,
        losses: group.iter().map(|point| point.loss).collect(),
        units: Vec::new(),
        c: mean(&spent),
    })
}

impl Curve {
    /// Why there is no bottom inside the sizes, and what to add.
    fn lack(&self) -> Option<(&'static str, &'static str)> {
        let Some(parabola) = fit_parabola(&self.ln_n, &self.losses) else {
            return Some(("a parabola needs three different sizes", "sizes"));
        };
        let (low, high) = self.span();
        match parabola.bottom() {
            None => Some((
                "the parabola opens downwards, so that these losses have no bottom",
                "sizes or repeats",
            )),
            Some((at, _)) if at <= low => {
                Some(("the loss is lowest at the smallest size", "smaller sizes"))
            }
            Some((at, _)) if at >= high => {
                Some(("the loss is lowest at the largest size", "larger sizes"))
            }
            Some((_, loss)) if loss <= 0.0 => Some((
                "the bottom of the parabola lies below zero, where no loss is",
                "sizes nearer to the lowest loss",
            )),
            Some(_) => None,
        }
    }

    /// Why there is no bottom, or why to doubt it.
    fn note(&self) -> Option<String> {
        if let Some((why, add)) = self.lack() {
            return Some(format!("{why}; add {add}"));
        }
        let (at, _) = fit_parabola(&self.ln_n, &self.losses)?.bottom()?;
        let (low, high) = self.span();
        let (below, above) = (at - low, high - at);
        let sides = format!(
            "sizes reach a factor of {:.1} below the bottom and {:.1} above",
            below.exp(),
            above.exp()
        );
        if below.max(above) > LOPSIDED * below.min(above) {
            return Some(format!(
                "{sides}, which is off centre and biases a parabola; add sizes on the short side"
            ));
        }
        (below.max(above) > WIDE.ln()).then(|| {
            format!(
                "{sides}, which is wide and biases a parabola; prefer sizes within a factor of {WIDE}"
            )
        })
    }
}

fn describe(curve: &Curve, group: &[&Point]) -> BudgetCurve {
    let parabola = fit_parabola(&curve.ln_n, &curve.losses);
    let runs = group.iter().map(|point| FittedPoint {
        label: point.label.clone(),
        n: point.n,
        d: point.d,
        c: Some(point.c.unwrap_or(curve.flops_budget)),
        loss: point.loss,
        fitted: parabola.zip(point.n).map_or(point.loss, |(parabola, n)| parabola.loss(n)),
    });
    let (low, high) = curve.span();
    let bottom = parabola.and_then(|parabola| parabola.bottom());
    let place = bottom.map(|(at, _)| (at - low, high - at));
    let mut described = BudgetCurve {
        flops_budget: curve.flops_budget,
        runs: runs.collect(),
        parabola,
        minimum: curve.bottom(&curve.losses).map(|bottom| Minimum {
            n_opt: bare(bottom.n_opt),
            d_opt: bare(bottom.d_opt),
            loss: bare(bottom.loss),
            c: curve.c,
        }),
        note: curve.note(),
        akima: None,
        below: place.map(|(below, _)| below.exp()),
        above: place.map(|(_, above)| above.exp()),
        offset: place.map(|(below, above)| (below - above) / (below + above)),
    };
    described.akima = interpolated::lowest(&described).map(|lowest| Minimum {
        n_opt: bare(lowest.n),
        d_opt: bare(lowest.d),
        loss: bare(lowest.loss),
        c: lowest.c,
    });
    described
}

/// Change of the offset for each factor of ten of compute, by least squares; none below two budgets.
fn drift(budgets: &[BudgetCurve]) -> Option<f64> {
    let places: Vec<(f64, f64)> = budgets
        .iter()
        .filter_map(|budget| Some((budget.flops_budget.log10(), budget.offset?)))
        .collect();
    let (x, y): (Vec<f64>, Vec<f64>) = places.iter().copied().unzip();
    let (mx, my) = (mean(&x), mean(&y));
    let squares: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
    let product: f64 = places.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
    (places.len() > 1 && squares > 0.0).then(|| product / squares)
}

fn bare(value: f64) -> Estimate {
    crate::intervals::estimate(value, &[])
}

/// Lines of N* and of D* in C; none below two bottoms at different C.
fn through_bottoms(curves: &[Curve], bottoms: &[Option<Bottom>]) -> Option<Pair> {
    let through = |of: fn(&Bottom) -> f64| {
        let points: Vec<(f64, f64)> = curves
            .iter()
            .zip(bottoms)
            .filter_map(|(curve, bottom)| bottom.as_ref().map(|bottom| (curve.c, of(bottom))))
            .collect();
        log_line(&points)
    };
    Some([through(|bottom| bottom.n_opt)?, through(|bottom| bottom.d_opt)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::point;
    use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};

    /// `sizes` per budget spaced in log N over a factor of `width` each side of the optimum.
    fn sweep(law: &ChinchillaLaw, width: f64, sizes: i32) -> Vec<Point> {
        let mut points = Vec::new();
        for budget in [1e17, 1e18, 1e19, 1e20, 1e21] {
            let (best, _) = law.optimum(Flops(budget));
            for i in 0..sizes {
                let n = best.0 * width.powf(2.0 * f64::from(i) / f64::from(sizes - 1) - 1.0);
                let d = budget / (6.0 * n);
                let mut run = point("run", n, d, law.loss(Params(n), Tokens(d)));
                run.flops_budget = Some(budget);
                points.push(run);
            }
        }
        points
    }

    const HOFFMANN: ChinchillaLaw =
        ChinchillaLaw { e: 1.69, a: 406.4, b: 410.7, alpha: 0.34, beta: 0.28 };

    fn bare_options() -> Options {
        Options { bootstrap: 0, ..Options::default() }
    }

    #[test]
    fn the_bias_of_wide_parabolas_is_the_known_one() {
        // Error of D* at 1e24 in per cent, for grids of a factor 2, 4, 8, 16 each side, computed in
        // another program.
        let published = [(2.0, -0.3269), (4.0, -1.3011), (8.0, -2.9029), (16.0, -5.1002)];
        let (_, truth) = HOFFMANN.optimum(Flops(1e24));
        for (width, bias) in published {
            let isoflop = isoflop(&sweep(&HOFFMANN, width, 15), &bare_options()).unwrap().unwrap();
            let exponent = isoflop.d_exponent.unwrap().value;
            let d = (isoflop.d_log_coefficient.unwrap() + exponent * 1e24f64.ln()).exp();
            let miss = 100.0 * (d / truth.0 - 1.0);
            assert!((miss - bias).abs() < 5e-5, "width {width}: {miss}");
        }
    }

    #[test]
    fn equal_exponents_leave_a_parabola_unbiased() {
        let law = ChinchillaLaw { e: 1.7, a: 400.0, b: 400.0, alpha: 0.3, beta: 0.3 };
        let isoflop = isoflop(&sweep(&law, 4.0, 9), &bare_options()).unwrap().unwrap();
        assert!((isoflop.n_exponent.unwrap().value - 0.5).abs() < 1e-9);
        assert!(isoflop.budgets.iter().all(|budget| budget.note.is_none()));
    }

    #[test]
    fn a_bottom_outside_the_sizes_is_none_and_says_which_sizes_to_add() {
        let all = sweep(&HOFFMANN, 8.0, 9);
        let optimum = HOFFMANN.optimum(Flops(1e19)).0.0;
        let note = |keep: &dyn Fn(f64) -> bool| {
            let kept: Vec<Point> = all
                .iter()
                .filter(|p| p.flops_budget == Some(1e19) && p.n.is_some_and(keep))
                .cloned()
                .collect();
            let isoflop = isoflop(&kept, &bare_options()).unwrap().unwrap();
            assert!(isoflop.budgets[0].minimum.is_none() && isoflop.n_exponent.is_none());
            isoflop.budgets[0].note.clone().unwrap()
        };
        assert_eq!(
            note(&|n| n > 1.5 * optimum),
            "the loss is lowest at the smallest size; add smaller sizes"
        );
        assert_eq!(
            note(&|n| n < 0.7 * optimum),
            "the loss is lowest at the largest size; add larger sizes"
        );
        assert!(note(&|n| n < 0.2 * optimum).starts_with("a parabola needs three different sizes"));
    }
}
