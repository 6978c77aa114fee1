//! A sweep that was never run: losses from a Chinchilla law with a little noise, and fits of the
//! shape that a real one has. Intervals are made up.
#![allow(unreachable_pub, reason = "shared by tests and an example")]
#![allow(dead_code, reason = "each test and the example use a part")]

use isoflop_fit::output::*;
use isoflop_report::{Fact, Provenance, Report};
use isoflop_results::{Curve, CurvePoint, RunRow, Status};
use std::collections::BTreeMap;

pub struct Synthetic {
    pub title: String,
    pub question: String,
    pub runs: Vec<RunRow>,
    pub curves: Vec<Curve>,
    pub fits: Fits,
}

impl Synthetic {
    pub fn report(&self) -> Report<'_> {
        Report {
            title: &self.title,
            question: Some(&self.question),
            runs: &self.runs,
            curves: &self.curves,
            fits: &self.fits,
            provenance: Provenance {
                commands: vec![
                    "isoflop run sweeps/quickstart.toml".into(),
                    "isoflop report results/quickstart".into(),
                ],
                generated: Some("2026-01-02T03:04:05Z".into()),
                facts: vec![Fact {
                    label: "Overlap of test with train text".into(),
                    value: "0.8 % of 13-grams".into(),
                }],
            },
        }
    }
}

const SIZES: [(u64, u64, u64); 6] = [
    (3_088, 16, 1),
    (6_208, 16, 2),
    (14_016, 24, 2),
    (28_800, 32, 2),
    (55_776, 48, 2),
    (110_976, 48, 4),
];
const BUDGETS: [f64; 4] = [3e10, 1e11, 3e11, 1e12];

/// The quickstart: one series, four budgets, six sizes, one diverged and one failed run.
pub fn quickstart() -> Synthetic {
    let mut runs = Vec::new();
    let mut curves = Vec::new();
    add_series(&mut runs, &mut curves, "", 1.0);
    let mut diverged = runs[3].clone();
    diverged.run_id = "c3e10-n28.8k-lr0.1-91ab".into();
    diverged.status = Status::Diverged;
    diverged.message = Some("train loss became NaN".into());
    diverged.diverged_step = Some(41);
    (diverged.test_loss, diverged.test_loss_se, diverged.test_bpb) = (None, None, None);
    let mut failed = diverged.clone();
    failed.run_id = "c1e12-n111k-77aa".into();
    failed.status = Status::Failed;
    failed.message = Some("worker was killed (signal 9)".into());
    failed.diverged_step = None;
    let isoflop = vec![isoflop(&runs, "")];
    let fits = Fits {
        level: 0.9,
        fits: fits_of(&isoflop[0], &runs, ""),
        isoflop,
        excluded: vec![
            Excluded {
                label: failed.run_id.clone(),
                reason: "failed".into(),
            },
            Excluded {
                label: "c1e12-n3.09k-0".into(),
                reason: "4.6 epochs".into(),
            },
        ],
        ..Fits::default()
    };
    runs.push(diverged);
    runs.push(failed);
    Synthetic {
        title: "quickstart".into(),
        question:
            "How does test loss on Rust documentation fall with parameters, data and compute?"
                .into(),
        runs,
        curves,
        fits,
    }
}

/// Two corpora in one sweep.
pub fn two_series() -> Synthetic {
    let mut sweep = quickstart();
    let (docs, code) = ("data.corpus=rust-docs", "data.corpus=rust-code");
    sweep.runs.clear();
    sweep.curves.clear();
    sweep.fits.fits.clear();
    sweep.fits.isoflop.clear();
    for (name, scale) in [(docs, 1.0), (code, 0.82)] {
        let from = sweep.runs.len();
        add_series(&mut sweep.runs, &mut sweep.curves, name, scale);
        let isoflop = isoflop(&sweep.runs[from..], name);
        sweep
            .fits
            .fits
            .extend(fits_of(&isoflop, &sweep.runs[from..], name));
        sweep.fits.isoflop.push(isoflop);
    }
    sweep.title = "two-corpora".into();
    sweep
}

/// A few runs, no fit that can be made of them.
pub fn too_small() -> Synthetic {
    let mut sweep = quickstart();
    sweep.runs.truncate(3);
    let kept: Vec<String> = sweep.runs.iter().map(|r| r.run_id.clone()).collect();
    sweep.curves.retain(|c| kept.contains(&c.run_id));
    sweep.fits.fits.clear();
    sweep.fits.isoflop.clear();
    sweep.fits.refused = [Axis::C, Axis::D, Axis::N]
        .map(|x| Refusal {
            law: "power".into(),
            series: String::new(),
            x: Some(x),
            reason: "one budget with an inner minimum; a power law needs three points".into(),
            hint: Some("add budgets above 3e10".into()),
        })
        .into();
    sweep
}

