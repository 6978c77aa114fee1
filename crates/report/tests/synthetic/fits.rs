//! Fits of the shape that real ones have, with intervals that are made up.

use super::judged::{draws, profiles, surface_draws, validation};
use super::runs::{BUDGETS, law};
use isoflop_fit::output::*;
use isoflop_results::RunRow;
use std::collections::BTreeMap;

pub fn estimate(value: f64, half: f64) -> Estimate {
    Estimate {
        value,
        low: Some(value - half),
        high: Some(value + 1.1 * half),
        standard_error: Some(half / 1.7),
        identified: true,
        fixed: false,
    }
}

pub fn scaled(value: f64, factor: f64) -> Estimate {
    let (low, high) = (Some(value / factor), Some(value * factor));
    Estimate {
        value,
        low,
        high,
        standard_error: Some(value * 0.05),
        identified: true,
        fixed: false,
    }
}

/// Least squares of y on powers of u by normal equations.
pub fn polynomial<const K: usize>(points: &[(f64, f64)]) -> [f64; K] {
    let mut a = [[0.0; K]; K];
    let mut rhs = [0.0; K];
    for (u, y) in points {
        for i in 0..K {
            rhs[i] += y * u.powi(i as i32);
            for (j, cell) in a[i].iter_mut().enumerate() {
                *cell += u.powi((i + j) as i32);
            }
        }
    }
    for i in 0..K {
        for j in i + 1..K {
            let f = a[j][i] / a[i][i];
            let pivot = a[i];
            for (cell, above) in a[j].iter_mut().zip(pivot) {
                *cell -= f * above;
            }
            rhs[j] -= f * rhs[i];
        }
    }
    let mut x = [0.0; K];
    for i in (0..K).rev() {
        let known: f64 = (i + 1..K).map(|k| a[i][k] * x[k]).sum();
        x[i] = (rhs[i] - known) / a[i][i];
    }
    x
}

pub fn isoflop(runs: &[RunRow], series: &str) -> Isoflop {
    let mut budgets = Vec::new();
    for budget in BUDGETS {
        let rows: Vec<&RunRow> = runs.iter().filter(|r| r.flops_budget == Some(budget)).collect();
        let ln = |r: &RunRow| (r.n_non_embedding as f64).ln();
        let centre = rows.iter().map(|r| ln(r)).sum::<f64>() / rows.len() as f64;
        let points: Vec<(f64, f64)> =
            rows.iter().map(|r| (ln(r) - centre, r.test_loss.expect("made up with it"))).collect();
        let c = polynomial::<3>(&points);
        let u = -c[1] / (2.0 * c[2]);
        let inside = c[2] > 0.0 && points.iter().any(|p| p.0 < u) && points.iter().any(|p| p.0 > u);
        let n = (centre + u).exp();
        let mean_c = rows.iter().map(|r| r.c_exact).sum::<f64>() / rows.len() as f64;
        budgets.push(BudgetCurve {
            flops_budget: budget,
            runs: rows.iter().map(|r| fitted(r, c[0])).collect(),
            parabola: Some(Parabola { centre, c }),
            minimum: inside.then(|| Minimum {
                n_opt: scaled(n, 1.25),
                d_opt: scaled(mean_c / (6.0 * n), 1.18),
                loss: estimate(c[0] + c[1] * u + c[2] * u * u, 0.008),
                c: mean_c,
            }),
            note: (!inside).then(|| "the lowest loss is at the smallest size".into()),
            ..BudgetCurve::default()
        });
    }
    let minima: Vec<&Minimum> = budgets.iter().filter_map(|b| b.minimum.as_ref()).collect();
    let trend = |y: fn(&Minimum) -> f64| {
        polynomial::<2>(&minima.iter().map(|m| (m.c.ln(), y(m).ln())).collect::<Vec<_>>())
    };
    let (n, d) = (trend(|m| m.n_opt.value), trend(|m| m.d_opt.value));
    Isoflop {
        series: series.into(),
        n_kind: "n_non_embedding".into(),
        n_exponent: Some(estimate(n[1], 0.06)),
        n_log_coefficient: Some(n[0]),
        d_exponent: Some(estimate(d[1], 0.055)),
        d_log_coefficient: Some(d[0]),
        bootstrap: Some(bootstrap()),
        budgets,
        ..Isoflop::default()
    }
}

pub fn bootstrap() -> Bootstrap {
    Bootstrap {
        replicates: 1000,
        failed: 0,
        unit: "runs within a budget".into(),
        units: 22,
        interval: "percentile".into(),
        seed: 0,
        headline: "replicates".into(),
        intervals: Default::default(),
    }
}

