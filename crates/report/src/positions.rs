//! Loss by position in the context (Kaplan et al. 2020, figure 7): lines over the test tokens that have so
//! many tokens of their own document before them, and `a + b p^-c` through each.

use crate::replicates::{self, Replicated};
use crate::text::three_digits;
use crate::view::View;
use isoflop_core::PowerLaw;
use isoflop_fit::output::{Axis, Estimate, Fit};
use isoflop_fit::{Law, Objective, Options, Penalty, Point, Reduction, Residual, fit};
use isoflop_results::{PositionPoint, Positions, RunRow};
use std::collections::BTreeMap;

/// Fewest ranges of positions that make a curve.
const LEAST: usize = 10;
/// The context that has as many where documents are long enough.
const CONTEXT: u64 = 64;
/// Most lines that a reader can tell apart in a panel.
pub(crate) const MOST: usize = 8;
/// Replicates of a fit.
const REPLICATES: usize = 200;
/// A doubling of the context that gains less is said to gain little, in nats per token.
pub(crate) const LITTLE: f64 = 0.01;

/// The mean of runs of one series and size at a range of positions, in nats per token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Geometric centre of the range.
    pub(crate) at: f64,
    pub(crate) loss: f64,
    pub(crate) se: Option<f64>,
}

/// Loss by position of the longest runs of a series and size.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    /// One of the runs.
    pub(crate) run: &'a RunRow,
    /// Number of seeds that the line is the mean of.
    pub(crate) seeds: usize,
    pub(crate) places: Vec<Place>,
    pub(crate) fit: Result<Fit, String>,
}

/// What a report has by position.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByPosition<'a> {
    pub(crate) lines: Vec<Line<'a>>,
    /// Number of series and sizes that have losses by position, drawn or not.
    pub(crate) of: usize,
    /// Reasons why lines are missing, each once.
    pub(crate) refused: Vec<String>,
}

impl<'a> ByPosition<'a> {
    pub(crate) fn of(view: &View<'a>) -> ByPosition<'a> {
        let mut groups = longest(view);
        let mut found = ByPosition::default();
        if groups.is_empty() && !view.finished.is_empty() {
            found.refused.push(
                "none was measured: these runs were finished by a version that does not record it"
                    .to_owned(),
            );
        }
        groups.retain(|(runs, points)| match too_short(runs[0], points[0]) {
            Some(reason) if found.refused.contains(&reason) => false,
            Some(reason) => {
                found.refused.push(reason);
                false
            }
            None => true,
        });
        found.of = groups.len();
        let lines = if groups.len() > MOST {
            let by_context = by_context(groups).into_iter();
            by_context.flat_map(|groups| chosen(view, groups)).collect()
        } else {
            groups
        };
        found.lines = lines.into_iter().map(|(runs, points)| line(&runs, &points)).collect();
        found
    }
}

/// Groups of one context each, the shortest first.
fn by_context(groups: Vec<Group<'_>>) -> Vec<Vec<Group<'_>>> {
    let mut contexts: BTreeMap<u64, Vec<Group<'_>>> = BTreeMap::new();
    for group in groups {
        contexts.entry(group.0[0].context).or_default().push(group);
    }
    contexts.into_values().collect()
}

/// The runs of a line and their points, run by run.
type Group<'a> = (Vec<&'a RunRow>, Vec<&'a [PositionPoint]>);

/// The longest runs of each series and size that have losses by position, in the order of series and sizes.
fn longest<'a>(view: &View<'a>) -> Vec<Group<'a>> {
    let mut runs: Vec<(&RunRow, &Positions)> = Vec::new();
    for positions in view.report.positions.iter().filter(|p| !p.points.is_empty()) {
        let finished = view.finished.iter().find(|run| run.run_id == positions.run_id);
        runs.extend(finished.map(|run| (*run, positions)));
    }
    runs.sort_by_key(|(run, _)| (view.series_rank(&run.series), run.n(), run.tokens, run.seed));
    let mut groups: Vec<Group<'a>> = Vec::new();
    // The longest of a size comes last.
    for (run, positions) in runs.into_iter().rev() {
        let model = |r: &RunRow| (r.n(), r.d_model, r.n_layers, r.n_heads, r.context);
        let like = |r: &RunRow| r.series == run.series && model(r) == model(run);
        match groups.iter_mut().find(|(known, _)| like(known[0])) {
            Some((known, points)) => {
                let first = known[0];
                let same_length = first.tokens == run.tokens;
                let rate = first.learning_rate == run.learning_rate;
                if same_length && rate && known.iter().all(|other| other.seed != run.seed) {
                    known.push(run);
                    points.push(&positions.points);
                }
            }
            None => groups.push((vec![run], vec![&positions.points])),
        }
    }
    groups.reverse();
    groups
}

