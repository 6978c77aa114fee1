//! What a reader must know before quoting the numbers of a fit.

use crate::bootstrap::FEWEST_UNITS;
use crate::design::Design;
use crate::form::EXPONENTS;
use crate::influence::{WorstRows, relative};
use crate::output::{Bootstrap, Estimate};
use crate::point::Point;
use crate::polish::{End, TOLERANCE};
use crate::problem::Problem;
use crate::solve::{Solution, at_bound};
use std::collections::BTreeMap;

/// An interval wider than its value times this, or for a coefficient one whose ends differ by
/// more than this factor, tells nothing that a plan could rest on.
const WIDEST: f64 = 2.0;
const WIDEST_FACTOR: f64 = 100.0;
/// Residuals beyond this many robust standard deviations (1.4826 times their median size).
const OUTLIER: f64 = 6.0;
/// A few rows that change a parameter by this factor are worth a sentence.
const CARRIED: f64 = 1.25;

/// A fit before it is judged.
pub(crate) struct Findings<'a> {
    pub(crate) points: &'a [Point],
    pub(crate) design: &'a Design,
    pub(crate) problem: &'a Problem,
    pub(crate) solution: &'a Solution,
    pub(crate) bootstrap: Option<&'a Bootstrap>,
    /// Whether the replicates come from the analysis that placed the points.
    pub(crate) carried: bool,
    pub(crate) worst: Option<WorstRows>,
}

