//! Predictions of a fit for runs that nobody has trained: their loss, the compute-optimal size and tokens, and
//! the cost of another split of the compute, each with a prediction interval.
//!
//! The interval carries the parameters' replicates; the scatter of single runs about the law; where the law was
//! chosen among several, what the others say; and, beyond the compute that was fitted, the law's drift,
//! measured by fitting smaller budgets and predicting larger ones ([`crate::output::Validation`]).

use crate::drift::{Drift, Evidence};
use crate::intervals::estimate;
use crate::laws::{COORDINATES, Law};
use crate::optimum::{Cost, optimum};
use crate::output::{Estimate, Fit, FittedPoint, Rival};
use crate::point::Point;
use serde::Serialize;

/// Number of equal values that stand in for replicates where a fit has none.
const ALONE: usize = 200;
/// The golden ratio's inverse, whose multiples spread evenly over any number of them.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// A number that a fit predicts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// Name of the number: `loss`, `n_opt` or `d_opt`.
    pub what: &'static str,
    /// The number and its prediction interval, of coverage [`crate::LEVEL`].
    pub estimate: Estimate,
}

/// A place at which a loss is asked for; numbers that the law does not need may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct At {
    /// Parameters.
    pub n: Option<f64>,
    /// Training tokens.
    pub d: Option<f64>,
    /// Training FLOPs.
    pub c: Option<f64>,
    /// Passes over the distinct tokens; one where it is missing.
    pub epochs: Option<f64>,
    /// Tokens a step.
    pub batch: Option<f64>,
    /// Experts for each one that a token uses.
    pub experts: Option<f64>,
    /// Widths of an expert in that of a dense model's half; one where it is missing.
    pub granularity: Option<f64>,
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
    /// FLOPs spent beyond those.
    pub flops_wasted: f64,
    /// FLOPs wasted as a share of the compute.
    pub wasted_share: f64,
}

impl Fit {
    /// The law that was fitted; `None` for a name that this version does not know.
    pub fn law(&self) -> Option<Law> {
        Law::parse(&self.law, self.x).ok()
    }

    /// The loss at a place; `None` where the law needs what is not given.
    pub fn predict(&self, at: At) -> Option<Prediction> {
        let law = self.law()?;
        let value = loss(law, &self.values()?, at)?;
        let drawn = self.draws.iter().filter_map(|draw| loss(law, draw, at)).collect();
        let drawn = self.with_rivals(value, drawn, |law, values| loss(law, values, at));
        Some(Prediction { what: "loss", estimate: self.spread(value, drawn, compute(at)) })
    }

    /// N*, D* and the loss there for so much compute under a count of FLOPs; `None` for a law that is
    /// not in N and D, and where there is no optimum.
    pub fn optimum(&self, c: f64, cost: &Cost) -> Option<[Prediction; 3]> {
        let law = self.law().filter(|law| law.is_surface())?;
        let values = optimum(law, &self.values()?, c, cost)?;
        let draws = self.draws.iter();
        let drawn: Vec<[f64; 3]> = draws.filter_map(|draw| optimum(law, draw, c, cost)).collect();
        let column = |k: usize| -> Vec<f64> {
            let drawn = drawn.iter().map(|values| values[k]).collect();
            let of = |law: Law, rival: &[f64]| Some(optimum(law, rival, c, cost)?[k]);
            self.with_rivals(values[k], drawn, of)
        };
        let prediction = |what, estimate| Prediction { what, estimate };
        Some([
            prediction("n_opt", estimate(values[0], &column(0))),
            prediction("d_opt", estimate(values[1], &column(1))),
            prediction("loss", self.spread(values[2], column(2), Some(c))),
        ])
    }

