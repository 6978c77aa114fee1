//! What one series costs over another at equal loss, as a function of cost: of compute, or of seconds.
//!
//! A [`LossByCost`] is the lowest loss that a cost buys, by the law of a series and by each of its
//! replicates, over the costs at which its runs have measured it. Two of them give a [`Multiplier`].

mod loss_by_cost;
mod spans;

pub use loss_by_cost::{Costs, LossByCost};

use crate::output::Estimate;
use loss_by_cost::Splits;

/// Costs of a trace.
const STEPS: usize = 24;
/// Pairs that each replicate of one series makes with replicates of the other: their order says nothing, since
/// the series are independent.
const PAIRINGS: usize = 5;
/// An interval whose ends differ by more than this factor tells nothing.
const WIDEST: f64 = 10.0;

/// Cost that another series needs over that of the base, at equal loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor {
    /// Cost of the base.
    pub cost: f64,
    /// Loss that this cost buys the base.
    pub loss: f64,
    /// Cost of the other over that of the base, with its interval.
    pub estimate: Estimate,
}

/// The factor over all costs of the base at which both series have measured the loss, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct Multiplier(Vec<Factor>);

impl Multiplier {
    /// What the other series costs over the base; none where no loss was measured by both.
    pub fn between(base: &LossByCost, other: &LossByCost, level: f64) -> Option<Multiplier> {
        let at = |cost: f64| base.fitted.cost(other.fitted.loss(cost));
        let low = base.ends.0.max(at(other.ends.0));
        let high = base.ends.1.min(at(other.ends.1));
        if !(low > 0.0 && high > low) {
            return None;
        }
        let cost = |k: usize| low * (high / low).powf(k as f64 / (STEPS - 1) as f64);
        Some(Multiplier((0..STEPS).map(|k| factor(base, other, cost(k), level)).collect()))
    }

    /// The same factors with an error that all runs of a series share beside that of the replicates: its half
    /// interval in the logarithm of the factor. An interval that it takes beyond a factor of ten tells nothing.
    #[must_use]
    pub fn blurred(mut self, half: f64) -> Multiplier {
        for Factor { estimate: e, .. } in &mut self.0 {
            let value = e.value;
            let wider = |end: f64| (end / value).ln().hypot(half).exp();
            e.low = e.low.map(|low| value / wider(low));
            e.high = e.high.map(|high| value * wider(high));
            let ends = e.low.zip(e.high);
            e.identified &= ends.is_some_and(|(low, high)| high <= WIDEST * low);
        }
        self
    }

    /// Every cost in turn.
    pub fn trace(&self) -> &[Factor] {
        &self.0
    }

    /// The factor at the largest cost.
    pub fn last(&self) -> &Factor {
        &self.0[self.0.len() - 1]
    }

    /// The factor at the least cost.
    pub fn first(&self) -> &Factor {
        &self.0[0]
    }
}

fn factor(base: &LossByCost, other: &LossByCost, cost: f64, level: f64) -> Factor {
    let over = |base: &Splits, other: &Splits| other.cost(base.loss(cost)) / cost;
    let count = other.draws.len();
    let pairs = base.draws.iter().enumerate().flat_map(|(k, of_base)| {
        let partners = (0..PAIRINGS).map(move |p| (k + p * count.div_ceil(PAIRINGS)) % count);
        partners.map(move |partner| over(of_base, &other.draws[partner]))
    });
    let (low, high) = middle(pairs.collect(), level);
    let value = over(&base.fitted, &other.fitted);
    let end = |end: f64| (end.is_finite() && end > 0.0).then_some(end);
    let (low, high) = (end(low), end(high));
    let told = low.zip(high).is_some_and(|(low, high)| high <= WIDEST * low);
    let estimate =
        Estimate { value, low, high, standard_error: None, identified: told, fixed: false };
    Factor { cost, loss: base.fitted.loss(cost), estimate }
}

