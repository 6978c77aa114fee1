//! The power law of a best setting: one valley through all losses, and intervals by a jackknife.

use super::identified::{follows, identified, squares};
use super::valley::{Kind, Sample, Valley, fit, left_out, straight};
use crate::design::{classify, mean};
use crate::intervals::TAIL;
use crate::output::{BestLaw, Estimate, NotIdentified};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;

/// A quantity that a best setting may be a power of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    /// Name of the exponent.
    pub(super) name: &'static str,
    /// The exponent's sign in the formula.
    pub(super) sign: f64,
    /// Which number of a [`Place`] it is.
    pub(super) of: usize,
    /// What it is called.
    pub(super) called: &'static str,
    /// Distinct values that identify it.
    pub(super) needed: usize,
}

/// Logarithms of N, D, batch and decay of a cell.
pub(super) type Place = [f64; 4];

/// A cell: where it is, its level and where its losses are lowest, if that is inside.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) place: Place,
    /// ln of the setting at the bottom of its own parabola.
    pub(super) inside: Option<f64>,
    /// The runs near the bottom.
    pub(super) losses: Vec<Loss>,
    /// Number of the cell in the jackknife over cells.
    pub(super) unit: usize,
}

/// A run of a cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    /// Number of its level.
    pub(super) level: usize,
    /// ln of the setting.
    pub(super) x: f64,
    pub(super) loss: f64,
    /// Number of its trunk, which branches of other cells share.
    pub(super) trunk: usize,
}

/// A law before it has names: the valley, its terms, and what leaving out each unit makes of the place.
pub(super) struct Fitted {
    pub(super) valley: Valley,
    pub(super) terms: Vec<Term>,
    pub(super) centre: Place,
    pub(super) samples: Vec<Sample>,
    steepen: Vec<Steepens>,
    left_out: Option<LeftOut>,
    units: usize,
    trunks: usize,
    inside: usize,
    censored: usize,
}

/// Fits the law of these terms, as far as the cells identify them; what they do not is added to `missing`.
pub(super) fn law(
    cells: &[Cell],
    terms: &[Term],
    (steepens, kinds): (&[Steepens], &[Kind]),
    missing: &mut Vec<NotIdentified>,
) -> Option<Fitted> {
    let inside: Vec<&Cell> = cells.iter().filter(|cell| cell.inside.is_some()).collect();
    if inside.len() < 2 {
        return None;
    }
    let centre: Place =
        std::array::from_fn(|k| mean(&inside.iter().map(|c| c.place[k]).collect::<Vec<_>>()));
    let terms = identified(&inside, terms, missing);
    let z = |place: &Place| -> Vec<f64> {
        [1.0].into_iter().chain(terms.iter().map(|term| place[term.of] - centre[term.of])).collect()
    };
    let steepen = steepening(&inside, steepens);
    let rows: Vec<(Vec<f64>, f64)> =
        inside.iter().filter_map(|cell| Some((z(&cell.place), cell.inside?))).collect();
    let samples = |steepen: &[Steepens]| -> Vec<Sample> {
        let of_cell = |cell: &Cell| {
            let (z, unit) = (z(&cell.place), cell.unit);
            let tilts = tilts(steepen, &cell.place, &centre);
            let sample = move |run: &Loss| Sample {
                level: run.level,
                x: run.x,
                z: z.clone(),
                tilts: tilts.clone(),
                loss: run.loss,
                cell: unit,
                trunk: run.trunk,
            };
            cell.losses.iter().map(sample).collect::<Vec<_>>()
        };
        cells.iter().flat_map(of_cell).collect()
    };
    let place = squares(&rows)?;
    // Walls get steeper with as many quantities, and rise with such powers, as the losses tell (Schwarz's
    // criterion): powers that are fitted to noise leave the place of the floor open.
    let counts = 0..=steepen.len();
    let each = counts.flat_map(|count| kinds.iter().map(move |kind| (count, *kind)));
    let tried = each.filter_map(|(count, kind)| {
        let steepen = &steepen[..count];
        let samples = samples(steepen);
        let (place, steeper) = (place.clone(), vec![0.0; count]);
        let start = Valley { place, walls: [0.05; 2], steeper, bend: 2.0, kind, spread: 0.0 };
        let valley = fit(&samples, &start)?;
        Some((valley.criterion(&samples), valley, steepen.to_vec(), samples))
    });
    let (criterion, valley, steepen, samples) = tried.min_by(|a, b| a.0.total_cmp(&b.0))?;
    if criterion >= straight(&samples) {
        return None;
    }
    let count = |of: fn(&Sample) -> usize| {
        let mut units: Vec<usize> = samples.iter().map(of).collect();
        units.sort_unstable();
        units.dedup();
        units.len()
    };
    Some(Fitted {
        left_out: LeftOut::of(&samples, &valley),
        units: count(|sample| sample.cell),
        trunks: count(|sample| sample.trunk),
        inside: inside.len(),
        censored: cells.len() - inside.len(),
        valley,
        terms,
        centre,
        samples,
        steepen,
    })
}

