//! The sensitivity of a fit to the threshold of Huber's penalty.

use crate::account::named;
use crate::engine::Engine;
use crate::objective::{Objective, Penalty, Reduction};
use crate::output::Sensitivity;
use rayon::prelude::*;

/// Thresholds that reach from least absolute deviations to least squares for residuals of a few thousandths.
const DELTAS: [f64; 6] = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2];

/// The fit under other thresholds and under squares; empty for objectives without a threshold.
pub(crate) fn sensitivity(engine: &dyn Engine, known: &[Vec<f64>]) -> Vec<Sensitivity> {
    let objective = engine.objective();
    let Some(delta) = objective.delta() else {
        return Vec::new();
    };
    let mut others: Vec<Objective> = DELTAS
        .into_iter()
        .filter(|other| (other / delta).ln().abs() > 0.01)
        .chain([delta])
        .filter_map(|other| objective.with_delta(other))
        .collect();
    others.sort_by(|a, b| a.delta().partial_cmp(&b.delta()).expect("all have one"));
    if matches!(objective.penalty, Penalty::Huber { .. }) {
        others.push(Objective { penalty: Penalty::Square, ..objective });
    }
    let weight: f64 = engine.rows().iter().map(|row| row.weight).sum();
    others
        .into_par_iter()
        .filter_map(|other| {
            let end = engine.under(other, known)?;
            Some(Sensitivity {
                objective: other.to_string(),
                value: match other.reduction {
                    Reduction::Sum => end.value,
                    Reduction::Mean => end.value / weight,
                },
                parameters: named(engine.law(), &engine.natural(&end.t)),
            })
        })
        .collect()
}
