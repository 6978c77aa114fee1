//! Whether rows can tell the parameters of a law, and what runs will tell that are only planned.

mod mixtures;
mod planned;

pub use planned::{FEWEST_SIZES, PlannedPoint, Prospect, prospects};

use crate::error::FitError;
use crate::laws::{COORDINATES, Coordinate, Law};
use crate::output::Axis;
use crate::point::Point;

/// Difference of logarithms within which two values are one: token counts are rounded to whole steps.
const SAME: f64 = 0.01;

/// Spread of `ln D` about its line in `ln N` from which on the two can be told apart.
const LINE: f64 = 0.02;

/// What rows tell about one law.
#[derive(Clone, Debug)]
pub(crate) struct Design {
    law: Law,
    /// Parameters that are held.
    held: usize,
    /// Which distinct value a row has along each coordinate.
    classes: Vec<[usize; COORDINATES]>,
}

impl Design {
    /// # Errors
    /// A missing coordinate, or rows that cannot tell the law's parameters.
    pub(crate) fn new(points: &[Point], law: Law, held: usize) -> Result<Self, FitError> {
        let design = Design::planned(points, law, held)?;
        if law.is_surface() {
            check_sides(points)?;
        }
        design.check_rows()?;
        Ok(design)
    }

    /// The checks that need no losses, but for that of the number of rows.
    ///
    /// # Errors
    /// A missing coordinate, or coordinates that cannot tell the law's parameters.
    fn planned(points: &[Point], law: Law, held: usize) -> Result<Self, FitError> {
        let mut places = Vec::with_capacity(points.len());
        for point in points {
            places.push(law.place(point)?);
        }
        let mut classes = vec![[0; COORDINATES]; points.len()];
        for coordinate in 0..law.coordinates().len() {
            let logs: Vec<f64> = places.iter().map(|place| place[coordinate]).collect();
            for (row, class) in classify(&logs).into_iter().enumerate() {
                classes[row][coordinate] = class;
            }
        }
        let design = Design { law, held, classes };
        design.check_values()?;
        if law.knows_repetition() && points.iter().all(|p| p.epochs.is_none_or(|e| e <= 1.01)) {
            return Err(FitError::NoRepetition { law: law.name() });
        }
        if law.coordinates().len() > 1 && law != Law::Routed {
            check_line(&places)?;
        }
        mixtures::check(points, law, held, &places)?;
        if matches!(law.coordinates()[0], Coordinate::Along(Axis::N) | Coordinate::Total) {
            check_width(points)?;
        }
        Ok(design)
    }

    /// A law needs one row more than it has parameters.
    fn check_rows(&self) -> Result<(), FitError> {
        let (rows, parameters) = (self.classes.len(), self.law.parameters() - self.held);
        let law = self.law.name();
        match rows > parameters {
            true => Ok(()),
            false => Err(FitError::TooFewRows { law, parameters, needed: parameters + 1, rows }),
        }
    }

    fn check_values(&self) -> Result<(), FitError> {
        let (law, rows) = (self.law, self.classes.len());
        let all = vec![1.0; rows];
        let enough_rows = rows > law.parameters() - self.held;
        for (at, coordinate) in law.coordinates().iter().enumerate() {
            let (values, needed) = (self.distinct(at, &all), self.needed(at));
            // One value is the more telling complaint, whatever the number of rows; too few rows come
            // before too few values.
            if values > 1 && (values >= needed || !enough_rows) {
                continue;
            }
            let law = law.name();
            return Err(match coordinate {
                Coordinate::Along(axis) => {
                    FitError::TooFewValues { law, axis: *axis, values, needed }
                }
                other => FitError::TooFewKinds {
                    law,
                    what: match other {
                        Coordinate::Steps => "optimizer steps",
                        Coordinate::Batch => "the batch",
                        Coordinate::Unique => "the distinct tokens",
                        Coordinate::Granularity => "the granularity",
                        Coordinate::Total => "the number of all parameters",
                        _ => "the number of experts",
                    },
                    values,
                    needed,
                },
            });
        }
        Ok(())
    }

    /// Whether rows of these weights can tell the parameters: what a bootstrap replicate needs.
    pub(crate) fn determined_by(&self, weights: &[f64]) -> bool {
        let rows = weights.iter().filter(|weight| **weight > 0.0).count();
        let coordinates = 0..self.law.coordinates().len();
        let told = |at: usize| self.distinct(at, weights) >= self.needed(at);
        rows >= self.law.parameters() - self.held
            && coordinates.into_iter().all(told)
            && (self.held > 0 || !self.law.needs_dense() || self.has_dense(weights))
    }

