//! Starts by variable projection (Golub & Pereyra 1973): for given exponents the laws are linear
//! in E, A and B, so a grid over the exponents alone finds every basin worth polishing.

use super::linalg::{Square, solve_subset};
use super::problem::{CentredRow, Problem};
use crate::laws::{Form, Offset};
use crate::objective::{Penalty, Residual};

/// Exponents published for any loss lie well inside (Kaplan's .05 to about 1).
const GRID: (f64, f64) = (0.02, 2.0);

/// Multiple of the median residual from which on a residual is far, and the rounds of new weights that leave it
/// behind.
const FAR: f64 = 20.0;
const ROUNDS: usize = 20;

/// A point of the grid with its best coefficients.
pub(super) struct GridPoint<const P: usize> {
    pub(super) at: [usize; 2],
    pub(super) theta: [f64; P],
    pub(super) value: f64,
}

/// Columns of the inner problem: ones and two powers.
pub(crate) const COLUMNS: usize = 3;

/// The exponents of a grid of `side` a term; one exponent for both terms is a line, not a square.
pub(super) fn exponents(form: Form, side: usize) -> Vec<f64> {
    let side = if form.tied { 4 * side } else { side };
    (0..side).map(|i| GRID.0 * (GRID.1 / GRID.0).powf(i as f64 / (side - 1) as f64)).collect()
}

/// Where an exponent lies on a grid of so many, in cells.
pub(super) fn place(exponent: f64, side: usize) -> f64 {
    let share = (exponent / GRID.0).ln() / (GRID.1 / GRID.0).ln();
    share.clamp(0.0, 1.0) * (side - 1) as f64
}

/// A term's power at every row.
pub(super) fn column<const P: usize>(problem: &Problem<P>, term: usize, exponent: f64) -> Vec<f64> {
    let rows = problem.rows.iter();
    rows.map(|row| (-exponent * row.x[term]).exp()).collect()
}

/// The starts, best first and at most `wanted`: the local minima of the objective over a grid of `side`
/// exponents a term, then the best of the remaining cells that are not next to one chosen.
pub(crate) fn starts<const P: usize>(
    problem: &Problem<P>,
    form: Form,
    side: usize,
    wanted: usize,
) -> Vec<[f64; P]> {
    let mut cells = scan(problem, form, side, 0);
    let best = cells.iter().min_by(|a, b| a.value.total_cmp(&b.value));
    let few_err = best.is_none_or(|cell| err_few(problem, &cell.theta));
    // A few rows far from all others carry the squares away, and not a penalty that grows more slowly.
    if few_err && problem.objective.penalty != Penalty::Square {
        cells.extend(scan(problem, form, side, ROUNDS));
    }
    let mut chosen = lowest(&cells, wanted);
    for cell in by_value(&cells) {
        if chosen.len() < wanted && chosen.iter().all(|other| distance(cell, other) > 2) {
            chosen.push(cell);
        }
    }
    chosen.into_iter().map(|cell| cell.theta).collect()
}

fn by_value<const P: usize>(cells: &[GridPoint<P>]) -> Vec<&GridPoint<P>> {
    let mut order: Vec<&GridPoint<P>> = cells.iter().collect();
    order.sort_by(|a, b| a.value.total_cmp(&b.value));
    order
}

/// The cells that no neighbour undercuts, best first and at most `wanted`.
pub(super) fn lowest<const P: usize>(cells: &[GridPoint<P>], wanted: usize) -> Vec<&GridPoint<P>> {
    let order = by_value(cells);
    let lowest_near = |cell: &GridPoint<P>| {
        let near = |other: &&GridPoint<P>| distance(cell, other) == 1;
        order.iter().copied().filter(near).all(|other| cell.value <= other.value)
    };
    // A cell is compared with its neighbours only while it can still be chosen.
    let mut chosen: Vec<&GridPoint<P>> = Vec::new();
    for cell in order.iter().copied().take(8 * wanted) {
        if chosen.len() < wanted && lowest_near(cell) {
            chosen.push(cell);
        }
    }
    chosen
}

