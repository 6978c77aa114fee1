//! Many series at amounts of compute that all of them have, or of tokens where they have no compute in common:
//! which is the best, by how much, and which are not told apart from it.

use crate::frontier::Frontier;
use crate::view::View;
use isoflop_core::units::{scientific, short};
use isoflop_fit::noise::{NoiseFloor, noise_floor};
use isoflop_results::RunRow;

/// Runs may have so much more and still count as having the common amount.
const SAME: f64 = 1.05;

/// What all series have the same amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Compute,
    Tokens,
}

impl Measure {
    fn of(self, run: &RunRow) -> f64 {
        match self {
            Measure::Compute => run.c_exact,
            Measure::Tokens => run.tokens as f64,
        }
    }

    /// An amount in words, `6.88e12 FLOPs`, `4M tokens`.
    pub(crate) fn amount(self, of: f64) -> String {
        match self {
            Measure::Compute => format!("{} FLOPs", scientific(of)),
            Measure::Tokens => format!("{} tokens", short(of)),
        }
    }
}

/// A series at the common amount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place<'a> {
    pub(crate) series: &'a str,
    /// Test loss in the unit of the comparison, the mean over seeds; between two runs the logarithm of
    /// the amount is linear in ln L.
    pub(crate) loss: f64,
    /// Seeds of the runs that the loss comes from.
    pub(crate) seeds: usize,
}

/// All series at one amount of compute or tokens.
#[derive(Clone, Debug)]
pub(crate) struct Standing<'a> {
    pub(crate) measure: Measure,
    /// FLOPs or tokens.
    pub(crate) amount: f64,
    /// The best first.
    pub(crate) places: Vec<Place<'a>>,
    noise: Option<NoiseFloor>,
}

/// Runs of one model, length and rate.
struct Cell {
    amount: f64,
    loss: f64,
    seeds: usize,
}

/// What makes runs seeds of one another.
fn alike(run: &RunRow) -> (u64, u64, u64, Option<u64>, u64, u64) {
    let rate = run.learning_rate.to_bits();
    (run.n(), run.d_model, run.n_layers, run.n_heads, run.tokens, rate)
}

/// Steps within a decade, at which series are compared.
const STEPS: [f64; 2] = [1.0, 3.0];
/// A step so near to an end is left out.
const NEAR: f64 = 1.3;

