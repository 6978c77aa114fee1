//! Many starts and a polish for laws of any shape: the starts are drawn, the best of them go down
//! the objective by damped Newton steps with exact gradients.

use super::dual::{Dual, MOST};
use super::formula::{Centre, Kind, Place};
use super::law::GeneralLaw;
use crate::objective::Objective;
use isoflop_core::rng::{Purpose, stream, uniform};

/// Points drawn, and how many of them are polished.
const DRAWN: usize = 600;
const POLISHED: usize = 16;
const MOST_STEPS: usize = 2000;
/// Norm of the gradient of the scaled objective below which a fit has converged; and where no
/// further step helps.
const TOLERANCE: f64 = 1e-9;
const LAST_DIGITS: f64 = 1e-6;
/// How far beyond where starts are drawn a parameter may go; there it is at a bound.
const BEYOND: f64 = 12.0;

/// Rows of one law under one objective.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) law: GeneralLaw,
    pub(crate) centre: Centre,
    pub(crate) objective: Objective,
    pub(crate) places: Vec<Place>,
    /// Losses on the scale of the residual.
    pub(crate) targets: Vec<f64>,
    pub(crate) weights: Vec<f64>,
    /// Where starts are drawn.
    pub(crate) ranges: Vec<(f64, f64)>,
    scale: f64,
}

/// A local optimum.
#[derive(Clone, Debug)]
pub(crate) struct Optimum {
    pub(crate) t: Vec<f64>,
    /// Unscaled sum.
    pub(crate) value: f64,
    pub(crate) gradient_norm: f64,
    pub(crate) converged: bool,
    pub(crate) moved: bool,
}

/// Everything the starts found.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// Distinct optima, best first.
    pub(crate) basins: Vec<Optimum>,
    pub(crate) starts: usize,
    pub(crate) agreed: usize,
    pub(crate) unfinished: usize,
    pub(crate) unmoved: usize,
}

impl Problem {
    /// `places` are not centred yet.
    pub(crate) fn new(
        law: GeneralLaw,
        mut places: Vec<Place>,
        losses: &[f64],
        objective: Objective,
    ) -> Self {
        let count = places.len() as f64;
        let mean = |of: fn(&Place) -> f64| places.iter().map(of).sum::<f64>() / count;
        let top = losses.iter().copied().fold(0.0, f64::max);
        let centre = Centre {
            n: mean(|p| p.n),
            d: mean(|p| p.d),
            x: mean(|p| p.x),
            top,
        };
        for place in &mut places {
            place.n -= centre.n;
            place.d -= centre.d;
            place.u -= centre.d;
            place.x -= centre.x;
        }
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let (left, right) = places
            .iter()
            .fold((0.0f64, 0.0f64), |(l, r), p| (l.min(p.x), r.max(p.x)));
        let range = |kind: &Kind| match kind {
            Kind::Level => ((0.02 * least).ln(), (1.2 * top).ln()),
            Kind::Exponent => (0.03f64.ln(), 1.0f64.ln()),
            Kind::Floor => ((0.05 * least).ln(), (0.97 * least).ln()),
            Kind::Ceiling => ((0.01 * top).ln(), (3.0 * top).ln()),
            Kind::Bend => (-0.6, 0.6),
            Kind::Break => (left, right),
            Kind::Width => (0.05f64.ln(), 2.0f64.ln()),
            Kind::Repeats => (1.0f64.ln(), 60.0f64.ln()),
        };
        Problem {
            ranges: law.kinds().iter().map(range).collect(),
            law,
            centre,
            objective,
            targets: losses
                .iter()
                .map(|loss| objective.transform(*loss))
                .collect(),
            weights: vec![1.0; losses.len()],
            places,
            scale: 1.0,
        }
    }

    pub(crate) fn loss(&self, t: &[f64], place: &Place) -> f64 {
        self.law.loss(t, place, &self.centre)
    }

    /// The unscaled sum; infinite where the law has no value.
    pub(crate) fn value(&self, t: &[f64]) -> f64 {
        let rows = self.places.iter().zip(&self.targets).zip(&self.weights);
        let sum: f64 = rows
            .filter(|(_, weight)| **weight > 0.0)
            .map(|((place, target), weight)| {
                let residual = target - self.objective.transform(self.loss(t, place));
                weight * self.objective.penalty.at(residual)
            })
            .sum();
        if sum.is_nan() { f64::INFINITY } else { sum }
    }

