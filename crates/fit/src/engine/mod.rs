//! The one engine behind every law: many starts, a polish of each on the objective itself, and an
//! account of every distinct optimum.
//!
//! Starts of sums of powers come from a grid over the exponents with the rest solved exactly
//! (`grid`, variable projection); those of other laws are drawn (`drawn`). The polish is one for all:
//! Newton's steps with exact second derivatives. [`Engine`] hides the number of parameters.

mod drawn;
mod grid;
mod held;
mod hold;
pub(crate) mod linalg;
mod polish;
mod problem;
mod projected;
mod refit;
mod scout;
mod solve;

pub(crate) use grid::{COLUMNS, non_negative};
pub(crate) use held::Held;
pub(crate) use polish::{End, TOLERANCE};
pub(crate) use problem::CentredRow;

use crate::error::FitError;
use crate::laws::{COORDINATES, Law, with_parameters};
use crate::objective::Objective;
use crate::point::Point;
use crate::watch::Watch;
use problem::Problem;
use std::sync::Arc;

/// An optimum, or where a start ended.
#[derive(Clone, Debug)]
pub(crate) struct Optimum {
    /// Inner parameters.
    pub(crate) t: Vec<f64>,
    /// Value of the objective: the unscaled sum over rows.
    pub(crate) value: f64,
    /// Norm of the scaled objective's gradient over parameters that no bound holds.
    pub(crate) gradient_norm: f64,
    pub(crate) end: End,
}

/// Everything the starts found.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    /// Distinct local optima, best first; never empty.
    pub(crate) basins: Vec<Optimum>,
    pub(crate) starts: usize,
    /// Starts that ended in the best basin.
    pub(crate) agreed: usize,
    /// Starts that were returned as they were given without being optimal.
    pub(crate) unmoved: usize,
    /// Starts that used up their steps or stalled.
    pub(crate) unfinished: usize,
}

impl Solution {
    pub(crate) fn best(&self) -> &Optimum {
        &self.basins[0]
    }

    /// The optima as starts for refits: the best few that differ by more than digits.
    pub(crate) fn known(&self) -> Vec<Vec<f64>> {
        let near = |basin: &&Optimum| basin.value <= 2.0 * self.basins[0].value;
        let few = self.basins.iter().filter(near).take(3);
        few.map(|basin| basin.t.clone()).collect()
    }
}

/// Rows of one law under one objective, whatever its number of parameters. Values are sums over
/// weighted rows.
pub(crate) trait Engine: Send + Sync {
    /// Every descent from here on ends at once where this watch is stopped.
    fn watched_by(&mut self, watch: &Watch);
    fn law(&self) -> Law;
    fn objective(&self) -> Objective;
    fn rows(&self) -> &[CentredRow];
    /// Quantities that are held.
    fn holds(&self) -> &[Held];
    /// Parameters that are not held.
    fn free(&self) -> usize;
    /// Targets less the law, on the scale of the objective's residual.
    fn residuals(&self, t: &[f64]) -> Vec<f64>;
    /// The law at each row, nats per token.
    fn losses(&self, t: &[f64]) -> Vec<f64>;
    /// The law at the coordinates of any row, nats per token.
    fn loss_at(&self, t: &[f64], place: &[f64; COORDINATES]) -> f64;
    /// The unscaled sum.
    #[cfg(test)]
    fn value(&self, t: &[f64]) -> f64;
    /// Gradient and lower triangle of second derivatives of the unscaled sum.
    fn derivatives(&self, t: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>);
    /// Derivatives of the law at each row, on the scale of the residual: `[rows][parameters]`, zero along
    /// those that are held.
    fn jacobian(&self, t: &[f64]) -> Vec<Vec<f64>>;
    /// Derivatives of ln L at the coordinates of any row, zero along parameters that are held.
    fn slopes_at(&self, t: &[f64], place: &[f64; COORDINATES]) -> Vec<f64>;
    /// Inner parameters of natural ones.
    fn inner(&self, natural: &[f64]) -> Vec<f64>;
    /// [`Law::natural`].
    fn natural(&self, t: &[f64]) -> Vec<f64>;
    /// Gradients of [`Law::natural`] by the inner parameters.
    fn natural_gradients(&self, t: &[f64]) -> Vec<Vec<f64>>;
    /// Indices of parameters that sit at a bound.
    fn at_bound(&self, t: &[f64]) -> Vec<usize>;
    /// Scales the problem to order one and fits it from every start. None where no start could be
    /// built: no coefficients above zero describe the rows.
    fn solve(&mut self) -> Option<Solution>;
    /// The optimum alone, from known starts and a few of its own: a fit of part of the rows that others
    /// have been fitted to, and whether those had one optimum.
    fn solve_near(&mut self, known: &[Vec<f64>], lone: bool) -> Option<Optimum>;
    /// Whether every start found one optimum, so that refits need not look for others.
    fn is_lone(&self) -> bool;
    /// The lowest converged end from these starts, under other weights and targets.
    fn refit(&self, changed: Option<&Resample>, starts: &[Vec<f64>]) -> Option<Optimum>;
    /// The optimum of [`Engine::refit`], also looked for from a few starts of the changed rows' own, so
    /// that a replicate may leave the basin of the full fit.
    fn resolve(&self, changed: &Resample, known: &[Vec<f64>]) -> Option<Optimum>;
    /// Whether one more quantity of [`Law::natural`] can be held beside those that are.
    fn can_hold(&self, quantity: usize) -> bool;
    /// The lowest converged end with one quantity of [`Law::natural`] held.
    fn held(&self, quantity: usize, value: f64, starts: &[Vec<f64>]) -> Option<Optimum>;
    /// The optimum of these rows under another objective, from known optima.
    fn under(&self, objective: Objective, known: &[Vec<f64>]) -> Option<Optimum>;
}

