//! The dispersion of an objective: how much it rises by chance, which turns it into a likelihood.
//!
//! For errors of any shape twice the rise of `sum rho(r)` between the optimum and the truth, times
//! `E rho'' / E rho'^2`, is about chi-squared with one degree of freedom for each parameter held (the
//! likelihood-ratio type test of Huber & Ronchetti 2009, section 13.3). For squares that is the F
//! test. Rows of one trunk share part of their error, and some rows err more than others: the statistic
//! is divided by what that adds to the variance of the quantity at hand.

use crate::engine::{Engine, linalg::solve_dense};
use crate::errors::Errors;
use crate::intervals::TAIL;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// What turns rises of an objective along one quantity into a statistic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// The statistic of a rise of one.
    pub(crate) per_rise: f64,
    /// Where an interval ends.
    pub(crate) threshold: f64,
    /// Half the width of the interval where the objective is a parabola; none where that is not known.
    pub(crate) half: Option<f64>,
}

/// How far an objective rises by chance.
pub(crate) enum Chance {
    /// The dispersion of the fit's objective, told by many units.
    Many(Dispersion),
    /// The errors about a fit by squares, told by few units.
    Few(Errors),
}

impl Chance {
    /// None for a quantity that nothing moves.
    pub(crate) fn scale(&self, gradient: &[f64]) -> Option<Scale> {
        match self {
            Chance::Many(dispersion) => Some(dispersion.scale(gradient)),
            Chance::Few(errors) => {
                let spread = errors.spread(gradient, TAIL)?;
                Some(Scale {
                    per_rise: 1.0 / (spread.rise * spread.variance),
                    threshold: spread.half * spread.half / spread.variance,
                    half: Some(spread.half),
                })
            }
        }
    }
}

/// Scale of the statistic of a fit.
pub(crate) struct Dispersion {
    /// `E rho'' / E rho'^2`, with the degrees of freedom of the fit.
    per_rise: f64,
    /// Square of Student's point.
    threshold: f64,
    /// `J' J` over weighted rows, inverted by solving.
    gram: Vec<Vec<f64>>,
    /// Scores `w rho'(r) J` of each row.
    scores: Vec<Vec<f64>>,
    curvature: f64,
    /// Free parameters.
    free: usize,
    units: Vec<usize>,
}

/// Size of a residual below which it is rounding.
const EXACT: f64 = 1e-11;

impl Dispersion {
    /// None where the law meets every row, or there are no more rows than parameters.
    pub(crate) fn of(engine: &dyn Engine, t: &[f64], units: &[usize]) -> Option<Self> {
        let residuals = engine.residuals(t);
        let (rows, size) = (residuals.len(), t.len());
        let spare = rows.checked_sub(engine.free()).filter(|spare| *spare > 0)?;
        let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        if sizes[rows - 1] < EXACT {
            return None;
        }
        let sigma = 1.4826 * sizes[rows / 2].max(sizes[rows - 1] / 100.0);
        // Silverman's rule.
        let width = 1.06 * sigma * (rows as f64).powf(-0.2);
        let penalty = engine.objective().penalty;
        let jacobian = engine.jacobian(t);
        let (mut curvature, mut squares, mut weights) = (0.0, 0.0, 0.0);
        let mut scores = Vec::with_capacity(rows);
        let mut gram = vec![vec![0.0; size]; size];
        for ((row, r), slopes) in engine.rows().iter().zip(&residuals).zip(&jacobian) {
            let pull = row.weight * penalty.derivatives(*r).0;
            curvature += row.weight * penalty.smoothed_curvature(*r, width);
            squares += pull * pull;
            weights += row.weight;
            scores.push(slopes.iter().map(|slope| pull * slope).collect());
            for i in 0..size {
                for j in 0..size {
                    gram[i][j] += row.weight * slopes[i] * slopes[j];
                }
            }
        }
        let noise = squares * rows as f64 / spare as f64;
        let count = units.iter().max().map_or(0, |last| last + 1);
        let freedom = match count == rows {
            true => spare,
            false => spare.min(count.saturating_sub(1)).max(1),
        };
        let student = StudentsT::new(0.0, 1.0, freedom as f64).expect("degrees are positive");
        let quantile = student.inverse_cdf(1.0 - TAIL);
        (noise > 0.0).then(|| Dispersion {
            per_rise: curvature / noise,
            threshold: quantile * quantile,
            gram,
            scores,
            curvature: curvature / weights,
            free: engine.free(),
            units: units.to_vec(),
        })
    }

    /// Variance of a quantity with this gradient as if errors were independent and alike, and the factor
    /// by which errors that are neither raise it, at least one: the ratio to the sandwich estimate over
    /// units (Liang & Zeger 1986).
    fn variance(&self, gradient: &[f64]) -> Option<(f64, f64)> {
        let direction = solve_dense(&self.gram, gradient)?;
        let along =
            |score: &[f64]| -> f64 { score.iter().zip(&direction).map(|(s, d)| s * d).sum() };
        let count = self.units.iter().max().map_or(0, |last| last + 1);
        let mut of_unit = vec![0.0; count];
        for (score, unit) in self.scores.iter().zip(&self.units) {
            of_unit[*unit] += along(score);
        }
        let together: f64 = of_unit.iter().map(|part| part * part).sum();
        let few = count as f64 / (count as f64 - 1.0).max(1.0);
        let rows = self.scores.len() as f64;
        let spent = rows / (rows - self.free as f64);
        let sandwich = few * spent * together / (self.curvature * self.curvature);
        let quadratic: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        let variance = quadratic / (self.per_rise * self.curvature);
        let factor = (sandwich / variance).max(1.0);
        (variance.is_finite() && variance > 0.0 && factor.is_finite()).then_some((variance, factor))
    }

    fn scale(&self, gradient: &[f64]) -> Scale {
        let told = self.variance(gradient);
        let factor = told.map_or(1.0, |(_, factor)| factor);
        Scale {
            per_rise: 2.0 * self.per_rise / factor,
            threshold: self.threshold,
            half: told.map(|(variance, factor)| (variance * factor * self.threshold).sqrt()),
        }
    }
}