/// `count` runs with long curves.
pub fn large(count: usize) -> Synthetic {
    let mut sweep = quickstart();
    let (runs, curves) = (sweep.runs.clone(), sweep.curves.clone());
    let finished = curves.len();
    sweep.runs.truncate(finished);
    for k in finished..count {
        let mut run = runs[k % finished].clone();
        let mut curve = curves[k % finished].clone();
        run.seed = (k / finished) as u64;
        run.run_id = format!("{}-s{}", run.run_id, run.seed);
        run.test_loss = run.test_loss.map(|l| l * (1.0 + 0.01 * noise(k as u64)));
        curve.run_id = run.run_id.clone();
        let first = curve.points[0];
        let steps = 1000;
        curve.points = (1..=steps)
            .map(|s| CurvePoint {
                step: s,
                tokens: s * run.tokens / steps,
                flops: run.c_exact * s as f64 / steps as f64,
                ..first
            })
            .map(|p| CurvePoint {
                train_loss: Some(mid_loss(&run, p.tokens as f64, 1.0)),
                ..p
            })
            .collect();
        sweep.runs.push(run);
        sweep.curves.push(curve);
    }
    sweep
}

/// In [-1, 1], a hash of its key.
pub fn noise(key: u64) -> f64 {
    let mut x = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 29;
    (x % 20_001) as f64 / 10_000.0 - 1.0
}

fn law(n: f64, d: f64) -> f64 {
    0.75 + 9.0 * n.powf(-0.30) + 95.0 * d.powf(-0.33)
}

fn mid_loss(run: &RunRow, tokens: f64, scale: f64) -> f64 {
    let share = tokens / run.tokens as f64;
    let annealed = ((share - 0.8) / 0.2).clamp(0.0, 1.0);
    let start = (-tokens / 9_000.0).exp() * 2.6;
    let loss = scale * law(run.n_non_embedding as f64, tokens) * (1.06 - 0.06 * annealed);
    // Like letter frequencies at first (about 3.4 nats), like the law later; ln 256 at the start.
    let early = 3.4f64.powi(-8) + loss.powi(-8);
    (early.powf(-0.125) + start).min(5.55)
}

fn add_series(runs: &mut Vec<RunRow>, curves: &mut Vec<Curve>, series: &str, scale: f64) {
    for (b, budget) in BUDGETS.into_iter().enumerate() {
        for (s, (n, width, layers)) in SIZES.into_iter().enumerate() {
            let per_token =
                6.0 * (n as f64 + 256.0 * width as f64) + 6.0 * (layers * width * 129) as f64;
            let tokens = (budget / per_token / 2048.0).round() as u64 * 2048;
            let steps = tokens / 2048;
            if steps < 40 {
                continue;
            }
            let key = (b * 10 + s) as u64 + series.len() as u64 * 100;
            let loss = scale * law(n as f64, tokens as f64) * (1.0 + 0.004 * noise(key));
            let c_exact = per_token * tokens as f64;
            let label = isoflop_core::units::short(n as f64);
            let corpus = series.split_once('=').map_or("rust-docs@1", |(_, v)| v);
            let run = RunRow {
                run_id: format!("c{budget:e}-n{label}-{}", series.len()),
                sweep: "quickstart".into(),
                series: series.into(),
                status: Status::Finished,
                message: None,
                family: "transformer".into(),
                size: label,
                d_model: width,
                n_layers: layers,
                n_heads: 2,
                norm: "rms".into(),
                position: "rope".into(),
                parametrization: "standard".into(),
                vocab_size: 256,
                context: 128,
                n_non_embedding: n,
                n_total: n + 512 * width,
                n_active: n + 512 * width,
                corpus: corpus.into(),
                data_digest: "5c1f0e6a9b3d2c47".into(),
                tokenizer: "bytes".into(),
                tokens,
                unique_tokens: tokens.min(15_000_000),
                epochs: tokens as f64 / 15e6,
                tokens_per_param: tokens as f64 / n as f64,
                steps,
                batch_tokens: 2048,
                micro_batch: 16,
                flops_budget: Some(budget),
                c_6nd: 6.0 * n as f64 * tokens as f64,
                c_exact,
                pf_days: c_exact / 8.64e19,
                flops_spent: c_exact,
                schedule: "wsd".into(),
                learning_rate: 0.01,
                warmup_steps: 20,
                decay_steps: steps / 5,
                weight_decay: 0.1,
                seed: 0,
                test_loss: Some(loss),
                test_loss_se: Some(0.011),
                test_bpb: Some(loss / std::f64::consts::LN_2),
                test_tokens: 262_144,
                train_loss: Some(loss - 0.02),
                diverged_step: None,
                wall_time_s: c_exact / 9e9,
                tokens_per_s: 9e9 / per_token,
                flops_per_s: 9e9,
                peak_memory_bytes: Some(90 << 20),
                device: "cpu".into(),
                instruction_set: "avx512".into(),
                host: "host".into(),
                pid: 1,
                attempt: 1,
                started_time: "2026-01-02T03:04:05Z".into(),
                finished_time: "2026-01-02T03:05:05Z".into(),
                numerics_version: 1,
                isoflop_version: "0.1.0".into(),
                burn_version: "0.22.1".into(),
            };
            curves.push(curve_of(&run, scale));
            runs.push(run);
        }
    }
}

