//! What a reader must know before quoting the numbers of a fit.

use crate::engine::{End, Engine, Solution, TOLERANCE};
use crate::influence::{WorstRows, relative};
use crate::intervals::level_words;
use crate::laws::{EXPONENTS, Law};
use crate::output::{Bootstrap, Estimate, Profile};
use crate::point::Point;
use isoflop_core::units::scientific;
use std::collections::BTreeMap;

/// An interval wider than its value times this, or for a coefficient one whose ends differ by
/// more than this factor, tells nothing that a plan could rest on.
const WIDEST: f64 = 2.0;
const WIDEST_FACTOR: f64 = 100.0;
/// Residuals beyond this many robust standard deviations (1.4826 times their median size).
const OUTLIER: f64 = 6.0;
/// Residuals of this size are those of rounding, not of training.
const COMPUTED: f64 = 1e-6;
/// Units below which an interval is wide for want of them.
const FEWEST: usize = 10;
/// A few rows that change a parameter by this factor are worth a sentence.
const CARRIED: f64 = 1.25;

/// A fit before it is judged.
pub(crate) struct Findings<'a> {
    pub(crate) points: &'a [Point],
    pub(crate) engine: &'a dyn Engine,
    pub(crate) solution: &'a Solution,
    pub(crate) bootstrap: Option<&'a Bootstrap>,
    /// Whether the replicates come from the analysis that placed the points.
    pub(crate) carried: bool,
    /// Whether a profile found the optimum and the starts did not.
    pub(crate) found_by_profile: bool,
    pub(crate) profiles: &'a [Profile],
    pub(crate) worst: Option<WorstRows>,
}