impl Findings<'_> {
    /// Marks parameters that the rows do not identify and returns every warning.
    pub(crate) fn judge(&self, parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
        let mut warnings = self.convergence();
        warnings.extend(self.bounds(parameters));
        warnings.extend(wide_intervals(parameters));
        warnings.extend(self.other_basins());
        warnings.extend(self.outliers());
        warnings.extend(self.carried_by_few());
        warnings.extend(self.rows());
        warnings.extend(self.replicates());
        warnings
    }

    fn convergence(&self) -> Vec<String> {
        let Solution {
            starts,
            unmoved,
            unfinished,
            ..
        } = *self.solution;
        let best = self.solution.best();
        let mut warnings = Vec::new();
        match best.end {
            End::Converged => {}
            End::StepLimit => warnings.push(format!(
                "the fit hit its limit of steps with gradient norm {:.1e} (tolerance {TOLERANCE:.0e}): do not quote it",
                best.gradient_norm
            )),
            End::Stalled => warnings.push(format!(
                "the fit stalled with gradient norm {:.1e} (tolerance {TOLERANCE:.0e}): do not quote it",
                best.gradient_norm
            )),
        }
        if unmoved > 0 {
            warnings.push(format!(
                "{unmoved} of {starts} starts did not move and are no optima"
            ));
        }
        if unfinished > unmoved {
            warnings.push(format!(
                "{} of {starts} starts did not converge",
                unfinished - unmoved
            ));
        }
        warnings
    }

    fn bounds(&self, parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
        let (law, theta) = (self.design.law, &self.solution.best().theta);
        let held = at_bound(self.problem.form, theta);
        for name in held.iter().map(|&k| law.names()[k]) {
            let follows: &[&str] = match name {
                "A" => &["A", "alpha"],
                "B" => &["B", "beta"],
                "E" => &["E"],
                "alpha" => &["alpha", "A"],
                _ => &["beta", "B"],
            };
            let derived = if name == "E" {
                &[][..]
            } else {
                law.derived_names()
            };
            for name in follows.iter().chain(derived) {
                if let Some(estimate) = parameters.get_mut(*name) {
                    estimate.identified = false;
                }
            }
        }
        let sentence = |k: usize| match law.names()[k] {
            "E" => "E is at its bound 0: these rows show no floor of the loss".to_owned(),
            name @ ("A" | "B") => format!("{name} is at its bound 0: its term plays no part"),
            name => format!(
                "{name} is at a bound ({}): the loss does not follow a power here",
                if theta[k] <= EXPONENTS.0 {
                    EXPONENTS.0
                } else {
                    EXPONENTS.1
                }
            ),
        };
        held.into_iter().map(sentence).collect()
    }

    fn other_basins(&self) -> Option<String> {
        let best = self.solution.best();
        let near = |value: f64| value <= 1.1 * best.value;
        let rivals = self.solution.basins[1..]
            .iter()
            .filter(|basin| near(basin.value))
            .count();
        (rivals > 0).then(|| {
            format!("{rivals} other local optima lie within 10 % of the best objective; see basins")
        })
    }

    fn outliers(&self) -> Option<String> {
        let residuals = self.problem.residuals(&self.solution.best().theta);
        let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let sigma = 1.4826 * sizes[sizes.len() / 2];
        let mut far: Vec<usize> = (0..sizes.len())
            .filter(|&row| residuals[row].abs() > OUTLIER * sigma)
            .collect();
        far.sort_by(|&i, &j| residuals[j].abs().total_cmp(&residuals[i].abs()));
        // With few rows the median residual is itself one of the fit's exact hits.
        (sizes.len() >= 20 && sigma > 1e-12 && !far.is_empty()).then(|| {
            format!(
                "outliers (residual above {OUTLIER} robust standard deviations): {}",
                self.labels(&far)
            )
        })
    }

    fn carried_by_few(&self) -> Option<String> {
        let worst = self.worst.as_ref()?;
        let factor = relative(worst.before, worst.after);
        (factor > CARRIED).then(|| {
            format!(
                "{} of {} rows carry {}: without {} it goes from {:.6} to {:.6}, by a factor of {:.1}",
                worst.rows.len(),
                self.points.len(),
                worst.parameter,
                self.labels(&worst.rows),
                worst.before,
                worst.after,
                factor
            )
        })
    }

    fn rows(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self
            .points
            .iter()
            .any(|point| point.series != self.points[0].series)
        {
            warnings.push(
                "rows of several series are fitted as one; losses under different data or tokenizers do not compare".to_owned(),
            );
        }
        let repeated: Vec<f64> = self
            .points
            .iter()
            .filter_map(|point| point.epochs)
            .filter(|e| *e > 1.0)
            .collect();
        if !repeated.is_empty() {
            let most = repeated.iter().copied().fold(0.0, f64::max);
            warnings.push(format!(
                "{} of {} rows repeat their data (up to {most:.1} epochs), which this law does not know",
                repeated.len(),
                self.points.len()
            ));
        }
        warnings
    }

    fn replicates(&self) -> Vec<String> {
        let Some(bootstrap) = self.bootstrap else {
            return Vec::new();
        };
        let mut warnings = Vec::new();
        if bootstrap.failed * 20 > bootstrap.replicates {
            warnings.push(format!(
                "{} of {} bootstrap replicates could not be fitted; the intervals leave them out and are too narrow",
                bootstrap.failed, bootstrap.replicates
            ));
        }
        let (rows, left) = (
            self.points.len(),
            self.points.len() - self.problem.form.parameters(),
        );
        if !self.carried && bootstrap.units < FEWEST_UNITS {
            warnings.push(format!(
                "intervals rest on {rows} rows of {} units, {left} more rows than parameters: take them as rough",
                bootstrap.units
            ));
        }
        warnings
    }

    fn labels(&self, rows: &[usize]) -> String {
        let shown: Vec<&str> = rows
            .iter()
            .take(10)
            .map(|&row| self.points[row].label.as_str())
            .collect();
        match rows.len() - shown.len() {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

/// A parameter whose interval is enormous, or reaches a bound, is not identified by these rows.
fn wide_intervals(parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, estimate) in parameters {
        let (Some(low), Some(high)) = (estimate.low, estimate.high) else {
            continue;
        };
        let why = match name.as_str() {
            "A" | "B" | "X_c" if high > WIDEST_FACTOR * low => "spans two orders of magnitude",
            "E" if low <= 0.0 => "reaches 0",
            "alpha" | "beta" if low <= EXPONENTS.0 || high >= EXPONENTS.1 => "reaches a bound",
            "A" | "B" | "X_c" => continue,
            _ if high - low > WIDEST * estimate.value.abs() => "is wider than twice its value",
            _ => continue,
        };
        if estimate.identified {
            estimate.identified = false;
            warnings.push(format!(
                "{name} is not identified by these runs: its 90 % interval {why} ({low:.4e} to {high:.4e})"
            ));
        }
    }
    warnings
}
