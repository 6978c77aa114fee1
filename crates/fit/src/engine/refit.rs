//! Starts of refits: what no change of weights or targets changes is worked out once for all replicates,
//! and only starts that may lead elsewhere than the optima already known are handed out.

use super::drawn;
use super::grid::{self, COLUMNS, GridPoint, assemble, exponents};
use super::linalg::Square;
use super::problem::Problem;
use super::scout::Scout;
use crate::laws::{Form, Offset};
use crate::objective::Residual;

/// Exponents of each term in the grid of a replicate.
const SIDE: usize = 8;
/// Starts of a replicate's own.
const STARTS: usize = 2;
/// Points drawn for laws without a grid.
const DRAWN: usize = 60;

/// Distance, in cells of the grid, within which a lowest cell is that of a known optimum.
const NEAR: f64 = 1.5;

impl<const P: usize> Scout<P> {
    pub(super) fn of(problem: &Problem<P>) -> Self {
        match problem.form {
            Some(form) => {
                let all = exponents(form, SIDE);
                let of_term = |term| {
                    all.iter().map(|exponent| grid::column(problem, term, *exponent)).collect()
                };
                Scout::Grid(form, (0..form.terms).map(of_term).collect())
            }
            None => {
                let fitted = |t: [f64; P]| {
                    let law = problem.ready(&t);
                    let rows = problem.rows.iter();
                    let all = rows.map(|row| problem.objective.transform(law.loss(&row.x)));
                    let all = all.collect();
                    (t, all)
                };
                Scout::Drawn(drawn::points(problem, DRAWN).map(fitted).collect())
            }
        }
    }

    /// Starts of changed rows, two at most and best first: those of the grid that lie away from a known
    /// optimum.
    pub(super) fn starts(&self, problem: &Problem<P>, known: Option<&[f64; P]>) -> Vec<[f64; P]> {
        match (self, known) {
            // What is held keeps a fit where it is.
            (Scout::Grid(..), Some(_)) if !problem.holds.is_empty() => Vec::new(),
            (Scout::Grid(form, columns), Some(known)) => elsewhere(problem, *form, columns, known),
            (Scout::Grid(form, _), None) => grid::starts(problem, *form, SIDE, STARTS),
            (Scout::Drawn(points), _) => {
                let penalty = problem.objective.penalty;
                let value = |fitted: &[f64]| -> f64 {
                    let rows = problem.rows.iter().zip(fitted);
                    let counted = rows.filter(|(row, _)| row.weight > 0.0);
                    counted.map(|(row, fitted)| row.weight * penalty.at(row.target - fitted)).sum()
                };
                let values = points.iter().map(|(t, fitted)| (value(fitted), *t));
                drawn::best(values.collect(), STARTS)
            }
        }
    }
}

/// Sums over rows that a cell of the grid needs: of one exponent of one term.
struct Sums {
    /// Weighted sum of the column.
    column: f64,
    /// Weighted sum of the column's square.
    square: f64,
    /// Weighted sum of the column's product with the loss.
    loss: f64,
    /// The weighted column itself.
    weighted: Vec<f64>,
}