    pub(crate) fn residuals(&self, t: &[f64]) -> Vec<f64> {
        let rows = self.places.iter().zip(&self.targets);
        rows.map(|(place, target)| target - self.objective.transform(self.loss(t, place)))
            .collect()
    }

    /// Gradient, Gauss-Newton matrix with the penalty's own curvature, and with its majorant.
    fn expand(&self, t: &[f64]) -> ([f64; MOST], Square, Square) {
        let variables = Dual::variables(t);
        let (mut gradient, mut curvature, mut majorant) =
            ([0.0; MOST], [[0.0; MOST]; MOST], [[0.0; MOST]; MOST]);
        let rows = self.places.iter().zip(&self.targets).zip(&self.weights);
        for ((place, target), weight) in rows.filter(|(_, weight)| **weight > 0.0) {
            let loss = self.law.loss(&variables, place, &self.centre);
            let fitted = self.objective.transform(loss.value);
            let slope = match self.objective.residual {
                crate::objective::Residual::Loss => 1.0,
                crate::objective::Residual::LogLoss => loss.value.recip(),
            };
            let residual = target - fitted;
            let (first, second) = self.objective.penalty.derivatives(residual);
            let above = self.objective.penalty.majorant(residual);
            let weight = weight / self.scale;
            for i in 0..t.len() {
                let by_i = loss.gradient[i] * slope;
                gradient[i] -= weight * first * by_i;
                for j in 0..=i {
                    let product = by_i * loss.gradient[j] * slope;
                    curvature[i][j] += weight * second * product;
                    majorant[i][j] += weight * above * product;
                }
            }
        }
        (gradient, curvature, majorant)
    }

    fn bounds(&self, k: usize) -> (f64, f64) {
        let (low, high) = self.ranges[k];
        (low - BEYOND, high + BEYOND / 3.0)
    }

    /// Parameters at a bound.
    pub(crate) fn at_bound(&self, t: &[f64]) -> Vec<usize> {
        let held = |k: &usize| {
            let (low, high) = self.bounds(*k);
            t[*k] <= low || t[*k] >= high
        };
        (0..t.len()).filter(held).collect()
    }

    /// Draws starts, polishes the best, and tells distinct optima apart.
    pub(crate) fn solve(&mut self) -> Option<Solution> {
        let starts = self.starts(DRAWN, POLISHED);
        self.scale = self
            .value(starts.first()?)
            .max(1e-6 * self.weights.iter().sum::<f64>());
        let mut ends: Vec<Optimum> = starts.iter().map(|start| self.polish(start)).collect();
        let unfinished = ends.iter().filter(|end| !end.converged).count();
        let unmoved = ends
            .iter()
            .filter(|end| !end.converged && !end.moved)
            .count();
        ends.sort_by(|a, b| a.value.total_cmp(&b.value));
        let same = |a: &Optimum, b: &Optimum| {
            (a.value - b.value).abs() <= 1e-7 * (a.value + 1e-9 * self.scale)
        };
        let agreed = ends.iter().filter(|end| same(end, &ends[0])).count();
        let mut basins: Vec<Optimum> = Vec::new();
        for end in ends {
            let new = basins.iter().all(|basin| !same(basin, &end));
            if new && (basins.is_empty() || end.converged) {
                basins.push(end);
            }
        }
        Some(Solution {
            basins,
            starts: starts.len(),
            agreed,
            unfinished,
            unmoved,
        })
    }

    /// Refits changed rows from known optima and a few starts of their own.
    pub(crate) fn resolve(&self, known: &[Vec<f64>]) -> Option<Optimum> {
        let fresh = self.starts(60, 2);
        let ends = known.iter().chain(&fresh).map(|start| self.polish(start));
        ends.filter(|end| end.converged)
            .min_by(|a, b| a.value.total_cmp(&b.value))
    }

    fn starts(&self, drawn: usize, wanted: usize) -> Vec<Vec<f64>> {
        let mut rng = stream(0, Purpose::Starts, 0);
        let mut points: Vec<(f64, Vec<f64>)> = (0..drawn)
            .map(|_| {
                let t: Vec<f64> = self
                    .ranges
                    .iter()
                    .map(|(low, high)| low + (high - low) * uniform(&mut rng))
                    .collect();
                (self.value(&t), t)
            })
            .filter(|(value, _)| value.is_finite())
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.into_iter().take(wanted).map(|(_, t)| t).collect()
    }

