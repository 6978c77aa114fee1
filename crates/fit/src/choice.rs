//! The choice of a law that forecasts: one procedure for any rows, which asks how each law does at the far end
//! of the rows when it has not seen them.
//!
//! Laws that collapse are left out: one of whose parameters ended at a bound is another law, with numbers of its
//! own. The others are compared on the same rows held out (the next budget of every window, the largest size), where a
//! window counts half as much as the next later one. Going from laws of few parameters to such of more, a law
//! takes the place of the one before if its squared error is lower by more than half of the standard deviation that
//! the noise of single runs gives the difference.

mod contest;
#[cfg(test)]
mod tests;

use crate::error::FitError;
use crate::fit::{common_series, fit_named};
use crate::laws::{EXPONENTS, Law, Sense};
use crate::options::Options;
use crate::output::{Candidate, Choice, Fit, Rival};
use crate::point::Point;
use crate::work::work;
use contest::Contest;
use std::cmp::Ordering;

/// Laws that are asked whatever the rows are.
pub(crate) const CANDIDATES: [Law; 7] = [
    Law::Kaplan { offset: false },
    Law::Tied,
    Law::Chinchilla,
    Law::QFamily { offset: false },
    Law::Kaplan { offset: true },
    Law::QFamily { offset: true },
    Law::Coupled,
];

/// Laws that are asked as well where rows repeat their data.
const OF_REPETITION: [Law; 2] = [Law::HalfLife, Law::DataConstrained];

/// The law that forecasts where no rows can be held out.
const USUAL: Law = Law::Chinchilla;

/// Replicates of a law that is compared: as many as a prediction keeps.
const REPLICATES: usize = 200;

/// Passes over the data up to which none is repeated.
const ONE_PASS: f64 = 1.01;

/// Fits every candidate to all rows given and chooses among them; the fit is that of the chosen law, with the
/// others as its rivals.
///
/// # Errors
/// [`FitError::Stopped`], or the refusal of the first candidate where none can be fitted.
pub fn choose(points: &[Point], options: &Options) -> Result<(Fit, Choice), FitError> {
    let mut fits = Vec::new();
    let choice = choose_beside(points, &mut fits, options, &options.rows)?;
    let chosen = fits.into_iter().find(|fit| fit.law == choice.law);
    Ok((chosen.expect("the chosen law was fitted"), choice))
}

/// [`choose`], beside laws that have been fitted to the same rows already; a law that is chosen and not among
/// them joins them.
pub(crate) fn choose_beside(
    points: &[Point],
    fits: &mut Vec<Fit>,
    options: &Options,
    words: &str,
) -> Result<Choice, FitError> {
    let quick = Options { bootstrap: options.bootstrap.min(REPLICATES), ..options.clone() };
    let laws = candidates(points);
    let known = |fits: &[Fit], law: &Law| fits.iter().position(|fit| fit.law == law.name());
    let missing = laws.iter().filter(|law| known(fits, law).is_none());
    options.watch.expect(missing.map(|law| work(*law, points.len(), &quick)).sum());
    let mut asked: Vec<(Law, Result<Fit, FitError>)> = Vec::new();
    for law in laws {
        let fitted = match known(fits, &law) {
            Some(at) => Ok(fits[at].clone()),
            None => fit_named(points, law, &quick, words, None),
        };
        match fitted {
            Err(FitError::Stopped) => return Err(FitError::Stopped),
            fitted => asked.push((law, fitted)),
        }
    }
    let (mut choice, rivals) = among(&asked)?;
    (choice.series, choice.points) = (common_series(points), words.to_owned());
    let at = match fits.iter().position(|fit| fit.law == choice.law) {
        Some(at) => at,
        None => {
            let law = asked.iter().find(|(law, _)| law.name() == choice.law);
            let law = law.expect("the chosen law was asked").0;
            options.watch.expect(work(law, points.len(), options));
            fits.push(fit_named(points, law, options, words, None)?);
            fits.len() - 1
        }
    };
    fits[at].rivals = rivals;
    Ok(choice)
}

fn candidates(points: &[Point]) -> Vec<Law> {
    let repeats = points.iter().any(|point| point.epochs.is_some_and(|epochs| epochs > ONE_PASS));
    let more = OF_REPETITION.into_iter().filter(|_| repeats);
    CANDIDATES.into_iter().chain(more).collect()
}

