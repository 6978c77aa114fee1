//! The lowest loss that a cost buys: a law along its best splits, over the costs at which runs measured it.

use super::middle;
use super::spans::{Spans, stretch};
use crate::laws::Law;
use crate::optimum::Cost;
use crate::output::{Axis, Fit};

/// Sizes, evenly spaced in ln N over those trained, among which the best split of a cost is looked for.
const SIZES: usize = 64;

/// What training costs by size: as fitted, and for each replicate where the cost itself is uncertain.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// The cost that every statement is made in.
    pub fitted: Cost,
    /// Costs of replicates, used in turn; empty where the cost is exact.
    pub draws: Vec<Cost>,
}

/// A law along the best splits: the loss of a cost `c` is the least of `e + a_j + b_j c^-beta`.
#[derive(Clone, Debug)]
pub(super) struct Splits {
    pub(super) e: f64,
    beta: f64,
    /// `a_j` and `b_j`, a size each.
    sizes: Vec<(f64, f64)>,
}

impl Splits {
    pub(super) fn loss(&self, cost: f64) -> f64 {
        let (a, b) = self.sizes[self.best(cost)];
        self.e + a + b * cost.powf(-self.beta)
    }

    /// The size that is best at a cost.
    fn best(&self, cost: f64) -> usize {
        let falls = cost.powf(-self.beta);
        let above = |(a, b): &(f64, f64)| a + b * falls;
        let all = self.sizes.iter().map(above).enumerate();
        all.min_by(|x, y| x.1.total_cmp(&y.1)).map_or(0, |(k, _)| k)
    }

    /// The least cost of a loss; infinite where the law never has that loss.
    pub(super) fn cost(&self, loss: f64) -> f64 {
        let falls = self.sizes.iter().map(|(a, b)| (loss - self.e - a) / b);
        let most = falls.fold(0.0, f64::max);
        most.powf(-1.0 / self.beta)
    }
}

/// The lowest loss that a cost buys.
#[derive(Clone, Debug)]
pub struct LossByCost {
    /// Least and largest cost at which runs have measured it.
    pub ends: (f64, f64),
    pub(super) fitted: Splits,
    pub(super) draws: Vec<Splits>,
}

impl LossByCost {
    /// The best splits of Chinchilla's law over the sizes trained, at the costs whose best split has as many
    /// tokens as runs of such sizes had. The law need not identify its parameters: inside its rows it is an
    /// interpolation, and its replicates say how well the rows hold it there. None of another law, without
    /// replicates, or where no best split was measured.
    pub fn of_surface(fit: &Fit, costs: &Costs) -> Option<LossByCost> {
        let spans = Spans::of(fit)?;
        let ln_n: Vec<f64> = (0..SIZES)
            .map(|k| k as f64 / (SIZES - 1) as f64)
            .map(|share| spans.ends().0 + (spans.ends().1 - spans.ends().0) * share)
            .collect();
        let mut all = laws(fit, ["E", "A", "alpha", "B", "beta"], Law::Chinchilla)?;
        let splits = |[e, a, alpha, b, beta]: [f64; 5], cost: &Cost| {
            let of_size = |ln_n: &f64| {
                let tokens = cost.tokens(1.0, ln_n.exp());
                (a * (-alpha * ln_n).exp(), b * tokens.powf(-beta))
            };
            Splits { e, beta, sizes: ln_n.iter().map(of_size).collect() }
        };
        let fitted = splits(all.next()??, &costs.fitted);
        let cost_of = |k: usize| match costs.draws.len() {
            0 => &costs.fitted,
            count => &costs.draws[k % count],
        };
        let draws = all.enumerate().filter_map(|(k, law)| Some(splits(law?, cost_of(k))));
        let draws: Vec<Splits> = draws.filter(Splits::is_sound).collect();
        let measured = |cost: f64| {
            let ln_n = ln_n[fitted.best(cost)];
            spans.hold(ln_n, costs.fitted.tokens(cost, ln_n.exp()).ln())
        };
        let spent = fit.data.iter().filter_map(|p| Some(p.d? / costs.fitted.tokens(1.0, p.n?)));
        let ends = stretch(spent, measured)?;
        (fitted.is_sound() && !draws.is_empty()).then_some(LossByCost { ends, fitted, draws })
    }

