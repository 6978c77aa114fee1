//! A law of whole learning curves under any schedule of the rate, so that every cooldown tells of every other: the
//! multi-power law (Luo et al. 2025, arXiv 2503.12811) in the form that curves of single models identify.
//!
//! `L = L0 + A S^-alpha - B sum_k (eta_(k-1) - eta_k) G(C S_k)`, `G(x) = x / (1 + x)`, where S is the sum of the rates
//! up to a step and S_k the sum since the rate fell for the k-th time. The published law has
//! `G(x) = 1 - (1 + x)^-beta` at `x = C eta_k^-gamma S_k`: its beta and gamma are 1 and 0 here.

use crate::engine::{COLUMNS, non_negative};
use serde::Serialize;

/// A step of a learning curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurveStep {
    /// Optimizer steps done.
    pub step: f64,
    /// Learning rate of the step.
    pub rate: f64,
    /// Loss at the step, nats per token; none where it was not measured.
    pub loss: Option<f64>,
}

/// The learning curve of one run. Between its steps the rate is taken to change evenly.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningCurve {
    /// Run id or row number.
    pub label: String,
    /// Steps, ascending.
    pub steps: Vec<CurveStep>,
}

/// The law fitted to curves of one model, text and batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MultiPower {
    /// Loss that no number of steps goes below at the peak rate.
    pub l0: f64,
    /// Coefficient of the sum of rates.
    pub a: f64,
    /// Exponent of the sum of rates.
    pub alpha: f64,
    /// What a unit of rate that has fallen takes off the loss in the end.
    pub b: f64,
    /// How fast it does so, over the sum of rates since.
    pub c: f64,
    /// Root mean square of ln(fitted / measured).
    pub rms_error: f64,
    /// Points fitted; those that curves share count once.
    pub points: usize,
    /// Whether alpha or C ended at the edge of what is searched, so that the curves do not tell it.
    pub at_edge: bool,
}

/// A curve forecast by the law of the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldOutCurve {
    /// The curve.
    pub label: String,
    /// Points judged: those that no fitted curve has.
    pub points: usize,
    /// Root mean square of ln(predicted / measured).
    pub rms_error: f64,
    /// ln(predicted / measured) at the last step.
    pub last_error: f64,
}

/// Why curves have no such law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MultiPowerError {
    /// Too few losses.
    #[error(
        "the curves have {points} losses after the warm-up, and the law of 5 parameters needs {}",
        FEWEST
    )]
    TooFewPoints {
        /// Losses that there are.
        points: usize,
    },
    /// No rate falls before a loss.
    #[error(
        "no curve has a loss after its rate has fallen, so that nothing tells what a cooldown is worth"
    )]
    NoCooldown,
    /// No law with positive coefficients.
    #[error("the losses do not fall as the rates add up")]
    NoFall,
}

/// Losses below which nothing is fitted.
const FEWEST: usize = 8;
/// Ranges that are searched: of alpha, and of C times the mean sum of rates.
const ALPHA: (f64, f64) = (0.02, 3.0);
const SPEED: (f64, f64) = (0.1, 1e5);
/// Cells of the search a side, and how often the cell found is searched anew.
const SIDE: usize = 25;
const ROUNDS: usize = 12;

/// A loss with what the law needs of the curve before it.
#[derive(Clone, Debug)]
struct Place {
    step: f64,
    loss: f64,
    /// Sum of the rates.
    sum: f64,
    /// Falls of the rate before it, each with the sum of rates since.
    falls: Vec<(f64, f64)>,
}

impl LearningCurve {
    /// Losses after the peak of the rate.
    fn places(&self) -> Vec<Place> {
        let mut sums = Vec::with_capacity(self.steps.len());
        let (mut sum, mut before) = (0.0, (0.0, 0.0));
        for at in &self.steps {
            sum += (at.step - before.0) * f64::midpoint(at.rate, before.1);
            before = (at.step, at.rate);
            sums.push(sum);
        }
        let most = self.steps.iter().map(|at| at.rate).fold(0.0, f64::max);
        let peak = self.steps.iter().position(|at| at.rate >= most).unwrap_or(0);
        let mut falls: Vec<(f64, f64)> = Vec::new();
        let mut places = Vec::new();
        for k in peak..self.steps.len() {
            if k > peak {
                let fall = self.steps[k - 1].rate - self.steps[k].rate;
                let since = f64::midpoint(sums[k - 1], sums[k]);
                if fall != 0.0 {
                    falls.push((fall, since));
                }
            }
            let Some(loss) = self.steps[k].loss.filter(|loss| loss.is_finite() && *loss > 0.0)
            else {
                continue;
            };
            let sum = sums[k];
            let falls = falls.iter().map(|(fall, since)| (*fall, (sum - since).max(0.0)));
            places.push(Place { step: self.steps[k].step, loss, sum, falls: falls.collect() });
        }
        places
    }
}