/// The choice among fits of the same rows, and the laws beside the chosen one.
fn among(asked: &[(Law, Result<Fit, FitError>)]) -> Result<(Choice, Vec<Rival>), FitError> {
    let fitted: Vec<Asked<'_>> =
        asked.iter().filter_map(|(law, fit)| Some(Asked::new(*law, fit.as_ref().ok()?))).collect();
    let Some(first) = fitted.first() else {
        let mut refusals = asked.iter().filter_map(|(_, fit)| fit.as_ref().err());
        return Err(refusals.next().cloned().unwrap_or(FitError::Empty));
    };
    let sound: Vec<&Asked<'_>> = fitted.iter().filter(|law| law.collapse.is_none()).collect();
    let all: Vec<&Asked<'_>> = fitted.iter().collect();
    let contest = Contest::of(if sound.is_empty() { &all } else { &sound });
    let usual = sound.iter().find(|asked| asked.law == USUAL).or(sound.first());
    let (at, reason) = match &contest {
        Some(contest) => contest.won(sound.is_empty()),
        None => (usual.map_or(first.law, |asked| asked.law), UNJUDGED.to_owned()),
    };
    let shares = contest.as_ref().map(Contest::shares).unwrap_or_default();
    let share = |law: Law| shares.get(&law.name().into_owned()).copied().unwrap_or(0.0);
    let rival = |asked: &Asked<'_>| {
        let values = asked.fit.values().filter(|values| values.iter().all(|v| v.is_finite()))?;
        let share = Some(share(asked.law)).filter(|share| *share > 0.0)?;
        Some(Rival { law: asked.law.name().into_owned(), share, values })
    };
    let rivals = fitted.iter().filter(|asked| asked.law != at).filter_map(rival).collect();
    let candidate = |(law, fit): &(Law, Result<Fit, FitError>)| {
        let found = fitted.iter().find(|asked| asked.law == *law);
        let error = contest.as_ref().and_then(|contest| contest.error(*law));
        Candidate {
            law: law.name().into_owned(),
            parameters: law.parameters(),
            error,
            share: share(*law),
            unidentified: found.map_or_else(Vec::new, |asked| asked.unidentified()),
            excluded: match (fit, found) {
                (Err(refusal), _) => Some(refusal.to_string()),
                (_, Some(asked)) if asked.collapse.is_some() => asked.collapse.clone(),
                _ if error.is_none() && contest.is_some() => Some(NO_WINDOW.to_owned()),
                _ => None,
            },
        }
    };
    let mut candidates: Vec<Candidate> = asked.iter().map(candidate).collect();
    let order = |candidate: &Candidate| {
        (candidate.excluded.is_some(), candidate.error.unwrap_or(f64::INFINITY))
    };
    candidates.sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(Ordering::Equal));
    let choice = Choice { law: at.name().into_owned(), reason, candidates, ..Choice::default() };
    Ok((choice, rivals))
}

/// What is said where no law could be judged.
const UNJUDGED: &str =
    "no part of these rows identifies a law, so that none is judged by rows that it has not seen";

/// What is said of a law that could not be fitted to the part of the rows that the others were judged on.
const NO_WINDOW: &str = "it could not be judged by rows held out";

/// A fitted law.
struct Asked<'a> {
    law: Law,
    fit: &'a Fit,
    /// Why the law is none on these rows.
    collapse: Option<String>,
}

impl<'a> Asked<'a> {
    fn new(law: Law, fit: &'a Fit) -> Self {
        Asked { law, fit, collapse: collapse(law, fit) }
    }

    fn unidentified(&self) -> Vec<String> {
        self.fit.licensed().err().map_or_else(Vec::new, |lacks| lacks.names)
    }
}

/// Why a fitted law is another law, or none.
fn collapse(law: Law, fit: &Fit) -> Option<String> {
    let bound = fit.basins.first().and_then(|basin| basin.at_bound.first());
    if let Some(name) = bound {
        return Some(format!("{name} ended at its bound"));
    }
    let is_edge = |value: f64| !(value > EXPONENTS.0 && value < EXPONENTS.1);
    let edge = law.quantities().find(|quantity| {
        let found = fit.parameters.get(quantity.name).filter(|found| !found.fixed);
        quantity.sense == Sense::Exponent && found.is_some_and(|found| is_edge(found.value))
    });
    let edge =
        edge.map(|quantity| format!("{} lies at the edge of what an exponent is", quantity.name));
    edge.or_else(|| fit.validation.is_none().then(|| NO_WINDOW.to_owned()))
}
