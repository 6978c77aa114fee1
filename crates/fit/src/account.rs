//! What several accounts of a fit say alike: its quantities by name, its scatter, its objective.

use crate::engine::Engine;
use crate::laws::Law;
use crate::objective::Reduction;
use crate::output::FittedPoint;
use std::collections::BTreeMap;

/// Standard deviation of ln L about a law of so many parameters.
pub(crate) fn scatter(data: &[FittedPoint], parameters: usize) -> Option<f64> {
    let spare = data.len().checked_sub(parameters).filter(|spare| *spare > 0)?;
    let squares: f64 = data.iter().map(|point| (point.loss / point.fitted).ln().powi(2)).sum();
    Some((squares / spare as f64).sqrt())
}

/// Free and derived quantities by name, those that are finite.
pub(crate) fn named(law: Law, values: &[f64]) -> BTreeMap<String, f64> {
    let all = law.all_names().into_iter().zip(values.iter().copied());
    all.filter(|(_, value)| value.is_finite()).collect()
}

/// The name of a reduction in a fit's objective.
pub(crate) fn reduction_name(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Sum => "sum",
        Reduction::Mean => "mean",
    }
}

/// The value that an objective reports for a sum over rows.
pub(crate) fn reduced(engine: &dyn Engine, sum: f64) -> f64 {
    match engine.objective().reduction {
        Reduction::Sum => sum,
        Reduction::Mean => sum / engine.rows().iter().map(|row| row.weight).sum::<f64>(),
    }
}
