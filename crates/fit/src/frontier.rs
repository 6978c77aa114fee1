//! Approach 1: which size has the lowest loss at each compute. On finished runs alone: a learning
//! curve at constant rate lies above what its run would reach if it were cooled down there.

use crate::design::classify;
use crate::lines::{Lines, from_optima, lines};
use crate::options::Options;
use crate::output::{Approach, Optimum, Remarks};
use crate::point::Point;
use crate::units::Units;
use rayon::prelude::*;

/// Amounts of compute at which the best size is read off where runs have no budgets (Hoffmann et al. 2022,
/// section 3.1).
const STEPS: usize = 1500;

/// Share of the frontier that the smallest or the largest size may hold before the exponent is that of the
/// sizes trained.
const AT_AN_END: f64 = 0.25;

/// The best run of each budget, or, for runs without budgets, the best of all sizes whose finished runs reach
/// around a compute, ln L linear in ln C between them. None where fewer than two sizes ever win.
pub(crate) fn approach(points: &[Point], options: &Options) -> Option<Approach> {
    let whole: Vec<f64> = vec![1.0; points.len()];
    let budgets = points.iter().all(|point| point.flops_budget.is_some());
    let of = |weights: &[f64]| match budgets {
        true => best_of_budgets(points, weights),
        false => best_along_curves(points, weights),
    };
    let optima = of(&whole);
    let sizes: Vec<f64> = points.iter().filter_map(|point| point.n).collect();
    let winners: Vec<f64> = optima.iter().map(|at| at.n.ln()).collect();
    if classify(&winners).into_iter().max()? == 0 {
        return None;
    }
    let units = Units::of(points);
    let redraw = |index: u64| -> Option<Lines> {
        if options.watch.is_stopped() {
            return None;
        }
        lines(&of(&units.drawn(options.seed, index)?))
    };
    let replicates: Vec<Lines> =
        (0..options.bootstrap as u64).into_par_iter().filter_map(redraw).collect();
    let (least, most) =
        sizes.iter().fold((f64::INFINITY, 0.0f64), |(l, m), n| (l.min(*n), m.max(*n)));
    let at_end = optima.iter().filter(|at| at.n < least * 1.01 || at.n > most * 0.99);
    let share = at_end.count() as f64 / optima.len() as f64;
    let mut remarks = Remarks::default();
    if share > AT_AN_END {
        remarks.note(format!(
            "the smallest or the largest size is the best at {:.0} % of the compute, so that the exponent is that of the sizes trained and not of the law",
            100.0 * share
        ));
    }
    let words = match budgets {
        true => format!("the run of lowest loss of each of {} budgets", optima.len()),
        false => format!(
            "the size of lowest loss at {} amounts of compute evenly spaced in ln C, ln L linear in ln C between finished runs of a size",
            optima.len()
        ),
    };
    let intervals = format!(
        "{} percentile replicates of units with replacement; {}",
        replicates.len(),
        options.unit
    );
    let mut found = from_optima("1", words, optima, &replicates, Some(intervals), remarks)?;
    if share > AT_AN_END {
        found.doubt();
    }
    // Coarse optima repeat; what is drawn need not.
    found.optima = thinned(found.optima);
    Some(found)
}

/// Optima that a chart draws at most.
const SHOWN: usize = 60;

fn thinned(optima: Vec<Optimum>) -> Vec<Optimum> {
    let count = optima.len();
    match count > SHOWN {
        true => (0..SHOWN).map(|i| optima[i * (count - 1) / (SHOWN - 1)]).collect(),
        false => optima,
    }
}

fn best_of_budgets(points: &[Point], weights: &[f64]) -> Vec<Optimum> {
    let mut best: Vec<(f64, Optimum)> = Vec::new();
    for (point, weight) in points.iter().zip(weights) {
        let (Some(budget), Some(n), Some(d)) = (point.flops_budget, point.n, point.d) else {
            continue;
        };
        if *weight <= 0.0 {
            continue;
        }
        let run = Optimum { c: point.c.unwrap_or(budget), n, d, loss: point.loss };
        match best.iter_mut().find(|(other, _)| *other == budget) {
            Some((_, lowest)) if run.loss < lowest.loss => *lowest = run,
            Some(_) => {}
            None => best.push((budget, run)),
        }
    }
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    best.into_iter().map(|(_, run)| run).collect()
}

