//! Replicates, profiles, forecasts, approaches and rankings that are made up in the right shapes.

use super::fits::{estimate, fitted};
use super::runs::{BUDGETS, law, noise};
use isoflop_fit::output::*;
use isoflop_results::RunRow;

/// Replicates of a power law that turns about the middle of its points.
pub fn draws(a: f64, alpha: f64, middle: f64, key: u64) -> (Vec<String>, Vec<Vec<f64>>) {
    let draw = |k: u64| {
        let turned = alpha + 0.006 * noise(key + 2 * k);
        let moved = a.ln() + (turned - alpha) * middle.ln() + 0.004 * noise(key + 2 * k + 1);
        vec![moved.exp(), turned]
    };
    let names = vec!["A".to_owned(), "alpha".to_owned()];
    (names, (0..100).map(draw).collect())
}

/// Replicates of the law of all runs.
pub fn surface_draws(scale: f64) -> (Vec<String>, Vec<Vec<f64>>) {
    let names = ["E", "A", "alpha", "B", "beta"].map(str::to_owned).to_vec();
    let draw = |k: u64| {
        let (p, q) = (noise(5 * k), noise(5 * k + 1));
        let (alpha, beta) = (0.30 + 0.03 * p, 0.33 + 0.02 * q);
        let a = 9.0 * scale * (0.03 * p * 9.9).exp();
        let b = 95.0 * scale * (0.02 * q * 14.5).exp();
        vec![scale * (0.75 + 0.1 * p), a, alpha, b, beta]
    };
    (names, (0..100).map(draw).collect())
}

/// Profiles: a parabola for each parameter, flat on one side for E.
pub fn profiles(fit: &Fit) -> Vec<Profile> {
    let threshold = 2.86;
    let of = |name: &str| {
        let e = fit.parameters[name];
        let (low, high) = (e.low.expect("made up with it"), e.high.expect("made up with it"));
        let open = !e.identified;
        let points = (-24..=24).map(|k| {
            let u = f64::from(k) / 12.0;
            let reach = if u < 0.0 { e.value - low } else { high - e.value };
            let rise = u * u * threshold;
            ProfilePoint {
                value: e.value + u * reach,
                statistic: if open && u < 0.0 { rise.min(1.9) } else { rise },
            }
        });
        Profile {
            parameter: name.to_owned(),
            value: e.value,
            low: (!open).then_some(low),
            high: Some(high),
            identified: !open,
            threshold,
            points: points.collect(),
            note: open.then(|| "flat towards 0".to_owned()),
        }
    };
    ["A", "B", "E", "alpha", "beta"].into_iter().map(of).collect()
}

/// Replicates of a fit of any law; none where the fit has none.
pub fn profiles_of(fit: &Fit) -> Vec<Profile> {
    match fit.profiles.is_empty() {
        true => vec![],
        false => profiles(fit),
    }
}

/// Windows over the budgets, each judged by the next budget.
pub fn validation(runs: &[RunRow], scale: f64) -> Validation {
    let windows = BUDGETS.windows(2).skip(1).map(|pair| {
        let next: Vec<&RunRow> = runs.iter().filter(|r| r.flops_budget == Some(pair[1])).collect();
        let points: Vec<Forecast> = next
            .iter()
            .enumerate()
            .map(|(k, r)| {
                let p = fitted(r, scale * law(r.n_non_embedding as f64, r.tokens as f64));
                let predicted = p.fitted * (1.0 + 0.006 * noise(k as u64 + 77));
                Forecast {
                    label: p.label,
                    n: p.n,
                    d: p.d,
                    c: p.c,
                    loss: p.loss,
                    predicted,
                    low: Some(predicted * 0.988),
                    high: Some(predicted * 1.014),
                }
            })
            .collect();
        let errors: Vec<f64> = points.iter().map(|p| (p.predicted / p.loss).ln()).collect();
        let count = errors.len() as f64;
        HeldOut {
            window: format!("budgets up to {:e}", pair[0]),
            judged: String::new(),
            rows: runs.len() - next.len(),
            held_out: points.len(),
            range: None,
            reach: pair[1] / pair[0],
            mean_error: errors.iter().sum::<f64>() / count,
            rms_error: (errors.iter().map(|e| e * e).sum::<f64>() / count).sqrt(),
            covered: Some(points.len() - 1),
            points,
            reached: vec![],
        }
    });
    Validation { windows: windows.collect(), largest_size: None, drift: Some(0.004), misfit: None }
}

/// Four ways to the optimum about one truth.
pub fn approaches(isoflop: &Isoflop) -> Approaches {
    let minima: Vec<&Minimum> = isoflop.budgets.iter().filter_map(|b| b.minimum.as_ref()).collect();
    let middle = minima[minima.len() / 2];
    let approach = |name: &str, words: &str, a: f64, half: f64| Approach {
        name: name.into(),
        words: words.into(),
        n_exponent: Some(estimate(a, half)),
        n_log_coefficient: Some(middle.n_opt.value.ln() - a * middle.c.ln()),
        d_exponent: Some(estimate(1.07 - a, half)),
        d_log_coefficient: Some(middle.d_opt.value.ln() - (1.0 - a) * middle.c.ln()),
        six_nd: Some(Counting {
            n_exponent: estimate(a - 0.03, half),
            n_log_coefficient: 0.0,
            d_exponent: estimate(1.03 - a, half),
            d_log_coefficient: 0.0,
        }),
        optima: match name {
            "1" => (0..12)
                .map(|k| {
                    let c = 3e10 * (f64::from(k) * 0.32).exp();
                    let n = middle.n_opt.value * (c / middle.c).powf(a);
                    let n = n * (1.0 + 0.2 * noise(k as u64));
                    let (d, loss) = (c / (6.0 * n), 2.5);
                    Optimum { c, n, d, loss }
                })
                .collect(),
            _ => minima
                .iter()
                .map(|m| Optimum { c: m.c, n: m.n_opt.value, d: m.d_opt.value, loss: m.loss.value })
                .collect(),
        },
        intervals: Some("bootstrap".into()),
        remarks: Remarks::default(),
    };
    Approaches {
        series: isoflop.series.clone(),
        n_kind: isoflop.n_kind.clone(),
        c_kind: "c_exact".into(),
        approaches: vec![
            approach("1", "envelope of learning curves", 0.58, 0.08),
            approach("2", "parabolas through budgets", 0.54, 0.06),
            approach("2-akima", "Akima's interpolation", 0.56, 0.07),
            approach("3", "the law of all runs", 0.52, 0.05),
        ],
    }
}

/// A ranking of laws by their held-out error.
pub fn ranking(series: &str) -> Vec<Ranked> {
    let laws = [
        ("chinchilla", 0.0061),
        ("chinchilla-tied", 0.0068),
        ("kaplan-offset", 0.0102),
        ("kaplan", 0.0187),
    ];
    laws.map(|(law, rms_error)| Ranked {
        law: law.into(),
        series: series.into(),
        rms_error,
        windows: 2,
        held_out: 11,
        covered: Some(10),
    })
    .into()
}
