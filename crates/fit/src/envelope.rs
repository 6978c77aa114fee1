//! Which points the three panels fit: the lower envelope of finished runs.

use crate::curve::Bottom;
use crate::design::classify;
use crate::error::FitError;
use crate::laws::{Coordinate, Law};
use crate::output::{Axis, Isoflop};
use crate::point::Point;

/// The points of a panel and how they were chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Points in ascending order along the axis.
    pub points: Vec<Point>,
    /// Which points these are, in words.
    pub words: String,
    /// The points in bootstrap replicates of an isoFLOP analysis; empty otherwise.
    pub(crate) draws: Vec<Vec<Point>>,
}

/// Factor within which the largest token counts (or sizes) count as one: steps are whole.
const SAME_END: f64 = 1.05;
/// Number of points below which no envelope is drawn.
const FEWEST: usize = 2;

/// The lower envelope along one axis of the runs of one series.
///
/// From an isoFLOP plan: the bottoms of its curves (N*, D*, C, loss). Without budgets: for N the
/// runs of the most tokens, at every size that reached them; for D the runs of the largest size;
/// for C the frontier, the runs that beat every run of less compute.
///
/// # Errors
/// [`FitError::NoEnvelope`] where the runs have none, with the runs that would give one.
pub fn envelope(
    points: &[Point],
    axis: Axis,
    isoflop: Option<&Isoflop>,
) -> Result<Envelope, FitError> {
    let chosen = match (isoflop, axis) {
        (Some(isoflop), _) => minima(isoflop, points),
        (None, Axis::N) => edge(points, Axis::N, Axis::D)?,
        (None, Axis::D) => edge(points, Axis::D, Axis::N)?,
        (None, Axis::C) => frontier(points)?,
    };
    if isoflop.is_none() && axis == Axis::C && has_one_size(&chosen.points) {
        return Err(FitError::NoEnvelope {
            reason: format!(
                "there is no envelope in C: the {} runs of the frontier have one size, so that they show the fall of the loss in D",
                chosen.points.len()
            ),
            hint: "add other sizes at the same compute".into(),
        });
    }
    if chosen.points.len() >= FEWEST {
        return Ok(chosen);
    }
    let (found, word) = (chosen.points.len(), chosen.words);
    let (reason, hint) = match (isoflop, axis) {
        (Some(isoflop), _) => (
            format!(
                "{found} of {} budgets have a lowest loss inside their sizes",
                isoflop.budgets.len()
            ),
            "see the note of each budget in `isoflop` for the sizes to add, or add budgets",
        ),
        (None, Axis::N) => (
            format!("there is no envelope in N: {found} point ({word})"),
            "train every size to the same largest token count",
        ),
        (None, Axis::D) => (
            format!("there is no envelope in D: {found} point ({word})"),
            "train the largest size at several token counts",
        ),
        (None, Axis::C) => (
            format!("there is no envelope in C: {found} point ({word})"),
            "add runs that spend more and reach a lower loss",
        ),
    };
    Err(FitError::NoEnvelope { reason, hint: hint.into() })
}

/// Whether there are several points, all of one size.
fn has_one_size(points: &[Point]) -> bool {
    let logs = points.iter().filter_map(|point| Some(point.n?.ln()));
    let logs: Vec<f64> = logs.collect();
    logs.len() >= FEWEST && classify(&logs).into_iter().max() == Some(0)
}

fn minima(isoflop: &Isoflop, runs: &[Point]) -> Envelope {
    let entropy = runs.first().and_then(|run| run.entropy);
    let points = isoflop.budgets.iter().filter_map(|budget| {
        let minimum = budget.minimum.as_ref()?;
        let label = format!("minimum at {:e}", budget.flops_budget);
        Some(Point {
            series: isoflop.series.clone(),
            n: Some(minimum.n_opt.value),
            d: Some(minimum.d_opt.value),
            c: Some(minimum.c),
            flops_budget: Some(budget.flops_budget),
            entropy,
            ..Point::new(label, minimum.loss.value)
        })
    });
    Envelope { points: points.collect(), words: "isoFLOP minima".into(), draws: Vec::new() }
}

impl Envelope {
    /// Adds the minima of bootstrap replicates in which every budget kept its bottom.
    pub(crate) fn with_draws(mut self, isoflop: &Isoflop, draws: &[Vec<Option<Bottom>>]) -> Self {
        let drawn = |draw: &Vec<Option<Bottom>>| -> Option<Vec<Point>> {
            let kept = isoflop.budgets.iter().zip(draw).filter(|(b, _)| b.minimum.is_some());
            let moved = self.points.iter().zip(kept).map(|(point, (_, bottom))| {
                let Bottom { n_opt, d_opt, loss } = (*bottom)?;
                (loss > 0.0).then(|| Point {
                    n: Some(n_opt),
                    d: Some(d_opt),
                    loss,
                    ..point.clone()
                })
            });
            moved.collect()
        };
        self.draws = draws.iter().filter_map(drawn).collect();
        self
    }
}

