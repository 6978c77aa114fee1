//! Units: rows that share their errors. Their number decides what replicates are made of.

use crate::engine::Resample;
use crate::point::Point;
use isoflop_core::rng::{Purpose, below, stream};
use std::collections::HashMap;

/// Units below which none are drawn with replacement: they would be too few distinct rows for a fit, and their
/// spread says too little. Errors are drawn instead, and Student's t rules the intervals.
const FEW: usize = 20;

/// Numbers the units in order of first appearance.
pub(crate) fn number_units<'a>(units: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    units
        .into_iter()
        .map(|unit| {
            let next = numbers.len();
            *numbers.entry(unit).or_insert(next)
        })
        .collect()
}

/// Which rows belong together.
pub(crate) struct Units {
    numbers: Vec<usize>,
    count: usize,
}

impl Units {
    pub(crate) fn of(points: &[Point]) -> Self {
        let numbers = number_units(points.iter().map(|point| point.unit.as_str()));
        Units { count: numbers.iter().max().map_or(0, |last| last + 1), numbers }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether there are too few to draw with replacement.
    pub(crate) fn are_few(&self) -> bool {
        self.count < FEW
    }

    /// The unit of each row.
    pub(crate) fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// What replicates are made of, in words; `unit` says what one unit is.
    pub(crate) fn words(&self, unit: &str) -> String {
        match (self.are_few(), self.count == self.numbers.len()) {
            (false, _) => format!("units with replacement; {unit}"),
            (true, true) => "normal errors about the fit, their deviation drawn from what the residuals about a fit by squares allow (as Student's t does): too few units to draw with replacement".to_owned(),
            (true, false) => format!("normal errors about the fit, a row's own and one that the rows of a unit share, their deviations drawn from what the residuals about a fit by squares allow: too few units to draw with replacement; {unit}"),
        }
    }

    /// How often each row counts in replicate number `index` of units drawn with replacement; none
    /// below two units.
    pub(crate) fn drawn(&self, seed: u64, index: u64) -> Option<Vec<f64>> {
        (self.count > 1).then(|| {
            let times = self.draw(seed, index);
            self.numbers.iter().map(|unit| times[*unit]).collect()
        })
    }

    /// How often each unit is drawn.
    fn draw(&self, seed: u64, index: u64) -> Vec<f64> {
        let mut rng = stream(seed, Purpose::Bootstrap, index);
        let mut times = vec![0.0; self.count];
        for _ in 0..self.count {
            times[below(&mut rng, self.count as u64) as usize] += 1.0;
        }
        times
    }

    /// New weights of replicate number `index`: units drawn with replacement.
    pub(crate) fn reweigh(&self, seed: u64, index: u64, changed: &mut Resample) {
        let times = self.draw(seed, index);
        for (weight, unit) in changed.weights.iter_mut().zip(&self.numbers) {
            *weight *= times[*unit];
        }
    }
}