/// Rows as a replicate has them.
#[derive(Clone, Debug)]
pub(crate) struct Resample {
    pub(crate) weights: Vec<f64>,
    pub(crate) targets: Vec<f64>,
}

impl Resample {
    /// The rows as they are.
    pub(crate) fn of(engine: &dyn Engine) -> Self {
        let rows = engine.rows();
        Resample {
            weights: rows.iter().map(|row| row.weight).collect(),
            targets: rows.iter().map(|row| row.target).collect(),
        }
    }
}

/// Arranges rows for one law.
///
/// # Errors
/// A coordinate that the law needs and a row lacks.
pub(crate) fn engine(
    points: &[Point],
    law: Law,
    objective: Objective,
    holds: &[Held],
) -> Result<Box<dyn Engine>, FitError> {
    let losses: Vec<f64> = points.iter().map(|point| point.loss).collect();
    let mut places = points.iter().map(|point| law.place(point)).collect::<Result<Vec<_>, _>>()?;
    let centre = law.centre(&mut places, &losses);
    let rows = places.iter().zip(points).map(|(x, point)| CentredRow {
        x: *x,
        target: objective.transform(point.loss),
        weight: point.weight,
    });
    let rows: Vec<CentredRow> = rows.collect();
    Ok(with_parameters!(law, P => {
        let mut problem = Problem::<P>::new(law, rows, centre, &losses, objective);
        for held in holds {
            problem.hold(*held);
        }
        Box::new(problem)
    }))
}

fn vector<const P: usize>(t: &[f64]) -> [f64; P] {
    t.try_into().expect("as many parameters as the law has")
}

impl<const P: usize> Problem<P> {
    fn changed(&self, changed: &Resample) -> Self {
        let mut other = self.clone();
        let values = changed.weights.iter().zip(&changed.targets);
        for (row, (weight, target)) in other.rows.iter_mut().zip(values) {
            (row.weight, row.target) = (*weight, *target);
        }
        other
    }
}

impl<const P: usize> Engine for Problem<P> {
    fn watched_by(&mut self, watch: &Watch) {
        self.watch = watch.clone();
    }

    fn law(&self) -> Law {
        self.law
    }

    fn objective(&self) -> Objective {
        self.objective
    }

    fn rows(&self) -> &[CentredRow] {
        &self.rows
    }

    fn holds(&self) -> &[Held] {
        &self.holds
    }

    fn free(&self) -> usize {
        P - self.holds.len()
    }

    fn residuals(&self, t: &[f64]) -> Vec<f64> {
        Problem::residuals(self, &vector(t))
    }

    fn losses(&self, t: &[f64]) -> Vec<f64> {
        let t = vector(t);
        let law = self.ready(&t);
        self.rows.iter().map(|row| law.loss(&row.x)).collect()
    }

