//! How rows err about a law, told by few units: each row by itself, and the rows of a unit (checkpoints of
//! a run, runs of a trunk) by something that they share.
//!
//! What a fit by squares takes out of its residuals is known where the law is linear in its parameters:
//! `M = I - J (J'J)^-1 J'`. With `Z` saying which rows a unit has and `S = Z' M Z = U diag(l) U'`, the numbers
//! `(U' Z' r)_j^2 / l_j` are `(1 + ratio l_j) s^2` times independent chi-squares of one degree, where `s^2`
//! is the variance of a row's own error and `ratio` that of the shared one to it; what they leave of the
//! sum of squares is `s^2` times one of all remaining degrees (residual likelihood, Patterson & Thompson
//! 1971). The ratio is averaged over under Jeffreys's prior, so that intervals know how little a few units
//! tell of it. Where every unit is one row all of this is Student's t of rows less parameters.

use crate::engine::{
    Engine,
    linalg::{eigen, solve_dense},
};
use isoflop_core::rng::{Purpose, normal_pair, stream, uniform};
use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

/// Number of ratios that are looked at, and how far they reach beyond what the units could show.
const RATIOS: usize = 80;
const FARTHEST: f64 = 1e4;
/// Share of the largest below which an eigenvalue is none.
const NONE: f64 = 1e-8;
/// Units above which the error that their rows share is not looked for, because the matrix would be large.
const MOST_UNITS: usize = 64;
/// Size of a residual below which it is rounding.
const EXACT: f64 = 1e-11;

/// A ratio of variances, its share of belief, and the variance of a row's own error with it.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    ratio: f64,
    share: f64,
    variance: f64,
}

/// How rows err about a law, as the module head describes it.
#[derive(Clone, Debug)]
pub(crate) struct Errors {
    ratios: Vec<Ratio>,
    freedom: f64,
    /// `J' J` over weighted rows.
    gram: Vec<Vec<f64>>,
    /// `Z' J` of units of several rows; empty where every unit is one row.
    of_units: Vec<Vec<f64>>,
    units: Vec<usize>,
    weights: Vec<f64>,
}

/// How uncertain a quantity is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uncertainty {
    /// Rise of the sum of squares where the quantity is one unit from its optimum.
    pub(crate) rise: f64,
    /// Half the width of the quantity's interval where the law is linear.
    pub(crate) half: f64,
    /// Variance of the quantity.
    pub(crate) variance: f64,
}

impl Errors {
    /// The errors of a fit by squares. None where the law meets every row, or no degree of freedom is left.
    pub(crate) fn of(engine: &dyn Engine, t: &[f64], units: &[usize]) -> Option<Self> {
        let weights = engine.rows().iter().map(|row| row.weight).collect();
        let (residuals, slopes) = (engine.residuals(t), engine.jacobian(t));
        Self::new(&residuals, &slopes, engine.free(), weights, units)
    }

    /// The errors that the residuals of a least-squares fit tell, given its free parameters and its slopes at
    /// each row.
    pub(crate) fn new(
        residuals: &[f64],
        slopes: &[Vec<f64>],
        free: usize,
        weights: Vec<f64>,
        units: &[usize],
    ) -> Option<Self> {
        let (rows, size) = (residuals.len(), slopes.first()?.len());
        let spare = rows.checked_sub(free).filter(|spare| *spare > 0)?;
        if residuals.iter().all(|r| r.abs() < EXACT) {
            return None;
        }
        let weighted = |(value, weight): (&f64, &f64)| value * weight.sqrt();
        let residuals: Vec<f64> = residuals.iter().zip(&weights).map(weighted).collect();
        let slopes: Vec<Vec<f64>> = slopes
            .iter()
            .zip(&weights)
            .map(|(row, weight)| row.iter().map(|x| x * weight.sqrt()).collect())
            .collect();
        let mut gram = vec![vec![0.0; size]; size];
        for row in &slopes {
            for i in 0..size {
                for j in 0..size {
                    gram[i][j] += row[i] * row[j];
                }
            }
        }
        let squares: f64 = residuals.iter().map(|r| r * r).sum();
        let count = units.iter().max().map_or(0, |last| last + 1);
        let mut errors = Errors {
            ratios: vec![Ratio { ratio: 0.0, share: 1.0, variance: squares / spare as f64 }],
            freedom: spare as f64,
            gram,
            of_units: Vec::new(),
            units: units.to_vec(),
            weights,
        };
        if count < rows && count <= MOST_UNITS {
            errors.share(count, &slopes, &residuals);
        }
        Some(errors)
    }

