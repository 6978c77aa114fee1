//! The descent from a start to a local optimum of the objective itself.
//!
//! Newton's method with exact second derivatives, damped by the Gauss-Newton matrix of the
//! reweighted squares (Levenberg 1944 with the majorant of Huber's penalty as metric): large
//! damping gives a step of iteratively reweighted least squares, none gives Newton's, so the end
//! is quadratic although Huber's second derivative jumps. Laws that are no sums of powers are far
//! from convex: where the true curvature is no bowl, the Gauss-Newton one takes its place. Bounds are kept
//! by an active set.

use super::linalg::{Square, solve_subset};
use super::problem::{Local, Problem};

/// Norm of the gradient of the scaled objective below which a fit has converged.
pub(crate) const TOLERANCE: f64 = 1e-9;
/// Norm of the gradient that passes for converged where no further step helps: rounding, or a residual on
/// Huber's kink, can hold the last digits back. Parameters are then right to about seven digits.
const LAST_DIGITS: f64 = 1e-7;
/// Most steps of a descent: along a residual on Huber's kink it takes hundreds of short ones.
const MOST_STEPS: usize = 1000;
/// Most steps of a descent under a law that is no sum of powers: each costs more, and there are many starts.
const MOST_STEPS_DRAWN: usize = 250;
/// Steps of the end that is lowest: it may not give up.
const MOST_STEPS_OF_THE_BEST: usize = 4000;
const MOST_DAMPING: f64 = 1e14;
/// Steps of a lap, after which a race is judged.
const LAP: usize = 6;
/// Laps within which a descent must come below its rival.
const LAPS_LEFT: f64 = 4.0;
/// Share of the value within which a descent stands where its rival is.
const SAME: f64 = 1e-9;

/// How a descent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Converged,
    /// No step lowers the objective although the gradient is not small.
    Stalled,
    StepLimit,
}

/// The end that a start led to.
#[derive(Clone, Debug)]
pub(crate) struct Polished<const P: usize> {
    pub(crate) theta: [f64; P],
    /// Unscaled sum.
    pub(crate) value: f64,
    /// Norm of the scaled objective's gradient over parameters not held by a bound, in their natural
    /// units.
    pub(crate) gradient_norm: f64,
    pub(crate) end: End,
    pub(crate) moved: bool,
}

pub(crate) fn polish<const P: usize>(problem: &Problem<P>, start: [f64; P]) -> Polished<P> {
    race(problem, start, None)
}

/// The descent from a start, given up where it will not come below a rival's value soon.
pub(crate) fn race<const P: usize>(
    problem: &Problem<P>,
    start: [f64; P],
    rival: Option<f64>,
) -> Polished<P> {
    let most = match problem.form {
        Some(_) => MOST_STEPS,
        None => MOST_STEPS_DRAWN,
    };
    let mut theta = start;
    for rounder in problem.objective.way() {
        let mut easier = problem.clone();
        easier.objective = rounder;
        theta = descend(&easier, theta, most, None).theta;
    }
    let rival = rival.map(|value| value / problem.scale);
    let mut end = descend(problem, theta, most, rival);
    end.moved = end.theta != start;
    end
}

/// Takes up an end that ran out of steps; a narrow valley can take thousands.
pub(crate) fn go_on<const P: usize>(problem: &Problem<P>, end: &Polished<P>) -> Polished<P> {
    let mut further = descend(problem, end.theta, MOST_STEPS_OF_THE_BEST, None);
    further.moved |= end.moved;
    further
}

fn descend<const P: usize>(
    problem: &Problem<P>,
    start: [f64; P],
    most: usize,
    rival: Option<f64>,
) -> Polished<P> {
    let mut theta = start;
    let imposed = clamp(problem, &mut theta);
    let mut here = problem.expand(&theta);
    let mut damping = 1e-3;
    let mut end = End::StepLimit;
    let mut lap = here.value;
    for taken in 1..=most {
        if problem.watch.is_stopped() {
            break;
        }
        let free = not_held(problem, &theta, &here.gradient) & !imposed;
        if norm(problem, &here.gradient, free) < TOLERANCE {
            end = End::Converged;
            break;
        }
        match step(problem, &theta, &here, free, &mut damping) {
            Some((next, there)) => (theta, here) = (next, there),
            None => {
                end = End::Stalled;
                break;
            }
        }
        if let Some(rival) = rival
            && taken % LAP == 0
        {
            if is_beaten(here.value, lap, rival) {
                break;
            }
            lap = here.value;
        }
    }
    let free = not_held(problem, &theta, &here.gradient) & !imposed;
    let gradient_norm = norm(problem, &here.gradient, free);
    if gradient_norm < LAST_DIGITS {
        end = End::Converged;
    }
    Polished { theta, value: here.value * problem.scale, gradient_norm, end, moved: theta != start }
}

