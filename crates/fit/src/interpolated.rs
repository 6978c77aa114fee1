//! Approach 2 without a parabola: Akima's interpolation of ln L in ln N for each budget (Porian et al.
//! 2024). It meets every run, so its intervals need the noise between seeds.

use crate::akima::Akima;
use crate::design::classify;
use crate::lines::{Lines, from_optima, lines};
use crate::options::Options;
use crate::output::{Approach, BudgetCurve, Isoflop, Optimum, Remarks};
use crate::parabola::interpolate;
use isoflop_core::rng::{Purpose, normal_pair, stream};
use rayon::prelude::*;

/// The runs of one budget as Akima's interpolation takes them, replicates of a size averaged.
struct Averaged {
    c: f64,
    /// ln N and ln D of each size.
    places: Vec<(f64, f64)>,
    /// ln L of each size.
    logs: Vec<f64>,
    /// Number of runs averaged in each size.
    counts: Vec<f64>,
}

impl Averaged {
    fn of(budget: &BudgetCurve) -> Option<Self> {
        let mut runs = Vec::new();
        for run in &budget.runs {
            runs.push((run.n?.ln(), run.d?.ln(), run.loss.ln(), run.c?));
        }
        let sizes: Vec<f64> = runs.iter().map(|run| run.0).collect();
        let classes = classify(&sizes);
        let count = classes.iter().max()? + 1;
        let mut sums = vec![(0.0, 0.0, 0.0, 0.0); count];
        for (run, class) in runs.iter().zip(classes) {
            let sum = &mut sums[class];
            *sum = (sum.0 + run.0, sum.1 + run.1, sum.2 + run.2, sum.3 + 1.0);
        }
        Some(Averaged {
            c: runs.iter().map(|run| run.3).sum::<f64>() / runs.len() as f64,
            places: sums.iter().map(|s| (s.0 / s.3, s.1 / s.3)).collect(),
            logs: sums.iter().map(|s| s.2 / s.3).collect(),
            counts: sums.iter().map(|s| s.3).collect(),
        })
    }

    fn lowest(&self, logs: &[f64]) -> Option<Optimum> {
        let points: Vec<(f64, f64)> =
            self.places.iter().zip(logs).map(|(at, l)| (at.0, *l)).collect();
        let (ln_n, ln_l) = Akima::through(&points)?.lowest()?;
        Some(Optimum {
            c: self.c,
            n: ln_n.exp(),
            d: interpolate(&self.places, ln_n).exp(),
            loss: ln_l.exp(),
        })
    }
}

/// Where a budget's interpolation is lowest, if inside its sizes.
pub(crate) fn lowest(budget: &BudgetCurve) -> Option<Optimum> {
    let curve = Averaged::of(budget)?;
    curve.lowest(&curve.logs)
}

/// None with fewer than two budgets that have a lowest place inside five sizes or more.
pub(crate) fn approach(isoflop: &Isoflop, options: &Options) -> Option<Approach> {
    let curves: Vec<Averaged> = isoflop.budgets.iter().filter_map(Averaged::of).collect();
    let found: Vec<(usize, Optimum)> = curves
        .iter()
        .enumerate()
        .filter_map(|(k, curve)| Some((k, curve.lowest(&curve.logs)?)))
        .collect();
    let (noise, source) = noise(isoflop, options)?;
    let redraw = |index: u64| -> Option<Lines> {
        let mut rng = stream(options.seed, Purpose::Bootstrap, index);
        let mut optima = Vec::new();
        for (k, _) in &found {
            let curve = &curves[*k];
            let moved: Vec<f64> = curve
                .logs
                .iter()
                .zip(&curve.counts)
                .map(|(log, count)| log + noise / count.sqrt() * normal_pair(&mut rng).0)
                .collect();
            optima.push(curve.lowest(&moved)?);
        }
        lines(&optima)
    };
    let replicates: Vec<Lines> =
        (0..options.bootstrap as u64).into_par_iter().filter_map(redraw).collect();
    let mut remarks = Remarks::default();
    let lost = options.bootstrap - replicates.len();
    if lost * 20 > options.bootstrap {
        remarks.note(format!(
            "in {lost} of {} replicates a budget has no lowest place; the intervals leave these replicates out and are too narrow",
            options.bootstrap
        ));
    }
    let left = isoflop.budgets.len() - found.len();
    if left > 0 {
        remarks.note(format!(
            "{left} of {} budgets have no lowest place inside five sizes or more",
            isoflop.budgets.len()
        ));
    }
    let intervals = format!(
        "{} percentile replicates with normal errors of {:.4} in ln L, {source}",
        replicates.len(),
        noise
    );
    from_optima(
        "2-akima",
        "Akima's interpolation of ln L in ln N for each budget, a line through the lowest places"
            .into(),
        found.into_iter().map(|(_, optimum)| optimum).collect(),
        &replicates,
        Some(intervals),
        remarks,
    )
}

/// Standard deviation of ln L of one run, and where it comes from.
fn noise(isoflop: &Isoflop, options: &Options) -> Option<(f64, &'static str)> {
    let runs = || isoflop.budgets.iter().flat_map(|budget| &budget.runs);
    let count = runs().count() as f64;
    let mean = runs().map(|run| run.loss).sum::<f64>() / count;
    if let Some(noise) = options.seed_noise {
        return Some((noise / mean, "the noise between seeds"));
    }
    let squares: f64 = runs().map(|run| (run.loss / run.fitted).ln().powi(2)).sum();
    let curves = isoflop.budgets.iter().filter(|budget| budget.parabola.is_some()).count();
    let spare = count - 3.0 * curves as f64;
    (spare > 0.0).then(|| {
        let noise = (squares / spare).sqrt();
        (noise, "the scatter about the parabolas for want of replicates")
    })
}
