//! `fits.json` as it comes back: whoever holds [`Fits`] from here can predict with them.

use super::{Choice, Estimate, Fit, Fits, FittedPoint, HeldOut, Isoflop, Optimum, Rates};
use crate::laws::Law;
use isoflop_core::text::{shown, shown_up_to};

/// Why bytes are no `fits.json`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitsError {
    /// Not the JSON of this format.
    #[error("not a fits.json: {problem}")]
    Json {
        /// What the reader says, with line and column.
        problem: String,
    },
    /// A field whose value cannot be.
    #[error("{field} {problem}")]
    Field {
        /// Where it stands, such as `fits[3].draws[17]`.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl FitsError {
    /// What the person at the terminal can do about it.
    pub fn hint(&self) -> Option<String> {
        Some("`isoflop run` writes the file; `isoflop fit PATH --json > fits.json` makes one of any table".into())
    }
}

/// A JSON reader quotes what it found, however long.
const LONGEST_PROBLEM: usize = 160;

impl Fits {
    /// Reads the content of a `fits.json` and checks every number that a prediction or a report goes on
    /// with: laws are known, draws are as long as their names, scales are positive.
    ///
    /// # Errors
    /// Other bytes; the error names the field.
    pub fn parse(bytes: &[u8]) -> Result<Self, FitsError> {
        let fits: Fits = serde_json::from_slice(bytes).map_err(|error| FitsError::Json {
            problem: shown_up_to(LONGEST_PROBLEM, &error.to_string()),
        })?;
        let top = Place("");
        top.check("level", fits.level > 0.0 && fits.level < 1.0, || {
            format!("is {}; it must lie between 0 and 1", fits.level)
        })?;
        for (k, fit) in fits.fits.iter().enumerate() {
            check_fit(&format!("fits[{k}]."), fit)?;
        }
        for (k, isoflop) in fits.isoflop.iter().enumerate() {
            check_isoflop(&format!("isoflop[{k}]."), isoflop)?;
        }
        for (k, set) in fits.approaches.iter().enumerate() {
            for (i, approach) in set.approaches.iter().enumerate() {
                let at = format!("approaches[{k}].approaches[{i}].");
                let six = approach.six_nd.iter();
                let six = six.flat_map(|c| [&c.n_exponent, &c.d_exponent]);
                let own = approach.n_exponent.iter().chain(&approach.d_exponent);
                own.chain(six)
                    .try_for_each(|found| Place(&at).estimate("exponent", Some(found)))?;
                for optimum in &approach.optima {
                    let Optimum { c, n, d, loss } = *optimum;
                    let all = [("c", c), ("n", n), ("d", d), ("loss", loss)];
                    all.into_iter()
                        .try_for_each(|(name, value)| Place(&at).positive(name, value))?;
                }
            }
        }
        for (k, rates) in fits.rates.iter().enumerate() {
            check_rates(&format!("rates[{k}]."), rates)?;
        }
        for (k, law) in fits.ranking.iter().enumerate() {
            Place(&format!("ranking[{k}].")).not_negative("rms_error", law.rms_error)?;
        }
        for (k, choice) in fits.choices.iter().enumerate() {
            check_choice(&format!("choices[{k}]."), choice)?;
        }
        Ok(fits)
    }
}

/// Whatever a figure or a sentence about rates goes on with.
fn check_rates(at: &str, rates: &Rates) -> Result<(), FitsError> {
    let place = Place(at);
    for law in [&rates.rate, &rates.batch, &rates.batch_with_n].into_iter().flatten() {
        let centre =
            [("n", law.n), ("d", law.d), ("decay", law.decay), ("at_centre", law.at_centre.value)];
        centre
            .into_iter()
            .chain(law.b.map(|b| ("b", b)))
            .try_for_each(|(name, value)| place.positive(name, value))?;
        place.estimate("at_centre", Some(&law.at_centre))?;
        law.walls.iter().try_for_each(|wall| place.not_negative("walls", *wall))?;
        place.not_negative("spread", law.spread)?;
        law.parameters.iter().try_for_each(|(name, found)| place.estimate(name, Some(found)))?;
    }
    for (k, cell) in rates.cells.iter().enumerate() {
        let at = format!("{at}cells[{k}].");
        let place = Place(&at);
        let all = [("n", cell.n), ("d", cell.d), ("batch", cell.batch)];
        let losses =
            cell.losses.iter().flat_map(|(rate, loss)| [("losses", *rate), ("losses", *loss)]);
        all.into_iter().chain(losses).try_for_each(|(name, value)| place.positive(name, value))?;
        place.not_negative("decay", cell.decay)?;
        place.estimate("best", cell.best.as_ref())?;
        cell.best.iter().try_for_each(|best| place.positive("best", best.value))?;
    }
    match rates.rule.is_none_or(|rule| rule.worst_cell < rates.cells.len()) {
        true => Ok(()),
        false => place.check("rule.worst_cell", false, || "names no cell".to_owned()),
    }
}

