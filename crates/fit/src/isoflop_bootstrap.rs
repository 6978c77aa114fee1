//! Intervals of isoFLOP optima.
//!
//! A budget has a handful of runs: drawing runs with replacement leaves curves without a bottom,
//! so the residuals about the parabolas are drawn instead, pooled over budgets and scaled by
//! `sqrt(n / (n - 3))` for the three coefficients. Runs are drawn independently; the error that
//! runs of one trunk share across budgets is not.

use crate::bootstrap::estimate;
use crate::fit::Options;
use crate::isoflop::{Bottom, Curve, lines};
use crate::output::{Bootstrap, Estimate, Isoflop};
use crate::parabola::fit_parabola;
use isoflop_core::rng::{Purpose, below, normal_pair, stream};
use rayon::prelude::*;

/// Bottoms of the replicates, one a budget; None where a replicate's curve has none.
pub(crate) type Draws = Vec<Vec<Option<Bottom>>>;

/// Where a replicate's errors come from.
enum Noise {
    /// Scaled residuals of all budgets of four runs or more.
    Residuals(Vec<f64>),
    /// A known standard deviation between seeds.
    Seeds(f64),
}

/// Degrees of freedom below which pooled residuals say little.
const FEW: usize = 5;

/// Adds intervals, and the bottoms they came from; without replicates or without any noise to
/// draw from, neither.
pub(crate) fn with_intervals(
    mut isoflop: Isoflop,
    curves: &[Curve],
    options: &Options,
) -> (Isoflop, Draws) {
    if options.bootstrap == 0 {
        return (isoflop, Vec::new());
    }
    let residuals = pooled_residuals(curves);
    let freedom = curves.iter().map(freedom).sum::<usize>();
    let noise = match (residuals.is_empty(), options.seed_noise) {
        (false, _) => Noise::Residuals(residuals),
        (true, Some(noise)) => Noise::Seeds(noise),
        (true, None) => {
            isoflop.warnings.push(
                "no intervals: every budget has three runs or fewer, which a parabola meets exactly; add sizes or seeds".into(),
            );
            return (isoflop, Vec::new());
        }
    };
    if matches!(noise, Noise::Residuals(_)) && freedom < FEW {
        isoflop.warnings.push(format!(
            "intervals rest on {freedom} degrees of freedom in all: take them as rough"
        ));
    }
    let draws: Draws = (0..options.bootstrap as u64)
        .into_par_iter()
        .map(|index| draw(curves, &noise, options.seed, index))
        .collect();
    let failed = fill(&mut isoflop, curves, &draws);
    isoflop.bootstrap = Some(Bootstrap {
        replicates: options.bootstrap,
        failed,
        unit: match noise {
            Noise::Residuals(_) => "residuals about the parabolas, pooled over budgets, scaled by sqrt(n / (n - 3)), drawn run by run".into(),
            Noise::Seeds(noise) => format!("normal errors of {noise} nats, the noise between seeds"),
        },
        units: curves.iter().map(|curve| curve.losses.len()).sum(),
        interval: "percentile".into(),
        seed: options.seed,
    });
    (isoflop, draws)
}

fn freedom(curve: &Curve) -> usize {
    match fit_parabola(&curve.ln_n, &curve.losses) {
        Some(_) => curve.losses.len() - 3,
        None => 0,
    }
}

fn fitted(curve: &Curve) -> Option<Vec<f64>> {
    let parabola = fit_parabola(&curve.ln_n, &curve.losses)?;
    Some(
        curve
            .ln_n
            .iter()
            .map(|log| parabola.loss(log.exp()))
            .collect(),
    )
}

fn pooled_residuals(curves: &[Curve]) -> Vec<f64> {
    let mut pool = Vec::new();
    for curve in curves.iter().filter(|curve| freedom(curve) > 0) {
        let inflate = (curve.losses.len() as f64 / freedom(curve) as f64).sqrt();
        let fitted = fitted(curve).into_iter().flatten();
        pool.extend(
            curve
                .losses
                .iter()
                .zip(fitted)
                .map(|(loss, fitted)| inflate * (loss - fitted)),
        );
    }
    pool
}