impl<'a> Standing<'a> {
    /// From the smallest to the largest compute that all series have, at 1 and 3 of every decade between; from
    /// the fewest to the most tokens where no compute is common to them. Empty with fewer than two series that
    /// have runs, or where nothing is common.
    pub(crate) fn along(view: &View<'a>) -> Vec<Standing<'a>> {
        let by_compute = Standing::by(view, Measure::Compute);
        match by_compute.is_empty() {
            true => Standing::by(view, Measure::Tokens),
            false => by_compute,
        }
    }

    fn by(view: &View<'a>, measure: Measure) -> Vec<Standing<'a>> {
        let cells: Vec<(&str, Vec<Cell>)> = view
            .series
            .iter()
            .map(|series| (*series, cells(view, series, measure)))
            .filter(|(_, cells)| !cells.is_empty())
            .collect();
        let amount = |cells: &[Cell], pick: fn(f64, f64) -> f64, from: f64| {
            cells.iter().map(|cell| cell.amount).fold(from, pick)
        };
        let least = |cells: &[Cell]| amount(cells, f64::min, f64::INFINITY);
        let most = |cells: &[Cell]| amount(cells, f64::max, 0.0);
        let low = cells.iter().map(|(_, cells)| least(cells)).fold(0.0, f64::max);
        let high = cells.iter().map(|(_, cells)| most(cells)).fold(f64::INFINITY, f64::min);
        let losses = view.finished.iter().filter_map(|run| {
            let unit = view.shared_unit(&run.series);
            Some(((run.series.as_str(), alike(run)), run.test_loss? * unit))
        });
        let noise = noise_floor(losses);
        let at = |amount: f64| {
            let mut places: Vec<Place<'_>> =
                cells.iter().filter_map(|(series, cells)| place(series, cells, amount)).collect();
            let complete = places.len() > 1 && places.len() == cells.len();
            places.sort_by(|a, b| a.loss.total_cmp(&b.loss));
            complete.then_some(Standing { measure, amount, places, noise })
        };
        steps(low, high).into_iter().filter_map(at).collect()
    }

    /// Whether there are seeds whose scatter says what a difference is worth.
    pub(crate) fn has_noise(&self) -> bool {
        self.noise.is_some()
    }

    /// Whether the best is told apart from all others by the noise between seeds.
    pub(crate) fn is_clear(&self) -> bool {
        self.places[1..].iter().all(|place| self.tells_apart(*place))
    }

    /// Whether a series is told apart from the best by the noise between seeds.
    pub(crate) fn tells_apart(&self, place: Place<'_>) -> bool {
        matches!(self.above_best(place), (above, Some(half)) if above > half)
    }

    pub(crate) fn best(&self) -> Place<'a> {
        self.places[0]
    }

    /// How much the loss of a series is above that of the best, with half of its interval by the noise between
    /// seeds, where there are any.
    pub(crate) fn above_best(&self, place: Place<'_>) -> (f64, Option<f64>) {
        let best = self.best();
        let half = self.noise.map(|noise| noise.of_difference(place.seeds, best.seeds));
        (place.loss - best.loss, half)
    }
}

/// Amounts from one to another, ends included.
fn steps(low: f64, high: f64) -> Vec<f64> {
    if !(low > 0.0 && high.is_finite()) {
        return Vec::new();
    }
    let decades = low.log10().floor() as i32..=high.log10().floor() as i32;
    let between = decades.flat_map(|decade| STEPS.map(|step| step * 10f64.powi(decade)));
    let between = between.filter(|amount| (low * NEAR..high / NEAR).contains(amount));
    let first = (low * NEAR < high).then_some(low);
    first.into_iter().chain(between).chain([high]).collect()
}

/// The cells of a series, in the unit that all series share.
fn cells(view: &View<'_>, series: &str, measure: Measure) -> Vec<Cell> {
    let unit = view.shared_unit(series);
    let mut groups: Vec<(&RunRow, Vec<f64>)> = Vec::new();
    for run in view.finished.iter().filter(|run| run.series == series) {
        let Some(loss) = run.test_loss else {
            continue;
        };
        match groups.iter_mut().find(|(first, _)| alike(first) == alike(run)) {
            Some((_, losses)) => losses.push(loss * unit),
            None => groups.push((run, vec![loss * unit])),
        }
    }
    let cell = |(run, losses): (&RunRow, Vec<f64>)| Cell {
        amount: measure.of(run),
        loss: losses.iter().sum::<f64>() / losses.len() as f64,
        seeds: losses.len(),
    };
    groups.into_iter().map(cell).collect()
}

fn place<'a>(series: &'a str, cells: &[Cell], amount: f64) -> Option<Place<'a>> {
    let frontier = Frontier::of(cells.iter().map(|cell| (cell.amount, cell.loss)));
    let loss = frontier.loss(amount, SAME)?;
    // The cells on either side of the amount, by their losses.
    let near = |cell: &&Cell| frontier.points().contains(&(cell.amount, cell.loss));
    let seeds = cells.iter().filter(near).map(|cell| cell.seeds).min()?;
    Some(Place { series, loss, seeds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_from_end_to_end_and_keep_apart() {
        assert_eq!(steps(2.9e10, 7e11), [2.9e10, 1e11, 3e11, 7e11]);
        assert_eq!(steps(1e12, 1e12), [1e12]);
        assert_eq!(steps(3e12, 1e12), [1e12]);
        assert!(steps(0.0, f64::INFINITY).is_empty());
    }

    #[test]
    fn a_series_between_two_of_its_runs_has_the_loss_of_the_line_between_them() {
        let cell = |amount: f64, loss: f64| Cell { amount, loss, seeds: 2 };
        let cells = [cell(1e10, 4.0), cell(1e12, 2.0)];
        let found = place("a", &cells, 1e11).expect("between the two");
        assert!((found.loss - 8f64.sqrt()).abs() < 1e-9, "{found:?}");
        assert_eq!(place("a", &cells, 1e9), None);
        assert_eq!(place("a", &cells, 0.97e12).expect("about the second").loss, 2.0);
    }
}