/// The lowest cells of the grid that are not a known optimum's. Cells are judged by their squares,
/// which the sums of each exponent tell but for one product.
fn elsewhere<const P: usize>(
    problem: &Problem<P>,
    form: Form,
    columns: &[Vec<Vec<f64>>],
    known: &[f64; P],
) -> Vec<[f64; P]> {
    let exponents = exponents(form, SIDE);
    let given = grid::given(form);
    let rows = problem.rows.iter().map(|row| {
        let loss = problem.objective.untransform(row.target);
        let weight = match problem.objective.residual {
            Residual::Loss => row.weight,
            Residual::LogLoss => row.weight / (loss * loss),
        };
        (weight, loss - given)
    });
    let (weights, losses): (Vec<f64>, Vec<f64>) = rows.unzip();
    let sums = |column: &Vec<f64>| {
        let weighted: Vec<f64> = column.iter().zip(&weights).map(|(x, w)| x * w).collect();
        Sums {
            column: weighted.iter().sum(),
            square: dot(&weighted, column),
            loss: dot(&weighted, &losses),
            weighted,
        }
    };
    let of: Vec<Vec<Sums>> = columns.iter().map(|all| all.iter().map(sums).collect()).collect();
    let (weight, loss) = (weights.iter().sum::<f64>(), dot(&weights, &losses));
    let one = |i: usize| {
        let first = &of[0][i];
        let gram = [[weight, 0.0, 0.0], [first.column, first.square, 0.0], [0.0; COLUMNS]];
        (gram, [loss, first.loss, 0.0])
    };
    let two = |i: usize, j: usize| {
        let (mut gram, mut right) = one(i);
        let second = &of[1][j];
        let product = dot(&of[0][i].weighted, &columns[1][j]);
        gram[2] = [second.column, product, second.square];
        right[2] = second.loss;
        (gram, right)
    };
    let mut cells = Vec::new();
    let free = form.offset == Offset::Free;
    let mut push = |i: usize, j: usize, (gram, right): (Square<COLUMNS>, [f64; COLUMNS])| {
        let Some((coefficients, gain)) = grid::non_negative(&gram, &right, form.terms + 1, free)
        else {
            return;
        };
        if coefficients[1..=form.terms].iter().all(|c| *c > 0.0) {
            let theta = assemble(form, &coefficients, [exponents[i], exponents[j]]);
            cells.push(GridPoint { at: [i, j], theta, value: -gain });
        }
    };
    let side = exponents.len();
    for i in 0..side {
        match (form.terms, form.tied) {
            (1, _) => push(i, 0, one(i)),
            (_, true) => push(i, i, two(i, i)),
            (_, false) => (0..side).for_each(|j| push(i, j, two(i, j))),
        }
    }
    let place: Vec<f64> =
        (0..form.terms).map(|term| grid::place(known[form.exponent(term)], side)).collect();
    let own = |cell: &GridPoint<P>| {
        let ways = place.iter().zip(cell.at);
        ways.into_iter().all(|(place, at)| (place - at as f64).abs() < NEAR)
    };
    let lowest = grid::lowest(&cells, STARTS);
    let away = lowest.into_iter().filter(|cell| !own(cell));
    away.map(|cell| cell.theta).collect()
}

/// Four sums at a time: one after another waits for each addition.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (quads, others) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = quads.remainder().iter().zip(others.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in quads.zip(others) {
        for k in 0..4 {
            sums[k] += x[k] * y[k];
        }
    }
    sums[0] + sums[1] + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, Resample, engine};
    use super::*;
    use crate::laws::Law;
    use crate::point::{Point, point};

    /// A grid of rows on two laws: that of the first, or of the second where `second` says so.
    fn rows(second: impl Fn(usize) -> bool) -> Vec<Point> {
        let mut points = Vec::new();
        for i in 0..8 {
            for j in 0..8 {
                let (n, d) = (1e6 * 3f64.powi(i), 1e8 * 3f64.powi(j));
                let (alpha, beta) = match second(points.len()) {
                    true => (1.2, 0.05),
                    false => (0.1, 0.5),
                };
                let loss = 1.5 + (n / 1e6).powf(-alpha) + (d / 1e8).powf(-beta);
                points.push(point(&points.len().to_string(), n, d, loss));
            }
        }
        points
    }

    fn chinchilla(points: &[Point]) -> Box<dyn Engine> {
        engine(points, Law::Chinchilla, "log-huber:1e-3".parse().unwrap(), &[]).unwrap()
    }

    /// The replicate's rows follow another law than the full fit's.
    #[test]
    fn a_replicate_leaves_the_basin_of_the_full_fit_where_its_rows_say_so() {
        let mut full = chinchilla(&rows(|_| false));
        let known = full.solve().unwrap().known();
        let other = chinchilla(&rows(|_| true));
        let changed = Resample::of(&*other);
        let found = full.resolve(&changed, &known).unwrap();
        let natural = full.natural(&found.t);
        assert!((natural[2] - 1.2).abs() < 1e-4 && (natural[4] - 0.05).abs() < 1e-4, "{natural:?}");
    }

    #[test]
    fn products_four_at_a_time_are_those_one_by_one() {
        for count in [0, 1, 3, 4, 5, 11] {
            let a: Vec<f64> = (0..count).map(f64::from).collect();
            let b: Vec<f64> = a.iter().map(|x| 2.0 - x).collect();
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((dot(&a, &b) - plain).abs() < 1e-12);
        }
    }
}
