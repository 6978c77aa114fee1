//! The ranking of laws of the same rows by their error on rows held out.

use crate::output::{Axis, Choice, Fit, Fits, HeldOut, Ranked};
use serde::Serialize;

/// Laws in all variables, by the root mean square of their errors over the windows that every one of
/// them could be fitted on; empty below two laws or without such a window.
pub fn rank(fits: &[Fit]) -> Vec<Ranked> {
    let groups = contests(fits);
    groups.iter().flat_map(|group| ranked(group)).collect()
}

/// The law that forecasts among the laws of the same rows: the one that was chosen, or the one that did best on
/// rows held out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Best {
    /// Name of the law.
    pub law: String,
    /// Variable of a law of one variable.
    pub x: Option<Axis>,
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// The points that all these laws were fitted to, in words.
    pub points: String,
    /// Why the law is the best, in words.
    pub reason: String,
}

impl Best {
    /// Whether this is the fit that did best.
    pub fn is(&self, fit: &Fit) -> bool {
        (&self.law, self.x, &self.series, &self.points)
            == (&fit.law, fit.x, &fit.series, &fit.points)
    }
}

/// What was chosen, and where nothing was the first of a contest that [`rank`] holds. Every place that names a best
/// law asks here.
pub fn best(fits: &Fits) -> Vec<Best> {
    let chosen = |choice: &Choice| Best {
        law: choice.law.clone(),
        x: None,
        series: choice.series.clone(),
        points: choice.points.clone(),
        reason: format!("forecasts: {}", choice.reason),
    };
    let is_open = |group: &&Vec<&Fit>| {
        let same = |choice: &Choice| {
            (&choice.series, &choice.points) == (&group[0].series, &group[0].points)
        };
        group[0].x.is_some() || !fits.choices.iter().any(same)
    };
    let best = |group: &Vec<&Fit>| {
        let ranked = ranked(group);
        let first = ranked.first().filter(|_| ranked.len() > 1)?;
        Some(Best {
            law: first.law.clone(),
            x: group[0].x,
            series: first.series.clone(),
            points: group[0].points.clone(),
            reason: reason(&ranked),
        })
    };
    let contests = contests(&fits.fits);
    let others = contests.iter().filter(is_open).filter_map(best);
    fits.choices.iter().map(chosen).chain(others).collect()
}

/// Two laws whose errors differ by less than this share are as good.
const AS_GOOD: f64 = 0.01;

/// Why the first law is the best, beside those that are as good and the next one.
fn reason(ranked: &[Ranked]) -> String {
    let per_cent = |law: &Ranked| format!("{:.2} %", 100.0 * law.rms_error);
    let first = &ranked[0];
    let good = |law: &&Ranked| law.rms_error <= first.rms_error * (1.0 + AS_GOOD);
    let equals: Vec<&str> =
        ranked[1..].iter().take_while(good).map(|law| law.law.as_str()).collect();
    let mut text = format!("best on held-out rows: rms {}", per_cent(first));
    if !equals.is_empty() {
        text.push_str(&format!("; as good: {};", equals.join(", ")));
    }
    if let Some(next) = ranked.get(1 + equals.len()) {
        text.push_str(&format!(" against {} for {}", per_cent(next), next.law));
    }
    text
}

/// Laws of the same rows.
fn contests(fits: &[Fit]) -> Vec<Vec<&Fit>> {
    let mut groups: Vec<Vec<&Fit>> = Vec::new();
    for fit in fits.iter().filter(|fit| fit.validation.is_some()) {
        let alike = |other: &Fit| {
            (&other.series, &other.points, other.x, other.rows)
                == (&fit.series, &fit.points, fit.x, fit.rows)
        };
        match groups.iter_mut().find(|group| alike(group[0])) {
            Some(group) => group.push(fit),
            None => groups.push(vec![fit]),
        }
    }
    // A power with and without offset through the same few minima are no contest.
    groups.retain(|group| group.len() > if group[0].x.is_none() { 1 } else { 2 });
    groups
}

fn held(fit: &Fit) -> impl Iterator<Item = &HeldOut> {
    let validation = fit.validation.as_ref();
    validation.into_iter().flat_map(|v| v.windows.iter().chain(&v.largest_size))
}

fn ranked(group: &[&Fit]) -> Vec<Ranked> {
    let common: Vec<&str> = held(group[0])
        .map(|window| window.window.as_str())
        .filter(|name| group.iter().all(|fit| held(fit).any(|window| window.window == *name)))
        .collect();
    if common.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<Ranked> = group
        .iter()
        .map(|fit| {
            let windows: Vec<&HeldOut> =
                held(fit).filter(|window| common.contains(&window.window.as_str())).collect();
            let held_out: usize = windows.iter().map(|window| window.held_out).sum();
            let squares: f64 = windows
                .iter()
                .map(|window| window.rms_error.powi(2) * window.held_out as f64)
                .sum();
            Ranked {
                law: fit.law.clone(),
                series: fit.series.clone(),
                rms_error: (squares / held_out as f64).sqrt(),
                windows: windows.len(),
                held_out,
                covered: windows.iter().map(|window| window.covered).sum(),
            }
        })
        .collect();
    all.sort_by(|a, b| a.rms_error.total_cmp(&b.rms_error));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Validation;

    fn fit(law: &str, error: f64) -> Fit {
        let window = HeldOut {
            window: "C 1e17 to 1e18".into(),
            held_out: 8,
            rms_error: error,
            ..HeldOut::default()
        };
        Fit {
            law: law.into(),
            points: "all rows".into(),
            rows: 24,
            validation: Some(Validation { windows: vec![window], ..Validation::default() }),
            ..Fit::default()
        }
    }

    fn of(fits: Vec<Fit>) -> Fits {
        Fits { fits, ..Fits::default() }
    }

    #[test]
    fn the_best_law_is_the_first_that_is_ranked_and_says_why() {
        let fits = of(vec![fit("chinchilla", 0.034), fit("kaplan", 0.012)]);
        let [best] = best(&fits).try_into().unwrap();
        assert_eq!(best.law, rank(&fits.fits)[0].law);
        assert!(best.is(&fits.fits[1]) && !best.is(&fits.fits[0]));
        assert_eq!(best.reason, "best on held-out rows: rms 1.20 % against 3.40 % for chinchilla");
    }

    #[test]
    fn laws_that_do_as_well_are_named_and_the_next_is_the_first_that_does_not() {
        let fits = vec![fit("kaplan", 0.04), fit("kaplan-offset", 0.0401), fit("chinchilla", 0.06)];
        assert_eq!(
            best(&of(fits))[0].reason,
            "best on held-out rows: rms 4.00 %; as good: kaplan-offset; against 6.00 % for chinchilla"
        );
    }

    #[test]
    fn a_law_without_a_rival_is_no_best_one() {
        assert_eq!(best(&of(vec![fit("chinchilla", 0.034)])), []);
    }

    #[test]
    fn what_was_chosen_goes_before_the_ranking_of_the_same_rows() {
        let mut fits = of(vec![fit("chinchilla", 0.034), fit("kaplan", 0.012)]);
        fits.choices.push(Choice {
            points: "all rows".into(),
            law: "chinchilla".into(),
            reason: "rms 3.40 %".into(),
            ..Choice::default()
        });
        let [best] = best(&fits).try_into().unwrap();
        assert!(best.is(&fits.fits[0]));
        assert_eq!(best.reason, "forecasts: rms 3.40 %");
    }
}