/// What stands before the names of fields.
struct Place<'a>(&'a str);

impl Place<'_> {
    fn check(
        &self,
        field: &str,
        holds: bool,
        problem: impl FnOnce() -> String,
    ) -> Result<(), FitsError> {
        match holds {
            true => Ok(()),
            false => {
                Err(FitsError::Field { field: format!("{}{field}", self.0), problem: problem() })
            }
        }
    }

    fn finite(&self, field: &str, value: f64) -> Result<(), FitsError> {
        self.check(field, value.is_finite(), || format!("is {value}; it must be finite"))
    }

    fn positive(&self, field: &str, value: f64) -> Result<(), FitsError> {
        let holds = value.is_finite() && value > 0.0;
        self.check(field, holds, || format!("is {value}; it must be positive and finite"))
    }

    fn not_negative(&self, field: &str, value: f64) -> Result<(), FitsError> {
        let holds = value.is_finite() && value >= 0.0;
        self.check(field, holds, || format!("is {value}; it must not be negative"))
    }

    fn estimate(&self, field: &str, estimate: Option<&Estimate>) -> Result<(), FitsError> {
        let Some(estimate) = estimate else {
            return Ok(());
        };
        let Estimate { low, high, .. } = *estimate;
        let all = [Some(estimate.value), low, high, estimate.standard_error];
        all.into_iter().flatten().try_for_each(|value| self.finite(field, value))?;
        let ordered = low.zip(high).is_none_or(|(low, high)| low <= high);
        self.check(field, ordered, || "has a lower end above its upper end".into())
    }

    fn points(&self, field: &str, points: &[FittedPoint]) -> Result<(), FitsError> {
        for (k, point) in points.iter().enumerate() {
            let at = format!("{}{field}[{k}].", self.0);
            let all = [("n", point.n), ("d", point.d), ("c", point.c), ("loss", Some(point.loss))];
            all.into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .try_for_each(|(name, value)| Place(&at).positive(name, value))?;
            // A parabola may fall below zero.
            Place(&at).finite("fitted", point.fitted)?;
        }
        Ok(())
    }
}

fn check_fit(at: &str, fit: &Fit) -> Result<(), FitsError> {
    let place = Place(at);
    let law = Law::parse(&fit.law, fit.x).map_err(|_| FitsError::Field {
        field: format!("{at}law"),
        problem: format!("is `{}`, which this version does not know", shown(&fit.law)),
    })?;
    place.check("x", law.axis() == fit.x, || {
        format!("is {:?}, of which {} is no law", fit.x, law.name())
    })?;
    for (name, estimate) in &fit.parameters {
        let field = format!("parameters.{}", shown(name));
        place.estimate(&field, Some(estimate))?;
    }
    check_draws(&place, law, fit)?;
    check_rivals(&place, fit)?;
    place.check("rows", fit.rows == fit.data.len(), || {
        format!("is {}, but data has {}", fit.rows, fit.data.len())
    })?;
    place.points("data", &fit.data)?;
    if let Some(noise) = fit.noise {
        place.not_negative("noise", noise)?;
    }
    place.finite("objective.value", fit.objective.value)?;
    for profile in &fit.profiles {
        let field = format!("profiles.{}", shown(&profile.parameter));
        let ends = [Some(profile.value), profile.low, profile.high];
        let points = profile.points.iter().flat_map(|p| [p.value, p.statistic]);
        ends.into_iter()
            .flatten()
            .chain(points)
            .try_for_each(|value| place.finite(&field, value))?;
    }
    let Some(validation) = &fit.validation else {
        return Ok(());
    };
    if let Some(drift) = validation.drift {
        place.not_negative("validation.drift", drift)?;
    }
    let windows = validation.windows.iter().enumerate();
    let windows = windows.map(|(k, held)| (format!("{at}validation.windows[{k}]."), held));
    let size = validation.largest_size.iter();
    let size = size.map(|held| (format!("{at}validation.largest_size."), held));
    windows.chain(size).try_for_each(|(at, held)| check_held_out(&at, held))
}

