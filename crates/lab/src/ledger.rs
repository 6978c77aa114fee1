//! How often the intervals of sealed forecasts held, over all sweeps of a folder.

use crate::notice::Notice;
use crate::score::{RunScore, Score};
use crate::validate::score;
use crate::{Hinted, LabError};
use isoflop_sweep::ResultsFolder;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Ends of the ranges of reach that are counted apart; the last has none.
const REACHES: [f64; 4] = [3.0, 10.0, 30.0, 100.0];

/// Every sealed forecast below a folder, counted.
#[derive(Clone, Debug, Serialize)]
pub struct Ledger {
    /// Results folders with forecasts, each with its count, by name.
    pub sweeps: Vec<(PathBuf, Count)>,
    /// Counts by reach: the largest of each range, null for the last.
    pub by_reach: Vec<(Option<f64>, Count)>,
    /// Count of all of them.
    pub all: Count,
}

/// How runs came out against their forecasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Count {
    /// Runs that were forecast.
    pub runs: usize,
    /// Runs of these that have finished.
    pub finished: usize,
    /// Finished runs inside their intervals.
    pub inside: usize,
    /// Mean of the errors, as a share: positive where forecasts are too high.
    pub mean_error: Option<f64>,
    /// Root mean square of the errors.
    pub rms_error: Option<f64>,
    /// Median of the widths of the intervals, as a share of the predicted loss.
    pub median_width: Option<f64>,
}

impl Count {
    fn of<'a>(runs: impl Iterator<Item = (&'a Score, &'a RunScore)>) -> Self {
        let (mut count, mut errors, mut widths) = (Count::default(), Vec::new(), Vec::new());
        for (score, run) in runs {
            count.runs += 1;
            if let (Some(error), Some(inside)) = (run.error, run.inside) {
                count.finished += 1;
                count.inside += usize::from(inside);
                errors.push(error);
                let loss = score.forecast.loss;
                widths.push((loss.high - loss.low) / loss.value);
            }
        }
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            (count.finished > 0).then(|| values.sum::<f64>() / count.finished as f64)
        };
        let mean_error = mean(&mut errors.iter().copied());
        let rms_error = mean(&mut errors.iter().map(|error| error * error)).map(f64::sqrt);
        widths.sort_by(f64::total_cmp);
        let half = widths.len() / 2;
        let median_width = match widths.len() {
            0 => None,
            count if count % 2 == 1 => Some(widths[half]),
            _ => Some(f64::midpoint(widths[half - 1], widths[half])),
        };
        Count { mean_error, rms_error, median_width, ..count }
    }
}

/// Counts the forecasts of a results folder, or of all results folders in a folder.
///
/// # Errors
/// The folder cannot be read or has none, or a chain does not hold.
pub fn ledger(notice: &dyn Notice, root: &Path) -> Result<Ledger, LabError> {
    let mut scored: Vec<(PathBuf, Vec<Score>)> = Vec::new();
    for path in folders(root)? {
        let folder = ResultsFolder::at(path.clone());
        scored.push((path, score(notice, &folder)?));
    }
    if scored.is_empty() {
        let message = format!("{}: no results folder in it has a sealed forecast", root.display());
        return Err(Hinted::new(
            message,
            "`isoflop forecast` seals them; give the folder of all results",
        )
        .into());
    }
    let all = || scored.iter().flat_map(|(_, scores)| runs(scores));
    let mut by_reach = Vec::new();
    let mut least = 0.0;
    for most in REACHES.iter().copied().map(Some).chain([None]) {
        let within = |score: &Score| {
            let reach = score.forecast.reach;
            reach > least && most.is_none_or(|most| reach <= most)
        };
        let count = Count::of(all().filter(|(score, _)| within(score)));
        if count.runs > 0 {
            by_reach.push((most, count));
        }
        least = most.unwrap_or(least);
    }
    let sweeps = scored.iter().map(|(path, scores)| (path.clone(), Count::of(runs(scores))));
    Ok(Ledger { sweeps: sweeps.collect(), by_reach, all: Count::of(all()) })
}

fn runs(scores: &[Score]) -> impl Iterator<Item = (&Score, &RunScore)> {
    scores.iter().flat_map(|score| score.runs.iter().map(move |run| (score, run)))
}

/// The folder itself or the folders in it that hold sealed forecasts, by name.
fn folders(root: &Path) -> Result<Vec<PathBuf>, LabError> {
    let has = |path: &Path| ResultsFolder::at(path.to_owned()).forecasts_path().exists();
    if has(root) {
        return Ok(vec![root.to_owned()]);
    }
    let entries = fs::read_dir(root).map_err(|error| {
        let message = format!("{}: cannot read the folder: {error}", root.display());
        Hinted::new(message, "give the folder of all results, such as results")
    })?;
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| has(path)).collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::scores;
    use crate::score::tests::{chain, row};

    #[test]
    fn runs_are_counted_once_each_and_open_ones_hold_no_interval() {
        let rows = [row("a", 0, 2.0 / 1.03), row("b", 1, 2.0 / 0.9)];
        let scores = scores(&chain(&["a", "b", "c"]), &rows);
        let count = Count::of(runs(&scores));
        assert_eq!((count.runs, count.finished, count.inside), (3, 2, 1));
        assert!((count.mean_error.unwrap() + 0.035).abs() < 1e-12);
        let rms = ((0.03f64.powi(2) + 0.1f64.powi(2)) / 2.0).sqrt();
        assert!((count.rms_error.unwrap() - rms).abs() < 1e-12);
        assert!((count.median_width.unwrap() - 0.1).abs() < 1e-12);
        let none = Count::of(std::iter::empty());
        assert_eq!((none.rms_error, none.median_width), (None, None));
    }
}
