//! Which runs to train next: those that shrink the interval of a named quantity most for their FLOPs.
//!
//! To first order a fit's covariance is `s^2 (J'J)^-1`, J the derivatives of ln L at the rows; a run with
//! derivatives j takes `(g' V j)^2 / (s^2 + j' V j)` off the variance of a quantity with gradient g
//! (c-optimal design; Atkinson, Donev & Tobias 2007, chapter 10). Runs are chosen one after another, each
//! where the logarithm of the variance falls most per FLOP. All of it under the law as fitted.

use crate::engine::{Engine, engine, linalg::solve_dense};
use crate::laws::Law;
use crate::objective::Objective;
use crate::optimum::{Cost, optimum};
use crate::output::Fit;
use crate::point::Point;
use isoflop_core::units::two_digits;
use serde::Serialize;

/// What should be known better.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A parameter or derived quantity by name, such as `n_exponent`.
    Parameter(String),
    /// The loss of a model on so many tokens.
    Loss {
        /// Parameters.
        n: f64,
        /// Tokens.
        d: f64,
    },
    /// The compute-optimal size for so many FLOPs.
    Size {
        /// FLOPs.
        c: f64,
    },
}

/// Limits of the runs proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Sizes to choose from, parameters as the fit counts them; where there are none, sizes of two
    /// digits about those fitted.
    pub sizes: Vec<f64>,
    /// Runs at most.
    pub runs: usize,
    /// FLOPs of one run, at most.
    pub flops_per_run: f64,
    /// FLOPs of all runs together, at most.
    pub flops: f64,
    /// Tokens of one run, at most.
    pub tokens: f64,
    /// Least and most tokens per parameter.
    pub tokens_per_param: [f64; 2],
}

impl Default for Limits {
    fn default() -> Self {
        let most = f64::INFINITY;
        Limits {
            sizes: Vec::new(),
            runs: 5,
            flops_per_run: most,
            flops: most,
            tokens: most,
            tokens_per_param: [0.0, most],
        }
    }
}

/// A run to train, and the standard error after it and all before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AdvisedRun {
    /// Parameters.
    pub n: f64,
    /// Tokens.
    pub d: f64,
    /// FLOPs of this run.
    pub c: f64,
    /// Standard error of the target once this run is trained; of its logarithm for sizes and losses.
    pub standard_error: f64,
}

/// Runs to train, and what they do to the target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The target's value under the fit.
    pub value: f64,
    /// Whether standard errors are of its logarithm.
    pub logarithm: bool,
    /// Standard error with the runs there are.
    pub standard_error: f64,
    /// The runs to train, in the order in which they help.
    pub runs: Vec<AdvisedRun>,
}

/// Why there is no advice.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdviceError {
    /// A law of one variable, or of others than N and D.
    #[error("{law} is not a law in parameters and tokens, so it cannot say which runs to add")]
    NotASurface {
        /// Name of the law.
        law: String,
    },
    /// The law has no such quantity.
    #[error("{law} has no `{name}`; it has {available}")]
    UnknownTarget {
        /// Name of the law.
        law: String,
        /// The name that was asked for.
        name: String,
        /// The quantities that the law has.
        available: String,
    },
    /// Rows that do not identify the law to first order.
    #[error("these rows do not identify the law well enough to say what another run would add")]
    Singular,
}

/// Token counts and sizes tried along each axis.
const STEPS: usize = 24;
/// Factor by which sizes may exceed the largest fitted.
const LARGER: f64 = 4.0;
/// Factor by which tokens per parameter may lie beyond those fitted: further out the law was never seen.
const ASIDE: f64 = 2.0;
/// Factor of the smallest size fitted below which no run is proposed: what rounding may take off a size.
const SMALLEST: f64 = 0.99;
/// Share of the standard error that a run must take off to be worth its place.
const WORTH: f64 = 0.01;

