//! Starts of laws that are no sums of powers and yet linear in E and in their coefficients: for what was drawn
//! of the others these have one best value, by non-negative least squares (Golub & Pereyra 1973).

use super::linalg::{Square, solve_subset};
use super::problem::Problem;
use crate::laws::Role;
use crate::objective::Residual;

/// Sets E and the coefficients to their best beside the other parameters, to first order in the squares of
/// the objective's own residual. What is held stays. A coefficient without use keeps the least value that is
/// drawn.
pub(super) fn project<const P: usize>(problem: &Problem<P>, t: &mut [f64; P]) {
    let roles = problem.law.roles();
    let held: Vec<usize> = problem.held_coordinates().collect();
    let is_linear = |k: &usize| matches!(roles[*k], Role::Offset | Role::Level);
    let linear: Vec<usize> = (0..P).filter(is_linear).filter(|k| !held.contains(k)).collect();
    let nothing = |k: usize| match roles[k] {
        Role::Offset => 0.0,
        _ => f64::NEG_INFINITY,
    };
    let mut given = *t;
    linear.iter().for_each(|&k| given[k] = nothing(k));
    let columns: Vec<[f64; P]> = linear
        .iter()
        .map(|&alone| {
            let mut unit = *t;
            (0..P).filter(is_linear).for_each(|k| unit[k] = nothing(k));
            unit[alone] = if roles[alone] == Role::Offset { 1.0 } else { 0.0 };
            unit
        })
        .collect();
    let (mut gram, mut right): (Square<P>, [f64; P]) = ([[0.0; P]; P], [0.0; P]);
    let mut values = [0.0; P];
    for row in &problem.rows {
        let loss = problem.objective.untransform(row.target);
        let weight = match problem.objective.residual {
            Residual::Loss => row.weight,
            // d ln L = dL / L
            Residual::LogLoss => row.weight / (loss * loss),
        };
        let left = loss - problem.ready(&given).loss(&row.x);
        for (&k, unit) in linear.iter().zip(&columns) {
            values[k] = problem.ready(unit).loss(&row.x);
        }
        for (i, &k) in linear.iter().enumerate() {
            right[k] += weight * values[k] * left;
            linear[..=i].iter().for_each(|&j| gram[k][j] += weight * values[k] * values[j]);
        }
    }
    let Some(best) = non_negative(&gram, &right, &linear) else {
        return;
    };
    for &k in &linear {
        let least = problem.domains[k].start_range.0;
        t[k] = match roles[k] {
            Role::Offset => best[k],
            _ => best[k].ln().max(least),
        };
    }
}

/// The best of the unconstrained optima of all subsets of the unknowns that are positive, which holds the
/// constrained optimum because the problem is convex.
fn non_negative<const P: usize>(
    gram: &Square<P>,
    right: &[f64; P],
    unknowns: &[usize],
) -> Option<[f64; P]> {
    let mut best: Option<([f64; P], f64)> = None;
    for chosen in 1u32..1 << unknowns.len() {
        let bits = unknowns.iter().enumerate().filter(|(bit, _)| chosen & (1 << bit) != 0);
        let mask = bits.fold(0u16, |mask, (_, &k)| mask | 1 << k);
        let Some(x) = solve_subset(gram, right, mask) else {
            continue;
        };
        let gain: f64 = x.iter().zip(right).map(|(x, r)| x * r).sum();
        if x.iter().all(|x| *x >= 0.0) && best.is_none_or(|(_, most)| gain > most) {
            best = Some((x, gain));
        }
    }
    best.map(|(x, _)| x)
}
