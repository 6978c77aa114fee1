//! Rows arranged for one law: centred logarithms, and whether they can tell its parameters.

use crate::error::FitError;
use crate::law::Law;
use crate::point::Point;

/// Values within one per cent are one value: token counts are rounded to whole steps.
const SAME: f64 = 0.01;

/// `ln D` about its line in `ln N` spreads by at least this where the two can be told apart.
const LINE: f64 = 0.02;

/// Centred coordinates of the rows under one law.
#[derive(Clone, Debug)]
pub(crate) struct Design {
    pub(crate) law: Law,
    /// `[rows][terms]`: logarithms less their means; unused terms are zero.
    pub(crate) x: Vec<[f64; 2]>,
    /// Means of the logarithms.
    pub(crate) centre: [f64; 2],
    /// Which distinct value a row has along each axis.
    classes: Vec<[usize; 2]>,
}

impl Design {
    /// # Errors
    /// A missing coordinate, or rows that cannot tell the law's parameters.
    pub(crate) fn new(points: &[Point], law: Law) -> Result<Self, FitError> {
        let mut x = vec![[0.0; 2]; points.len()];
        let mut classes = vec![[0; 2]; points.len()];
        let mut centre = [0.0; 2];
        for (term, &axis) in law.axes().iter().enumerate() {
            let mut logs = Vec::with_capacity(points.len());
            for point in points {
                logs.push(point.need(axis, law.name())?.ln());
            }
            centre[term] = mean(&logs);
            for (row, class) in classify(&logs).into_iter().enumerate() {
                x[row][term] = logs[row] - centre[term];
                classes[row][term] = class;
            }
        }
        let design = Design {
            law,
            x,
            centre,
            classes,
        };
        design.check()?;
        Ok(design)
    }

    fn check(&self) -> Result<(), FitError> {
        let (law, rows) = (self.law, self.x.len());
        let parameters = law.form().parameters();
        let all = vec![1.0; rows];
        for (term, axis) in law.axes().into_iter().enumerate() {
            let (values, needed) = (self.distinct(term, &all), law.values_needed());
            // One value is the more telling complaint; too few rows come before too few values.
            if values == 1 || (values < needed && rows > parameters) {
                return Err(FitError::TooFewValues {
                    law: law.name(),
                    axis,
                    values,
                    needed,
                });
            }
        }
        if law == Law::Chinchilla {
            self.check_line()?;
        }
        match rows > parameters {
            true => Ok(()),
            false => Err(FitError::TooFewRows {
                law: law.name(),
                parameters,
                needed: parameters + 1,
                rows,
            }),
        }
    }

    fn check_line(&self) -> Result<(), FitError> {
        let sum = |of: fn(&[f64; 2]) -> f64| self.x.iter().map(of).sum::<f64>();
        let slope = sum(|x| x[0] * x[1]) / sum(|x| x[0] * x[0]);
        let spread = |slope: f64| {
            let squares = self
                .x
                .iter()
                .map(|x| (x[1] - slope * x[0]).powi(2))
                .sum::<f64>();
            (squares / self.x.len() as f64).sqrt()
        };
        if spread(1.0) < LINE {
            let tokens_per_param = (self.centre[1] - self.centre[0]).exp();
            return Err(FitError::OneTokensPerParam { tokens_per_param });
        }
        if self.x.len() > 2 && spread(slope) < LINE {
            return Err(FitError::OneLine { slope });
        }
        Ok(())
    }

    /// Whether rows of these weights can tell the parameters: what a bootstrap replicate needs.
    pub(crate) fn determined_by(&self, weights: &[f64]) -> bool {
        let rows = weights.iter().filter(|weight| **weight > 0.0).count();
        let needed = self.law.values_needed();
        rows >= self.law.form().parameters()
            && (0..self.law.form().terms).all(|term| self.distinct(term, weights) >= needed)
    }

    fn distinct(&self, term: usize, weights: &[f64]) -> usize {
        let mut seen = vec![false; self.x.len()];
        for (class, _) in self
            .classes
            .iter()
            .zip(weights)
            .filter(|(_, weight)| **weight > 0.0)
        {
            seen[class[term]] = true;
        }
        seen.into_iter().filter(|seen| *seen).count()
    }
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
    use crate::output::Axis;
    use crate::point::point;

    fn refusal(rows: &[(f64, f64)], law: Law) -> FitError {
        let points: Vec<_> = rows.iter().map(|&(n, d)| point("r", n, d, 3.0)).collect();
        Design::new(&points, law).unwrap_err()
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
        let rows: Vec<_> = (0..8)
            .map(|i| (1e4 * 2f64.powi(i), 2.003e5 * 2f64.powi(i)))
            .collect();
        let error = refusal(&rows, Law::Chinchilla);
        assert!(
            error
                .to_string()
                .starts_with("every row has 20.030 tokens per parameter")
        );
        assert!(error.hint().unwrap().ends_with("such as 5.008 and 80.120"));
    }

    #[test]
    fn tokens_that_follow_parameters_are_refused() {
        let rows: Vec<_> = (0..8)
            .map(|i| (1e4 * 2f64.powi(i), 1e6 * 4f64.powi(i)))
            .collect();
        assert_eq!(
            refusal(&rows, Law::Chinchilla)
                .to_string()
                .split(',')
                .next()
                .unwrap(),
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
}