/// Chooses runs under a fitted law in N and D.
///
/// # Errors
/// A law that is not in parameters and tokens, a target that it does not have, or rows that do not identify it.
pub fn advise(fit: &Fit, target: &Target, limits: Limits) -> Result<Advice, AdviceError> {
    let surface = |law: &Law| law.is_surface() && !law.knows_repetition();
    let law = fit.law().filter(surface).ok_or(AdviceError::NotASurface { law: fit.law.clone() })?;
    let values = fit.values().ok_or(AdviceError::Singular)?;
    let points: Vec<Point> = fit
        .data
        .iter()
        .map(|row| {
            let mut point = Point::new(row.label.clone(), row.loss);
            (point.n, point.d, point.c) = (row.n, row.d, row.c);
            point
        })
        .collect();
    let engine =
        engine(&points, law, Objective::LOG_MSE, &[]).map_err(|_| AdviceError::Singular)?;
    let t = engine.inner(&values);
    let (value, logarithm, gradient) = aim(&*engine, &t, fit, target)?;
    let noise = fit.noise.filter(|noise| *noise > 0.0).unwrap_or(1e-3);
    let size = t.len();
    let mut information = vec![vec![0.0; size]; size];
    let add = |information: &mut Vec<Vec<f64>>, slopes: &[f64]| {
        for i in 0..size {
            for j in 0..size {
                information[i][j] += slopes[i] * slopes[j] / (noise * noise);
            }
        }
    };
    for slopes in engine.jacobian(&t) {
        add(&mut information, &slopes);
    }
    let mut error = spread(&information, &gradient)?;
    let before = error;
    let cost = Cost::counted(fit).unwrap_or(Cost::SixNd);
    let candidates = candidates(&*engine, &t, &points, &cost, &limits);
    let mut left = limits.flops;
    let mut runs = Vec::new();
    while runs.len() < limits.runs {
        let mut best: Option<(f64, &Candidate, f64)> = None;
        let open = |candidate: &&Candidate| {
            let known = points.iter().filter_map(|p| Some((p.n?, p.d?)));
            let chosen = runs.iter().map(|run: &AdvisedRun| (run.n, run.d));
            candidate.c <= left && !known.chain(chosen).any(|other| candidate.repeats(other))
        };
        for candidate in candidates.iter().filter(open) {
            let after = shrunk(&information, &gradient, error, &candidate.slopes, noise);
            let Some(after) = after.filter(|after| *after < error * (1.0 - WORTH)) else {
                continue;
            };
            let gain = (error / after).ln() / candidate.c;
            if best.as_ref().is_none_or(|(most, ..)| gain > *most) {
                best = Some((gain, candidate, after));
            }
        }
        let Some((_, chosen, after)) = best else {
            break;
        };
        add(&mut information, &chosen.slopes);
        left -= chosen.c;
        error = after;
        runs.push(AdvisedRun { n: chosen.n, d: chosen.d, c: chosen.c, standard_error: after });
    }
    Ok(Advice { value, logarithm, standard_error: before, runs })
}

/// The target's value, whether its logarithm counts, and its gradient by the inner parameters.
fn aim(
    engine: &dyn Engine,
    t: &[f64],
    fit: &Fit,
    target: &Target,
) -> Result<(f64, bool, Vec<f64>), AdviceError> {
    let law = engine.law();
    let numeric = |of: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..t.len())
            .map(|k| {
                let at = |step: f64| {
                    let mut moved = t.to_vec();
                    moved[k] += step;
                    of(&moved)
                };
                (at(1e-5) - at(-1e-5)) / 2e-5
            })
            .collect()
    };
    match target {
        Target::Parameter(name) => {
            let names = law.all_names();
            let unknown = || AdviceError::UnknownTarget {
                law: fit.law.clone(),
                name: name.clone(),
                available: names.join(", "),
            };
            let k = names.iter().position(|known| known == name).ok_or_else(unknown)?;
            let gradient = engine.natural_gradients(t).swap_remove(k);
            let value = engine.natural(t)[k];
            match law.is_scale(name) {
                true => Ok((value, true, gradient.iter().map(|g| g / value).collect())),
                false => Ok((value, false, gradient)),
            }
        }
        Target::Loss { n, d } => {
            let place = [n.ln(), d.ln(), d.ln()];
            let loss = |t: &[f64]| engine.loss_at(t, &place).ln();
            Ok((loss(t).exp(), true, numeric(&loss)))
        }
        Target::Size { c } => {
            let size = |t: &[f64]| {
                let found = optimum(law, &engine.natural(t), *c, &Cost::SixNd);
                found.map_or(f64::NAN, |[n, ..]| n.ln())
            };
            let value = size(t).exp();
            match value.is_finite() {
                true => Ok((value, true, numeric(&size))),
                false => Err(AdviceError::Singular),
            }
        }
    }
}

