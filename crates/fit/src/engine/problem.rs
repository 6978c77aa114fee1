//! One minimisation: rows, weights, law and objective, with exact derivatives.

use super::held::Held;
use super::linalg::Square;
use super::scout::Scout;
use crate::laws::{COORDINATES, Centre, Form, Law, Ready, Role};
use crate::objective::{Objective, Residual};
use crate::watch::Watch;
use std::sync::{Arc, OnceLock};

/// A row ready to be fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CentredRow {
    /// Centred logarithms.
    pub(crate) x: [f64; COORDINATES],
    /// The loss on the scale of the residual.
    pub(crate) target: f64,
    /// How often the row counts.
    pub(crate) weight: f64,
}

/// What a fit knows of an inner parameter before it starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Domain {
    /// Range in which starts are drawn, for laws that draw them.
    pub(crate) start_range: (f64, f64),
    /// Values between which the parameter may move.
    pub(crate) bounds: (f64, f64),
    /// Natural size of the parameter, in which its gradient is measured.
    pub(crate) scale: f64,
    /// Longest step of one iteration.
    pub(crate) longest_step: f64,
}

/// How far a parameter may go below and above the range in which its starts are drawn. Bounds are where
/// numbers end or where nothing changes any more, never where an optimum could lie: a parameter that a
/// bound holds back moves all others.
fn beyond(role: Role) -> (f64, f64) {
    match role {
        // At the lower bound a part of the loss lies below its last digits.
        Role::Level | Role::Floor | Role::Ceiling => (30.0, 30.0),
        // An exponent above e^5 makes a step of its power.
        Role::Exponent => (12.0, 5.0),
        Role::Bend | Role::Tilt => (60.0, 60.0),
        Role::Break => (60.0, 60.0),
        Role::Width => (12.0, 8.0),
        // At the upper bound repeated data count in full, and experts help without end.
        Role::Repeats | Role::Count => (12.0, 12.0),
        Role::Offset => (0.0, f64::INFINITY),
    }
}

/// Rows under one law of `P` parameters and one objective. Values are sums over weighted rows,
/// never means.
#[derive(Clone, Debug)]
pub(crate) struct Problem<const P: usize> {
    pub(crate) law: Law,
    pub(crate) form: Option<Form>,
    pub(crate) centre: Centre,
    pub(crate) objective: Objective,
    pub(crate) rows: Vec<CentredRow>,
    pub(crate) domains: [Domain; P],
    /// Quantities that stay where they are, in the order in which they are imposed.
    pub(crate) holds: Vec<Held>,
    /// What the objective is divided by to be of order one.
    pub(crate) scale: f64,
    /// Starts of refits of the same rows; shared by all of them.
    pub(crate) scout: Arc<OnceLock<Scout<P>>>,
    /// Whether every start found one optimum, so that refits need not look for others.
    pub(crate) lone: bool,
    pub(crate) watch: Watch,
}

/// The scaled objective about one point.
pub(crate) struct Local<const P: usize> {
    /// Scaled value.
    pub(crate) value: f64,
    pub(crate) gradient: [f64; P],
    /// Lower triangle.
    pub(crate) hessian: Square<P>,
    /// Gauss-Newton matrix of the reweighted squares, lower triangle: positive semi-definite,
    /// and an upper bound of the curvature that comes from the penalty.
    pub(crate) majorant: Square<P>,
    /// How far rounding alone may move the value: an error of a few last digits in each residual.
    pub(crate) rounding: f64,
}

impl<const P: usize> Problem<P> {
    /// `rows` are centred by `centre`.
    pub(crate) fn new(
        law: Law,
        rows: Vec<CentredRow>,
        centre: Centre,
        losses: &[f64],
        objective: Objective,
    ) -> Self {
        let form = law.form();
        let mean_log = losses.iter().map(|loss| loss.ln()).sum::<f64>() / losses.len() as f64;
        let domains = match form {
            Some(form) => std::array::from_fn(|k| Domain {
                start_range: (0.0, 0.0),
                bounds: form.bounds(k),
                // E, a and b in units of the geometric mean of the losses.
                scale: if form.is_exponent(k) { 1.0 } else { mean_log.exp() },
                longest_step: f64::INFINITY,
            }),
            None => drawn_domains(law, &rows, losses),
        };
        Problem {
            law,
            form,
            centre,
            objective,
            rows,
            domains,
            holds: Vec::new(),
            scale: 1.0,
            scout: Arc::default(),
            lone: false,
            watch: Watch::default(),
        }
    }

    /// The law at one vector of parameters.
    pub(crate) fn ready<'a>(&'a self, theta: &'a [f64; P]) -> Ready<'a, P> {
        Ready::of(self.law, theta, &self.centre)
    }