fn curve_of(run: &RunRow, scale: f64) -> Curve {
    let count = run.steps.min(150);
    let points = (1..=count).map(|k| {
        let step = k * run.steps / count;
        let tokens = step * run.batch_tokens;
        let loss = mid_loss(run, tokens as f64, scale);
        let wobble = 1.0 + 0.008 * noise(k * 7919 + run.n_non_embedding);
        CurvePoint {
            step,
            tokens,
            flops: run.c_exact * tokens as f64 / run.tokens as f64,
            train_loss: Some(loss * wobble),
            test_loss: (k % 6 == 0 || k == count).then_some(loss * 1.01),
            learning_rate: 0.01,
            grad_norm: Some(0.4),
        }
    });
    Curve {
        run_id: run.run_id.clone(),
        points: points.collect(),
    }
}

fn estimate(value: f64, half: f64) -> Estimate {
    Estimate {
        value,
        low: Some(value - half),
        high: Some(value + 1.1 * half),
        standard_error: Some(half / 1.7),
        identified: true,
    }
}

fn scaled(value: f64, factor: f64) -> Estimate {
    let (low, high) = (Some(value / factor), Some(value * factor));
    Estimate {
        value,
        low,
        high,
        standard_error: Some(value * 0.05),
        identified: true,
    }
}

/// Least squares of y on powers of u by normal equations.
fn polynomial<const K: usize>(points: &[(f64, f64)]) -> [f64; K] {
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
        let rows: Vec<&RunRow> = runs
            .iter()
            .filter(|r| r.flops_budget == Some(budget))
            .collect();
        let ln = |r: &RunRow| (r.n_non_embedding as f64).ln();
        let centre = rows.iter().map(|r| ln(r)).sum::<f64>() / rows.len() as f64;
        let points: Vec<(f64, f64)> = rows
            .iter()
            .map(|r| (ln(r) - centre, r.test_loss.expect("made up with it")))
            .collect();
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
        polynomial::<2>(
            &minima
                .iter()
                .map(|m| (m.c.ln(), y(m).ln()))
                .collect::<Vec<_>>(),
        )
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

fn bootstrap() -> Bootstrap {
    Bootstrap {
        replicates: 1000,
        failed: 0,
        unit: "runs within a budget".into(),
        units: 22,
        interval: "percentile".into(),
        seed: 0,
    }
}

fn fitted(run: &RunRow, value: f64) -> FittedPoint {
    FittedPoint {
        label: run.run_id.clone(),
        n: Some(run.n_non_embedding as f64),
        d: Some(run.tokens as f64),
        c: Some(run.c_exact),
        loss: run.test_loss.expect("made up with it"),
        fitted: value,
    }
}

fn fits_of(isoflop: &Isoflop, runs: &[RunRow], series: &str) -> Vec<Fit> {
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
        fits.push(Fit {
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
    fits.push(Fit {
        law: "chinchilla".into(),
        formula: "L(N, D) = E + A / N^alpha + B / D^beta".into(),
        x: None,
        points: "all finished runs".into(),
        rows: data.len(),
        data,
        parameters: BTreeMap::from([
            ("A".to_owned(), estimate(9.0 * scale, 2.2)),
            ("B".to_owned(), estimate(95.0 * scale, 31.0)),
            (
                "E".to_owned(),
                Estimate {
                    identified: false,
                    ..estimate(0.75 * scale, 0.3)
                },
            ),
            ("alpha".to_owned(), estimate(0.30, 0.04)),
            ("beta".to_owned(), estimate(0.33, 0.03)),
            ("n_exponent".to_owned(), estimate(0.52, 0.05)),
            ("d_exponent".to_owned(), estimate(0.48, 0.05)),
        ]),
        warnings: vec!["E is not identified: its interval reaches zero".into()],
        ..frame(series)
    });
    fits
}

fn frame(series: &str) -> Fit {
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
        basins: vec![Basin {
            objective: 1.84e-4,
            parameters: BTreeMap::new(),
            at_bound: vec![],
        }],
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