    /// What training `n` parameters with all of `c` costs against the optimum.
    pub fn misallocation(&self, c: f64, n: f64, cost: &Cost) -> Option<Misallocation> {
        let law = self.law().filter(|law| law.is_surface())?;
        let values = self.values()?;
        let [_, _, best] = optimum(law, &values, c, cost)?;
        let at = At { n: Some(n), d: Some(cost.tokens(c, n)), ..At::default() };
        let loss = loss(law, &values, at)?;
        // The optimum's loss falls with compute: look for the compute where it is the split's.
        let (mut low, mut high) = (-40.0f64, 0.0f64);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            let [_, _, there] = optimum(law, &values, c * middle.exp(), cost)?;
            match there > loss {
                true => low = middle,
                false => high = middle,
            }
        }
        let share = f64::midpoint(low, high).exp();
        Some(Misallocation {
            loss,
            loss_share: loss / best - 1.0,
            flops_needed: c * share,
            flops_wasted: c * (1.0 - share),
            wasted_share: 1.0 - share,
        })
    }

    /// The free parameters in the order of the draws.
    pub(crate) fn values(&self) -> Option<Vec<f64>> {
        let value = |name: &String| self.parameters.get(name).map(|found| found.value);
        match self.draw_names.is_empty() {
            false => self.draw_names.iter().map(value).collect(),
            true => None,
        }
    }

    /// Largest compute among the rows fitted, FLOPs: as spent, or 6 N D.
    pub fn largest_compute(&self) -> Option<f64> {
        self.data.iter().filter_map(compute_of).reduce(f64::max)
    }

    /// Smallest compute among the rows fitted, FLOPs.
    fn smallest_compute(&self) -> Option<f64> {
        self.data.iter().filter_map(compute_of).reduce(f64::min)
    }

    /// Replicates of a number of which as large a share as each rival has lies about what that rival says.
    fn with_rivals(
        &self,
        value: f64,
        mut drawn: Vec<f64>,
        of: impl Fn(Law, &[f64]) -> Option<f64>,
    ) -> Vec<f64> {
        let said = |rival: &Rival| {
            let law = Law::parse(&rival.law, None).ok()?;
            Some((rival.share, of(law, &rival.values)? / value))
        };
        let said: Vec<(f64, f64)> = self.rivals.iter().filter_map(said).collect();
        if said.is_empty() {
            return drawn;
        }
        if drawn.is_empty() {
            drawn = vec![value; ALONE];
        }
        for (k, drawn) in drawn.iter_mut().enumerate() {
            // Evenly spread over the laws, whatever the order of the replicates.
            let mut place = (k as f64 * GOLDEN).fract();
            for (share, factor) in &said {
                if (0.0..*share).contains(&place) {
                    *drawn *= factor;
                }
                place -= share;
            }
        }
        drawn
    }

    fn spread(&self, value: f64, drawn: Vec<f64>, c: Option<f64>) -> Estimate {
        let noise = self.noise.unwrap_or(0.0);
        let asked = c.zip(self.largest_compute());
        let beyond = asked.map_or(0.0, |(c, most)| (c / most).ln()).max(0.0);
        let range = self.largest_compute().zip(self.smallest_compute());
        let range = range.map_or(0.0, |(most, least)| (most / least).ln());
        let windows = self.validation.iter().flat_map(|v| &v.windows);
        let drift = Drift::of(&Evidence::of(windows), range);
        drift.spread(noise, beyond).about(value, &drawn)
    }
}

fn compute_of(point: &FittedPoint) -> Option<f64> {
    point.c.or_else(|| Some(6.0 * point.n? * point.d?))
}

/// The loss that these parameters give; none where a coordinate is missing.
fn loss(law: Law, values: &[f64], at: At) -> Option<f64> {
    let loss = law.loss_of(values, &place(law, at)?);
    (loss.is_finite() && loss > 0.0).then_some(loss)
}

/// The coordinates of a law at a place; none where one is missing.
pub(crate) fn place(law: Law, at: At) -> Option<[f64; COORDINATES]> {
    let mut point = Point::new("", 1.0);
    (point.n, point.d, point.c) = (at.n, at.d, compute(at));
    (point.epochs, point.batch, point.experts) = (at.epochs, at.batch, at.experts);
    point.granularity = at.granularity.or(Some(1.0));
    // What all parameters cost is not theirs to say: a token uses a part of them.
    if law.is_in_total() {
        point.n_total = at.n;
    } else if law.axis().is_none() {
        point.n = at.n.or_else(|| Some(at.c? / (6.0 * at.d?)));
        point.d = at.d.or_else(|| Some(at.c? / (6.0 * point.n?)));
    }
    law.place(&point).ok()
}

/// Compute of a place: as given, or 6 N D.
fn compute(at: At) -> Option<f64> {
    at.c.or_else(|| Some(6.0 * at.n? * at.d?))
}
