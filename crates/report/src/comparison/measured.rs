//! Cost at equal loss, in compute or in seconds, read off the best runs of each series without a law.

use super::side::Side;
use crate::frontier::Frontier;
use crate::view::View;
use isoflop_fit::output::Identified;
use isoflop_results::RunRow;

/// Cost that the other series needs over that of the base, at equal loss.
#[derive(Clone, Debug)]
pub(crate) enum Factor {
    /// Both have reached some losses.
    Reached {
        /// Losses, costs of the base and factors, the lowest loss first.
        trace: Vec<(f64, f64, f64)>,
        /// Factor at the lowest loss that both have reached.
        at_lowest: Identified<f64>,
        /// Least and largest factor over all losses that both have reached.
        range: (f64, f64),
    },
    /// The cheapest run of the other is below every loss of the base; the factor at the lowest loss of
    /// the base is smaller than this one.
    Below { loss: f64, factor: Identified<f64> },
    /// The cheapest run of the base is below every loss of the other; the factor at the lowest loss of
    /// the other is larger than this one.
    Above { loss: f64, factor: Identified<f64> },
}

/// Steps of a trace from the lowest to the highest loss.
const STEPS: usize = 40;

/// The factor between two series, or nothing where one has no run.
pub(super) fn factor(
    view: &View<'_>,
    sides: [Side<'_>; 2],
    cost: impl Fn(&RunRow) -> Option<f64>,
) -> Option<Factor> {
    let [base, other] = sides.map(|(series, unit)| {
        let runs = view.finished.iter().filter(|run| run.series == series);
        Frontier::of(runs.filter_map(|run| Some((cost(run)?, run.test_loss? * unit))))
    });
    between(&base, &other)
}

fn between(base: &Frontier, other: &Frontier) -> Option<Factor> {
    let ((base_worst, base_best), (other_worst, other_best)) = (base.reach()?, other.reach()?);
    let (low, high) = (base_best.max(other_best), base_worst.min(other_worst));
    let ends =
        |frontier: &Frontier| Some((frontier.points().first()?.0, frontier.points().last()?.0));
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
    let trace: Vec<(f64, f64, f64)> = (0..=STEPS)
        .map(|k| (low * (high / low).powf(k as f64 / STEPS as f64)).clamp(low, high))
        .filter_map(|loss| Some((loss, base.compute(loss)?, at(loss)?)))
        .collect();
    let range =
        trace.iter().fold((f64::INFINITY, 0.0f64), |(l, h), (_, _, f)| (l.min(*f), h.max(*f)));
    Some(Factor::Reached { at_lowest: Identified::measured(at(low)?), trace, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontier(runs: &[(f64, f64)]) -> Frontier {
        Frontier::of(runs.iter().copied())
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
