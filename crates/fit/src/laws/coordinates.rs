//! The quantities of a row that laws use, as logarithms less their means.

use super::Law;
use crate::error::FitError;
use crate::output::Axis;
use crate::point::Point;

/// A quantity of a row that a law uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coordinate {
    /// N, D or C.
    Along(Axis),
    /// Distinct tokens, centred as D is.
    Unique,
    /// Optimizer steps.
    Steps,
    /// Tokens a step.
    Batch,
    /// All parameters, those of experts that a token does not use included.
    Total,
    /// Experts for each one that a token uses, 1 for a dense model; not centred.
    Experts,
    /// Widths of an expert in that of a dense model's half, 1 for a dense model; not centred.
    Granularity,
}

/// The coordinate of laws in parameters.
pub(super) const N: Coordinate = Coordinate::Along(Axis::N);
/// The coordinate of laws in tokens.
pub(super) const D: Coordinate = Coordinate::Along(Axis::D);

/// Coordinates of a law of one variable.
pub(super) fn of_one(axis: Axis) -> &'static [Coordinate] {
    match axis {
        Axis::N => &[N],
        Axis::D => &[D],
        Axis::C => &[Coordinate::Along(Axis::C)],
    }
}

/// Most coordinates of a law.
pub(crate) const COORDINATES: usize = 3;

/// Means of the logarithms of some rows, and their largest loss.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Centre {
    /// The mean along each coordinate; zero along one that is not centred.
    pub(crate) x: [f64; COORDINATES],
    /// The largest loss.
    pub(crate) top: f64,
}

impl Law {
    /// The logarithms of a row, not centred.
    pub(crate) fn place(self, point: &Point) -> Result<[f64; COORDINATES], FitError> {
        let missing =
            |column| FitError::Missing { label: point.label.clone(), column, law: self.name() };
        let need = |value: Option<f64>, column| value.ok_or_else(|| missing(column));
        let mut place = [0.0; COORDINATES];
        for (at, coordinate) in self.coordinates().iter().enumerate() {
            let value = match coordinate {
                Coordinate::Along(Axis::N) => need(point.n, "n")?,
                Coordinate::Along(Axis::D) => need(point.d, "d")?,
                Coordinate::Along(Axis::C) => need(point.c, "c")?,
                Coordinate::Unique => need(point.d, "d")? / point.epochs.unwrap_or(1.0).max(1.0),
                Coordinate::Batch => need(point.batch, "batch")?,
                Coordinate::Steps => need(point.d, "d")? / need(point.batch, "batch")?,
                Coordinate::Total => need(point.n_total, "n_total")?,
                Coordinate::Experts => need(point.experts, "experts")?,
                Coordinate::Granularity => need(point.granularity, "granularity")?,
            };
            place[at] = value.ln();
        }
        Ok(place)
    }

    /// Subtracts the means of the logarithms, where a coordinate has one.
    pub(crate) fn centre(self, places: &mut [[f64; COORDINATES]], losses: &[f64]) -> Centre {
        let mut centre =
            Centre { top: losses.iter().copied().fold(0.0, f64::max), ..Centre::default() };
        for (at, coordinate) in self.coordinates().iter().enumerate() {
            centre.x[at] = match coordinate {
                Coordinate::Experts | Coordinate::Granularity => 0.0,
                Coordinate::Unique => centre.x[1],
                _ => places.iter().map(|x| x[at]).sum::<f64>() / places.len() as f64,
            };
        }
        for place in places {
            *place = Self::less(place, &centre);
        }
        centre
    }

    /// A place less the centre.
    pub(crate) fn less(place: &[f64; COORDINATES], centre: &Centre) -> [f64; COORDINATES] {
        std::array::from_fn(|at| place[at] - centre.x[at])
    }
}