/// Losses of all curves; one that several share, as those of a trunk, stands once.
fn places(curves: &[&LearningCurve]) -> Vec<Place> {
    let mut all: Vec<Place> = Vec::new();
    for place in curves.iter().flat_map(|curve| curve.places()) {
        let same = |other: &Place| {
            (other.step, other.loss, other.falls.len())
                == (place.step, place.loss, place.falls.len())
        };
        if !all.iter().any(same) {
            all.push(place);
        }
    }
    all
}

/// The columns of L0, A and B at a place.
fn columns(place: &Place, alpha: f64, c: f64) -> [f64; COLUMNS] {
    let taken = place.falls.iter().map(|(fall, sum)| fall * (1.0 - 1.0 / (1.0 + c * sum)));
    [1.0, place.sum.powf(-alpha), -taken.sum::<f64>()]
}

/// L0, A and B for these exponents, and the mean square of ln(fitted / measured) that is left.
fn solved(places: &[Place], alpha: f64, c: f64) -> Option<([f64; COLUMNS], f64)> {
    let mut gram = [[0.0; COLUMNS]; COLUMNS];
    let mut right = [0.0; COLUMNS];
    let rows: Vec<[f64; COLUMNS]> =
        places.iter().map(|place| columns(place, alpha, c).map(|x| x / place.loss)).collect();
    for row in &rows {
        for i in 0..COLUMNS {
            right[i] += row[i];
            (0..=i).for_each(|j| gram[i][j] += row[i] * row[j]);
        }
    }
    let (found, _) = non_negative(&gram, &right, COLUMNS, true)?;
    let error = |row: &[f64; COLUMNS]| {
        let fitted: f64 = row.iter().zip(found).map(|(x, coefficient)| x * coefficient).sum();
        if fitted > 0.0 { fitted.ln().powi(2) } else { f64::INFINITY }
    };
    let left = rows.iter().map(error).sum::<f64>() / rows.len() as f64;
    left.is_finite().then_some((found, left))
}

/// Fits the law to curves of one model.
///
/// # Errors
/// Too few losses, no cooldown among them, or losses that do not fall.
pub fn fit_curves(curves: &[LearningCurve]) -> Result<MultiPower, MultiPowerError> {
    fit_all(&curves.iter().collect::<Vec<_>>())
}

fn fit_all(curves: &[&LearningCurve]) -> Result<MultiPower, MultiPowerError> {
    let places = places(curves);
    if places.len() < FEWEST {
        return Err(MultiPowerError::TooFewPoints { points: places.len() });
    }
    if !places.iter().any(|place| place.falls.iter().any(|(fall, _)| *fall > 0.0)) {
        return Err(MultiPowerError::NoCooldown);
    }
    let sum = places.iter().map(|place| place.sum).sum::<f64>() / places.len() as f64;
    let ends = [ALPHA, (SPEED.0 / sum, SPEED.1 / sum)].map(|(low, high)| (low.ln(), high.ln()));
    let mut search = ends;
    let mut best: Option<(f64, [f64; 2], [f64; COLUMNS])> = None;
    for _ in 0..ROUNDS {
        let cell = search.map(|(low, high)| (high - low) / (SIDE - 1) as f64);
        for i in 0..SIDE * SIDE {
            let at = [
                search[0].0 + cell[0] * (i / SIDE) as f64,
                search[1].0 + cell[1] * (i % SIDE) as f64,
            ];
            let found = solved(&places, at[0].exp(), at[1].exp());
            if let Some((coefficients, left)) = found
                && best.as_ref().is_none_or(|(least, ..)| left < *least)
            {
                best = Some((left, at, coefficients));
            }
        }
        let (_, at, _) = best.ok_or(MultiPowerError::NoFall)?;
        // Two cells to either side, inside the ends.
        search = std::array::from_fn(|k| {
            ((at[k] - 2.0 * cell[k]).max(ends[k].0), (at[k] + 2.0 * cell[k]).min(ends[k].1))
        });
    }
    let (left, at, [l0, a, b]) = best.ok_or(MultiPowerError::NoFall)?;
    let is_edge = |k: usize| (at[k] - ends[k].0).min(ends[k].1 - at[k]) < 1e-6;
    Ok(MultiPower {
        l0,
        a,
        alpha: at[0].exp(),
        b,
        c: at[1].exp(),
        rms_error: left.sqrt(),
        points: places.len(),
        at_edge: is_edge(0) || is_edge(1),
    })
}

impl MultiPower {
    fn loss(&self, place: &Place) -> f64 {
        let columns = columns(place, self.alpha, self.c);
        columns.iter().zip([self.l0, self.a, self.b]).map(|(x, coefficient)| x * coefficient).sum()
    }

    /// Steps of a curve at which a loss was measured, with the law's loss there.
    pub fn losses(&self, curve: &LearningCurve) -> Vec<(f64, f64)> {
        curve.places().iter().map(|place| (place.step, self.loss(place))).collect()
    }
}

