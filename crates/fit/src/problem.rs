//! One minimisation: rows, weights, form and objective, with analytic derivatives.

use crate::design::Design;
use crate::form::Form;
use crate::linalg::{MAX, Matrix, Vector};
use crate::objective::{Objective, Residual};

/// A row ready to be fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Centred logarithms.
    pub(crate) x: [f64; 2],
    /// The loss on the scale of the residual.
    pub(crate) target: f64,
    /// How often the row counts.
    pub(crate) weight: f64,
}

/// Rows under one form and one objective. Values are sums over weighted rows, never means.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) form: Form,
    pub(crate) objective: Objective,
    pub(crate) rows: Vec<Row>,
    /// What the objective is divided by to be of order one.
    pub(crate) scale: f64,
    /// Geometric mean of the losses: the natural unit of E, a and b.
    pub(crate) loss_unit: f64,
}

/// The scaled objective about one point.
pub(crate) struct Local {
    /// Scaled value.
    pub(crate) value: f64,
    pub(crate) gradient: Vector,
    /// Lower triangle.
    pub(crate) hessian: Matrix,
    /// Gauss-Newton matrix of the reweighted squares, lower triangle: positive semi-definite,
    /// and an upper bound of the curvature that comes from the penalty.
    pub(crate) majorant: Matrix,
    /// How far rounding alone may move the value: an error of a few last digits in each residual.
    pub(crate) rounding: f64,
}

impl Problem {
    pub(crate) fn new(design: &Design, losses: &[f64], objective: Objective) -> Self {
        let row = |(&x, &loss): (&[f64; 2], &f64)| Row {
            x,
            target: objective.transform(loss),
            weight: 1.0,
        };
        let mean_log = losses.iter().map(|loss| loss.ln()).sum::<f64>() / losses.len() as f64;
        Problem {
            form: design.law.form(),
            objective,
            rows: design.x.iter().zip(losses).map(row).collect(),
            scale: 1.0,
            loss_unit: mean_log.exp(),
        }
    }

    /// The law on the scale of the residual.
    pub(crate) fn fitted(&self, theta: &Vector, row: &Row) -> f64 {
        self.objective.transform(self.form.value(theta, &row.x))
    }

    pub(crate) fn residuals(&self, theta: &Vector) -> Vec<f64> {
        self.rows
            .iter()
            .map(|row| row.target - self.fitted(theta, row))
            .collect()
    }

    /// The unscaled sum.
    pub(crate) fn value(&self, theta: &Vector) -> f64 {
        let penalty = self.objective.penalty;
        self.rows
            .iter()
            .filter(|row| row.weight > 0.0)
            .map(|row| row.weight * penalty.at(row.target - self.fitted(theta, row)))
            .sum()
    }

    pub(crate) fn weight(&self) -> f64 {
        self.rows.iter().map(|row| row.weight).sum()
    }

    /// The scaled objective with its derivatives; the innermost loop of every fit, so compiled for
    /// each form apart.
    pub(crate) fn expand(&self, theta: &Vector) -> Local {
        match (self.form.offset, self.form.terms) {
            (false, 1) => self.expand_form::<2>(
                Form {
                    offset: false,
                    terms: 1,
                },
                theta,
            ),
            (true, 1) => self.expand_form::<3>(
                Form {
                    offset: true,
                    terms: 1,
                },
                theta,
            ),
            (true, 2) => self.expand_form::<5>(
                Form {
                    offset: true,
                    terms: 2,
                },
                theta,
            ),
            _ => self.expand_form::<4>(
                Form {
                    offset: false,
                    terms: 2,
                },
                theta,
            ),
        }
    }

    /// `P` is the number of parameters of `form`, which is the problem's own.
    #[inline(always)]
    fn expand_form<const P: usize>(&self, form: Form, theta: &Vector) -> Local {
        let penalty = self.objective.penalty;
        let per_scale = 1.0 / self.scale;
        let mut local = Local {
            value: 0.0,
            gradient: [0.0; MAX],
            hessian: [[0.0; MAX]; MAX],
            majorant: [[0.0; MAX]; MAX],
            rounding: 0.0,
        };
        for row in self.rows.iter().filter(|row| row.weight > 0.0) {
            let law = form.expand(theta, &row.x);
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
                    local.hessian[i][j] += outer * product;
                    local.majorant[i][j] += bound * product;
                }
            }
            for (term, [mixed, twice]) in law.curvature.into_iter().enumerate().take(form.terms) {
                let exponent = form.coefficient(term) + 1;
                local.hessian[exponent][exponent - 1] -= pull * mixed;
                local.hessian[exponent][exponent] -= pull * twice;
            }
        }
        local
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Law;
    use crate::point::point;
    use proptest::prelude::*;

    fn problem(objective: &str) -> Problem {
        let points: Vec<_> = (0..30)
            .map(|i| {
                let (n, d) = (1e6 * 1.7f64.powi(i % 6), 1e7 * 2.1f64.powi(i / 6));
                point("r", n, d, 2.0 + (i * 7 % 11) as f64 / 10.0)
            })
            .collect();
        let design = Design::new(&points, Law::Chinchilla).unwrap();
        let losses: Vec<_> = points.iter().map(|p| p.loss).collect();
        Problem::new(&design, &losses, objective.parse().unwrap())
    }

    proptest! {
        #[test]
        fn gradient_and_hessian_match_finite_differences(
            e in 0.5..2.0f64, a in 0.1..1.0f64, alpha in 0.1..0.9f64, b in 0.1..1.0f64, beta in 0.1..0.9f64,
        ) {
            for objective in ["log-huber:0.05", "huber:9", "mse", "log-mse"] {
                let problem = problem(objective);
                let theta = [e, a, alpha, b, beta];
                let delta = problem.objective.delta().unwrap_or(9.0);
                // Differences are meaningless across the kink.
                let kink = |r: f64| (r.abs() - delta).abs() < 3e-4;
                prop_assume!(!problem.residuals(&theta).into_iter().any(kink));
                let local = problem.expand(&theta);
                let size = local.gradient.iter().fold(1e-6, |m: f64, g| m.max(g.abs()));
                for i in 0..5 {
                    let (mut up, mut down) = (theta, theta);
                    up[i] += 1e-5;
                    down[i] -= 1e-5;
                    let slope = (problem.value(&up) - problem.value(&down)) / 2e-5;
                    prop_assert!((slope - local.gradient[i]).abs() < 1e-4 * size, "{objective} {i}");
                    let (up, down) = (problem.expand(&up).gradient, problem.expand(&down).gradient);
                    for j in 0..=i {
                        let curve = (up[j] - down[j]) / 2e-5;
                        prop_assert!((curve - local.hessian[i][j]).abs() < 1e-3 * size, "{objective} {i} {j}");
                    }
                }
            }
        }
    }
}