    fn polish(&self, start: &[f64]) -> Optimum {
        let mut t = start.to_vec();
        let mut value = self.value(&t) / self.scale;
        let mut damping = 1e-3;
        let mut converged = false;
        for _ in 0..MOST_STEPS {
            let (gradient, curvature, majorant) = self.expand(&t);
            if self.free_norm(&t, &gradient) < TOLERANCE {
                converged = true;
                break;
            }
            let Some((next, lower)) =
                self.step(&t, value, &gradient, &curvature, &majorant, &mut damping)
            else {
                break;
            };
            (t, value) = (next, lower);
        }
        let (gradient, ..) = self.expand(&t);
        let gradient_norm = self.free_norm(&t, &gradient);
        Optimum {
            value: value * self.scale,
            gradient_norm,
            converged: converged || gradient_norm < LAST_DIGITS,
            moved: t != start,
            t,
        }
    }

    fn step(
        &self,
        t: &[f64],
        value: f64,
        gradient: &[f64; MOST],
        curvature: &Square,
        majorant: &Square,
        damping: &mut f64,
    ) -> Option<(Vec<f64>, f64)> {
        let held: Vec<bool> = (0..t.len()).map(|k| self.is_held(t, gradient, k)).collect();
        let largest = (0..t.len()).map(|k| majorant[k][k]).fold(0.0, f64::max);
        while *damping < 1e12 {
            let mut matrix = *curvature;
            for i in 0..t.len() {
                for j in 0..=i {
                    matrix[i][j] += *damping * majorant[i][j];
                }
                matrix[i][i] += *damping * 1e-6 * largest;
            }
            let found = solve_free(&matrix, gradient, &held, t.len());
            if let Some(step) = found {
                let next: Vec<f64> = (0..t.len())
                    .map(|k| {
                        let (low, high) = self.bounds(k);
                        (t[k] - step[k].clamp(-2.0, 2.0)).clamp(low, high)
                    })
                    .collect();
                let lower = self.value(&next) / self.scale;
                if lower < value {
                    *damping = (*damping / 5.0).max(1e-12);
                    return Some((next, lower));
                }
            }
            *damping *= 6.0;
        }
        *damping = 1e-3;
        None
    }

    fn is_held(&self, t: &[f64], gradient: &[f64; MOST], k: usize) -> bool {
        let (low, high) = self.bounds(k);
        t[k] <= low && gradient[k] > 0.0 || t[k] >= high && gradient[k] < 0.0
    }

    fn free_norm(&self, t: &[f64], gradient: &[f64; MOST]) -> f64 {
        let free = (0..t.len()).filter(|k| !self.is_held(t, gradient, *k));
        let norm = free.map(|k| gradient[k] * gradient[k]).sum::<f64>().sqrt();
        if norm.is_nan() { f64::INFINITY } else { norm }
    }
}

type Square = [[f64; MOST]; MOST];

/// Solves for the free parameters by Cholesky's decomposition of the lower triangle; the held ones
/// stay. Nothing if the matrix is not positive definite.
fn solve_free(
    matrix: &Square,
    right: &[f64; MOST],
    held: &[bool],
    size: usize,
) -> Option<[f64; MOST]> {
    let free: Vec<usize> = (0..size).filter(|k| !held[*k]).collect();
    let at = |i: usize, j: usize| matrix[free[i].max(free[j])][free[i].min(free[j])];
    let count = free.len();
    let mut lower = [[0.0; MOST]; MOST];
    for i in 0..count {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = at(i, j) - sum;
            match i == j {
                true if rest <= 0.0 || !rest.is_finite() => return None,
                true => lower[i][i] = rest.sqrt(),
                false => lower[i][j] = rest / lower[j][j],
            }
        }
    }
    let mut solved = [0.0; MOST];
    for i in 0..count {
        let sum: f64 = (0..i).map(|k| lower[i][k] * solved[k]).sum();
        solved[i] = (right[free[i]] - sum) / lower[i][i];
    }
    for i in (0..count).rev() {
        let sum: f64 = (i + 1..count).map(|k| lower[k][i] * solved[k]).sum();
        solved[i] = (solved[i] - sum) / lower[i][i];
    }
    let mut step = [0.0; MOST];
    for (i, k) in free.iter().enumerate() {
        step[*k] = solved[i];
    }
    Some(step)
}
