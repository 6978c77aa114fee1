//! A row of a table or a run of a sweep, as fits take it.

use crate::error::FitError;
use crate::output::{Axis, Excluded};

/// One finished run, or one row of a table. Coordinates that no fit will use may be absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Run id or row number; remarks and influence name rows by it.
    pub label: String,
    /// The cell of `[axes]`; empty without axes.
    pub series: String,
    /// What the bootstrap resamples as one; [`crate::Options::unit`] says what it is.
    pub unit: String,
    /// Parameters.
    pub n: Option<f64>,
    /// Training tokens.
    pub d: Option<f64>,
    /// Training FLOPs spent.
    pub c: Option<f64>,
    /// Training FLOPs asked for, where the plan had budgets.
    pub flops_budget: Option<f64>,
    /// Passes over the training split, where known.
    pub epochs: Option<f64>,
    /// Tokens an optimizer step, where known: what the laws of learning curves need.
    pub batch: Option<f64>,
    /// All parameters, counted as `n` is but with every expert; `n` itself for a dense model.
    pub n_total: Option<f64>,
    /// Experts for each one that a token uses, E of the laws of mixtures; 1 for a dense model.
    pub experts: Option<f64>,
    /// Widths of an expert in that of a dense model's half; 1 for a dense model.
    pub granularity: Option<f64>,
    /// Width of the model's stream, where known: sizes of one width differ in depth alone.
    pub width: Option<f64>,
    /// How much the row counts in an objective, 1 unless the user says otherwise.
    pub weight: f64,
    /// Test loss, in nats per token or in another unit that all rows share.
    pub loss: f64,
    /// Entropy rate of the language, in the unit of the loss, where it is known: what E must be.
    pub entropy: Option<f64>,
}

/// Up to four epochs repeated data count almost as much as fresh data (Muennighoff et al. 2023,
/// section 6); a law without a repetition term sees no run beyond.
pub const MOST_EPOCHS: f64 = 4.0;

impl Point {
    /// The coordinate along an axis.
    pub fn along(&self, axis: Axis) -> Option<f64> {
        match axis {
            Axis::N => self.n,
            Axis::D => self.d,
            Axis::C => self.c,
        }
    }

    /// Refuses numbers that no logarithm can take.
    ///
    /// # Errors
    /// A coordinate or the loss is NaN, infinite, zero or negative; the error names the row.
    pub fn check(&self) -> Result<(), FitError> {
        let columns = [
            ("n", self.n),
            ("d", self.d),
            ("c", self.c),
            ("flops_budget", self.flops_budget),
            ("batch", self.batch),
            ("n_total", self.n_total),
            ("experts", self.experts),
            ("granularity", self.granularity),
            ("weight", Some(self.weight)),
            ("entropy", self.entropy),
            ("loss", Some(self.loss)),
        ];
        for (column, value) in columns {
            let Some(value) = value else { continue };
            if !(value.is_finite() && value > 0.0) {
                return Err(FitError::BadValue { label: self.label.clone(), column, value });
            }
        }
        match self.experts {
            Some(experts) if experts < 1.0 => {
                Err(FitError::FewerThanActive { label: self.label.clone(), experts })
            }
            _ => Ok(()),
        }
    }

    /// A row of these coordinates, of weight one; nothing else is known of it.
    pub fn new(label: impl Into<String>, loss: f64) -> Self {
        let label = label.into();
        Point {
            unit: label.clone(),
            label,
            series: String::new(),
            n: None,
            d: None,
            c: None,
            flops_budget: None,
            epochs: None,
            batch: None,
            n_total: None,
            experts: None,
            granularity: None,
            width: None,
            weight: 1.0,
            loss,
            entropy: None,
        }
    }

    /// Compute of a row: the budget asked for, else FLOPs spent, else 6 N D.
    pub(crate) fn compute(&self) -> Option<f64> {
        let of_budget = self.flops_budget.or(self.c);
        of_budget.or_else(|| Some(6.0 * self.n? * self.d?))
    }