/// Why the positions of a run make no curve.
fn too_short(run: &RunRow, points: &[PositionPoint]) -> Option<String> {
    let bins = points.len();
    let reached = points.iter().map(|p| p.last).max().unwrap_or(0);
    if bins >= LEAST {
        return None;
    }
    let ranges = if bins == 1 { "1 range" } else { &format!("{bins} ranges") };
    Some(match run.context < CONTEXT || reached >= run.context {
        true => format!(
            "the context of {} tokens has {ranges} of positions; a curve by position needs {LEAST}, which a \
             context of at least {CONTEXT} tokens has",
            run.context
        ),
        false => format!(
            "the documents of the test text end before the context of {} tokens does: they fill {ranges} of \
             positions, up to {reached}, and a curve by position needs {LEAST}, up to {CONTEXT} or further",
            run.context
        ),
    })
}

/// No more lines than a reader can tell apart: of each series sizes that are evenly spread from the largest
/// down, of too many series the first ones.
fn chosen<'a>(view: &View<'a>, groups: Vec<Group<'a>>) -> Vec<Group<'a>> {
    if groups.len() <= MOST {
        return groups;
    }
    let mut by_series: Vec<Vec<Group<'a>>> = Vec::new();
    for group in groups {
        let rank = |g: &Group<'_>| view.series_rank(&g.0[0].series);
        match by_series.last_mut().filter(|all| rank(&all[0]) == rank(&group)) {
            Some(all) => all.push(group),
            None => by_series.push(vec![group]),
        }
    }
    by_series.truncate(MOST);
    let each = MOST / by_series.len();
    let spread = |all: Vec<Group<'a>>| {
        let (count, kept) = (all.len(), each.min(all.len()));
        let picked: Vec<usize> = match kept {
            1 => vec![count - 1],
            _ => (0..kept).map(|k| k * (count - 1) / (kept - 1)).collect(),
        };
        let numbered = all.into_iter().enumerate();
        numbered.filter(move |(k, _)| picked.contains(k)).map(|(_, group)| group)
    };
    by_series.into_iter().flat_map(spread).collect()
}

fn line<'a>(runs: &[&'a RunRow], points: &[&[PositionPoint]]) -> Line<'a> {
    let places: Vec<Place> = points[0].iter().filter_map(|point| place(points, point)).collect();
    Line { run: runs[0], seeds: runs.len(), fit: fitted(&places), places }
}

/// The mean over seeds. Its standard error is that of one run: the choice of documents, of which it speaks,
/// is the same for all seeds.
fn place(points: &[&[PositionPoint]], of: &PositionPoint) -> Option<Place> {
    let same = |p: &&PositionPoint| (p.first, p.last) == (of.first, of.last);
    let all: Vec<&PositionPoint> =
        points.iter().filter_map(|points| points.iter().find(same)).collect();
    let losses: Vec<f64> = all.iter().filter_map(|p| p.test_loss).collect();
    let errors: Vec<f64> = all.iter().filter_map(|p| p.test_loss_se).collect();
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let loss = mean(&losses);
    (losses.len() == points.len() && loss.is_finite() && loss > 0.0).then(|| Place {
        at: (of.first as f64 * of.last as f64).sqrt(),
        loss,
        se: (errors.len() == points.len()).then(|| mean(&errors)),
    })
}

