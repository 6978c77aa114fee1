//! Compute at equal loss as the runs have it: the best of each series at each compute, no law.

use super::Side;
use crate::view::View;
use isoflop_fit::output::Identified;

/// Runs whose compute differs by less than this are of one budget.
const ONE_BUDGET: f64 = 1.05;

/// Runs that no cheaper run beats: compute and loss, compute ascending, losses falling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frontier(Vec<(f64, f64)>);

impl Frontier {
    /// Of compute and loss of any runs; of runs of one budget, the best.
    pub(crate) fn of(runs: impl Iterator<Item = (f64, f64)>) -> Frontier {
        let mut runs: Vec<(f64, f64)> = runs.filter(|(c, loss)| *c > 0.0 && *loss > 0.0).collect();
        runs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut best: Vec<(f64, f64)> = Vec::new();
        let mut first = 0.0;
        for (c, loss) in runs {
            match best.last_mut() {
                Some(last) if loss >= last.1 => {}
                Some(last) if c < ONE_BUDGET * first => *last = (c, loss),
                _ => {
                    best.push((c, loss));
                    first = c;
                }
            }
        }
        Frontier(best)
    }

    pub(crate) fn points(&self) -> &[(f64, f64)] {
        &self.0
    }

    /// Highest and lowest loss.
    fn reach(&self) -> Option<(f64, f64)> {
        Some((self.0.first()?.1, self.0.last()?.1))
    }

    /// Compute at a loss that was reached, ln C linear in ln L between its neighbours.
    fn compute(&self, loss: f64) -> Option<f64> {
        let (worst, best) = self.reach()?;
        if !(best..=worst).contains(&loss) {
            return None;
        }
        let after = self.0.iter().position(|(_, l)| *l <= loss)?;
        let (c1, l1) = self.0[after];
        let Some((c0, l0)) = after.checked_sub(1).map(|before| self.0[before]) else {
            return Some(c1);
        };
        let share = (l0 / loss).ln() / (l0 / l1).ln();
        Some(c0 * (c1 / c0).powf(share))
    }
}

/// Compute that the other series needs over that of the base, at equal loss.
#[derive(Clone, Debug)]
pub(crate) enum Factor {
    /// Both have reached some losses.
    Reached {
        /// Loss and factor, the lowest loss first.
        trace: Vec<(f64, f64)>,
        /// At the lowest loss that both have reached.
        at_lowest: Identified<f64>,
        /// Least and largest over all losses that both have reached.
        range: (f64, f64),
    },
    /// The other is below every loss of the base from its least compute on: the factor at the base's
    /// lowest loss is smaller than this.
    Below { loss: f64, factor: Identified<f64> },
    /// The base is below every loss of the other: the factor at the other's lowest loss is larger.
    Above { loss: f64, factor: Identified<f64> },
}

/// Steps of a trace.
const STEPS: usize = 40;

/// None where a series has no run.
pub(super) fn factor(view: &View<'_>, sides: [Side<'_>; 2]) -> Option<Factor> {
    let [base, other] = sides.map(|(series, unit)| {
        let runs = view.finished.iter().filter(|run| run.series == series);
        Frontier::of(runs.filter_map(|run| Some((run.c_exact, run.test_loss? * unit))))
    });
    between(&base, &other)
}

fn between(base: &Frontier, other: &Frontier) -> Option<Factor> {
    let ((base_worst, base_best), (other_worst, other_best)) = (base.reach()?, other.reach()?);
    let (low, high) = (base_best.max(other_best), base_worst.min(other_worst));
    let ends = |frontier: &Frontier| Some((frontier.0.first()?.0, frontier.0.last()?.0));
    let ((base_least, base_most), (other_least, other_most)) = (ends(base)?, ends(other)?);
    if low > high {
        return Some(match other_worst < base_best {
            true => Factor::Below {
                loss: base_best,
                factor: Identified::measured(other_least / base_most),
            },
            false => Factor::Above {
                loss: other_best,
                factor: Identified::measured(other_most / base_least),
            },
        });
    }
    let at = |loss: f64| Some(other.compute(loss)? / base.compute(loss)?);
    let trace: Vec<(f64, f64)> = (0..=STEPS)
        .map(|k| (low * (high / low).powf(k as f64 / STEPS as f64)).clamp(low, high))
        .filter_map(|loss| Some((loss, at(loss)?)))
        .collect();
    let range = trace.iter().fold((f64::INFINITY, 0.0f64), |(l, h), (_, f)| (l.min(*f), h.max(*f)));
    Some(Factor::Reached { at_lowest: Identified::measured(at(low)?), trace, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontier(runs: &[(f64, f64)]) -> Frontier {
        Frontier::of(runs.iter().copied())
    }

    #[test]
    fn the_frontier_has_the_best_run_of_each_budget() {
        let found = frontier(&[(1.0, 4.0), (1.01, 3.5), (3.0, 3.6), (3.01, 3.0), (9.0, 3.2)]);
        assert_eq!(found.points(), [(1.01, 3.5), (3.01, 3.0)]);
    }

    #[test]
    fn a_frontier_that_is_a_power_law_is_met_between_its_runs() {
        let runs: Vec<(f64, f64)> = [1.0, 10.0, 100.0].map(|c: f64| (c, 4.0 * c.powf(-0.1))).into();
        let found = frontier(&runs);
        for c in [1.0, 3.0, 40.0, 100.0f64] {
            let at = found.compute(4.0 * c.powf(-0.1) * (1.0 + 1e-15)).unwrap_or(c);
            assert!((at / c - 1.0).abs() < 1e-9, "{at} {c}");
        }
        assert_eq!(found.compute(5.0), None);
    }

    /// Measured: two tokenizers of which the second needs about a fifth of the compute.
    #[test]
    fn the_factor_is_that_of_the_runs() {
        let bytes = frontier(&[(3e9, 4.238), (8e9, 4.056), (2e10, 3.860)]);
        let bpe = frontier(&[(3e9, 3.957), (8e9, 3.529), (2e10, 3.322)]);
        let Factor::Reached { at_lowest, range, .. } = between(&bytes, &bpe).unwrap() else {
            panic!("both have reached 3.9 bits per byte");
        };
        assert!((at_lowest.get() - 0.186).abs() < 0.002, "{at_lowest:?}");
        assert!(range.0 <= *at_lowest.get() && range.1 < 0.3, "{range:?}");
    }

    #[test]
    fn series_without_a_common_loss_bound_the_factor() {
        let (worse, better) = (frontier(&[(1e9, 4.0), (1e10, 3.5)]), frontier(&[(1e9, 3.0)]));
        let Some(Factor::Below { loss, factor }) = between(&worse, &better) else {
            panic!("the other is better throughout");
        };
        assert_eq!((loss, *factor.get()), (3.5, 0.1));
        let Some(Factor::Above { loss, factor }) = between(&better, &worse) else {
            panic!("the other is worse throughout");
        };
        assert_eq!((loss, *factor.get()), (3.5, 10.0));
    }
}