    /// What units of several rows show of an error that their rows share.
    fn share(&mut self, count: usize, slopes: &[Vec<f64>], residuals: &[f64]) -> Option<()> {
        let size = self.gram.len();
        let mut of_units = vec![vec![0.0; size]; count];
        let (mut sums, mut sizes) = (vec![0.0; count], vec![0.0; count]);
        for (row, &unit) in self.units.iter().enumerate() {
            let root = self.weights[row].sqrt();
            for k in 0..size {
                of_units[unit][k] += root * slopes[row][k];
            }
            sums[unit] += root * residuals[row];
            sizes[unit] += self.weights[row];
        }
        let mut left = vec![vec![0.0; count]; count];
        for i in 0..count {
            let taken = solve_dense(&self.gram, &of_units[i])?;
            for j in 0..count {
                let own = if i == j { sizes[i] } else { 0.0 };
                left[i][j] = own - dot(&of_units[j], &taken);
            }
        }
        let (values, vectors) = eigen(left);
        let most = values.iter().copied().fold(0.0, f64::max);
        let told: Vec<(f64, f64)> = values
            .iter()
            .zip(&vectors)
            .filter(|(value, _)| **value > NONE * most)
            .map(|(value, vector)| (*value, dot(vector, &sums).powi(2) / value))
            .collect();
        let squares = residuals.iter().map(|r| r * r).sum::<f64>();
        let within = squares - told.iter().map(|(_, x)| x).sum::<f64>();
        let spare = self.freedom - told.len() as f64;
        // Without rows to spare within the units the two variances cannot be told apart.
        if told.is_empty() || spare < 1.0 || within <= 0.0 {
            return None;
        }
        let ratios = (0..=RATIOS).map(|i| {
            let place = i as f64 / RATIOS as f64;
            (FARTHEST.powf(2.0 * place - 1.0) - 1.0 / FARTHEST) / most
        });
        self.ratios = ratios.map(|ratio| Ratio::of(ratio, &told, within, self.freedom)).collect();
        let highest = self.ratios.iter().map(|r| r.share).fold(f64::MIN, f64::max);
        let places = self.ratios.iter_mut();
        places.for_each(|r| r.share = (r.share - highest).exp());
        let all: f64 = self.ratios.iter().map(|r| r.share).sum();
        self.ratios.iter_mut().for_each(|r| r.share /= all);
        self.of_units = of_units;
        Some(())
    }

    /// Degrees of freedom of the whole.
    pub(crate) fn freedom(&self) -> f64 {
        self.freedom
    }

    /// How a quantity with this gradient spreads, with the share `tail` beyond either end.
    pub(crate) fn spread(&self, gradient: &[f64], tail: f64) -> Option<Uncertainty> {
        let direction = solve_dense(&self.gram, gradient)?;
        let own = dot(gradient, &direction);
        let parts = self.of_units.iter().map(|unit| dot(unit, &direction));
        let shared: f64 = parts.map(|part| part * part).sum();
        if !(own.is_finite() && own > 0.0) {
            return None;
        }
        let student = StudentsT::new(0.0, 1.0, self.freedom).expect("degrees are positive");
        let deviations: Vec<(f64, f64)> = self
            .ratios
            .iter()
            .map(|r| (r.share, (r.variance * (own + r.ratio * shared)).sqrt()))
            .collect();
        let beyond = |half: f64| -> f64 {
            let parts = deviations.iter();
            parts.map(|(share, of)| share * student.cdf(-half / of)).sum()
        };
        let variance: f64 = deviations.iter().map(|(share, of)| share * of * of).sum();
        let (mut low, mut high) = (0.0, variance.sqrt());
        while beyond(high) > tail && high.is_finite() {
            high *= 2.0;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            match beyond(middle) > tail {
                true => low = middle,
                false => high = middle,
            }
        }
        (high.is_finite() && high > 0.0).then_some(Uncertainty {
            rise: 1.0 / own,
            half: high,
            variance,
        })
    }

    /// Errors of the rows in replicate number `index`: variances that the residuals allow, then normal
    /// errors.
    pub(crate) fn replicate(&self, seed: u64, index: u64) -> Vec<f64> {
        let mut rng = stream(seed, Purpose::Bootstrap, index);
        let (mut left, chance) = (uniform(&mut rng), uniform(&mut rng));
        let mut normal = || normal_pair(&mut rng).0;
        let last = self.ratios.last().expect("there is a ratio");
        let drawn = self.ratios.iter().find(|r| {
            left -= r.share;
            left < 0.0
        });
        let Ratio { ratio, variance, .. } = *drawn.unwrap_or(last);
        let chi = ChiSquared::new(self.freedom).expect("degrees are positive");
        let own = variance * self.freedom / chi.inverse_cdf(chance).max(f64::MIN_POSITIVE);
        let count = self.units.iter().max().map_or(0, |last| last + 1);
        let shared: Vec<f64> = match self.of_units.is_empty() {
            true => vec![0.0; count],
            false => (0..count).map(|_| (own * ratio).sqrt() * normal()).collect(),
        };
        let rows = self.units.iter().zip(&self.weights);
        rows.map(|(unit, weight)| {
            shared[*unit] + (own / weight.max(f64::MIN_POSITIVE)).sqrt() * normal()
        })
        .collect()
    }
}

