//! Many series at the largest compute that all of them have: which is the best, by how much, and which are not
//! told apart from it.

use crate::frontier::Frontier;
use crate::view::View;
use isoflop_fit::noise::{NoiseFloor, noise_floor};
use isoflop_results::RunRow;

/// Runs may have so much more compute and still count as having the common one.
const SAME: f64 = 1.05;

/// A series at the common compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place<'a> {
    pub(crate) series: &'a str,
    /// Test loss in the unit of the comparison, the mean over seeds; between two runs ln C is linear in ln L.
    pub(crate) loss: f64,
    /// Seeds of the runs that the loss comes from.
    pub(crate) seeds: usize,
}

/// All series at the largest compute that all of them have.
#[derive(Clone, Debug)]
pub(crate) struct Standing<'a> {
    /// FLOPs.
    pub(crate) compute: f64,
    /// The best first.
    pub(crate) places: Vec<Place<'a>>,
    noise: Option<NoiseFloor>,
}

/// Runs of one model, length and rate.
struct Cell {
    compute: f64,
    loss: f64,
    seeds: usize,
}

/// What makes runs seeds of one another.
fn alike(run: &RunRow) -> (u64, u64, u64, Option<u64>, u64, u64) {
    let rate = run.learning_rate.to_bits();
    (run.n(), run.d_model, run.n_layers, run.n_heads, run.tokens, rate)
}

impl<'a> Standing<'a> {
    /// None with fewer than two series that have runs, or where no compute is common to them.
    pub(crate) fn of(view: &View<'a>) -> Option<Standing<'a>> {
        let cells: Vec<(&str, Vec<Cell>)> = view
            .series
            .iter()
            .map(|series| (*series, cells(view, series)))
            .filter(|(_, cells)| !cells.is_empty())
            .collect();
        let most = |cells: &Vec<Cell>| cells.iter().map(|cell| cell.compute).fold(0.0, f64::max);
        let compute = cells.iter().map(|(_, cells)| most(cells)).fold(f64::INFINITY, f64::min);
        let mut places: Vec<Place<'_>> =
            cells.iter().filter_map(|(series, cells)| place(series, cells, compute)).collect();
        if places.len() < 2 || places.len() < cells.len() {
            return None;
        }
        places.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        let losses = view.finished.iter().filter_map(|run| {
            let unit = view.shared_unit(&run.series);
            Some(((run.series.as_str(), alike(run)), run.test_loss? * unit))
        });
        Some(Standing { compute, places, noise: noise_floor(losses) })
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

/// The cells of a series, in the unit that all series share.
fn cells(view: &View<'_>, series: &str) -> Vec<Cell> {
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
        compute: run.c_exact,
        loss: losses.iter().sum::<f64>() / losses.len() as f64,
        seeds: losses.len(),
    };
    groups.into_iter().map(cell).collect()
}

fn place<'a>(series: &'a str, cells: &[Cell], compute: f64) -> Option<Place<'a>> {
    let frontier = Frontier::of(cells.iter().map(|cell| (cell.compute, cell.loss)));
    let loss = frontier.loss(compute, SAME)?;
    // The cells on either side of the compute, by their losses.
    let near = |cell: &&Cell| frontier.points().contains(&(cell.compute, cell.loss));
    let seeds = cells.iter().filter(near).map(|cell| cell.seeds).min()?;
    Some(Place { series, loss, seeds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_between_two_of_its_runs_has_the_loss_of_the_line_between_them() {
        let cell = |compute: f64, loss: f64| Cell { compute, loss, seeds: 2 };
        let cells = [cell(1e10, 4.0), cell(1e12, 2.0)];
        let found = place("a", &cells, 1e11).expect("between the two");
        assert!((found.loss - 8f64.sqrt()).abs() < 1e-9, "{found:?}");
        assert_eq!(place("a", &cells, 1e9), None);
        assert_eq!(place("a", &cells, 0.97e12).expect("about the second").loss, 2.0);
    }
}
