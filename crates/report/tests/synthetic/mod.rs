//! A sweep that was never run: losses from a Chinchilla law with a little noise, and fits of the
//! shape that a real one has. Intervals are made up.
#![allow(unreachable_pub, reason = "shared by tests and an example")]
#![allow(dead_code, reason = "each test and the example use a part")]

pub mod counted;
pub mod families;
mod fits;
mod judged;
mod runs;

pub use fits::isoflop;
pub use runs::noise;

use fits::fits_of;
use isoflop_fit::output::*;
use isoflop_report::{Fact, Provenance, Report, ScoredForecast};
use isoflop_results::data::{Entropy, ReferenceLoss};
use isoflop_results::{Curve, CurvePoint, DataRecord, Positions, RunRow, Status};
use judged::{approaches, ranking};
use runs::{add_series, mid_loss};

#[derive(Clone)]
pub struct Synthetic {
    pub title: String,
    pub question: String,
    pub runs: Vec<RunRow>,
    pub curves: Vec<Curve>,
    pub positions: Vec<Positions>,
    pub tuning: Vec<RunRow>,
    pub data: Vec<DataRecord>,
    pub fits: Fits,
    pub forecasts: Vec<ScoredForecast>,
}

impl Synthetic {
    pub fn report(&self) -> Report<'_> {
        Report {
            title: &self.title,
            question: Some(&self.question),
            runs: &self.runs,
            curves: &self.curves,
            positions: &self.positions,
            tuning: &self.tuning,
            fits: &self.fits,
            forecasts: &self.forecasts,
            data: &self.data,
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
        approaches: vec![approaches(&isoflop[0])],
        ranking: ranking(""),
        fits: fits_of(&isoflop[0], &runs, ""),
        isoflop,
        excluded: vec![
            Excluded { label: failed.run_id.clone(), reason: "failed".into() },
            Excluded { label: "c1e12-n3.09k-0".into(), reason: "4.6 epochs".into() },
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
        positions: Vec::new(),
        tuning: vec![],
        data: vec![],
        fits,
        forecasts: Vec::new(),
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
    sweep.fits.approaches.clear();
    sweep.fits.ranking.clear();
    for (name, scale) in [(docs, 1.0), (code, 0.82)] {
        let from = sweep.runs.len();
        add_series(&mut sweep.runs, &mut sweep.curves, name, scale);
        let isoflop = isoflop(&sweep.runs[from..], name);
        sweep.fits.fits.extend(fits_of(&isoflop, &sweep.runs[from..], name));
        sweep.fits.approaches.push(approaches(&isoflop));
        sweep.fits.ranking.extend(ranking(name));
        sweep.fits.isoflop.push(isoflop);
    }
    sweep.title = "two-corpora".into();
    sweep
}

/// Two tokenizers, the second better by far, of which no law is identified.
pub fn two_tokenizers() -> Synthetic {
    let mut sweep = two_series();
    for run in sweep.runs.iter_mut().filter(|r| r.series.ends_with("code")) {
        run.tokenizer = "bpe:512".into();
        run.test_bpb = run.test_loss.map(|loss| 1.55 * loss);
    }
    unidentify(&mut sweep);
    sweep.title = "two-tokenizers".into();
    sweep
}

/// Takes from every law and exponent that the runs identify it.
pub fn unidentify(sweep: &mut Synthetic) {
    for fit in &mut sweep.fits.fits {
        for name in ["alpha", "E"] {
            if let Some(found) = fit.parameters.get_mut(name) {
                found.identified = false;
            }
        }
        fit.profiles = judged::profiles_of(fit);
    }
    for isoflop in &mut sweep.fits.isoflop {
        for found in isoflop.n_exponent.iter_mut().chain(&mut isoflop.d_exponent) {
            found.identified = false;
        }
    }
    let approaches = sweep.fits.approaches.iter_mut();
    for approach in approaches.flat_map(|set| &mut set.approaches) {
        for found in approach.n_exponent.iter_mut().chain(&mut approach.d_exponent) {
            found.identified = false;
        }
    }
}

/// The quickstart on a language whose entropy is a little below its lowest loss.
pub fn language() -> Synthetic {
    let mut sweep = quickstart();
    let losses = sweep.runs.iter().filter_map(|r| r.test_loss);
    let (low, high) =
        losses.fold((f64::INFINITY, 0.0f64), |(low, high), loss| (low.min(loss), high.max(loss)));
    let entropy = low * 0.9;
    let reference = |name: &str, test_loss: f64| ReferenceLoss {
        name: name.into(),
        train_tokens: None,
        test_loss,
        test_loss_se: Some(0.012),
        test_bpb: test_loss / std::f64::consts::LN_2,
    };
    sweep.data.push(DataRecord {
        data_digest: sweep.runs[0].data_digest.clone(),
        corpus: "zipf-patterns".into(),
        tokenizer: "bytes".into(),
        train_tokens: 15_000_000,
        test_tokens: 262_144,
        overlap: Some(0.0041),
        entropy: Some(Entropy {
            nats_per_token: entropy,
            bits_per_byte: entropy / std::f64::consts::LN_2,
        }),
        references: vec![
            reference("uniform", 5.549),
            reference("unigram", high * 1.6),
            reference("5-gram", (low * high).sqrt()),
            reference("source", entropy * 1.003),
        ],
        ..DataRecord::default()
    });
    for fit in &mut sweep.fits.fits {
        if fit.law == "chinchilla" {
            fit.known_floor = Some(KnownFloor {
                entropy,
                fitted: entropy * 1.02,
                low: Some(entropy * 0.9),
                high: Some(entropy * 1.1),
                agrees: Some(true),
            });
        }
    }
    sweep.title = "language".into();
    sweep
}

/// A few runs that no law can be fitted to.
pub fn too_small() -> Synthetic {
    let mut sweep = quickstart();
    sweep.runs.truncate(3);
    let kept: Vec<String> = sweep.runs.iter().map(|r| r.run_id.clone()).collect();
    sweep.curves.retain(|c| kept.contains(&c.run_id));
    sweep.fits.fits.clear();
    sweep.fits.isoflop.clear();
    sweep.fits.approaches.clear();
    sweep.fits.ranking.clear();
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

/// A sweep over what else moves the loss: repeated text, norms, shapes, learning rates.
pub fn factors() -> Synthetic {
    let mut sweep = quickstart();
    let base: Vec<RunRow> = sweep.runs.iter().filter(|r| r.test_loss.is_some()).cloned().collect();
    sweep.runs.clear();
    sweep.curves.clear();
    sweep.fits = Fits { level: 0.9, ..Fits::default() };
    let mut add = |run: &RunRow, series: String, change: f64, edit: &dyn Fn(&mut RunRow)| {
        let mut run = run.clone();
        run.run_id = format!("{}-{}", run.run_id, sweep.runs.len());
        run.series = series.as_str().into();
        run.test_loss = run.test_loss.map(|l| l * (1.0 + change));
        edit(&mut run);
        sweep.runs.push(run);
    };
    for (k, run) in base.iter().enumerate() {
        for (norm, change) in [("rms", 0.0), ("layer", 0.006)] {
            let change = change + 0.002 * noise(k as u64);
            add(run, format!("model.norm={norm}"), change, &|_| {});
        }
        for (layers, change) in [(1, 0.02), (4, 0.003), (8, 0.011)] {
            add(run, "model.norm=rms".into(), change, &|r| r.n_layers = layers);
        }
        for (share, change) in [(0.25, 0.03), (4.0, 0.05)] {
            add(run, "model.norm=rms".into(), change, &|r| r.learning_rate *= share);
        }
        for (epochs, change) in [(2.0, 0.004), (8.0, 0.03), (32.0, 0.12)] {
            add(run, "model.norm=rms".into(), change, &|r| {
                (r.epochs, r.unique_tokens) = (epochs, (r.tokens as f64 / epochs) as u64);
            });
        }
    }
    for run in &base[..6] {
        for (k, share) in [0.25, 0.5, 1.0, 2.0, 4.0].into_iter().enumerate() {
            let mut trial = run.clone();
            trial.run_id = format!("trial-{}-{k}", run.size);
            trial.learning_rate *= share;
            let off: f64 = share.ln() + 0.3 * noise(run.n_non_embedding);
            trial.test_loss = run.test_loss.map(|l| l * (1.0 + 0.02 * off * off));
            sweep.tuning.push(trial);
        }
    }
    sweep.title = "factors".into();
    sweep
}

/// `count` runs with curves of `steps` points.
pub fn large(count: usize, steps: u64) -> Synthetic {
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
        curve.points = (1..=steps)
            .map(|s| CurvePoint {
                step: s,
                tokens: s * run.tokens / steps,
                flops: run.c_exact * s as f64 / steps as f64,
                ..first
            })
            .map(|p| CurvePoint { train_loss: Some(mid_loss(&run, p.tokens as f64, 1.0)), ..p })
            .collect();
        sweep.runs.push(run);
        sweep.curves.push(curve);
    }
    sweep
}