/// Places of the floor without each cell, without each trunk and without each run.
struct LeftOut([Vec<Vec<f64>>; 3]);

impl LeftOut {
    fn of(samples: &[Sample], valley: &Valley) -> Option<Self> {
        let numbered: Vec<Sample> = samples
            .iter()
            .enumerate()
            .map(|(k, sample)| Sample { trunk: k, ..sample.clone() })
            .collect();
        Some(LeftOut([
            left_out(samples, valley, |sample| sample.cell)?,
            left_out(samples, valley, |sample| sample.trunk)?,
            left_out(&numbered, valley, |sample| sample.trunk)?,
        ]))
    }

    /// The standard error of a function of the place: jackknives over cells and over trunks, less what both count
    /// (Cameron, Gelbach & Miller 2011, section 2), and no less than either.
    fn error(&self, of: &dyn Fn(&[f64]) -> f64) -> f64 {
        let variance = |places: &[Vec<f64>]| {
            let values: Vec<f64> = places.iter().map(|place| of(place)).collect();
            let (centre, units) = (mean(&values), values.len() as f64);
            let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
            (units - 1.0) / units * squares
        };
        let [cells, trunks, runs] = &self.0;
        let (cells, trunks, runs) = (variance(cells), variance(trunks), variance(runs));
        (cells + trunks - runs).max(cells).max(trunks).sqrt()
    }
}

/// What walls may get steeper with: the logarithm of a number of a place, or of one over another.
pub(super) type Steepens = (usize, Option<usize>);

/// Values of a quantity that walls may get steeper with, below which they do not.
const FEWEST: usize = 3;

/// The quantities, among those given, of which the cells have enough values and that follow no other.
fn steepening(cells: &[&Cell], given: &[Steepens]) -> Vec<Steepens> {
    let mut kept: Vec<Steepens> = Vec::new();
    for of in given {
        let logs: Vec<f64> = cells.iter().map(|cell| quantity(*of, &cell.place)).collect();
        let others: Vec<Vec<f64>> = cells
            .iter()
            .map(|cell| {
                [1.0]
                    .into_iter()
                    .chain(kept.iter().map(|other| quantity(*other, &cell.place)))
                    .collect()
            })
            .collect();
        let values = classify(&logs).into_iter().max().unwrap_or(0) + 1;
        if values >= FEWEST && !follows(&others, &logs) {
            kept.push(*of);
        }
    }
    kept
}

fn quantity((of, over): Steepens, place: &Place) -> f64 {
    place[of] - over.map_or(0.0, |over| place[over])
}

fn tilts(steepen: &[Steepens], place: &Place, centre: &Place) -> Vec<f64> {
    steepen.iter().map(|of| quantity(*of, place) - quantity(*of, centre)).collect()
}

impl Fitted {
    /// ln of the best setting at a place.
    pub(super) fn best(&self, place: &Place) -> f64 {
        self.valley.floor(&self.z(place))
    }

