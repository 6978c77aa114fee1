//! What is said of a fit beside its numbers: what to act on, and how far the numbers go.

use crate::engine::{End, Engine, Solution, TOLERANCE};
use crate::influence::{WorstRows, relative};
use crate::intervals::level_words;
use crate::laws::{EXPONENTS, Law};
use crate::output::{Bootstrap, Estimate, Problem, Profile, Remarks};
use crate::point::Point;
use isoflop_core::units::{scientific, significant};
use std::collections::BTreeMap;

/// Width of an interval, as a multiple of its value, beyond which no plan could rest on it.
const WIDEST: f64 = 2.0;
/// Factor between the ends of a coefficient's interval beyond which no plan could rest on it.
const WIDEST_FACTOR: f64 = 100.0;
/// Size, in robust standard deviations (1.4826 times the median size), of the residual of an outlier.
const OUTLIER: f64 = 6.0;
/// Size of a residual that comes from rounding, not from training.
const COMPUTED: f64 = 1e-6;
/// Units below which an interval is wide because there are so few.
const FEWEST: usize = 10;
/// Factor by which a few rows must change a parameter to be worth a sentence.
const DEPENDS: f64 = 1.25;

/// The law that charts draw.
pub(crate) const DRAWN: Law = Law::Chinchilla;

/// A fit before it is judged.
pub(crate) struct Findings<'a> {
    pub(crate) points: &'a [Point],
    pub(crate) engine: &'a dyn Engine,
    pub(crate) solution: &'a Solution,
    pub(crate) bootstrap: Option<&'a Bootstrap>,
    /// Whether the replicates come from the isoFLOP analysis that placed the points.
    pub(crate) carried: bool,
    /// Whether a profile found the optimum and the starts did not.
    pub(crate) found_by_profile: bool,
    pub(crate) profiles: &'a [Profile],
    pub(crate) worst: Option<WorstRows>,
}

