//! From a start to a local optimum of the objective itself.
//!
//! Newton's method with exact second derivatives, damped by the Gauss-Newton matrix of the
//! reweighted squares (Levenberg 1944 with the majorant of Huber's penalty as metric): large
//! damping gives a step of iteratively reweighted least squares, none gives Newton's, so the end
//! is quadratic although Huber's second derivative jumps. Bounds by active set.

use crate::linalg::{MAX, Matrix, Vector, solve_subset};
use crate::problem::{Local, Problem};

/// Norm of the gradient of the scaled objective below which a fit has converged.
pub(crate) const TOLERANCE: f64 = 1e-9;
/// And where no further step helps: rounding, or a residual on Huber's kink, can hold the last
/// digits back. Parameters are then right to about seven digits.
const LAST_DIGITS: f64 = 1e-7;
/// A way along a residual on Huber's kink goes in short steps, hundreds of them.
const MOST_STEPS: usize = 1000;
const MOST_DAMPING: f64 = 1e14;

/// How a polish ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Converged,
    /// No step lowers the objective although the gradient is not small.
    Stalled,
    StepLimit,
}

/// A start and where it led.
#[derive(Clone, Debug)]
pub(crate) struct Polished {
    pub(crate) theta: Vector,
    /// Unscaled sum.
    pub(crate) value: f64,
    /// Norm of the scaled objective's gradient over parameters not held by a bound, with E, a and
    /// b in units of the mean loss.
    pub(crate) gradient_norm: f64,
    pub(crate) end: End,
    pub(crate) moved: bool,
}

pub(crate) fn polish(problem: &Problem, start: Vector) -> Polished {
    let mut theta = clamp(problem, &start);
    let mut here = problem.expand(&theta);
    let mut damping = 1e-3;
    let mut end = End::StepLimit;
    for _ in 0..MOST_STEPS {
        let free = not_held(problem, &theta, &here.gradient);
        if norm(problem, &here.gradient, free) < TOLERANCE {
            end = End::Converged;
            break;
        }
        match descend(problem, &theta, &here, free, &mut damping) {
            Some((next, there)) => (theta, here) = (next, there),
            None => {
                end = End::Stalled;
                break;
            }
        }
    }
    let gradient_norm = norm(
        problem,
        &here.gradient,
        not_held(problem, &theta, &here.gradient),
    );
    if gradient_norm < LAST_DIGITS {
        end = End::Converged;
    }
    Polished {
        theta,
        value: here.value * problem.scale,
        gradient_norm,
        end,
        moved: theta != start,
    }
}

/// One step that lowers the objective, or lowers the gradient where the objective has no more
/// digits to lose.
fn descend(
    problem: &Problem,
    theta: &Vector,
    here: &Local,
    free: u8,
    damping: &mut f64,
) -> Option<(Vector, Local)> {
    let downhill = here.gradient.map(|g| -g);
    while *damping < MOST_DAMPING {
        let Some(step) = solve_subset(&damped(here, *damping), &downhill, free) else {
            *damping *= 10.0;
            continue;
        };
        let mut next = *theta;
        next.iter_mut()
            .zip(step)
            .for_each(|(value, step)| *value += step);
        let next = clamp(problem, &next);
        let there = problem.expand(&next);
        let flat = (there.value - here.value).abs() <= here.rounding;
        let flatter = || {
            let at_next = not_held(problem, &next, &there.gradient);
            norm(problem, &there.gradient, at_next) < norm(problem, &here.gradient, free)
        };
        if there.value < here.value && !flat || flat && flatter() {
            let gain = (here.value - there.value) / predicted(here, theta, &next);
            *damping = match gain {
                0.75.. => *damping / 10.0,
                0.25.. => *damping,
                _ => *damping * 4.0,
            }
            .max(1e-12);
            return Some((next, there));
        }
        *damping *= 10.0;
    }
    *damping = 1e-3;
    None
}

fn damped(here: &Local, damping: f64) -> Matrix {
    let largest = (0..MAX).map(|i| here.majorant[i][i]).fold(0.0, f64::max);
    let mut matrix = here.hessian;
    for (i, (row, majorant)) in matrix.iter_mut().zip(&here.majorant).enumerate() {
        row.iter_mut()
            .zip(majorant)
            .for_each(|(entry, above)| *entry += damping * above);
        // The exponent of a vanishing term has no curvature of its own.
        row[i] += damping * 1e-9 * largest;
    }
    matrix
}

/// The fall of the quadratic model between two points.
fn predicted(here: &Local, from: &Vector, to: &Vector) -> f64 {
    let step: Vec<f64> = to.iter().zip(from).map(|(to, from)| to - from).collect();
    let mut fall = 0.0;
    for i in 0..MAX {
        fall -= here.gradient[i] * step[i] + here.hessian[i][i] * step[i] * step[i] / 2.0;
        fall -= (0..i)
            .map(|j| here.hessian[i][j] * step[i] * step[j])
            .sum::<f64>();
    }
    fall
}

fn clamp(problem: &Problem, theta: &Vector) -> Vector {
    let mut inside = *theta;
    for (k, value) in inside
        .iter_mut()
        .enumerate()
        .take(problem.form.parameters())
    {
        let (low, high) = problem.form.bounds(k);
        *value = value.clamp(low, high);
    }
    inside
}

/// Bits of the parameters that a bound does not hold back.
fn not_held(problem: &Problem, theta: &Vector, gradient: &Vector) -> u8 {
    let mut mask = 0;
    for k in 0..problem.form.parameters() {
        let (low, high) = problem.form.bounds(k);
        let held = theta[k] <= low && gradient[k] > 0.0 || theta[k] >= high && gradient[k] < 0.0;
        if !held {
            mask |= 1 << k;
        }
    }
    mask
}

/// NaN counts as infinite, so that it never passes for convergence.
fn norm(problem: &Problem, gradient: &Vector, free: u8) -> f64 {
    let unit = |k| {
        if problem.form.is_exponent(k) {
            1.0
        } else {
            problem.loss_unit
        }
    };
    let squares = (0..MAX)
        .filter(|k| free & (1 << k) != 0)
        .map(|k| (gradient[k] * unit(k)).powi(2));
    let norm = squares.sum::<f64>().sqrt();
    if norm.is_nan() { f64::INFINITY } else { norm }
}