fn distance<const P: usize>(a: &GridPoint<P>, b: &GridPoint<P>) -> usize {
    a.at[0].abs_diff(b.at[0]).max(a.at[1].abs_diff(b.at[1]))
}

/// Whether some rows lie far from a point that comes near half of them.
fn err_few<const P: usize>(problem: &Problem<P>, theta: &[f64; P]) -> bool {
    let mut sizes = problem.residuals(theta);
    sizes.iter_mut().for_each(|r| *r = r.abs());
    sizes.sort_by(f64::total_cmp);
    sizes[sizes.len() - 1] > FAR * sizes[sizes.len() / 2]
}

/// Every cell whose terms all take part; a term with coefficient zero has no exponent to polish. The
/// inner problem is solved by squares and so many rounds of new weights.
fn scan<const P: usize>(
    problem: &Problem<P>,
    form: Form,
    side: usize,
    rounds: usize,
) -> Vec<GridPoint<P>> {
    // An exponent that is held is a grid of its own.
    let of_term: Vec<Vec<f64>> = (0..form.terms)
        .map(|term| match problem.held_at(form.exponent(term)) {
            Some(exponent) => vec![exponent],
            None => exponents(form, side),
        })
        .collect();
    let columns: Vec<Vec<Vec<f64>>> = of_term
        .iter()
        .enumerate()
        .map(|(term, all)| all.iter().map(|&exponent| column(problem, term, exponent)).collect())
        .collect();
    let ones = vec![1.0; problem.rows.len()];
    let inner = InnerProblem::new(problem, form, rounds);
    let mut cells = Vec::new();
    for (i, first) in columns[0].iter().enumerate() {
        let mut push = |j: usize, coefficients: Option<([f64; COLUMNS], f64)>| {
            let Some((coefficients, value)) = coefficients else {
                return;
            };
            if coefficients[1..=form.terms].iter().all(|c| *c > 0.0) {
                let last = of_term.len() - 1;
                let theta = assemble(form, &coefficients, [of_term[0][i], of_term[last][j]]);
                cells.push(GridPoint { at: [i, j], theta, value });
            }
        };
        match columns.get(1) {
            None => push(0, inner.solve([&ones, first])),
            Some(seconds) if form.tied => push(i, inner.solve([&ones, first, &seconds[i]])),
            Some(seconds) => {
                for (j, second) in seconds.iter().enumerate() {
                    push(j, inner.solve([&ones, first, second]));
                }
            }
        }
    }
    cells
}

pub(super) fn assemble<const P: usize>(
    form: Form,
    coefficients: &[f64],
    exponents: [f64; 2],
) -> [f64; P] {
    let mut theta = [0.0; P];
    if form.offset == Offset::Free {
        theta[0] = coefficients[0];
    }
    for (term, exponent) in exponents.into_iter().enumerate().take(form.terms) {
        theta[form.coefficient(term)] = coefficients[1 + term];
        theta[form.exponent(term)] = exponent;
    }
    theta
}

/// The inner problem: non-negative least squares in E and the coefficients, weighted so that to
/// first order it minimises the squares of the objective's own residual.
struct InnerProblem<'a, const P: usize> {
    problem: &'a Problem<P>,
    form: Form,
    /// E where it is given or held.
    given: Option<f64>,
    /// Losses less that E.
    losses: Vec<f64>,
    weights: Vec<f64>,
    /// Rounds of new weights.
    rounds: usize,
}

impl<'a, const P: usize> InnerProblem<'a, P> {
    fn new(problem: &'a Problem<P>, form: Form, rounds: usize) -> Self {
        let losses: Vec<f64> =
            problem.rows.iter().map(|row| problem.objective.untransform(row.target)).collect();
        let weight = |(row, loss): (&CentredRow, &f64)| match problem.objective.residual {
            Residual::Loss => row.weight,
            // d ln L = dL / L
            Residual::LogLoss => row.weight / (loss * loss),
        };
        let weights = problem.rows.iter().zip(&losses).map(weight).collect();
        let given = match form.offset {
            Offset::Free => problem.held_at(0),
            Offset::None | Offset::Given(_) => Some(given(form)),
        };
        InnerProblem {
            problem,
            form,
            given,
            losses: losses.iter().map(|loss| loss - given.unwrap_or(0.0)).collect(),
            weights,
            rounds,
        }
    }