/// Whether at the pace of the last lap a descent stays above its rival for some more laps, or has come to
/// where that one is.
fn is_beaten(value: f64, lap_ago: f64, rival: f64) -> bool {
    value > rival * (1.0 - SAME) && value - rival >= LAPS_LEFT * (lap_ago - value) - SAME * rival
}

/// One step that lowers the objective, or lowers the gradient where the objective has no more
/// digits to lose.
fn step<const P: usize>(
    problem: &Problem<P>,
    theta: &[f64; P],
    here: &Local<P>,
    free: u16,
    damping: &mut f64,
) -> Option<([f64; P], Local<P>)> {
    let downhill = here.gradient.map(|g| -g);
    while *damping < MOST_DAMPING {
        let Some((step, model)) = models(problem, here).find_map(|model| {
            let step = solve_subset(&damped(problem, here, model, *damping), &downhill, free)?;
            Some((step, model))
        }) else {
            *damping *= 10.0;
            continue;
        };
        let mut next = *theta;
        for ((value, step), room) in next.iter_mut().zip(step).zip(&problem.domains) {
            *value += step.clamp(-room.longest_step, room.longest_step);
        }
        let imposed = clamp(problem, &mut next);
        // Where derivatives are dear, a step that rises is told by its value.
        let dear = !problem.law.is_quick();
        if dear && problem.value(&next) / problem.scale > here.value + here.rounding {
            *damping *= 10.0;
            continue;
        }
        let there = problem.expand(&next);
        let flat = (there.value - here.value).abs() <= here.rounding;
        let flatter = || {
            let at_next = not_held(problem, &next, &there.gradient) & !imposed;
            norm(problem, &there.gradient, at_next) < norm(problem, &here.gradient, free)
        };
        if there.value < here.value && !flat || flat && flatter() {
            let gain = (here.value - there.value) / predicted(here, model, theta, &next);
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

/// The quadratic models of the objective in the order in which they are tried: the true one, and for
/// laws that are far from convex the one without the law's own curvature.
fn models<'a, const P: usize>(
    problem: &Problem<P>,
    here: &'a Local<P>,
) -> impl Iterator<Item = &'a Square<P>> {
    let second = problem.form.is_none().then_some(&here.majorant);
    std::iter::once(&here.hessian).chain(second)
}

fn damped<const P: usize>(
    problem: &Problem<P>,
    here: &Local<P>,
    model: &Square<P>,
    damping: f64,
) -> Square<P> {
    let largest = (0..P).map(|i| here.majorant[i][i]).fold(0.0, f64::max);
    let mut matrix = *model;
    for (i, (row, majorant)) in matrix.iter_mut().zip(&here.majorant).enumerate() {
        match problem.law.is_nearly_convex() {
            true => {
                row.iter_mut().zip(majorant).for_each(|(entry, above)| *entry += damping * above);
                // The exponent of a vanishing term has no curvature of its own.
                row[i] += damping * 1e-9 * largest;
            }
            // Marquardt's metric: parameters that trade against each other are held apart.
            false => row[i] += damping * (majorant[i] + 1e-6 * largest),
        }
    }
    matrix
}

/// The fall of a quadratic model between two points.
fn predicted<const P: usize>(
    here: &Local<P>,
    model: &Square<P>,
    from: &[f64; P],
    to: &[f64; P],
) -> f64 {
    let step: [f64; P] = std::array::from_fn(|k| to[k] - from[k]);
    let mut fall = 0.0;
    for i in 0..P {
        fall -= here.gradient[i] * step[i] + model[i][i] * step[i] * step[i] / 2.0;
        fall -= (0..i).map(|j| model[i][j] * step[i] * step[j]).sum::<f64>();
    }
    fall
}

/// Moves the parameters into their bounds and what is held into its place; returns the bits of the coordinates
/// that are held.
fn clamp<const P: usize>(problem: &Problem<P>, theta: &mut [f64; P]) -> u16 {
    for (value, domain) in theta.iter_mut().zip(&problem.domains) {
        *value = value.clamp(domain.bounds.0, domain.bounds.1);
    }
    problem.impose(theta)
}

/// Bits of the parameters that a bound does not hold back.
fn not_held<const P: usize>(problem: &Problem<P>, theta: &[f64; P], gradient: &[f64; P]) -> u16 {
    let mut mask = 0;
    for k in 0..P {
        let (low, high) = problem.domains[k].bounds;
        let held = theta[k] <= low && gradient[k] > 0.0 || theta[k] >= high && gradient[k] < 0.0;
        if !held {
            mask |= 1 << k;
        }
    }
    mask
}

/// NaN counts as infinite, so that it never passes for convergence.
fn norm<const P: usize>(problem: &Problem<P>, gradient: &[f64; P], free: u16) -> f64 {
    let squares = (0..P)
        .filter(|k| free & (1 << k) != 0)
        .map(|k| (gradient[k] * problem.domains[k].scale).powi(2));
    let norm = squares.sum::<f64>().sqrt();
    if norm.is_nan() { f64::INFINITY } else { norm }
}