    pub(crate) fn residuals(&self, theta: &[f64; P]) -> Vec<f64> {
        let law = self.ready(theta);
        let fitted = |row: &CentredRow| self.objective.transform(law.loss(&row.x));
        let rows = self.rows.iter();
        rows.map(|row| row.target - fitted(row)).collect()
    }

    /// The unscaled sum.
    pub(crate) fn value(&self, theta: &[f64; P]) -> f64 {
        let penalty = self.objective.penalty;
        let law = self.ready(theta);
        let fitted = |row: &CentredRow| self.objective.transform(law.loss(&row.x));
        let counted = self.rows.iter().filter(|row| row.weight > 0.0);
        counted.map(|row| row.weight * penalty.at(row.target - fitted(row))).sum()
    }

    pub(crate) fn weight(&self) -> f64 {
        self.rows.iter().map(|row| row.weight).sum()
    }

    /// The scaled objective with its derivatives: the innermost loop of every fit.
    pub(crate) fn expand(&self, theta: &[f64; P]) -> Local<P> {
        let penalty = self.objective.penalty;
        let per_scale = 1.0 / self.scale;
        let mut local = Local {
            value: 0.0,
            gradient: [0.0; P],
            hessian: [[0.0; P]; P],
            majorant: [[0.0; P]; P],
            rounding: 0.0,
        };
        let ready = self.ready(theta);
        for row in self.rows.iter().filter(|row| row.weight > 0.0) {
            let law = ready.jet(&row.x);
            // m = ln p has dm = dp / p and ddm = ddp / p - dm dm'.
            let (fitted, unit, log) = match self.objective.residual {
                Residual::Loss => (law.value, 1.0, 0.0),
                Residual::LogLoss => (law.value.ln(), 1.0 / law.value, 1.0),
            };
            let r = row.target - fitted;
            let (slope, curvature) = penalty.derivatives(r);
            let weight = row.weight * per_scale;
            let pull = weight * slope * unit;
            let outer = weight * (curvature + log * slope) * unit * unit;
            let bound = weight * penalty.majorant(r) * unit * unit;
            local.value += weight * penalty.at(r);
            local.rounding += 8.0 * f64::EPSILON * weight * slope.abs() * (1.0 + row.target.abs());
            for i in 0..P {
                local.gradient[i] -= pull * law.gradient[i];
                for j in 0..=i {
                    let product = law.gradient[i] * law.gradient[j];
                    local.hessian[i][j] += outer * product - pull * law.hessian[i][j];
                    local.majorant[i][j] += bound * product;
                }
            }
        }
        if !self.holds.is_empty() {
            let (moved, held) = self.moved(theta);
            held.into_iter().for_each(|at| local.follow(at, &moved[at]));
        }
        local
    }
}