    pub(crate) fn need(&self, axis: Axis, law: &'static str) -> Result<f64, FitError> {
        self.along(axis).ok_or_else(|| FitError::Missing {
            label: self.label.clone(),
            column: column_name(axis),
            law: law.into(),
        })
    }
}

pub(crate) fn column_name(axis: Axis) -> &'static str {
    match axis {
        Axis::N => "n",
        Axis::D => "d",
        Axis::C => "c",
    }
}

/// Series of rows, in order of first appearance.
pub(crate) fn series_of(points: &[Point]) -> Vec<String> {
    let mut series: Vec<String> = Vec::new();
    for point in points {
        if !series.contains(&point.series) {
            series.push(point.series.clone());
        }
    }
    series
}

/// Splits off the runs that repeat their data more than [`MOST_EPOCHS`] times.
pub(crate) fn without_repetition(points: &[Point]) -> (Vec<Point>, Vec<Excluded>) {
    let (kept, repeated): (Vec<_>, Vec<_>) =
        points.iter().cloned().partition(|point| point.epochs.is_none_or(|e| e <= MOST_EPOCHS));
    let excluded = repeated.into_iter().map(|point| Excluded {
        reason: format!(
            "{:.1} epochs; a law without a repetition term takes up to {MOST_EPOCHS}",
            point.epochs.unwrap_or(f64::NAN)
        ),
        label: point.label,
    });
    (kept, excluded.collect())
}

/// Leaves out the `dropped` rows of highest loss.
pub(crate) fn without_worst(points: &[Point], dropped: usize) -> Result<Vec<Point>, FitError> {
    if points.is_empty() {
        return Err(FitError::Empty);
    }
    if dropped >= points.len() {
        return Err(FitError::DropsAll { dropped, rows: points.len() });
    }
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&i, &j| points[j].loss.total_cmp(&points[i].loss));
    let mut kept = order.split_off(dropped);
    kept.sort_unstable();
    Ok(kept.into_iter().map(|i| points[i].clone()).collect())
}

#[cfg(test)]
pub(crate) fn point(label: &str, n: f64, d: f64, loss: f64) -> Point {
    Point { n: Some(n), d: Some(d), c: Some(6.0 * n * d), ..Point::new(label, loss) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_logarithm_is_refused_with_its_row() {
        for loss in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let message = point("run-7", 1e6, 1e7, loss).check().unwrap_err().to_string();
            assert!(message.starts_with("row run-7: loss is"), "{message}");
        }
        let message = point("3", 0.0, 1e7, 2.0).check().unwrap_err().to_string();
        assert_eq!(message, "row 3: n is 0; it must be positive and finite");
    }

    #[test]
    fn the_rows_of_highest_loss_are_dropped_and_the_order_kept() {
        let points: Vec<_> =
            [3.0, 5.0, 2.0, 4.0].map(|loss| point(&loss.to_string(), 1e6, 1e7, loss)).into();
        let kept: Vec<_> = without_worst(&points, 2).unwrap().into_iter().map(|p| p.loss).collect();
        assert_eq!(kept, [3.0, 2.0]);
        assert_eq!(without_worst(&points, 4), Err(FitError::DropsAll { dropped: 4, rows: 4 }));
    }

    #[test]
    fn five_epochs_are_left_out_with_the_reason_and_four_are_kept() {
        let mut points = vec![point("four", 1e6, 1e7, 3.0), point("five", 1e6, 1e8, 2.9)];
        points[0].epochs = Some(4.0);
        points[1].epochs = Some(5.0);
        let (kept, excluded) = without_repetition(&points);
        assert_eq!(kept.len(), 1);
        assert_eq!(excluded[0].label, "five");
        assert!(excluded[0].reason.starts_with("5.0 epochs"));
    }
}