struct Candidate {
    n: f64,
    d: f64,
    c: f64,
    slopes: Vec<f64>,
}

impl Candidate {
    /// Whether it is so near to another run that it would tell of noise alone; with the same seed
    /// it would not even tell that.
    fn repeats(&self, (n, d): (f64, f64)) -> bool {
        (self.n / n).ln().abs() < 0.05 && (self.d / d).ln().abs() < 0.2
    }
}

/// Runs where the law can bear them: not below the least compute fitted, not above the limit, sizes
/// up to a few times the largest, tokens per parameter about as fitted.
fn candidates(
    engine: &dyn Engine,
    t: &[f64],
    points: &[Point],
    cost: &Cost,
    limits: &Limits,
) -> Vec<Candidate> {
    let span = |of: &dyn Fn(&Point) -> Option<f64>| {
        let all = points.iter().filter_map(of);
        all.fold((f64::INFINITY, 0.0f64), |(l, h), x| (l.min(x), h.max(x)))
    };
    // Tokens for a compute are linear in it.
    let compute = |n: f64, d: f64| d / cost.tokens(1.0, n);
    let (least_n, most_n) = span(&|p| p.n);
    let (least_d, most_d) = span(&|p| p.d);
    let (least_c, most_c) = span(&|p| Some(compute(p.n?, p.d?)));
    let (least_ratio, most_ratio) = span(&|p| Some(p.d? / p.n?));
    let limit = limits.flops_per_run;
    let given = limits.sizes.iter().copied();
    let mut sizes: Vec<f64> =
        given.filter(|n| (least_n * SMALLEST..=most_n * LARGER).contains(n)).collect();
    if limits.sizes.is_empty() {
        sizes = ladder(least_n, most_n * LARGER);
    }
    let tokens = ladder(least_d, most_d * (limit / most_c).clamp(1.0, 1e3));
    let mut all = Vec::new();
    for &n in &sizes {
        for &d in &tokens {
            let c = compute(n, d);
            let ratios = least_ratio / ASIDE..=most_ratio * ASIDE;
            let [least, most] = limits.tokens_per_param;
            let is_allowed = d <= limits.tokens && (least..=most).contains(&(d / n));
            let is_near = (least_c * SMALLEST..=limit).contains(&c) && ratios.contains(&(d / n));
            if is_allowed && is_near {
                let slopes = engine.slopes_at(t, &[n.ln(), d.ln(), d.ln()]);
                all.push(Candidate { n, d, c, slopes });
            }
        }
    }
    all
}

/// Numbers of two digits, evenly in their logarithms.
fn ladder(low: f64, high: f64) -> Vec<f64> {
    let (low, high) = (low.ln(), high.ln());
    let step = |k: usize| (low + (high - low) * k as f64 / (STEPS - 1) as f64).exp();
    let mut all: Vec<f64> = (0..STEPS).map(step).map(two_digits).collect();
    all.dedup();
    all
}

fn spread(information: &[Vec<f64>], gradient: &[f64]) -> Result<f64, AdviceError> {
    let solved = solve_dense(information, gradient).ok_or(AdviceError::Singular)?;
    let variance: f64 = gradient.iter().zip(&solved).map(|(g, v)| g * v).sum();
    match variance.is_finite() && variance > 0.0 {
        true => Ok(variance.sqrt()),
        false => Err(AdviceError::Singular),
    }
}

/// The standard error with one more run.
fn shrunk(
    information: &[Vec<f64>],
    gradient: &[f64],
    error: f64,
    slopes: &[f64],
    noise: f64,
) -> Option<f64> {
    let solved = solve_dense(information, slopes)?;
    let along: f64 = gradient.iter().zip(&solved).map(|(g, v)| g * v).sum();
    let own: f64 = slopes.iter().zip(&solved).map(|(s, v)| s * v).sum();
    let left = error * error - along * along / (noise * noise + own);
    (left > 0.0).then(|| left.sqrt())
}