fn best_along_curves(points: &[Point], weights: &[f64]) -> Vec<Optimum> {
    let counted = points.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
    let mut runs: Vec<(f64, f64, f64, f64)> = counted
        .filter_map(|(p, _)| {
            let (n, d) = (p.n?, p.d?);
            Some((n.ln(), p.c.unwrap_or(6.0 * n * d).ln(), d.ln(), p.loss.ln()))
        })
        .collect();
    let logs: Vec<f64> = runs.iter().map(|run| run.0).collect();
    let classes = classify(&logs);
    let count = classes.iter().max().map_or(0, |last| last + 1);
    let mut curves = vec![Vec::new(); count];
    for (run, class) in runs.drain(..).zip(classes) {
        curves[class].push(run);
    }
    for curve in &mut curves {
        curve.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
    curves.retain(|curve| curve.len() > 1);
    let ends = curves.iter().map(|curve| (curve[0].1, curve[curve.len() - 1].1));
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (first, last)| {
        (l.min(first), h.max(last))
    });
    let mut optima = Vec::new();
    for step in 0..STEPS {
        let ln_c = low + (high - low) * step as f64 / (STEPS - 1) as f64;
        let at = curves.iter().filter_map(|curve| along(curve, ln_c));
        if let Some(best) = at.min_by(|a, b| a.loss.total_cmp(&b.loss)) {
            optima.push(best);
        }
    }
    optima
}

/// A size at some compute between its runs.
fn along(curve: &[(f64, f64, f64, f64)], ln_c: f64) -> Option<Optimum> {
    let above = curve.iter().position(|run| run.1 >= ln_c)?;
    let (left, right) = match above {
        0 if curve[0].1 > ln_c => return None,
        0 => (curve[0], curve[0]),
        above => (curve[above - 1], curve[above]),
    };
    let share = match right.1 > left.1 {
        true => (ln_c - left.1) / (right.1 - left.1),
        false => 0.0,
    };
    let mix = |a: f64, b: f64| (a + share * (b - a)).exp();
    Some(Optimum {
        c: ln_c.exp(),
        n: left.0.exp(),
        d: mix(left.2, right.2),
        loss: mix(left.3, right.3),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::point;

    /// Pearce & Song 2024: with total parameters N + 47491 N^(1/3), 20 sizes from 10^2.9 to 10^9.2 and the
    /// frontier over C = 6 N D from 10^12.95 to 10^20.7, here at 200 C evenly spaced in ln C with both ends.
    fn small_models(law: [f64; 5]) -> f64 {
        let [a, b, e, alpha, beta] = law;
        let mut points = Vec::new();
        for k in 0..200 {
            let c = 10f64.powf(12.95 + 7.75 * f64::from(k) / 199.0);
            for i in 0..20 {
                let n = 10f64.powf(2.9 + 6.3 * f64::from(i) / 19.0);
                let (d, total) = (c / (6.0 * n), n + 47491.0 * n.cbrt());
                let loss = e + a * total.powf(-alpha) + b * d.powf(-beta);
                let mut run = point("r", n, d, loss);
                run.flops_budget = Some(c);
                points.push(run);
            }
        }
        let options = Options { bootstrap: 0, ..Options::default() };
        approach(&points, &options).unwrap().n_exponent.unwrap().value
    }

    #[test]
    fn small_models_without_their_embeddings_give_kaplans_exponent() {
        // Pearce & Song 2024: .7805 under the law of Besiroglu et al. 2024, .7388 under Hoffmann's precise
        // constants; the tolerance is for where the points of C are placed.
        let epoch = small_models([482.01, 2085.43, 1.8172, 0.3478, 0.3658]);
        assert!((epoch - 0.7805).abs() < 0.003, "{epoch}");
        let hoffmann = small_models([406.4, 410.7, 1.6934, 0.33917, 0.28491]);
        assert!((hoffmann - 0.7388).abs() < 0.003, "{hoffmann}");
    }

    #[test]
    fn without_budgets_the_best_of_all_sizes_follows_the_law() {
        let mut points = Vec::new();
        for i in 0..12 {
            for j in 0..8 {
                let (n, d) = (1e6 * 2f64.powi(i), 2e7 * 3f64.powi(j));
                let loss = 1.7 + 400.0 * n.powf(-0.34) + 400.0 * d.powf(-0.34);
                points.push(point(&format!("{i} {j}"), n, d, loss));
            }
        }
        let options = Options { bootstrap: 50, ..Options::default() };
        let found = approach(&points, &options).unwrap();
        let exponent = found.n_exponent.unwrap();
        // Equal exponents: 1/2, blunted where the smallest and the largest size win.
        assert!((exponent.value - 0.5).abs() < 0.06, "{exponent:?}");
        assert!(exponent.low.unwrap() < exponent.high.unwrap());
        assert!(found.optima.len() <= SHOWN && found.words.contains("1500"), "{}", found.words);
    }

    #[test]
    fn one_size_that_always_wins_tells_no_exponent() {
        let points: Vec<Point> = (0..5)
            .map(|j| point(&j.to_string(), 1e6, 1e7 * 3f64.powi(j), 3.0 - 0.1 * f64::from(j)))
            .collect();
        assert_eq!(approach(&points, &Options::default()), None);
    }
}