    /// What a setting costs against the best one at a place.
    pub(super) fn cost(&self, setting: f64, place: &Place) -> f64 {
        let tilts = tilts(&self.steepen, place, &self.centre);
        self.valley.rise(setting - self.best(place), &tilts)
    }

    fn z(&self, place: &Place) -> Vec<f64> {
        let terms = self.terms.iter().map(|term| place[term.of] - self.centre[term.of]);
        [1.0].into_iter().chain(terms).collect()
    }

    /// A linear function of the place's coefficients with its interval: the jackknife's error, and Student's t
    /// with a degree of freedom for each cell or trunk,
    /// whichever are fewer, beyond the coefficients.
    fn estimate(&self, of: &dyn Fn(&[f64]) -> f64) -> (f64, Option<(f64, f64)>) {
        let value = of(&self.valley.place);
        let units = self.units.min(self.trunks);
        let freedom = units.saturating_sub(self.valley.place.len()) as f64;
        let error = self.left_out.as_ref().filter(|_| freedom > 0.0).map(|left| left.error(of));
        let student = || {
            StudentsT::new(0.0, 1.0, freedom).expect("degrees are positive").inverse_cdf(1.0 - TAIL)
        };
        (value, error.map(|error| (error, student() * error)))
    }

    /// The best setting at a place.
    pub(super) fn setting_at(&self, place: &Place) -> Estimate {
        let z = self.z(place);
        let (value, error) =
            self.estimate(&|place| place.iter().zip(&z).map(|(of, z)| of * z).sum::<f64>());
        as_scale(value, error)
    }

    /// The first exponent.
    pub(super) fn exponent(&self) -> Estimate {
        let (value, error) = self.estimate(&|place| place[1]);
        with_error(value, error)
    }

    /// The law as people quote it; `scale` names its coefficient.
    pub(super) fn named(&self, formula: String, scale: &str, has_batch: bool) -> BestLaw {
        let mut parameters = BTreeMap::new();
        for (k, term) in self.terms.iter().enumerate() {
            let sign = term.sign;
            let (value, error) = self.estimate(&|place| sign * place[k + 1]);
            parameters.insert(term.name.to_owned(), with_error(value, error));
        }
        // All logarithms at zero: one parameter, one token.
        let origin = |place: &[f64]| {
            let terms = self.terms.iter().enumerate();
            place[0] - terms.map(|(k, term)| place[k + 1] * self.centre[term.of]).sum::<f64>()
        };
        let (value, error) = self.estimate(&origin);
        parameters.insert(scale.to_owned(), as_scale(value, error));
        let (value, error) = self.estimate(&|place| place[0]);
        let [n, d, b, decay] = self.centre.map(f64::exp);
        BestLaw {
            formula,
            parameters,
            n,
            d,
            b: has_batch.then_some(b),
            decay,
            at_centre: as_scale(value, error),
            walls: self.valley.walls,
            bend: self.valley.bend,
            spread: self.valley.spread,
            inside: self.inside,
            censored: self.censored,
            units: self.units,
            trunks: self.trunks,
        }
    }
}

fn with_error(value: f64, error: Option<(f64, f64)>) -> Estimate {
    Estimate {
        value,
        low: error.map(|(_, half)| value - half),
        high: error.map(|(_, half)| value + half),
        standard_error: error.map(|(error, _)| error),
        identified: error.is_some(),
        fixed: false,
    }
}

/// The estimate of a positive number from that of its logarithm.
pub(super) fn as_scale(value: f64, error: Option<(f64, f64)>) -> Estimate {
    let log = with_error(value, error);
    // An error of hundreds of e-folds leaves the numbers that a computer holds.
    let finite = |x: f64| x.is_finite().then_some(x);
    Estimate {
        value: value.exp(),
        low: log.low.map(f64::exp),
        high: log.high.and_then(|high| finite(high.exp())),
        standard_error: log.standard_error.and_then(|error| finite(error * value.exp())),
        ..log
    }
}
