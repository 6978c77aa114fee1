//! Laws side by side on rows that none of them was fitted to.

use super::Asked;
use crate::laws::Law;
use crate::output::{Fit, HeldOut};
use std::collections::HashMap;

/// Weight of a window as a share of the weight of the one after it.
const FADING: f64 = 0.5;

/// Standard deviations of the difference by which a law of more parameters must be better. On 29 published and
/// own sweeps forecast without their largest budget, 0, .5, 1 and 2 of them give errors of 1.88, 1.92, 2.07
/// and 2.44 % (rms).
const SURE: f64 = 0.5;

/// Laws side by side on the rows held out that all of them have been judged on.
pub(super) struct Contest<'a> {
    laws: Vec<&'a Asked<'a>>,
    /// Error of ln L of each law at each row.
    errors: Vec<Vec<f64>>,
    /// Weight of each row; they add up to one.
    weights: Vec<f64>,
    /// Standard deviation of ln L of a single run.
    noise: f64,
}

/// A row held out: the window and the number of the row in it.
type Row = (String, usize);

impl<'a> Contest<'a> {
    /// None where no law was judged. The laws of most parameters step back until the others have rows in common.
    pub(super) fn of(laws: &[&'a Asked<'a>]) -> Option<Self> {
        let mut judged: Vec<(&Asked<'_>, HashMap<Row, f64>)> =
            laws.iter().map(|asked| (*asked, errors(asked.fit))).collect();
        judged.retain(|(_, errors)| !errors.is_empty() && errors.values().all(|e| e.is_finite()));
        judged.sort_by_key(|(asked, _)| asked.law.parameters());
        loop {
            let (_, first) = judged.first()?;
            let shared = |row: &&Row| judged.iter().all(|(_, errors)| errors.contains_key(*row));
            let mut rows: Vec<Row> = first.keys().filter(shared).cloned().collect();
            if rows.is_empty() {
                judged.pop();
                continue;
            }
            rows.sort();
            let weights = weights(&rows, judged[0].0.fit);
            let errors = judged.iter().map(|(_, errors)| rows.iter().map(|r| errors[r]).collect());
            return Some(Contest {
                weights,
                errors: errors.collect(),
                noise: judged.iter().filter_map(|(asked, _)| asked.fit.noise).fold(1.0, f64::min),
                laws: judged.iter().map(|(asked, _)| *asked).collect(),
            });
        }
    }

    /// Weighted mean of the squared errors.
    fn squares(&self, at: usize) -> f64 {
        self.weights.iter().zip(&self.errors[at]).map(|(w, e)| w * e * e).sum()
    }

    pub(super) fn error(&self, law: Law) -> Option<f64> {
        let at = self.laws.iter().position(|asked| asked.law == law)?;
        Some(self.squares(at).sqrt())
    }

    /// Standard deviation that the noise of single runs gives the difference of two laws' squared errors: that
    /// of `(e1 - e2) (e1 + e2)`, of which the first factor holds no noise and the second twice that of a run.
    fn open(&self, a: usize, b: usize) -> f64 {
        let both = self.errors[a].iter().zip(&self.errors[b]);
        let squares = both.zip(&self.weights).map(|((a, b), weight)| (weight * (a - b)).powi(2));
        2.0 * self.noise * squares.sum::<f64>().sqrt()
    }

    /// The law that wins, and why.
    pub(super) fn won(&self, collapsed: bool) -> (Law, String) {
        let mut order: Vec<usize> = (0..self.laws.len()).collect();
        let size = |at: usize| self.laws[at].law.parameters();
        order.sort_by(|a, b| {
            size(*a).cmp(&size(*b)).then(self.squares(*a).total_cmp(&self.squares(*b)))
        });
        let mut best = order[0];
        for &at in &order[1..] {
            let sure = if size(at) > size(best) { SURE * self.open(best, at) } else { 0.0 };
            if self.squares(best) - self.squares(at) > sure {
                best = at;
            }
        }
        (self.laws[best].law, self.reason(best, collapsed))
    }

    fn reason(&self, best: usize, collapsed: bool) -> String {
        let error = |at: usize| format!("{:.2} %", 100.0 * self.squares(at).sqrt());
        let mut others: Vec<usize> = (0..self.laws.len()).filter(|at| *at != best).collect();
        others.sort_by(|a, b| self.squares(*a).total_cmp(&self.squares(*b)));
        let mut text = format!("rms {} on rows held out at the far end", error(best));
        if let Some(next) = others.first() {
            let law = self.laws[*next].law;
            let parameters = |law: Law| format!("{} parameters", law.parameters());
            text.push_str(&format!(", against {} for {}", error(*next), law.name()));
            if self.squares(*next) < self.squares(best) {
                text.push_str(&format!(" with its {}, which noise explains", parameters(law)));
            }
        }
        if collapsed {
            text.push_str("; every law collapses on these rows, so that none is to be trusted");
        }
        text
    }

    /// The inverse of each law's squared error, as a share of all.
    pub(super) fn shares(&self) -> HashMap<String, f64> {
        let weight = |at: usize| 1.0 / self.squares(at).max(f64::MIN_POSITIVE.sqrt());
        let all: f64 = (0..self.laws.len()).map(weight).sum();
        let shares = self.laws.iter().enumerate();
        shares.map(|(at, asked)| (asked.law.name().into_owned(), weight(at) / all)).collect()
    }
}

/// Windows and the largest size of a fit.
fn held(fit: &Fit) -> impl Iterator<Item = &HeldOut> {
    let validation = fit.validation.iter();
    validation.flat_map(|found| found.windows.iter().chain(&found.largest_size))
}

/// Error of ln L at every row held out.
fn errors(fit: &Fit) -> HashMap<Row, f64> {
    let rows = held(fit).flat_map(|window| {
        let points = window.points.iter().enumerate();
        points.map(|(k, row)| ((window.window.clone(), k), (row.predicted / row.loss).ln()))
    });
    rows.collect()
}

/// Weights of rows: one in the last window that has some and at the largest size, less in windows before.
fn weights(rows: &[Row], fit: &Fit) -> Vec<f64> {
    let windows: Vec<&str> = fit
        .validation
        .iter()
        .flat_map(|found| &found.windows)
        .map(|window| window.window.as_str())
        .collect();
    let place = |row: &Row| windows.iter().position(|name| *name == row.0);
    let last = rows.iter().filter_map(place).max().unwrap_or(0);
    let weight = |row: &Row| place(row).map_or(1.0, |at| FADING.powi((last - at) as i32));
    let all: f64 = rows.iter().map(weight).sum();
    rows.iter().map(|row| weight(row) / all).collect()
}