    /// `[E, a, b]` exactly, with the real objective there. `columns` are `[S][rows]`, the first all ones.
    fn solve<const S: usize>(&self, columns: [&[f64]; S]) -> Option<([f64; COLUMNS], f64)> {
        let mut coefficients = self.weighted(&self.weights, columns)?;
        for _ in 0..self.rounds {
            let penalty = self.problem.objective.penalty;
            let residuals = self.residuals(&coefficients, columns);
            let weights = self.weights.iter().zip(residuals);
            let weights: Vec<f64> = weights.map(|(w, r)| w * penalty.majorant(r)).collect();
            coefficients = self.weighted(&weights, columns)?;
        }
        if let (Some(e), Offset::Free) = (self.given, self.form.offset) {
            coefficients[0] = e;
        }
        Some((coefficients, self.value(&coefficients, columns)))
    }

    fn weighted<const S: usize>(
        &self,
        weights: &[f64],
        columns: [&[f64]; S],
    ) -> Option<[f64; COLUMNS]> {
        let mut gram = [[0.0; COLUMNS]; COLUMNS];
        let mut right = [0.0; COLUMNS];
        for (row, (&weight, &loss)) in weights.iter().zip(&self.losses).enumerate() {
            let values: [f64; S] = std::array::from_fn(|k| columns[k][row]);
            for i in 0..S {
                let weighted = weight * values[i];
                right[i] += weighted * loss;
                for (entry, value) in gram[i][..=i].iter_mut().zip(values) {
                    *entry += weighted * value;
                }
            }
        }
        let (coefficients, _) = non_negative(&gram, &right, S, self.given.is_none())?;
        Some(coefficients)
    }

    /// Residuals of coefficients among which E stands where it is free.
    fn residuals<'b, const S: usize>(
        &'b self,
        coefficients: &'b [f64; COLUMNS],
        columns: [&'b [f64]; S],
    ) -> impl Iterator<Item = f64> + 'b {
        let objective = self.problem.objective;
        let e = self.given.unwrap_or(coefficients[0]);
        let rows = self.problem.rows.iter().enumerate();
        rows.map(move |(i, row)| {
            let terms: f64 = (1..S).map(|k| coefficients[k] * columns[k][i]).sum();
            row.target - objective.transform(e + terms)
        })
    }

    fn value<const S: usize>(&self, coefficients: &[f64; COLUMNS], columns: [&[f64]; S]) -> f64 {
        let penalty = self.problem.objective.penalty;
        let rows = self.problem.rows.iter();
        rows.zip(self.residuals(coefficients, columns))
            .filter(|(row, _)| row.weight > 0.0)
            .map(|(row, r)| row.weight * penalty.at(r))
            .sum()
    }
}

/// `[E, a, b]` of so many columns and how much they take off the squares: the best of the unconstrained
/// optima of all subsets of columns that are positive, which holds the constrained optimum because the
/// problem is convex.
pub(crate) fn non_negative(
    gram: &Square<COLUMNS>,
    right: &[f64; COLUMNS],
    columns: usize,
    offset: bool,
) -> Option<([f64; COLUMNS], f64)> {
    let step = if offset { 1 } else { 2 };
    let mut best: Option<([f64; COLUMNS], f64)> = None;
    for mask in (0u16..1 << columns).step_by(step) {
        let Some(x) = solve_subset(gram, right, mask) else {
            continue;
        };
        let gain: f64 = x.iter().zip(right).map(|(x, r)| x * r).sum();
        if x.iter().all(|x| *x >= 0.0) && best.is_none_or(|(_, most)| gain > most) {
            best = Some((x, gain));
        }
    }
    best
}

/// The E that a form has without asking the rows.
pub(super) fn given(form: Form) -> f64 {
    match form.offset {
        Offset::Given(e) => e,
        Offset::None | Offset::Free => 0.0,
    }
}