/// The ends of the interval that holds the middle share `level` of values, infinite ones included; those that
/// are not numbers are left out.
fn middle(mut values: Vec<f64>, level: f64) -> (f64, f64) {
    values.retain(|v| !v.is_nan());
    values.sort_by(f64::total_cmp);
    let at = |q: f64| {
        let place = q * values.len().saturating_sub(1) as f64;
        let (below, share) = (place.floor() as usize, place.fract());
        let above = (below + 1).min(values.len() - 1);
        // The way between two infinite values is no number.
        match share > 0.0 && values[above] > values[below] {
            true => values[below] + (values[above] - values[below]) * share,
            false => values[below],
        }
    };
    match values.is_empty() {
        true => (f64::NAN, f64::NAN),
        false => (at((1.0 - level) / 2.0), at((1.0 + level) / 2.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::Law;
    use crate::optimum::Cost;
    use crate::output::{Axis, Fit, FittedPoint};
    use std::collections::BTreeMap;

    const LAW: [(&str, f64); 5] =
        [("E", 0.75), ("A", 9.0), ("alpha", 0.30), ("B", 95.0), ("beta", 0.33)];

    /// A fit of [`LAW`], B as many times as large, whose replicates are the law itself; sizes with tokens.
    fn surface(more: f64, sizes: &[(f64, &[f64])]) -> Fit {
        let law = LAW.map(|(name, value)| (name, if name == "B" { value * more } else { value }));
        let estimate = |value: f64| Estimate {
            value,
            low: None,
            high: None,
            standard_error: None,
            identified: false,
            fixed: false,
        };
        let point = |n: f64, d: f64| FittedPoint {
            label: String::new(),
            n: Some(n),
            d: Some(d),
            c: Some(6.0 * n * d),
            loss: 1.0,
            fitted: 1.0,
        };
        let names = law.map(|(name, value)| (name.to_owned(), estimate(value)));
        Fit {
            law: "chinchilla".into(),
            parameters: BTreeMap::from(names),
            data: sizes.iter().flat_map(|(n, ds)| ds.iter().map(|d| point(*n, *d))).collect(),
            draw_names: law.map(|(name, _)| name.to_owned()).into(),
            draws: vec![law.map(|(_, value)| value).into(); 20],
            ..Fit::default()
        }
    }

    const GRID: [(f64, &[f64]); 3] =
        [(1e3, &[1e5, 1e6, 1e7]), (1e4, &[1e5, 1e6, 1e7]), (1e5, &[1e5, 1e6, 1e7])];

    fn exact() -> Costs {
        Costs { fitted: Cost::SixNd, draws: Vec::new() }
    }

    /// Tokens that are worth 1.3 times less cost 1.3 times as much at every loss.
    #[test]
    fn a_series_whose_tokens_are_worth_less_costs_as_much_more_at_every_cost() {
        let [base, other] = [1.0, 1.3f64.powf(0.33)]
            .map(|more| LossByCost::of_surface(&surface(more, &GRID), &exact()).unwrap());
        let found = Multiplier::between(&base, &other, 0.9).unwrap();
        for factor in found.trace() {
            let e = factor.estimate;
            assert!((e.value / 1.3 - 1.0).abs() < 2e-3, "{factor:?}");
            assert!(e.identified && (e.low.unwrap() / e.high.unwrap() - 1.0).abs() < 1e-9);
        }
        assert!(found.first().cost >= base.ends.0 && found.last().cost <= base.ends.1);
        assert!(found.last().cost * found.last().estimate.value <= other.ends.1 * (1.0 + 1e-9));
    }

    /// The lowest loss of a cost is that of the closed form, and the cost of that loss is the cost.
    #[test]
    fn the_loss_of_a_cost_is_that_of_the_best_split_and_can_be_asked_back() {
        let found = LossByCost::of_surface(&surface(1.0, &GRID), &exact()).unwrap();
        let values = LAW.map(|(_, value)| value);
        let best = crate::optimum::optimum(Law::Chinchilla, &values, 1e11, &Cost::SixNd).unwrap();
        let (loss, (low, high)) = found.loss(1e11, 0.9);
        assert!((loss / best[2] - 1.0).abs() < 1e-4, "{loss} {best:?}");
        assert!(low <= loss && loss <= high);
        assert!((found.fitted.cost(loss) / 1e11 - 1.0).abs() < 1e-9);
        assert!(!found.is_at_edge(1e11) && found.is_at_edge(1e4));
    }

    /// At 1e12 FLOPs the best size has more tokens than any run of such a size had.
    #[test]
    fn nothing_is_told_beyond_the_tokens_that_the_best_size_was_trained_on() {
        let found = LossByCost::of_surface(&surface(1.0, &GRID), &exact()).unwrap();
        let spent = 6.0 * 1e5 * 1e7;
        assert!(found.ends.1 < 0.9 * spent, "{:?}", found.ends);
        let short: Vec<(f64, &[f64])> =
            GRID.iter().map(|(n, _)| (*n, &[1e5, 1e6] as &[f64])).collect();
        let shorter = LossByCost::of_surface(&surface(1.0, &short), &exact()).unwrap();
        assert!(shorter.ends.1 < 0.5 * found.ends.1, "{:?} {:?}", shorter.ends, found.ends);
        let apart: Vec<(f64, &[f64])> =
            GRID.iter().map(|(n, _)| (*n, &[1e8, 1e9] as &[f64])).collect();
        let later = LossByCost::of_surface(&surface(1.0, &apart), &exact()).unwrap();
        assert_eq!(Multiplier::between(&shorter, &later, 0.9), None);
    }

    /// A machine on which the larger sizes take as many seconds by the token as the smaller ones moves the
    /// best split, and twice the seconds of a token are twice the seconds at equal loss.
    #[test]
    fn seconds_of_a_token_give_a_factor_of_their_own() {
        let per_token = |slower: f64| Costs {
            fitted: Cost::per_token((0..=40).map(|k| {
                let n = 1e3 * 100f64.powf(f64::from(k) / 40.0);
                (n, slower * 1e-6)
            }))
            .unwrap(),
            draws: Vec::new(),
        };
        let by = |slower| LossByCost::of_surface(&surface(1.0, &GRID), &per_token(slower)).unwrap();
        let found = Multiplier::between(&by(1.0), &by(2.0), 0.9).unwrap();
        assert!((found.last().estimate.value - 2.0).abs() < 1e-6, "{found:?}");
        assert!(by(1.0).is_at_edge(found.last().cost));
    }

    #[test]
    fn a_power_law_is_a_ladder_of_one_size() {
        let law = |a: f64| Fit {
            x: Some(Axis::C),
            law: "power".into(),
            parameters: BTreeMap::from([("A", a), ("alpha", 0.1)].map(|(name, value)| {
                let e = surface(1.0, &GRID).parameters["E"];
                (name.to_owned(), Estimate { value, ..e })
            })),
            data: surface(1.0, &GRID).data,
            draw_names: vec!["A".into(), "alpha".into()],
            draws: vec![vec![a, 0.1]; 10],
            ..Fit::default()
        };
        let [base, other] = [10.0, 11.0].map(|a| LossByCost::of_power_law(&law(a), None).unwrap());
        let found = Multiplier::between(&base, &other, 0.9).unwrap();
        assert!((found.last().estimate.value / 1.1f64.powi(10) - 1.0).abs() < 1e-9);
        assert!(LossByCost::of_power_law(&surface(1.0, &GRID), None).is_none());
        // Along D = 100 N, C grows as N^2 and these seconds as N^3, so that the factor has a power of 3 / 2.
        let mut timed = [10.0, 11.0].map(law);
        let seconds = Costs {
            fitted: Cost::per_token([(1e3, 1.0), (1e4, 100.0), (1e5, 1e4)]).unwrap(),
            draws: Vec::new(),
        };
        let along: Vec<FittedPoint> = (timed[0].data.iter())
            .filter(|p| p.n.zip(p.d).is_some_and(|(n, d)| d == 100.0 * n))
            .cloned()
            .collect();
        assert_eq!(along.len(), 3);
        timed.iter_mut().for_each(|fit| fit.data = along.clone());
        let [base, other] =
            timed.map(|fit| LossByCost::of_power_law(&fit, Some(&seconds)).unwrap());
        let found = Multiplier::between(&base, &other, 0.9).unwrap();
        let expected = 1.1f64.powi(10).powf(1.5);
        assert!((found.last().estimate.value / expected - 1.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn an_interval_with_an_infinite_end_or_a_wide_one_is_not_told() {
        let (low, high) = middle(vec![1.0, 2.0, f64::INFINITY, f64::INFINITY], 0.9);
        assert!(low.is_finite() && high.is_infinite());
        assert!(middle(vec![f64::NAN], 0.9).0.is_nan());
        let base = LossByCost::of_surface(&surface(1.0, &GRID), &exact()).unwrap();
        let mut other = base.clone();
        for (k, splits) in other.draws.iter_mut().enumerate() {
            splits.e += if k % 2 == 0 { 0.3 } else { -0.3 };
        }
        let found = Multiplier::between(&base, &other, 0.9).unwrap();
        assert!(!found.last().estimate.identified, "{:?}", found.last());
    }

    #[test]
    fn an_error_that_runs_share_widens_the_interval_and_may_leave_nothing_told() {
        let estimate = Estimate {
            value: 2.0,
            low: Some(1.6),
            high: Some(2.5),
            standard_error: None,
            identified: true,
            fixed: false,
        };
        let known = Multiplier(vec![Factor { cost: 1.0, loss: 3.0, estimate }]);
        assert!(known.clone().blurred(0.0).last().estimate.identified);
        let wider = known.clone().blurred(0.5).last().estimate;
        let half = (2.0f64 / 1.6).ln().hypot(0.5);
        assert!((wider.low.unwrap() / (2.0 * (-half).exp()) - 1.0).abs() < 1e-12, "{wider:?}");
        assert!(wider.identified && wider.high.unwrap() > 2.5, "{wider:?}");
        assert!(!known.blurred(1.2).last().estimate.identified, "a factor of eleven");
    }
}