/// The domains of the parameters of a law that is no sum of powers.
fn drawn_domains<const P: usize>(law: Law, rows: &[CentredRow], losses: &[f64]) -> [Domain; P] {
    let top = losses.iter().copied().fold(0.0, f64::max);
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    // A break lies along the last coordinate.
    let along = law.coordinates().len() - 1;
    let (left, right) = rows
        .iter()
        .fold((0.0f64, 0.0f64), |(l, r), row| (l.min(row.x[along]), r.max(row.x[along])));
    let roles = law.roles();
    std::array::from_fn(|k| {
        let start_range = match roles[k] {
            Role::Level => ((0.02 * least).ln(), (1.2 * top).ln()),
            Role::Exponent => (0.03f64.ln(), 1.0f64.ln()),
            Role::Floor => ((0.05 * least).ln(), (0.97 * least).ln()),
            Role::Offset => (0.05 * least, 0.97 * least),
            Role::Ceiling => ((0.01 * top).ln(), (3.0 * top).ln()),
            Role::Bend => (-0.6, 0.6),
            Role::Tilt => (-0.05, 0.05),
            Role::Break => (left, right),
            Role::Width => (0.05f64.ln(), 2.0f64.ln()),
            Role::Repeats => (1.0f64.ln(), 60.0f64.ln()),
            Role::Count => (1.0f64.ln(), 600.0f64.ln()),
        };
        match roles[k] {
            Role::Offset => Domain {
                start_range,
                bounds: (0.0, f64::INFINITY),
                scale: least,
                longest_step: f64::INFINITY,
            },
            _ => Domain {
                start_range,
                bounds: (start_range.0 - beyond(roles[k]).0, start_range.1 + beyond(roles[k]).1),
                scale: 1.0,
                longest_step: 2.0,
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Engine, engine};
    use super::*;
    use crate::point::{Point, point};
    use proptest::prelude::*;

    fn points() -> Vec<Point> {
        let at = |i: i32| {
            let (n, d) = (1e6 * 1.7f64.powi(i % 6), 1e7 * 2.1f64.powi(i / 6));
            point("r", n, d, 2.0 + f64::from(i * 7 % 11) / 10.0)
        };
        (0..30).map(at).collect()
    }

    fn problem(objective: &str) -> Box<dyn Engine> {
        engine(&points(), Law::Chinchilla, objective.parse().unwrap(), &[]).unwrap()
    }

    proptest! {
        #[test]
        fn gradient_and_hessian_match_finite_differences(
            e in 0.5..2.0f64, a in 0.1..1.0f64, alpha in 0.1..0.9f64, b in 0.1..1.0f64, beta in 0.1..0.9f64,
        ) {
            for objective in ["log-huber:0.05", "huber:9", "mse", "log-mse", "log-asymmetric:0.1"] {
                let problem = problem(objective);
                let theta = [e, a, alpha, b, beta];
                let delta = problem.objective().delta().unwrap_or(9.0);
                // Differences are meaningless across the kink.
                let kink = |r: f64| (r.abs() - delta).abs() < 3e-4 || r.abs() < 3e-4;
                prop_assume!(!problem.residuals(&theta).into_iter().any(kink));
                let (gradient, hessian) = problem.derivatives(&theta);
                let size = gradient.iter().fold(1e-6, |m: f64, g| m.max(g.abs()));
                for i in 0..5 {
                    let (mut up, mut down) = (theta, theta);
                    up[i] += 1e-5;
                    down[i] -= 1e-5;
                    let slope = (problem.value(&up) - problem.value(&down)) / 2e-5;
                    prop_assert!((slope - gradient[i]).abs() < 1e-4 * size, "{objective} {i}");
                    let (up, down) = (problem.derivatives(&up).0, problem.derivatives(&down).0);
                    for j in 0..=i {
                        let curve = (up[j] - down[j]) / 2e-5;
                        prop_assert!((curve - hessian[i][j]).abs() < 1e-3 * size, "{objective} {i} {j}");
                    }
                }
            }
        }

        /// Kaplan's alpha_D is held by a coordinate that other parameters decide, and so is N_c.
        #[test]
        fn derivatives_with_a_quantity_held_match_finite_differences(
            t in proptest::array::uniform5(-0.3..0.3f64), quantity in 0usize..7,
        ) {
            let law = Law::Kaplan { offset: true };
            let mut places: Vec<_> = points().iter().map(|row| law.place(row).unwrap()).collect();
            let losses: Vec<f64> = points().iter().map(|row| row.loss).collect();
            let centre = law.centre(&mut places, &losses);
            let rows = places.iter().zip(&losses).map(|(x, loss)| CentredRow { x: *x, target: *loss, weight: 1.0 });
            let objective = "mse".parse().unwrap();
            let mut problem: Problem<5> = Problem::new(law, rows.collect(), centre, &losses, objective);
            let mut theta = [-0.2 + t[0], -1.2 + t[1], -0.1 + t[2], -1.1 + t[3], 1.2 + t[4]];
            let value = 1.02 * law.natural(&theta, &centre)[quantity];
            assert!(problem.hold(Held { quantity, value }));
            problem.impose(&mut theta);
            let here = problem.expand(&theta);
            let size = here.gradient.iter().fold(1.0, |m: f64, g| m.max(g.abs()));
            let moved = |k: usize, by: f64| {
                let mut other = theta;
                other[k] += by;
                problem.impose(&mut other);
                problem.expand(&other)
            };
            for i in 0..5 {
                let (up, down) = (moved(i, 1e-6), moved(i, -1e-6));
                let slope = (up.value - down.value) / 2e-6;
                prop_assert!((slope - here.gradient[i]).abs() < 1e-5 * size, "{quantity} by {i}");
                for j in 0..=i {
                    let curve = (up.gradient[j] - down.gradient[j]) / 2e-6;
                    prop_assert!((curve - here.hessian[i][j]).abs() < 1e-4 * size, "{quantity} by {i} {j}");
                }
            }
        }

        #[test]
        fn a_held_quantity_stays_where_it_is_held(by in -0.1..0.1f64) {
            // Rows near the law, so that holding one quantity leaves the others an optimum.
            let law = Law::Chinchilla;
            let truth = [1.8, 500.0, 0.35, 2000.0, 0.37];
            let mut rows = points();
            for (i, row) in rows.iter_mut().enumerate() {
                let place = law.place(row).unwrap();
                row.loss = law.loss_of(&truth, &place) * (1.0 + 0.002 * (i * 5 % 7) as f64);
            }
            let mut problem = engine(&rows, law, "log-mse".parse().unwrap(), &[]).unwrap();
            let best = problem.solve().unwrap().best().clone();
            for k in 0..7 {
                let value = (1.0 + by) * problem.natural(&best.t)[k];
                let end = problem.held(k, value, std::slice::from_ref(&best.t)).unwrap();
                prop_assert!((problem.natural(&end.t)[k] / value - 1.0).abs() < 1e-9, "{k}");
                prop_assert!(end.value >= best.value);
            }
        }
    }
}