    fn loss_at(&self, t: &[f64], place: &[f64; COORDINATES]) -> f64 {
        let x = Law::less(place, &self.centre);
        self.law.loss(t, &x, &self.centre)
    }

    #[cfg(test)]
    fn value(&self, t: &[f64]) -> f64 {
        Problem::value(self, &vector(t))
    }

    fn derivatives(&self, t: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let local = self.expand(&vector(t));
        let rows = local.hessian.iter();
        (
            local.gradient.iter().map(|g| g * self.scale).collect(),
            rows.map(|row| row.iter().map(|h| h * self.scale).collect()).collect(),
        )
    }

    fn jacobian(&self, t: &[f64]) -> Vec<Vec<f64>> {
        let t = vector(t);
        let law = self.ready(&t);
        let row = |row: &CentredRow| {
            let jet = law.jet(&row.x);
            let slope = self.objective.slope(jet.value);
            jet.gradient.map(|g| g * slope)
        };
        let mut rows: Vec<[f64; P]> = self.rows.iter().map(row).collect();
        self.along_free(&t, &mut rows);
        rows.into_iter().map(|row| row.to_vec()).collect()
    }

    fn slopes_at(&self, t: &[f64], place: &[f64; COORDINATES]) -> Vec<f64> {
        let t = vector(t);
        let jet = self.ready(&t).jet(&Law::less(place, &self.centre));
        let mut slopes = [jet.gradient.map(|g| g / jet.value)];
        self.along_free(&t, &mut slopes);
        slopes[0].to_vec()
    }

    fn inner(&self, natural: &[f64]) -> Vec<f64> {
        self.law.inner(natural, &self.centre)
    }

    fn natural(&self, t: &[f64]) -> Vec<f64> {
        self.law.natural(t, &self.centre)
    }

    fn natural_gradients(&self, t: &[f64]) -> Vec<Vec<f64>> {
        let (variables, _) = self.moved(&vector(t));
        let jets = self.law.natural(&variables, &self.centre);
        jets.iter().map(|jet| jet.gradient.to_vec()).collect()
    }

    fn at_bound(&self, t: &[f64]) -> Vec<usize> {
        let held = |k: &usize| {
            let (low, high) = self.domains[*k].bounds;
            t[*k] <= low || t[*k] >= high
        };
        let fixed: Vec<usize> = self.held_coordinates().collect();
        (0..P).filter(held).filter(|k| !fixed.contains(k)).collect()
    }

    fn solve(&mut self) -> Option<Solution> {
        solve::solve(self)
    }

    fn is_lone(&self) -> bool {
        self.lone
    }

    fn solve_near(&mut self, known: &[Vec<f64>], lone: bool) -> Option<Optimum> {
        self.scale = self.scale_for(Problem::value(self, &vector(known.first()?)));
        if !self.scale.is_finite() {
            return None;
        }
        let found = solve::resolve(self, known);
        self.lone = lone;
        found
    }

    fn refit(&self, changed: Option<&Resample>, starts: &[Vec<f64>]) -> Option<Optimum> {
        match changed {
            Some(changed) => solve::best_of(&self.changed(changed), starts),
            None => solve::best_of(self, starts),
        }
    }

    fn resolve(&self, changed: &Resample, known: &[Vec<f64>]) -> Option<Optimum> {
        solve::resolve(&self.changed(changed), known)
    }

    fn can_hold(&self, quantity: usize) -> bool {
        self.holds.is_empty() || self.clone().hold(Held { quantity, value: 0.5 })
    }

    fn held(&self, quantity: usize, value: f64, starts: &[Vec<f64>]) -> Option<Optimum> {
        let mut other = self.clone();
        let holds = other.hold(Held { quantity, value });
        holds.then(|| solve::best_of(&other, starts)).flatten()
    }

    fn under(&self, objective: Objective, known: &[Vec<f64>]) -> Option<Optimum> {
        let mut other = self.clone();
        for row in &mut other.rows {
            row.target = objective.transform(self.objective.untransform(row.target));
        }
        other.objective = objective;
        other.scout = Arc::default();
        let at = vector(known.first()?);
        other.scale = other.scale_for(Problem::value(&other, &at));
        solve::best_of(&other, known)
    }
}
