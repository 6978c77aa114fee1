//! Budgets of isoFLOP analyses and their minima.

use crate::theme::Tone;
use isoflop_fit::output::{BudgetCurve, Isoflop, Minimum};

/// Distinct budgets in ascending order, which gives them their colours.
pub(super) struct Budgets(Vec<f64>);

impl Budgets {
    pub(super) fn of(analyses: &[Isoflop]) -> Budgets {
        let all = analyses.iter().flat_map(|i| i.budgets.iter().map(|b| b.flops_budget));
        let mut all: Vec<f64> = all.collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        Budgets(all)
    }

    pub(super) fn tone(&self, budget: f64) -> Tone {
        Tone::budget(self.0.partition_point(|b| *b < budget), self.0.len())
    }
}

/// The budgets of an analysis that have a minimum.
pub(super) fn minima(analysis: &Isoflop) -> impl Iterator<Item = (&BudgetCurve, &Minimum)> {
    analysis.budgets.iter().filter_map(|b| Some((b, b.minimum.as_ref()?)))
}