/// Earlier versions kept no draws, and a scale may be infinite, which JSON cannot hold: such fits stay
/// readable and predict nothing.
fn check_draws(place: &Place, law: Law, fit: &Fit) -> Result<(), FitsError> {
    let (names, known) = (&fit.draw_names, law.names());
    let expected = names.is_empty() || *names == known;
    place.check("draw_names", expected, || {
        format!("are {}; {} has {}", shown(&names.join(", ")), law.name(), known.join(", "))
    })?;
    for (k, draw) in fit.draws.iter().enumerate() {
        let field = format!("draws[{k}]");
        place.check(&field, draw.len() == names.len(), || {
            format!("has {} values for {} parameters", draw.len(), names.len())
        })?;
        draw.iter().try_for_each(|value| place.finite(&field, *value))?;
    }
    Ok(())
}

/// Laws beside the chosen one, which an interval goes on with.
fn check_rivals(place: &Place, fit: &Fit) -> Result<(), FitsError> {
    for (k, rival) in fit.rivals.iter().enumerate() {
        let field = format!("rivals[{k}]");
        place.not_negative(&format!("{field}.share"), rival.share)?;
        let law = Law::parse(&rival.law, None).ok();
        let wanted = law.filter(|law| law.axis().is_none()).map(Law::parameters);
        place.check(&field, wanted == Some(rival.values.len()), || {
            format!(
                "is `{}` of {} values, which is no law in all variables that this version knows",
                shown(&rival.law),
                rival.values.len()
            )
        })?;
        rival.values.iter().try_for_each(|value| place.finite(&field, *value))?;
    }
    Ok(())
}

fn check_choice(at: &str, choice: &Choice) -> Result<(), FitsError> {
    let place = Place(at);
    for candidate in &choice.candidates {
        place.not_negative("candidates.share", candidate.share)?;
        candidate.error.map_or(Ok(()), |error| place.not_negative("candidates.error", error))?;
    }
    Ok(())
}

fn check_held_out(at: &str, held: &HeldOut) -> Result<(), FitsError> {
    let place = Place(at);
    place.positive("reach", held.reach)?;
    place.finite("mean_error", held.mean_error)?;
    place.not_negative("rms_error", held.rms_error)?;
    if let Some(range) = held.range {
        place.positive("range", range)?;
    }
    for at in &held.reached {
        place.positive("reached.reach", at.reach)?;
        place.finite("reached.mean_error", at.mean_error)?;
        place.not_negative("reached.rms_error", at.rms_error)?;
        place.not_negative("reached.expected", at.expected)?;
    }
    for point in &held.points {
        let all = [point.n, point.d, point.c, Some(point.loss), Some(point.predicted)];
        all.into_iter().flatten().try_for_each(|value| place.positive("points", value))?;
    }
    Ok(())
}

fn check_isoflop(at: &str, isoflop: &Isoflop) -> Result<(), FitsError> {
    let place = Place(at);
    place.estimate("n_exponent", isoflop.n_exponent.as_ref())?;
    place.estimate("d_exponent", isoflop.d_exponent.as_ref())?;
    for (k, budget) in isoflop.budgets.iter().enumerate() {
        let at = format!("{at}budgets[{k}].");
        let place = Place(&at);
        place.positive("flops_budget", budget.flops_budget)?;
        place.points("runs", &budget.runs)?;
        for minimum in [&budget.minimum, &budget.akima].into_iter().flatten() {
            place.positive("minimum.c", minimum.c)?;
            let all = [("minimum.n_opt", &minimum.n_opt), ("minimum.d_opt", &minimum.d_opt)];
            for (name, estimate) in all {
                place.positive(name, estimate.value)?;
                place.estimate(name, Some(estimate))?;
            }
            place.estimate("minimum.loss", Some(&minimum.loss))?;
        }
        if let Some(parabola) = &budget.parabola {
            let all = parabola.c.iter().chain([&parabola.centre]);
            all.into_iter().try_for_each(|value| place.finite("parabola", *value))?;
        }
    }
    Ok(())
}