pub fn fitted(run: &RunRow, value: f64) -> FittedPoint {
    FittedPoint {
        label: run.run_id.clone(),
        n: Some(run.n_non_embedding as f64),
        d: Some(run.tokens as f64),
        c: Some(run.c_exact),
        loss: run.test_loss.expect("made up with it"),
        fitted: value,
    }
}

pub fn fits_of(isoflop: &Isoflop, runs: &[RunRow], series: &str) -> Vec<Fit> {
    let minima: Vec<FittedPoint> = isoflop
        .budgets
        .iter()
        .filter_map(|b| {
            let m = b.minimum.as_ref()?;
            Some(FittedPoint {
                label: format!("budget {:e}", b.flops_budget),
                n: Some(m.n_opt.value),
                d: Some(m.d_opt.value),
                c: Some(m.c),
                loss: m.loss.value,
                fitted: m.loss.value,
            })
        })
        .collect();
    let mut fits = Vec::new();
    for axis in [Axis::N, Axis::D, Axis::C] {
        let x = |p: &FittedPoint| match axis {
            Axis::N => p.n.expect("made up with it"),
            Axis::D => p.d.expect("made up with it"),
            Axis::C => p.c.expect("made up with it"),
        };
        let logs: Vec<(f64, f64)> = minima.iter().map(|p| (x(p).ln(), p.loss.ln())).collect();
        let [ln_a, slope] = polynomial::<2>(&logs);
        let parameters = BTreeMap::from([
            ("A".to_owned(), scaled(ln_a.exp(), 1.4)),
            ("alpha".to_owned(), estimate(-slope, 0.008)),
        ]);
        let middle = (logs.iter().map(|p| p.0).sum::<f64>() / logs.len() as f64).exp();
        let (draw_names, draws) = draws(ln_a.exp(), -slope, middle, axis as u64);
        fits.push(Fit {
            draw_names,
            draws,
            law: "power".into(),
            formula: format!("L({axis:?}) = A {axis:?}^-alpha"),
            x: Some(axis),
            points: "isoFLOP minima".into(),
            data: minima.clone(),
            rows: minima.len(),
            parameters,
            ..frame(series)
        });
    }
    let scale = runs[0].test_loss.expect("made up with it")
        / law(runs[0].n_non_embedding as f64, runs[0].tokens as f64);
    let data: Vec<FittedPoint> = runs
        .iter()
        .map(|r| fitted(r, scale * law(r.n_non_embedding as f64, r.tokens as f64)))
        .collect();
    let (draw_names, draws) = surface_draws(scale);
    let mut fit = Fit {
        draw_names,
        draws,
        validation: Some(validation(runs, scale)),
        law: "chinchilla".into(),
        formula: "L(N, D) = E + A / N^alpha + B / D^beta".into(),
        x: None,
        points: "all finished runs".into(),
        rows: data.len(),
        data,
        parameters: BTreeMap::from([
            ("A".to_owned(), estimate(9.0 * scale, 2.2)),
            ("B".to_owned(), estimate(95.0 * scale, 31.0)),
            ("E".to_owned(), estimate(0.75 * scale, 0.3)),
            ("alpha".to_owned(), estimate(0.30, 0.04)),
            ("beta".to_owned(), estimate(0.33, 0.03)),
            ("n_exponent".to_owned(), estimate(0.52, 0.05)),
            ("d_exponent".to_owned(), estimate(0.48, 0.05)),
        ]),
        remarks: rough(),
        ..frame(series)
    };
    fit.profiles = profiles(&fit);
    fits.push(fit);
    fits
}

fn rough() -> Remarks {
    let mut remarks = Remarks::default();
    remarks
        .note("the intervals rest on 22 rows of 6 units for 5 parameters, which makes them wide");
    remarks
}

pub fn frame(series: &str) -> Fit {
    Fit {
        law: String::new(),
        formula: String::new(),
        series: series.into(),
        x: None,
        n_kind: "n_non_embedding".into(),
        c_kind: Some("c_exact".into()),
        points: String::new(),
        data: vec![],
        rows: 0,
        dropped: 0,
        objective: ObjectiveValue {
            kind: "log-huber".into(),
            delta: Some(1e-3),
            reduction: "sum".into(),
            value: 1.84e-4,
        },
        parameters: BTreeMap::new(),
        basins: vec![Basin { objective: 1.84e-4, parameters: BTreeMap::new(), at_bound: vec![] }],
        starts_tried: 32,
        starts_agreed: 30,
        gradient_norm: 1e-9,
        bootstrap: Some(bootstrap()),
        influence: vec![Influence {
            label: "budget 3e10".into(),
            parameter: "alpha".into(),
            without: 0.118,
            relative_change: 0.041,
        }],
        noise: Some(0.004),
        ..Fit::default()
    }
}