/// Runs at the largest value of `other`, along `axis`.
fn edge(points: &[Point], axis: Axis, other: Axis) -> Result<Envelope, FitError> {
    let mut runs = Vec::new();
    for point in points {
        runs.push((point.need(axis, "an envelope")?, point.need(other, "an envelope")?, point));
    }
    let most = runs.iter().map(|(_, other, _)| *other).fold(0.0, f64::max);
    let sizes = |runs: &[(f64, f64, &Point)]| {
        let logs: Vec<f64> = runs.iter().map(|(x, _, _)| x.ln()).collect();
        classify(&logs).into_iter().max().map_or(0, |last| last + 1)
    };
    let all = sizes(&runs);
    runs.retain(|(_, other, _)| *other * SAME_END >= most);
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let short = all - sizes(&runs);
    let mut words = match axis {
        Axis::N => format!("largest D per N ({})", isoflop_core::units::short(most)),
        _ => format!("largest N per D ({})", isoflop_core::units::short(most)),
    };
    if short > 0 {
        words +=
            &format!("; {short} of {all} values of {axis:?} stop short of it and are left out");
    }
    // Replicates of one size are no envelope.
    let points = match all - short {
        0 | 1 => runs.into_iter().take(1).map(|(_, _, point)| point.clone()).collect(),
        _ => runs.into_iter().map(|(_, _, point)| point.clone()).collect(),
    };
    Ok(Envelope { points, words, draws: Vec::new() })
}

/// The rows that a law of sizes and experts without tokens can bear: those of the largest D, in words;
/// `None` where the law has tokens or all rows have about the same.
pub(crate) fn of_one_length(points: &[Point], law: Law) -> Option<(Vec<Point>, String)> {
    let lacks_tokens = law.coordinates().contains(&Coordinate::Experts)
        && !law.coordinates().contains(&Coordinate::Along(Axis::D));
    let lengths: Option<Vec<f64>> = points.iter().map(|point| point.d).collect();
    let lengths = lengths.filter(|_| lacks_tokens)?;
    let most = lengths.iter().copied().fold(0.0, f64::max);
    let kept = points.iter().zip(&lengths).filter(|(_, d)| **d * SAME_END >= most);
    let kept: Vec<Point> = kept.map(|(point, _)| point.clone()).collect();
    let words = format!("largest D ({})", isoflop_core::units::short(most));
    (kept.len() < points.len()).then_some((kept, words))
}

/// Runs that beat every run of less compute, ascending in C.
fn frontier(points: &[Point]) -> Result<Envelope, FitError> {
    let mut runs = Vec::new();
    for point in points {
        runs.push((point.need(Axis::C, "an envelope")?, point));
    }
    runs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.loss.total_cmp(&b.1.loss)));
    let mut lowest = f64::INFINITY;
    let mut points = Vec::new();
    for (_, point) in runs {
        if point.loss < lowest {
            lowest = point.loss;
            points.push(point.clone());
        }
    }
    let words = "frontier of finished runs: each beats every run of less compute".into();
    Ok(Envelope { points, words, draws: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::point;

    fn grid() -> Vec<Point> {
        let mut points = Vec::new();
        for n in [1e4, 2e4, 4e4] {
            for d in [1e6, 2e6, 4e6] {
                points.push(point(&format!("{n:e}-{d:e}"), n, d, 1e3 / n + 2e6 / d));
            }
        }
        points
    }

    fn labels(envelope: &Envelope) -> Vec<&str> {
        envelope.points.iter().map(|point| point.label.as_str()).collect()
    }

    #[test]
    fn a_grid_gives_its_edges_and_its_frontier() {
        let n = envelope(&grid(), Axis::N, None).unwrap();
        assert_eq!(labels(&n), ["1e4-4e6", "2e4-4e6", "4e4-4e6"]);
        assert_eq!(n.words, "largest D per N (4M)");
        let d = envelope(&grid(), Axis::D, None).unwrap();
        assert_eq!(labels(&d), ["4e4-1e6", "4e4-2e6", "4e4-4e6"]);
        let c = envelope(&grid(), Axis::C, None).unwrap();
        let losses: Vec<f64> = c.points.iter().map(|point| point.loss).collect();
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]));
    }

    #[test]
    fn a_frontier_of_one_size_is_the_fall_in_tokens_and_no_frontier() {
        let mut points = grid();
        points.retain(|point| point.n == Some(2e4));
        let refused = envelope(&points, Axis::C, None).unwrap_err();
        assert!(refused.to_string().contains("3 runs of the frontier have one size"), "{refused}");
        assert!(envelope(&points, Axis::D, None).is_ok());
    }

    #[test]
    fn a_size_that_stops_short_is_left_out_by_name_of_the_axis() {
        let mut points = grid();
        points.retain(|point| point.label != "2e4-4e6");
        let n = envelope(&points, Axis::N, None).unwrap();
        assert_eq!(
            n.words,
            "largest D per N (4M); 1 of 3 values of N stop short of it and are left out"
        );
    }

    #[test]
    fn one_ratio_of_tokens_has_no_edge() {
        let points: Vec<_> = [1e4, 2e4, 4e4].map(|n| point("r", n, 20.0 * n, 3.0)).into();
        let error = envelope(&points, Axis::N, None).unwrap_err();
        assert_eq!(error.hint().unwrap(), "train every size to the same largest token count");
    }
}