impl Findings<'_> {
    /// Marks parameters that the rows do not identify and returns every warning.
    pub(crate) fn judge(
        &self,
        parameters: &mut BTreeMap<String, Estimate>,
        far: &[usize],
    ) -> Vec<String> {
        let mut warnings = self.convergence();
        warnings.extend(self.bounds(parameters));
        warnings.extend(self.flat_profiles(parameters));
        warnings.extend(self.wide_intervals(parameters));
        warnings.extend(self.other_basins());
        warnings.extend(self.outliers(far));
        warnings.extend(self.carried_by_few());
        warnings.extend(self.computed());
        warnings.extend(self.rows());
        warnings.extend(self.replicates());
        warnings
    }

    fn convergence(&self) -> Vec<String> {
        let Solution { starts, unmoved, unfinished, .. } = *self.solution;
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
            warnings.push(format!("{unmoved} of {starts} starts did not move and are no optima"));
        }
        if unfinished > unmoved {
            warnings.push(format!("{} of {starts} starts did not converge", unfinished - unmoved));
        }
        if self.found_by_profile {
            warnings.push(
                "none of the starts found this optimum, a profile came upon it; there may be a better one".into(),
            );
        } else if self.solution.agreed < 2 && starts > 1 {
            warnings.push(format!(
                "one of {starts} starts found this optimum; there may be a better one"
            ));
        }
        warnings
    }

    /// Parameters whose profile stays under the threshold on a side.
    fn flat_profiles(&self, parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
        let mut warnings = Vec::new();
        for profile in self.profiles.iter().filter(|profile| !profile.identified) {
            let Some(estimate) = parameters.get_mut(&profile.parameter) else {
                continue;
            };
            if !estimate.identified {
                continue;
            }
            estimate.identified = false;
            let bound = |end: Option<f64>| end.map_or("anything".to_owned(), digits);
            warnings.push(format!(
                "{} is not identified by these runs: {}; the data allow {} to {}",
                profile.parameter,
                profile.note.as_deref().unwrap_or_default(),
                bound(profile.low),
                bound(profile.high)
            ));
        }
        warnings
    }

    fn bounds(&self, parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
        let (law, t) = (self.engine.law(), &self.solution.best().t);
        let held = self.engine.at_bound(t);
        let names = law.names();
        for name in held.iter().map(|&k| names[k].as_str()) {
            let follows: &[&str] = match (law.form(), name) {
                (Some(_), "A") => &["A", "alpha"],
                (Some(_), "B") => &["B", "beta"],
                (Some(_), "alpha") => &["alpha", "A"],
                (Some(_), "beta") => &["beta", "B"],
                _ => &[name],
            };
            let derived = if name == "E" { Vec::new() } else { law.derived_names() };
            for name in follows.iter().chain(&derived) {
                if let Some(estimate) = parameters.get_mut(*name) {
                    estimate.identified = false;
                }
            }
        }
        // A law without a floor or without a term is a law; one that a bound cuts off is none.
        let cut_off = |k: usize| t[k] != 0.0;
        if held.iter().any(|k| cut_off(*k)) {
            parameters.values_mut().for_each(|estimate| estimate.identified = estimate.fixed);
        }
        let rest = "every other number and interval of this fit holds for that value alone";
        let sentence = |k: usize| {
            match (law, names[k].as_str()) {
            (_, "E") if !cut_off(k) => "E is at its bound 0: these rows show no floor of the loss, and the other intervals are those of the law without one".to_owned(),
            (law, name) if law.form().is_none() => {
                let value = parameters
                    .get(name)
                    .map_or(String::new(), |e| format!(" {}", digits(e.value)));
                format!("{name} is at its bound{value}: these rows do not show it, and {rest}")
            }
            (Law::LearningCurve, name @ ("N_c" | "S_c"))
            | (Law::OverTraining, name @ ("alpha" | "beta"))
            | (_, name @ ("A" | "B")) => {
                format!(
                    "{name} is at its bound 0: its term plays no part, and the other intervals are those of the law without it"
                )
            }
            (_, name) => format!(
                "{name} is at a bound ({}): the loss does not follow a power here, and {rest}",
                if t[k] <= EXPONENTS.0 {
                    EXPONENTS.0
                } else {
                    EXPONENTS.1
                }
            ),
        }
        };
        held.into_iter().map(sentence).collect()
    }

    fn other_basins(&self) -> Option<String> {
        let best = self.solution.best();
        let near = |value: f64| value <= 1.1 * best.value;
        let rivals = self.solution.basins[1..].iter().filter(|basin| near(basin.value)).count();
        (rivals > 0).then(|| {
            format!("{rivals} other local optima lie within 10 % of the best objective; see basins")
        })
    }

    fn outliers(&self, far: &[usize]) -> Option<String> {
        (!far.is_empty()).then(|| {
            format!(
                "outliers (residual above {OUTLIER} robust standard deviations): {}",
                self.labels(far)
            )
        })
    }

    /// Rows that a law meets to the last digits.
    fn computed(&self) -> Option<String> {
        let residuals = self.engine.residuals(&self.solution.best().t);
        let largest = residuals.iter().fold(0.0, |most: f64, r| most.max(r.abs()));
        (residuals.len() >= 10 && largest < COMPUTED).then(|| {
            format!(
                "the law meets every row within {largest:.0e}: these losses look computed from it, not measured"
            )
        })
    }

    fn carried_by_few(&self) -> Option<String> {
        let worst = self.worst.as_ref()?;
        let factor = relative(worst.before, worst.after);
        (factor > CARRIED).then(|| {
            format!(
                "{} of {} rows carry {}: without {} it goes from {} to {}, by a factor of {:.1}",
                worst.rows.len(),
                self.points.len(),
                worst.parameter,
                self.labels(&worst.rows),
                digits(worst.before),
                digits(worst.after),
                factor
            )
        })
    }

    fn rows(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.points.iter().any(|point| point.series != self.points[0].series) {
            warnings.push(
                "rows of several series are fitted as one; losses under different data or tokenizers do not compare".to_owned(),
            );
        }
        let repeated: Vec<f64> =
            self.points.iter().filter_map(|point| point.epochs).filter(|e| *e > 1.0).collect();
        if !repeated.is_empty() && self.engine.law() != Law::DataConstrained {
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
        let (rows, free) = (self.points.len(), self.engine.free());
        if !self.carried && bootstrap.units < FEWEST {
            warnings.push(format!(
                "intervals rest on {rows} rows of {} units for {free} parameters, which makes them wide",
                bootstrap.units
            ));
        }
        warnings
    }

    fn labels(&self, rows: &[usize]) -> String {
        let shown: Vec<&str> =
            rows.iter().take(10).map(|&row| self.points[row].label.as_str()).collect();
        match rows.len() - shown.len() {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }

    /// A parameter whose interval is enormous, or reaches a bound, is not identified by these rows.
    fn wide_intervals(&self, parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
        let law = self.engine.law();
        let mut warnings = Vec::new();
        for (name, estimate) in parameters {
            let (Some(low), Some(high)) = (estimate.low, estimate.high) else {
                continue;
            };
            let scale = law.is_scale(name);
            let exponent = matches!(name.as_str(), "alpha" | "beta" | "eta");
            let why = match name.as_str() {
                _ if scale && high > WIDEST_FACTOR * low => "spans two orders of magnitude",
                _ if scale => continue,
                "E" if low <= 0.0 => "reaches 0",
                _ if exponent && (low <= EXPONENTS.0 || high >= EXPONENTS.1) => "reaches a bound",
                _ if high - low > WIDEST * estimate.value.abs() => "is wider than twice its value",
                _ => continue,
            };
            if estimate.identified {
                estimate.identified = false;
                warnings.push(format!(
                    "{name} is not identified by these runs: its {level} interval {why} ({} to {})",
                    digits(low),
                    digits(high),
                    level = level_words()
                ));
            }
        }
        warnings
    }
}

/// Rows far from the law, farthest first.
pub(crate) fn far_rows(engine: &dyn Engine, t: &[f64]) -> Vec<usize> {
    let residuals = engine.residuals(t);
    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let sigma = 1.4826 * sizes[sizes.len() / 2];
    // With few rows the median residual is itself one of the fit's exact hits.
    if sizes.len() < 20 || sigma <= COMPUTED {
        return Vec::new();
    }
    let mut far: Vec<usize> =
        (0..sizes.len()).filter(|&row| residuals[row].abs() > OUTLIER * sigma).collect();
    far.sort_by(|&i, &j| residuals[j].abs().total_cmp(&residuals[i].abs()));
    far
}

/// Four significant digits, as people write them.
fn digits(x: f64) -> String {
    match x.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e6).contains(&size) => {
            let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
            format!("{x:.decimals$}")
        }
        _ => scientific(x),
    }
}