    /// Whether a row of these weights is dense: where experts are told, a dense row has the fewest.
    fn has_dense(&self, weights: &[f64]) -> bool {
        let mut coordinates = self.law.coordinates().iter();
        let at = coordinates.position(|coordinate| *coordinate == Coordinate::Experts);
        let counted = self.classes.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        at.is_some_and(|at| counted.into_iter().any(|(class, _)| class[at] == 0))
    }

    /// Distinct values needed along a coordinate.
    fn needed(&self, at: usize) -> usize {
        let needed = self.law.values_needed()[at];
        needed.saturating_sub(self.held).max(2)
    }

    fn distinct(&self, coordinate: usize, weights: &[f64]) -> usize {
        let mut seen = vec![false; self.classes.len()];
        for (class, _) in self.classes.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            seen[class[coordinate]] = true;
        }
        seen.into_iter().filter(|seen| *seen).count()
    }
}

/// Refuses a second coordinate that follows the first along one line.
fn check_line(places: &[[f64; COORDINATES]]) -> Result<(), FitError> {
    let column = |at: usize| -> Vec<f64> { places.iter().map(|place| place[at]).collect() };
    let (first, second) = (column(0), column(1));
    let (mean_first, mean_second) = (mean(&first), mean(&second));
    let pairs = || first.iter().zip(&second);
    let product = |(x, y): (&f64, &f64)| (x - mean_first) * (y - mean_second);
    let squares: f64 = first.iter().map(|x| (x - mean_first).powi(2)).sum();
    let slope = pairs().map(product).sum::<f64>() / squares;
    let spread = |slope: f64| {
        let off = |(x, y): (&f64, &f64)| (y - mean_second - slope * (x - mean_first)).powi(2);
        (pairs().map(off).sum::<f64>() / places.len() as f64).sqrt()
    };
    if spread(1.0) < LINE {
        let tokens_per_param = (mean_second - mean_first).exp();
        return Err(FitError::OneTokensPerParam { tokens_per_param });
    }
    if places.len() > 2 && spread(slope) < LINE {
        return Err(FitError::OneLine { slope });
    }
    Ok(())
}

/// Refuses models that are all equally wide.
fn check_width(points: &[Point]) -> Result<(), FitError> {
    let widths: Option<Vec<f64>> = points.iter().map(|point| point.width).collect();
    let Some(widths) = widths else { return Ok(()) };
    match widths.iter().all(|width| *width == widths[0]) {
        true => Err(FitError::OneWidth { width: widths[0] }),
        false => Ok(()),
    }
}