    /// A power law of loss in compute over the compute of its points, or over another cost, which is then a
    /// power of compute through the costs of the same points. None of another law, without replicates, or of
    /// points without N and D where another cost is asked for.
    pub fn of_power_law(fit: &Fit, costs: Option<&Costs>) -> Option<LossByCost> {
        let offset = fit.parameters.contains_key("E");
        let splits = |[e, a, alpha]: [f64; 3], (k, power): (f64, f64)| Splits {
            e,
            beta: alpha / power,
            sizes: vec![(0.0, a * k.powf(alpha / power))],
        };
        let mut all: Vec<Option<[f64; 3]>> = match offset {
            true => laws(fit, ["E", "A", "alpha"], Law::PowerOffset(Axis::C))?.collect(),
            false => {
                let all = laws(fit, ["A", "alpha"], Law::Power(Axis::C))?;
                all.map(|law| law.map(|[a, alpha]| [0.0, a, alpha])).collect()
            }
        };
        let along = match costs {
            Some(costs) => Along::of(fit, costs)?,
            None => Along { fitted: (1.0, 1.0), draws: Vec::new() },
        };
        let fitted = splits(all.remove(0)?, along.fitted);
        let drawn = all.into_iter().enumerate();
        let draws = drawn.filter_map(|(k, law)| Some(splits(law?, along.draw(k))));
        let draws: Vec<Splits> = draws.filter(Splits::is_sound).collect();
        let spent = fit.data.iter().filter_map(|p| Some(along.cost(p.c?)));
        let ends = stretch(spent, |_| true)?;
        (fitted.is_sound() && !draws.is_empty()).then_some(LossByCost { ends, fitted, draws })
    }

    /// The same with losses in another unit, of which one nat per token has `unit`.
    #[must_use]
    pub fn in_unit(mut self, unit: f64) -> LossByCost {
        for splits in std::iter::once(&mut self.fitted).chain(&mut self.draws) {
            splits.e *= unit;
            splits.sizes.iter_mut().for_each(|(a, b)| (*a, *b) = (*a * unit, *b * unit));
        }
        self
    }

    /// The loss of a cost, with the ends of the interval that holds the middle share `level` of what the
    /// replicates say.
    pub fn loss(&self, cost: f64, level: f64) -> (f64, (f64, f64)) {
        let all = self.draws.iter().map(|splits| splits.loss(cost)).collect();
        (self.fitted.loss(cost), middle(all, level))
    }

    /// Whether the best split of a cost lies at the smallest or the largest size trained, so that it is the
    /// ladder's rather than the law's.
    pub fn is_at_edge(&self, cost: f64) -> bool {
        let best = self.fitted.best(cost);
        self.fitted.sizes.len() > 1 && (best == 0 || best + 1 == self.fitted.sizes.len())
    }
}

impl Splits {
    fn is_sound(&self) -> bool {
        let finite = |(a, b): &(f64, f64)| a.is_finite() && b.is_finite() && *a >= 0.0 && *b > 0.0;
        self.e.is_finite() && self.beta > 0.0 && self.sizes.iter().all(finite)
    }
}

/// A cost along the points of a law of compute, `k C^power`.
struct Along {
    fitted: (f64, f64),
    /// Factor and power of each replicate, used in turn; empty where the cost is exact.
    draws: Vec<(f64, f64)>,
}

impl Along {
    fn of(fit: &Fit, costs: &Costs) -> Option<Along> {
        let through = |cost: &Cost| {
            let points = fit.data.iter();
            let points = points.map(|p| Some((p.c?.ln(), (p.d? / cost.tokens(1.0, p.n?)).ln())));
            let points = points.collect::<Option<Vec<(f64, f64)>>>()?;
            let mean = |of: fn(&(f64, f64)) -> f64| {
                points.iter().map(of).sum::<f64>() / points.len() as f64
            };
            let (x, y) = (mean(|p| p.0), mean(|p| p.1));
            let products =
                |of: fn(f64, f64) -> f64| points.iter().map(|p| of(p.0 - x, p.1 - y)).sum::<f64>();
            let power = products(|x, y| x * y) / products(|x, _| x * x);
            (power > 0.0 && power.is_finite()).then(|| ((y - power * x).exp(), power))
        };
        let draws = costs.draws.iter().filter_map(through).collect();
        Some(Along { fitted: through(&costs.fitted)?, draws })
    }

    fn cost(&self, c: f64) -> f64 {
        self.fitted.0 * c.powf(self.fitted.1)
    }

    fn draw(&self, k: usize) -> (f64, f64) {
        match self.draws.len() {
            0 => self.fitted,
            count => self.draws[k % count],
        }
    }
}

/// Parameters of a fit of this law in the order of their names, then those of each replicate.
fn laws<'a, const K: usize>(
    fit: &'a Fit,
    names: [&'static str; K],
    law: Law,
) -> Option<impl Iterator<Item = Option<[f64; K]>> + use<'a, K>> {
    if fit.law() != Some(law) {
        return None;
    }
    let places = names.map(|name| fit.draw_names.iter().position(|known| known == name));
    let fitted = names.map(|name| fit.parameters.get(name).map(|e| e.value));
    let whole = |all: [Option<f64>; K]| {
        all.iter().all(Option::is_some).then(|| all.map(Option::unwrap_or_default))
    };
    let draw = move |draw: &Vec<f64>| whole(places.map(|place| draw.get(place?).copied()));
    Some(std::iter::once(whole(fitted)).chain(fit.draws.iter().map(draw)))
}