fn draw(curves: &[Curve], noise: &Noise, seed: u64, index: u64) -> Vec<Option<Bottom>> {
    let mut rng = stream(seed, Purpose::Bootstrap, index);
    let mut error = || match noise {
        Noise::Residuals(pool) => pool[below(&mut rng, pool.len() as u64) as usize],
        Noise::Seeds(deviation) => deviation * normal_pair(&mut rng).0,
    };
    let replicate = |curve: &Curve| {
        let losses: Vec<f64> = fitted(curve)?
            .into_iter()
            .map(|loss| loss + error())
            .collect();
        curve.bottom(&losses)
    };
    curves.iter().map(replicate).collect()
}

/// Writes the intervals; returns how many replicates gave no exponents.
fn fill(isoflop: &mut Isoflop, curves: &[Curve], draws: &Draws) -> usize {
    let mut doubtful = Vec::new();
    for (at, budget) in isoflop.budgets.iter_mut().enumerate() {
        let Some(minimum) = &mut budget.minimum else {
            continue;
        };
        let bottoms: Vec<Bottom> = draws.iter().filter_map(|draw| draw[at]).collect();
        let column = |of: fn(&Bottom) -> f64| -> Vec<f64> { bottoms.iter().map(of).collect() };
        let often = bottoms.len() * 20 >= draws.len() * 19;
        let interval = |value: f64, drawn: Vec<f64>| Estimate {
            identified: often,
            ..estimate(value, &drawn)
        };
        minimum.n_opt = interval(minimum.n_opt.value, column(|bottom| bottom.n_opt));
        minimum.d_opt = interval(minimum.d_opt.value, column(|bottom| bottom.d_opt));
        minimum.loss = interval(minimum.loss.value, column(|bottom| bottom.loss));
        if !often {
            let lost = 100 * (draws.len() - bottoms.len()) / draws.len();
            doubtful.push(format!(
                "budget {:e}: the bottom falls outside the sizes in {lost} % of replicates; add sizes on both sides",
                budget.flops_budget
            ));
        }
    }
    isoflop.warnings.extend(doubtful);
    // Only budgets whose own curve has a bottom carry the line, in every replicate as in the fit.
    let counts: Vec<bool> = isoflop
        .budgets
        .iter()
        .map(|b| b.minimum.is_some())
        .collect();
    let complete = |draw: &&Vec<Option<Bottom>>| {
        draw.iter()
            .zip(&counts)
            .all(|(bottom, counts)| bottom.is_some() || !counts)
    };
    let kept = |draw: &Vec<Option<Bottom>>| -> Vec<Option<Bottom>> {
        draw.iter()
            .zip(&counts)
            .map(|(bottom, counts)| bottom.filter(|_| *counts))
            .collect()
    };
    let drawn: Vec<_> = draws
        .iter()
        .filter(complete)
        .filter_map(|draw| lines(curves, &kept(draw)))
        .collect();
    let reliable = drawn.len() * 20 >= draws.len() * 19;
    let slopes_n: Vec<f64> = drawn.iter().map(|lines| lines.n.0).collect();
    let slopes_d: Vec<f64> = drawn.iter().map(|lines| lines.d.0).collect();
    for (exponent, slopes) in [
        (&mut isoflop.n_exponent, slopes_n),
        (&mut isoflop.d_exponent, slopes_d),
    ] {
        if let Some(exponent) = exponent {
            *exponent = Estimate {
                identified: reliable,
                ..estimate(exponent.value, &slopes)
            };
        }
    }
    if isoflop.n_exponent.is_none() {
        return 0;
    }
    if !reliable {
        isoflop.warnings.push(
            "the exponents' intervals leave out replicates in which a budget lost its bottom and are too narrow".into(),
        );
    }
    draws.len() - drawn.len()
}