/// `E + A p^-alpha` by least squares, each place weighted by its standard error.
fn fitted(places: &[Place]) -> Result<Fit, String> {
    let point = |place: &Place| Point {
        d: Some(place.at),
        weight: place.se.filter(|se| *se > 0.0).map_or(1.0, |se| se.powi(-2)),
        ..Point::new(format!("position {:.1}", place.at), place.loss)
    };
    let points: Vec<Point> = places.iter().map(point).collect();
    let squares =
        Objective { residual: Residual::Loss, penalty: Penalty::Square, reduction: Reduction::Sum };
    let options = Options { objective: Some(squares), bootstrap: REPLICATES, ..Options::default() };
    fit(&points, Law::PowerOffset(Axis::D), &options).map_err(|error| error.to_string())
}

impl Line<'_> {
    /// The law between the positions measured.
    pub(crate) fn law(&self) -> Option<Replicated<PowerLaw>> {
        replicates::inside(self.fit.as_ref().ok()?)
    }

    /// An estimate of the fit by its name: `E`, `A` or `alpha`.
    pub(crate) fn estimate(&self, name: &str) -> Option<Estimate> {
        let fit = self.fit.as_ref().ok()?;
        fit.parameters.get(name).copied()
    }

    /// From where a doubling gains little, with its interval, told inside the context alone.
    pub(crate) fn little(&self, law: &Replicated<PowerLaw>, level: f64) -> String {
        let (from, ends) = law.ask(level, little_from);
        let context = self.run.context as f64;
        let end = |p: f64| match p > context {
            true => "beyond".to_owned(),
            false => three_digits(p),
        };
        let range =
            ends.map(|(low, high)| format!(" [{}, {}]", end(low), end(high))).unwrap_or_default();
        match from > context {
            true => format!("beyond the context{range}"),
            false => format!("{}{range}", end(from)),
        }
    }

    /// The furthest position measured.
    pub(crate) fn end(&self) -> f64 {
        self.places.last().map_or(0.0, |place| place.at)
    }
}

/// The position from which a doubling gains less than [`LITTLE`]: where `b p^-c (1 - 2^-c)` falls below it.
fn little_from(law: &PowerLaw) -> f64 {
    (law.a * (1.0 - 2f64.powf(-law.alpha)) / LITTLE).powf(1.0 / law.alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places of a law with errors of a hundredth, in the ranges of a context of 256.
    fn places(law: PowerLaw) -> Vec<Place> {
        let at = (0..16).map(|k| 2f64.powf(f64::from(k) / 2.0));
        let err = |k: usize| [0.004, -0.006, 0.002, -0.001][k % 4];
        at.enumerate()
            .map(|(k, at)| Place { at, loss: law.loss(at) + err(k), se: Some(0.01) })
            .collect()
    }

    #[test]
    fn the_fit_finds_the_law_and_where_a_doubling_gains_little() {
        let law = PowerLaw { e: 1.8, a: 2.2, alpha: 0.8 };
        let fit = fitted(&places(law)).expect("sixteen places");
        let alpha = fit.parameters["alpha"];
        assert!((alpha.value - 0.8).abs() < 0.03, "{alpha:?}");
        assert!(alpha.low.is_some_and(|low| low < 0.8), "{alpha:?}");
        assert!(alpha.high.is_some_and(|high| high > 0.8), "{alpha:?}");
        let p = little_from(&law);
        let gain = |p: f64| law.loss(p) - law.loss(2.0 * p);
        assert!((gain(p) - LITTLE).abs() < 1e-9, "{p}");
        assert!(gain(1.1 * p) < LITTLE && gain(0.9 * p) > LITTLE);
    }

    #[test]
    fn a_place_counts_by_its_standard_error() {
        let law = PowerLaw { e: 1.8, a: 2.2, alpha: 0.8 };
        let mut blurred = places(law);
        blurred[15].loss += 0.5;
        blurred[15].se = Some(10.0);
        let fit = fitted(&blurred).expect("sixteen places");
        assert!((fit.parameters["E"].value - 1.8).abs() < 0.03, "{:?}", fit.parameters);
    }
}
