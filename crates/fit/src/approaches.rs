//! Approaches 1, 2 and 3 of Hoffmann et al. 2022 side by side: three ways to one question, how the
//! best size grows with compute. Where they disagree, one of their assumptions fails.

use crate::fit::Options;
use crate::frontier;
use crate::interpolated;
use crate::intervals::estimate;
use crate::isoflop::isoflop;
use crate::output::{Approach, Approaches, Fit, Fits, Isoflop, Optimum};
use crate::parabola::log_line;
use crate::parabola::parabola_bias;
use crate::point::{Point, without_worst};

/// All that these rows allow; none of them where they allow none.
pub(crate) fn approaches(
    points: &[Point],
    isoflop: Option<&Isoflop>,
    surface: Option<&Fit>,
    options: &Options,
) -> Option<Approaches> {
    let all: Vec<Approach> = [
        frontier::approach(points, options),
        isoflop.and_then(parabolas),
        isoflop.and_then(|isoflop| interpolated::approach(isoflop, options)),
        surface.and_then(parametric),
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

/// Slopes and intercepts of ln N* and ln D* against ln C.
pub(crate) type Lines = [(f64, f64); 2];

/// None below two different C.
pub(crate) fn lines(optima: &[Optimum]) -> Option<Lines> {
    let through = |of: fn(&Optimum) -> f64| {
        let points: Vec<(f64, f64)> = optima.iter().map(|at| (at.c, of(at))).collect();
        log_line(&points)
    };
    Some([through(|at| at.n)?, through(|at| at.d)?])
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
    let [n, d] = lines(&optima)?;
    let column = |of: usize| -> Vec<f64> { replicates.iter().map(|lines| lines[of].0).collect() };
    Some(Approach {
        name: name.into(),
        words,
        n_exponent: Some(estimate(n.0, &column(0))),
        n_log_coefficient: Some(n.1),
        d_exponent: Some(estimate(d.0, &column(1))),
        d_log_coefficient: Some(d.1),
        optima,
        intervals: intervals.filter(|_| !replicates.is_empty()),
        warnings,
    })
}

fn parabolas(isoflop: &Isoflop) -> Option<Approach> {
    isoflop.n_exponent?;
    let optima = isoflop.budgets.iter().filter_map(|budget| {
        let minimum = budget.minimum.as_ref()?;
        Some(Optimum {
            c: minimum.c,
            n: minimum.n_opt.value,
            d: minimum.d_opt.value,
            loss: minimum.loss.value,
        })
    });
    Some(Approach {
        name: "2".into(),
        words: "a parabola of loss in ln N for each budget, a line through the minima".into(),
        n_exponent: isoflop.n_exponent,
        n_log_coefficient: isoflop.n_log_coefficient,
        d_exponent: isoflop.d_exponent,
        d_log_coefficient: isoflop.d_log_coefficient,
        optima: optima.collect(),
        intervals: isoflop
            .bootstrap
            .as_ref()
            .map(|b| format!("{} {} replicates of {}", b.replicates, b.interval, b.unit)),
        warnings: isoflop.warnings.clone(),
    })
}

/// In closed form under C = 6 N D (Hoffmann et al. 2022, eq. 4).
fn parametric(fit: &Fit) -> Option<Approach> {
    let value = |name: &str| fit.parameters.get(name).map(|found| found.value);
    let (a, alpha, b, beta) = (value("A")?, value("alpha")?, value("B")?, value("beta")?);
    let n_exponent = *fit.parameters.get("n_exponent")?;
    let d_exponent = *fit.parameters.get("d_exponent")?;
    let ln_g = ((alpha * a) / (beta * b)).ln() / (alpha + beta);
    let six = 6f64.ln();
    let finite = |x: f64| x.is_finite().then_some(x);
    Some(Approach {
        name: "3".into(),
        words: format!(
            "{} on {}, its optimum under C = 6 N D",
            fit.formula, fit.points
        ),
        n_exponent: Some(n_exponent),
        n_log_coefficient: finite(ln_g - n_exponent.value * six),
        d_exponent: Some(d_exponent),
        d_log_coefficient: finite(-ln_g - d_exponent.value * six),
        optima: Vec::new(),
        intervals: fit
            .bootstrap
            .as_ref()
            .map(|b| format!("{} {} replicates of {}", b.replicates, b.interval, b.unit)),
        warnings: fit.warnings.clone(),
    })
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
    let mut found = match fits.isoflop.pop() {
        Some(found) => Some(found),
        None => isoflop(&kept, options).ok().flatten(),
    };
    if let (Some(found), Some(surface)) = (&mut found, surface) {
        found.bias = parabola_bias(found, surface);
    }
    fits.approaches
        .extend(approaches(&kept, found.as_ref(), surface, options));
    fits.isoflop.extend(found);
}
