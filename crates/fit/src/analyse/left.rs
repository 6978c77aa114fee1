//! What is left out of fits and what is refused, with the reasons.

use crate::error::FitError;
use crate::laws::Law;
use crate::output::{Axis, Excluded, Isoflop, Refusal};
use crate::point::{MOST_EPOCHS, Point};

/// The refusal of a series whose runs all repeat their text too often.
pub(super) fn only_repetition(points: &[Point], series: String) -> Refusal {
    let rows = points.iter().filter(|point| point.series == series).count();
    Refusal {
        law: Law::Chinchilla.name().into(),
        series,
        x: None,
        reason: format!(
            "each of the {rows} finished runs passes {MOST_EPOCHS} epochs, and this law knows nothing of repetition"
        ),
        hint: Some(
            "give the sweep more text or smaller budgets; `isoflop fit RESULTS_DIR --law data-constrained` fits runs that repeat their text".into(),
        ),
    }
}

pub(super) fn no_exponent(isoflop: &Isoflop, series: &str) -> Option<Refusal> {
    isoflop.n_exponent.is_none().then(|| Refusal {
        law: "isoflop".into(),
        series: series.into(),
        x: None,
        reason: isoflop.remarks.warnings().next().map(|w| w.text.clone()).unwrap_or_default(),
        hint: Some(
            "the note of each budget says which sizes to add; more budgets help as well".into(),
        ),
    })
}

pub(super) fn refusal(law: &str, series: &str, x: Option<Axis>, error: &FitError) -> Refusal {
    Refusal {
        law: law.into(),
        series: series.into(),
        x,
        reason: error.to_string(),
        hint: error.hint(),
    }
}

pub(super) fn dropped(all: &[Point], left: &[Point], worst: usize) -> Vec<Excluded> {
    let floor = left.iter().map(|point| point.loss).fold(0.0, f64::max);
    let mut gone: Vec<&Point> = all.iter().filter(|point| !left.contains(point)).collect();
    gone.retain(|point| point.loss >= floor);
    let reason = format!("among the {worst} rows of highest loss (drop-worst)");
    gone.into_iter()
        .map(|point| Excluded { label: point.label.clone(), reason: reason.clone() })
        .collect()
}