impl Findings<'_> {
    /// Marks parameters that the rows do not identify and returns all remarks.
    pub(crate) fn judge(
        &self,
        parameters: &mut BTreeMap<String, Estimate>,
        far: &[usize],
    ) -> Remarks {
        let mut remarks = Remarks::default();
        self.convergence(&mut remarks);
        let mut notes = self.bounds(parameters);
        notes.extend(self.flat_profiles(parameters));
        notes.extend(self.wide_intervals(parameters));
        self.unidentified(parameters, &mut remarks);
        self.few_decide(parameters, &mut remarks);
        notes.extend(self.other_basins());
        notes.extend(self.outliers(far));
        notes.into_iter().for_each(|note| remarks.note(note));
        self.rows(&mut remarks);
        self.replicates(&mut remarks);
        remarks
    }

    fn convergence(&self, remarks: &mut Remarks) {
        let Solution { starts, unmoved, unfinished, .. } = *self.solution;
        let best = self.solution.best();
        let ended = match best.end {
            End::Converged => None,
            End::StepLimit => Some("used up its steps"),
            End::Stalled => Some("stalled"),
        };
        if let Some(ended) = ended {
            let text = format!(
                "the fit {ended} with a gradient norm of {:.1e}, above the tolerance of {TOLERANCE:.0e}",
                best.gradient_norm
            );
            remarks.warn(Problem::NotConverged, text, Vec::new());
        }
        if unmoved > 0 {
            remarks.note(format!(
                "{unmoved} of {starts} starts did not move, and no optimum lies where they stand"
            ));
        }
        if unfinished > unmoved {
            remarks.note(format!("{} of {starts} starts did not converge", unfinished - unmoved));
        }
        if self.found_by_profile {
            remarks.note(
                "the optimizer's starts missed this optimum; it was found while profiling, so a still better one may exist",
            );
        } else if self.solution.agreed < 2 && starts > 1 {
            remarks.note(format!(
                "only one of {starts} starts found this optimum, so a better one may exist"
            ));
        }
    }

    /// Warns of the law that charts draw where an exponent or its floor is open.
    fn unidentified(&self, parameters: &BTreeMap<String, Estimate>, remarks: &mut Remarks) {
        if self.engine.law() != DRAWN {
            return;
        }
        let open = |name: &&str| parameters.get(*name).is_some_and(|e| !e.identified);
        let open: Vec<String> =
            ["E", "alpha", "beta"].into_iter().filter(open).map(str::to_owned).collect();
        if !open.is_empty() {
            let text = format!("the runs do not identify {} of L(N, D)", open.join(", "));
            remarks.warn(Problem::NotIdentified, text, open);
        }
    }

    /// Tells of parameters whose profile stays under the threshold on a side, and marks them.
    fn flat_profiles(&self, parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
        let mut found = Vec::new();
        for profile in self.profiles.iter().filter(|profile| !profile.identified) {
            let Some(estimate) = parameters.get_mut(&profile.parameter) else {
                continue;
            };
            if !estimate.identified {
                continue;
            }
            estimate.identified = false;
            let allowed = match (profile.low.map(digits), profile.high.map(digits)) {
                (Some(low), Some(high)) => format!("values from {low} to {high}"),
                (Some(low), None) => format!("any value from {low} on"),
                (None, Some(high)) => format!("any value up to {high}"),
                (None, None) => "any value".to_owned(),
            };
            found.push(format!(
                "{} is not identified by these runs: {}; the data allow {allowed}",
                profile.parameter,
                profile.note.as_deref().unwrap_or_default()
            ));
        }
        found
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
            (_, "E") if !cut_off(k) => "E was fitted as 0 (its lower bound): these rows show no floor of the loss, and the other intervals are those of the law without a floor".to_owned(),
            (law, name) if law.form().is_none() => {
                let value = parameters
                    .get(name)
                    .map_or(String::new(), |e| format!(" {}", digits(e.value)));
                format!("{name} ended at its bound{value}: these rows do not show its value, and {rest}")
            }
            (Law::LearningCurve, name @ ("N_c" | "S_c"))
            | (Law::OverTraining, name @ ("alpha" | "beta"))
            | (_, name @ ("A" | "B")) => {
                format!(
                    "{name} was fitted as 0 (its lower bound): these rows show no effect of its term, and the other intervals are those of the law without that term"
                )
            }
            (_, name) => format!(
                "{name} ended at a bound ({}): over these rows the loss does not follow a power, and {rest}",
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
        let lie = if rivals == 1 { "optimum lies" } else { "optima lie" };
        (rivals > 0).then(|| {
            format!(
                "{rivals} other local {lie} within 10 % of the best objective; `basins` lists every optimum"
            )
        })
    }

    fn outliers(&self, far: &[usize]) -> Option<String> {
        let lie = if far.len() == 1 { "row lies" } else { "rows lie" };
        (!far.is_empty()).then(|| {
            format!(
                "{} {lie} more than {OUTLIER} robust standard deviations from the law: {}",
                far.len(),
                self.labels(far)
            )
        })
    }

    /// Warns of a few rows that move a parameter out of its interval, which then does not tell of them; a move
    /// inside it is a note.
    fn few_decide(&self, parameters: &BTreeMap<String, Estimate>, remarks: &mut Remarks) {
        let Some(worst) = &self.worst else {
            return;
        };
        let factor = relative(worst.before, worst.after);
        if factor <= DEPENDS {
            return;
        }
        let text = format!(
            "{} depends on {} of {} rows: without {} it is {}, not {} (a factor of {factor:.1})",
            worst.parameter,
            worst.rows.len(),
            self.points.len(),
            self.labels(&worst.rows),
            digits(worst.after),
            digits(worst.before)
        );
        match parameters.get(&worst.parameter).is_some_and(|e| holds(e, worst.after)) {
            true => remarks.note(text),
            false => {
                let rows = worst.rows.iter().map(|&row| self.points[row].label.clone());
                remarks.warn(Problem::FewDecide, text, rows.collect());
            }
        }
    }

    fn rows(&self, remarks: &mut Remarks) {
        let residuals = self.engine.residuals(&self.solution.best().t);
        let largest = residuals.iter().fold(0.0, |most: f64, r| most.max(r.abs()));
        if residuals.len() >= 10 && largest < COMPUTED {
            let text = format!(
                "the law meets every row within {largest:.0e}: these losses look computed from it, not measured"
            );
            remarks.warn(Problem::Computed, text, Vec::new());
        }
        if self.points.iter().any(|point| point.series != self.points[0].series) {
            let text = "the rows of several series are fitted as one, although losses under different data or tokenizers do not compare";
            remarks.warn(Problem::SeriesTogether, text, Vec::new());
        }
        let repeated: Vec<f64> =
            self.points.iter().filter_map(|point| point.epochs).filter(|e| *e > 1.0).collect();
        if !repeated.is_empty() && !self.engine.law().knows_repetition() {
            let most = repeated.iter().copied().fold(0.0, f64::max);
            remarks.note(format!(
                "{} of {} rows repeat their data (up to {most:.1} epochs), which this law does not know",
                repeated.len(),
                self.points.len()
            ));
        }
    }

    fn replicates(&self, remarks: &mut Remarks) {
        let Some(bootstrap) = self.bootstrap else {
            return;
        };
        if bootstrap.failed * 20 > bootstrap.replicates {
            remarks.note(format!(
                "{} of {} bootstrap replicates could not be fitted; the intervals leave them out and are too narrow",
                bootstrap.failed, bootstrap.replicates
            ));
        }
        let (rows, free) = (self.points.len(), self.engine.free());
        if !self.carried && bootstrap.units < FEWEST {
            remarks.note(format!(
                "the intervals rest on {rows} rows of {} units for {free} parameters, which makes them wide",
                bootstrap.units
            ));
        }
    }

    fn labels(&self, rows: &[usize]) -> String {
        let shown: Vec<&str> =
            rows.iter().take(10).map(|&row| self.points[row].label.as_str()).collect();
        match rows.len() - shown.len() {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }

    /// Tells of parameters whose interval is enormous or reaches a bound, and marks them.
    fn wide_intervals(&self, parameters: &mut BTreeMap<String, Estimate>) -> Vec<String> {
        let law = self.engine.law();
        let mut found = Vec::new();
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
                found.push(format!(
                    "{name} is not identified by these runs: its {level} interval {why} ({} to {})",
                    digits(low),
                    digits(high),
                    level = level_words()
                ));
            }
        }
        found
    }
}

/// Whether an interval tells of a value: it holds it, or says that the rows do not tell the parameter.
fn holds(estimate: &Estimate, value: f64) -> bool {
    let (low, high) = (estimate.low, estimate.high);
    let inside = low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high);
    !estimate.identified || inside && (low.is_some() || high.is_some())
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
        size if (1e-3..1e6).contains(&size) => significant(x, 4),
        _ => scientific(x),
    }
}