/// Each curve forecast by the law of all others, at the losses that these do not have; curves without such losses, or
/// whose others have no law, are left out.
pub fn held_out_curves(curves: &[LearningCurve]) -> Vec<HeldOutCurve> {
    let one = |(at, curve): (usize, &LearningCurve)| {
        let others: Vec<&LearningCurve> =
            curves.iter().enumerate().filter(|(k, _)| *k != at).map(|(_, curve)| curve).collect();
        let law = fit_all(&others).ok()?;
        let known = places(&others);
        let is_new = |place: &Place| {
            known.iter().all(|other| (other.step, other.loss) != (place.step, place.loss))
        };
        let new: Vec<Place> = curve.places().into_iter().filter(is_new).collect();
        let errors: Vec<f64> =
            new.iter().map(|place| (law.loss(place) / place.loss).ln()).collect();
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let rms_error = (squares / errors.len() as f64).sqrt();
        let last_error = errors.last().copied()?;
        rms_error.is_finite().then(|| HeldOutCurve {
            label: curve.label.clone(),
            points: errors.len(),
            rms_error,
            last_error,
        })
    };
    curves.iter().enumerate().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: [f64; 5] = [1.9, 1.2, 0.35, 40.0, 3.0];

    /// Rates of every step, by kind: constant, a linear fall over the last fifth, a cosine.
    fn rates(kind: &str, steps: usize) -> Vec<f64> {
        let rate = |k: usize| {
            let (at, end) = (k as f64 / steps as f64, (steps - k) as f64 / steps as f64);
            0.005
                * match kind {
                    "wsd" => (5.0 * end).min(1.0),
                    "cosine" => 0.5 * (1.0 + (std::f64::consts::PI * at).cos()),
                    _ => 1.0,
                }
        };
        (0..steps).map(rate).collect()
    }

    /// The published sum over every single step, in its own form with beta 1 and gamma 0.
    fn by_hand(rates: &[f64], step: usize) -> f64 {
        let [l0, a, alpha, b, c] = LAW;
        let sum = |from: usize| rates[from..=step].iter().sum::<f64>();
        let annealed: f64 =
            (1..=step).map(|k| (rates[k - 1] - rates[k]) * (1.0 - 1.0 / (1.0 + c * sum(k)))).sum();
        l0 + a * sum(0).powf(-alpha) - b * annealed
    }

    fn curve(kind: &str, steps: usize) -> LearningCurve {
        let rates = rates(kind, steps);
        let step = |k: usize| CurveStep {
            step: (k + 1) as f64,
            rate: rates[k],
            loss: (k > 100 && k.is_multiple_of(97) || k + 1 == steps).then(|| by_hand(&rates, k)),
        };
        LearningCurve { label: format!("{kind} {steps}"), steps: (0..steps).map(step).collect() }
    }

    #[test]
    fn the_law_that_made_the_curves_is_found_again() {
        let curves = [curve("wsd", 1500), curve("wsd", 4000), curve("cosine", 3000)];
        let found = fit_curves(&curves).unwrap();
        let values = [found.l0, found.a, found.alpha, found.b, found.c];
        for (value, truth) in values.into_iter().zip(LAW) {
            assert!((value / truth - 1.0).abs() < 0.02, "{values:?}");
        }
        assert!(found.rms_error < 1e-4 && !found.at_edge, "{found:?}");
    }

    /// Two schedules tell the third.
    #[test]
    fn a_schedule_that_was_not_fitted_is_predicted() {
        let curves = [curve("wsd", 1500), curve("wsd", 3000), curve("constant", 3000)];
        let law = fit_curves(&curves).unwrap();
        let other = curve("cosine", 4000);
        let rates = rates("cosine", 4000);
        for (step, loss) in law.losses(&other) {
            let truth = by_hand(&rates, step as usize - 1);
            assert!((loss / truth - 1.0).abs() < 2e-3, "{step}: {loss} {truth}");
        }
        let all: Vec<LearningCurve> = curves.into_iter().chain([other]).collect();
        let held = held_out_curves(&all);
        assert_eq!(held.len(), 4);
        assert!(held.iter().all(|held| held.rms_error < 3e-3), "{held:?}");
    }

    #[test]
    fn curves_without_a_cooldown_or_with_few_losses_are_refused() {
        assert_eq!(fit_curves(&[curve("constant", 3000)]), Err(MultiPowerError::NoCooldown));
        let few = fit_curves(&[curve("wsd", 300)]);
        assert!(matches!(few, Err(MultiPowerError::TooFewPoints { .. })), "{few:?}");
    }

    /// Losses that two curves share, as those of a trunk, count once.
    #[test]
    fn a_shared_trunk_counts_once() {
        let one = curve("wsd", 3000);
        let twice = [one.clone(), LearningCurve { label: "again".into(), ..one.clone() }];
        assert_eq!(fit_curves(&twice).unwrap().points, fit_curves(&[one]).unwrap().points);
    }
}
