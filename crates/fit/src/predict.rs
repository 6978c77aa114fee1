//! What a fit says of runs that nobody has trained: loss, compute-optimal size and tokens, and what
//! another split of the compute costs, each with a prediction interval.
//!
//! The interval carries three things: the parameters' replicates; the scatter of single runs about
//! the law; and, beyond the compute that was fitted, the law's drift, measured by fitting smaller
//! budgets and predicting larger ones ([`crate::output::Validation`]).

use crate::bootstrap::estimate;
use crate::output::{Axis, Estimate, Fit};
use isoflop_core::{ChinchillaLaw, Flops, Params, PowerLaw, Tokens};
use serde::Serialize;

/// A number that a fit predicts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// What it is: `loss`, `n_opt`, `d_opt`.
    pub what: &'static str,
    /// The number and its 90 % interval.
    pub estimate: Estimate,
}

/// Where a loss is asked for. What is missing must not matter to the law.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct At {
    /// Parameters.
    pub n: Option<f64>,
    /// Training tokens.
    pub d: Option<f64>,
    /// Training FLOPs.
    pub c: Option<f64>,
}

/// What a split of compute other than the optimum costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Misallocation {
    /// Loss of the split.
    pub loss: f64,
    /// Loss above the optimum's, as a share of it.
    pub loss_share: f64,
    /// FLOPs with which the optimum reaches the same loss.
    pub flops_needed: f64,
    /// Share of the compute that is lost.
    pub wasted_share: f64,
}

/// Quantiles that stand for a normal distribution: twenty of equal probability.
const NORMAL: [f64; 20] = [
    -1.959_964, -1.439_531, -1.150_349, -0.934_589, -0.755_415, -0.597_760, -0.453_762, -0.318_639,
    -0.189_118, -0.062_707, 0.062_707, 0.189_118, 0.318_639, 0.453_762, 0.597_760, 0.755_415,
    0.934_589, 1.150_349, 1.439_531, 1.959_964,
];

impl Fit {
    /// The loss at a place; `None` where the law needs what is not given.
    pub fn predict(&self, at: At) -> Option<Prediction> {
        let value = self.loss(&self.values()?, at)?;
        let drawn = self.draws.iter().filter_map(|draw| self.loss(draw, at));
        Some(Prediction {
            what: "loss",
            estimate: self.spread(value, drawn.collect(), compute(at)),
        })
    }

    /// N*, D* and the loss there for so much compute, under `C = 6 N D`; `None` for a law of one
    /// variable, and where the exponents leave no optimum.
    pub fn optimum(&self, c: f64) -> Option<[Prediction; 3]> {
        let best = |values: &[f64]| {
            let law = self.chinchilla(values)?;
            let (n, d) = law.optimum(Flops(c));
            let all = [n.0, d.0, law.loss(n, d)];
            all.iter().all(|x| x.is_finite() && *x > 0.0).then_some(all)
        };
        let values = best(&self.values()?)?;
        let drawn: Vec<[f64; 3]> = self.draws.iter().filter_map(|draw| best(draw)).collect();
        let column = |k: usize| -> Vec<f64> { drawn.iter().map(|values| values[k]).collect() };
        let prediction = |what, estimate| Prediction { what, estimate };
        Some([
            prediction("n_opt", estimate(values[0], &column(0))),
            prediction("d_opt", estimate(values[1], &column(1))),
            prediction("loss", self.spread(values[2], column(2), Some(c))),
        ])
    }

    /// What training `n` parameters with all of `c` costs against the optimum.
    pub fn misallocation(&self, c: f64, n: f64) -> Option<Misallocation> {
        let law = self.chinchilla(&self.values()?)?;
        let (n_opt, d_opt) = law.optimum(Flops(c));
        let best = law.loss(n_opt, d_opt);
        let loss = law.loss(Params(n), Tokens(c / (6.0 * n)));
        // At the optimum L - E falls as C^-(alpha beta / (alpha + beta)).
        let exponent = law.alpha * law.beta / (law.alpha + law.beta);
        let share = ((loss - law.e) / (best - law.e)).powf(-1.0 / exponent);
        Some(Misallocation {
            loss,
            loss_share: loss / best - 1.0,
            flops_needed: c * share,
            wasted_share: 1.0 - share,
        })
    }

    /// The free parameters in the order of the draws.
    fn values(&self) -> Option<Vec<f64>> {
        let value = |name: &String| self.parameters.get(name).map(|found| found.value);
        let names = match self.draw_names.is_empty() {
            false => self.draw_names.clone(),
            true => return None,
        };
        names.iter().map(value).collect()
    }

    fn named(&self, values: &[f64], name: &str) -> Option<f64> {
        let at = self.draw_names.iter().position(|known| known == name)?;
        values.get(at).copied()
    }

    fn chinchilla(&self, values: &[f64]) -> Option<ChinchillaLaw> {
        Some(ChinchillaLaw {
            e: self.named(values, "E")?,
            a: self.named(values, "A")?,
            b: self.named(values, "B")?,
            alpha: self.named(values, "alpha")?,
            beta: self.named(values, "beta")?,
        })
    }

    fn loss(&self, values: &[f64], at: At) -> Option<f64> {
        let loss = match self.x {
            None => {
                let n = at.n.or_else(|| Some(at.c? / (6.0 * at.d?)))?;
                let d = at.d.or_else(|| Some(at.c? / (6.0 * n)))?;
                self.chinchilla(values)?.loss(Params(n), Tokens(d))
            }
            Some(axis) => {
                let x = match axis {
                    Axis::N => at.n,
                    Axis::D => at.d,
                    Axis::C => compute(at),
                }?;
                let law = PowerLaw {
                    e: self.named(values, "E").unwrap_or(0.0),
                    a: self.named(values, "A")?,
                    alpha: self.named(values, "alpha")?,
                };
                law.loss(x)
            }
        };
        (loss.is_finite() && loss > 0.0).then_some(loss)
    }

    /// Standard deviation of ln L that a single run at some compute adds to the parameters'.
    pub fn scatter(&self, c: Option<f64>) -> f64 {
        let fitted = self
            .data
            .iter()
            .filter_map(|point| point.c.or_else(|| Some(6.0 * point.n? * point.d?)));
        let most = fitted.fold(f64::NAN, f64::max);
        let beyond = c.map_or(0.0, |c| (c / most).ln()).max(0.0);
        let drift = self
            .validation
            .as_ref()
            .and_then(|validation| validation.drift);
        let drift = drift.unwrap_or(0.0) * beyond;
        (self.noise.unwrap_or(0.0).powi(2) + drift.powi(2)).sqrt()
    }

    fn spread(&self, value: f64, drawn: Vec<f64>, c: Option<f64>) -> Estimate {
        let scatter = self.scatter(c);
        let centres = if drawn.is_empty() { vec![value] } else { drawn };
        let all: Vec<f64> = centres
            .iter()
            .flat_map(|centre| NORMAL.map(|z| centre * (scatter * z).exp()))
            .collect();
        estimate(value, &all)
    }
}

/// Compute of a place: as given, or 6 N D.
fn compute(at: At) -> Option<f64> {
    at.c.or_else(|| Some(6.0 * at.n? * at.d?))
}