/// Refuses isoFLOP runs whose every budget is lowest at the same end of its sizes.
fn check_sides(points: &[Point]) -> Result<(), FitError> {
    let mut budgets: Vec<(f64, Vec<&Point>)> = Vec::new();
    for point in points {
        // Rows without a budget tell of both sides of a minimum.
        let Some(budget) = point.flops_budget else {
            return Ok(());
        };
        match budgets.iter_mut().find(|(other, _)| *other == budget) {
            Some((_, group)) => group.push(point),
            None => budgets.push((budget, vec![point])),
        }
    }
    let mut ends = Vec::new();
    for (_, group) in &budgets {
        let sizes: Vec<f64> = group.iter().filter_map(|point| point.n).collect();
        let logs: Vec<f64> = sizes.iter().map(|n| n.ln()).collect();
        if classify(&logs).into_iter().max().unwrap_or(0) < 2 {
            continue;
        }
        let lowest = group.iter().min_by(|a, b| a.loss.total_cmp(&b.loss));
        let at = lowest.and_then(|point| point.n).unwrap_or(f64::NAN).ln();
        let (least, most) = logs
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), x| (l.min(*x), m.max(*x)));
        ends.push((at - least <= SAME, most - at <= SAME));
    }
    let end = match (ends.iter().all(|end| end.0), ends.iter().all(|end| end.1)) {
        _ if ends.len() < 2 || ends.len() < budgets.len() => return Ok(()),
        (true, _) => "smallest",
        (_, true) => "largest",
        _ => return Ok(()),
    };
    Err(FitError::OneSided { budgets: ends.len(), end })
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Numbers the distinct values of `logs`, ascending from 0.
pub(crate) fn classify(logs: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..logs.len()).collect();
    order.sort_by(|&i, &j| logs[i].total_cmp(&logs[j]));
    let mut classes = vec![0; logs.len()];
    for pair in order.windows(2) {
        classes[pair[1]] = classes[pair[0]] + usize::from(logs[pair[1]] - logs[pair[0]] > SAME);
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::point;

    fn refusal(rows: &[(f64, f64)], law: Law) -> FitError {
        let points: Vec<_> = rows.iter().map(|&(n, d)| point("r", n, d, 3.0)).collect();
        Design::new(&points, law, 0).unwrap_err()
    }

    #[test]
    fn one_token_count_asks_for_others() {
        let rows: Vec<_> = (0..8).map(|i| (1e4 * 2f64.powi(i), 1e6)).collect();
        let error = refusal(&rows, Law::Chinchilla);
        assert_eq!(
            error.to_string(),
            "chinchilla needs 3 different token counts; these rows have 1"
        );
        assert_eq!(
            error.hint().unwrap(),
            "add runs at 2 or more other token counts, at model sizes already used"
        );
    }

    #[test]
    fn one_model_size_asks_for_others() {
        let rows: Vec<_> = (0..8).map(|i| (1e4, 1e6 * 2f64.powi(i))).collect();
        let error = refusal(&rows, Law::Chinchilla);
        assert_eq!(
            error.to_string(),
            "chinchilla needs 3 different model sizes; these rows have 1"
        );
    }

    #[test]
    fn one_number_of_tokens_per_parameter_asks_for_others() {
        let rows: Vec<_> = (0..8).map(|i| (1e4 * 2f64.powi(i), 2.003e5 * 2f64.powi(i))).collect();
        let error = refusal(&rows, Law::Chinchilla);
        assert!(error.to_string().starts_with("every row has 20.030 tokens per parameter"));
        assert!(error.hint().unwrap().ends_with("such as 5.008 and 80.120"));
    }

    #[test]
    fn tokens_that_follow_parameters_are_refused() {
        let rows: Vec<_> = (0..8).map(|i| (1e4 * 2f64.powi(i), 1e6 * 4f64.powi(i))).collect();
        assert_eq!(
            refusal(&rows, Law::Chinchilla).to_string().split(',').next().unwrap(),
            "tokens follow parameters along one line (D ~ N^2.00)"
        );
    }

    #[test]
    fn a_law_needs_a_row_more_than_parameters() {
        let rows = [(1e4, 1e6), (2e4, 1e6), (3e4, 2e6), (5e4, 4e6), (9e4, 3e6)];
        assert_eq!(
            refusal(&rows, Law::Chinchilla).hint().unwrap(),
            "add 1 run or more, at sizes and token counts not tried yet"
        );
        assert!(matches!(
            refusal(&rows[..2], Law::Power(Axis::N)),
            FitError::TooFewRows { needed: 3, .. }
        ));
        assert!(matches!(
            refusal(&rows[..3], Law::PowerOffset(Axis::N)),
            FitError::TooFewRows { needed: 4, .. }
        ));
    }

    #[test]
    fn models_of_one_width_differ_in_depth_alone() {
        let mut points: Vec<_> = (0..30)
            .map(|i| {
                let (n, d) = (1e4 * 2f64.powi(i % 5), 1e6 * 3f64.powi(i / 5));
                point("r", n, d, 3.0)
            })
            .collect();
        points.iter_mut().for_each(|p| p.width = Some(64.0));
        let error = Design::new(&points, Law::Chinchilla, 0).unwrap_err();
        assert!(error.to_string().starts_with("every model is 64 wide"), "{error}");
        points[3].width = Some(128.0);
        assert!(Design::new(&points, Law::Chinchilla, 0).is_ok());
    }

    #[test]
    fn runs_on_one_side_of_every_minimum_ask_for_the_other_side() {
        let mut points = Vec::new();
        for budget in [1e12f64, 1e13, 1e14] {
            for i in 0..4 {
                let n = budget.sqrt() * 2f64.powi(i);
                let mut run = point("r", n, budget / (6.0 * n), 3.0 + 0.1 * f64::from(i));
                run.flops_budget = Some(budget);
                points.push(run);
            }
        }
        let error = Design::new(&points, Law::Chinchilla, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "in each of 3 budgets the loss is lowest at the smallest size: all runs lie on one side of every minimum"
        );
        assert!(error.hint().unwrap().starts_with("add smaller sizes"));
        points[0].loss = 9.0;
        assert!(Design::new(&points, Law::Chinchilla, 0).is_ok());
    }

    #[test]
    fn a_law_of_repetition_needs_a_row_that_repeats() {
        let mut points: Vec<_> = (0..30)
            .map(|i| {
                let (n, d) = (1e4 * 2f64.powi(i % 5), 1e6 * 3f64.powi(i / 5));
                point("r", n, d, 3.0)
            })
            .collect();
        let refusal = |points: &[Point]| Design::new(points, Law::DataConstrained, 0).unwrap_err();
        assert!(matches!(refusal(&points), FitError::NoRepetition { .. }));
        points.iter_mut().for_each(|p| p.batch = Some(512.0));
        assert_eq!(
            Design::new(&points, Law::CriticalBatch, 0).unwrap_err().hint().unwrap(),
            "add runs at 2 or more other values of the batch"
        );
    }
}