impl Ratio {
    /// `told` are eigenvalues with what the residuals show along them; the share is a logarithm.
    fn of(ratio: f64, told: &[(f64, f64)], within: f64, freedom: f64) -> Self {
        let widened = |value: f64| 1.0 + ratio * value;
        let squares: f64 = told.iter().map(|(value, x)| x / widened(*value)).sum();
        let squares = within + squares;
        let logs: f64 = told.iter().map(|(value, _)| widened(*value).ln()).sum();
        let slopes = || told.iter().map(|(value, _)| value / widened(*value));
        let information =
            slopes().map(|x| x * x).sum::<f64>() - slopes().sum::<f64>().powi(2) / freedom;
        // Places are even in the logarithm of the ratio and its floor.
        let step = ratio + 1.0 / (FARTHEST * told.iter().map(|t| t.0).fold(0.0, f64::max));
        Ratio {
            ratio,
            variance: squares / freedom,
            share: information.max(0.0).sqrt().ln() + step.ln()
                - logs / 2.0
                - freedom / 2.0 * squares.ln(),
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows about their mean: of unit `u` the error `shared[u]` and one of its own.
    fn about_mean(shared: &[f64], own: &[f64]) -> (Vec<f64>, Vec<usize>) {
        let each = own.len() / shared.len();
        let units: Vec<usize> = (0..own.len()).map(|row| row / each).collect();
        let all: Vec<f64> = own.iter().zip(&units).map(|(e, u)| e + shared[*u]).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        (all.iter().map(|x| x - mean).collect(), units)
    }

    fn errors(residuals: &[f64], units: &[usize]) -> Errors {
        let slopes = vec![vec![1.0]; residuals.len()];
        Errors::new(residuals, &slopes, 1, vec![1.0; residuals.len()], units).unwrap()
    }

    #[test]
    fn a_mean_of_independent_rows_has_students_interval() {
        let (residuals, _) = about_mean(&[0.0], &[1.0, -2.0, 0.5, 3.0, -0.5]);
        let found = errors(&residuals, &[0, 1, 2, 3, 4]).spread(&[1.0], 0.05).unwrap();
        let squares: f64 = residuals.iter().map(|r| r * r).sum();
        // Student's 95 % point at four degrees of freedom.
        let half = 2.131_846_8 * (squares / 4.0 / 5.0).sqrt();
        assert!((found.half / half - 1.0).abs() < 1e-5, "{} {half}", found.half);
        assert!((found.rise - 5.0).abs() < 1e-9);
    }

    /// Six runs that err in common twenty times as much as their checkpoints by themselves: six numbers.
    #[test]
    fn a_mean_of_runs_that_err_in_common_has_the_interval_of_so_many_runs() {
        let shared = [2.0, -1.0, 0.5, -2.5, 1.5, 0.1];
        let own: Vec<f64> = (0..60).map(|row| 0.1 * f64::from(row * 7 % 11 - 5) / 3.0).collect();
        let (residuals, units) = about_mean(&shared, &own);
        let together = errors(&residuals, &units).spread(&[1.0], 0.05).unwrap();
        let mean = shared.iter().sum::<f64>() / 6.0;
        let squares: f64 = shared.iter().map(|s| (s - mean).powi(2)).sum();
        // Student's 95 % point at five degrees of freedom.
        let half = 2.015_048_4 * (squares / 5.0 / 6.0).sqrt();
        assert!((together.half / half - 1.0).abs() < 0.1, "{} {half}", together.half);
        let rows: Vec<usize> = (0..60).collect();
        let apart = errors(&residuals, &rows).spread(&[1.0], 0.05).unwrap();
        assert!(apart.half < together.half / 2.0);
    }

    #[test]
    fn replicates_err_as_much_as_the_residuals_and_in_common() {
        let shared = [2.0, -1.0, 0.5, -2.5, 1.5, 0.1, 0.8, -0.9, 1.2, -1.7];
        let own: Vec<f64> = (0..100).map(|row| f64::from(row * 7 % 11 - 5) / 6.0).collect();
        let (residuals, units) = about_mean(&shared, &own);
        let errors = errors(&residuals, &units);
        let (mut within, mut between) = (0.0, 0.0);
        for index in 0..400 {
            let drawn = errors.replicate(0, index);
            for unit in drawn.chunks(10) {
                let mean = unit.iter().sum::<f64>() / 10.0;
                between += mean * mean / 4000.0;
                within += unit.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / (9.0 * 4000.0);
            }
        }
        assert!((0.2..0.45).contains(&within), "{within}");
        assert!((1.5..4.5).contains(&between), "{between}");
    }
}
