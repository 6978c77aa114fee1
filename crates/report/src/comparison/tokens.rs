//! Tokens that one series needs over those of another at equal loss, size by size.

use crate::view::View;
use isoflop_fit::noise::{NoiseFloor, noise_floor};
use isoflop_results::RunRow;
use std::collections::BTreeMap;

/// Tokens at equal loss of one size.
#[derive(Clone, Debug)]
pub(crate) struct AtSize {
    /// Non-embedding parameters of the base.
    pub(crate) n: f64,
    /// Tokens of the other over those of the base, the geometric mean over the lengths compared.
    pub(crate) factor: f64,
    /// Interval by the noise between seeds; none without seeds.
    pub(crate) ends: Option<(f64, f64)>,
}

/// Mean of ln L over seeds at a number of tokens, with the number of seeds.
type Lengths = BTreeMap<u64, (f64, usize)>;

/// The sizes that both series have trained to several lengths, ascending. A length of the other is compared where
/// the base reached its loss between two lengths of its own, ln L being straight in ln D between these.
///
/// Runs of a size share their trunk, so that their luck is one: the interval is that of a single length.
pub(crate) fn at_sizes(view: &View<'_>, base: &str, other: &str) -> Vec<AtSize> {
    if view.by_bytes() {
        return Vec::new();
    }
    let of = |series: &str| {
        let mut sizes: BTreeMap<Shape, (f64, Vec<&RunRow>)> = BTreeMap::new();
        for run in view.finished.iter().filter(|run| run.series == series) {
            let size = sizes.entry(shape(run)).or_insert((run.n() as f64, Vec::new()));
            size.1.push(run);
        }
        sizes
    };
    let (base, other) = (of(base), of(other));
    let runs = base.values().chain(other.values()).flat_map(|(_, runs)| runs);
    let losses = runs.filter_map(|run| {
        Some(((run.series.as_str(), shape(run), run.tokens), run.test_loss?.ln()))
    });
    let noise = noise_floor(losses);
    let mut found: Vec<AtSize> = base
        .iter()
        .filter_map(|(shape, (n, runs))| {
            let [base, other] = [runs, &other.get(shape)?.1].map(|runs| lengths(runs));
            let (ln_factor, half) = compared(&base, &other, noise.as_ref())?;
            let ends = half.map(|half| ((ln_factor - half).exp(), (ln_factor + half).exp()));
            Some(AtSize { n: *n, factor: ln_factor.exp(), ends })
        })
        .collect();
    found.sort_by(|a, b| a.n.total_cmp(&b.n));
    found
}

/// Width, layers and heads: runs of one size have all three in common.
type Shape = (u64, u64, Option<u64>);

fn shape(run: &RunRow) -> Shape {
    (run.d_model, run.n_layers, run.n_heads)
}

fn lengths(runs: &[&RunRow]) -> Lengths {
    let mut sums = Lengths::new();
    for run in runs {
        if let Some(loss) = run.test_loss {
            let sum = sums.entry(run.tokens).or_insert((0.0, 0));
            *sum = (sum.0 + loss.ln(), sum.1 + 1);
        }
    }
    for mean in sums.values_mut() {
        mean.0 /= mean.1 as f64;
    }
    sums
}

/// Mean of ln(tokens of the other / tokens of the base) over the lengths compared, and half of its interval.
fn compared(
    base: &Lengths,
    other: &Lengths,
    noise: Option<&NoiseFloor>,
) -> Option<(f64, Option<f64>)> {
    let steps: Vec<_> = base.iter().zip(base.iter().skip(1)).collect();
    let mut all = Vec::new();
    for (tokens, (loss, seeds)) in other {
        let across =
            steps.iter().find(|((_, a), (_, b))| a.0 >= *loss && *loss >= b.0 && a.0 > b.0);
        if let Some(((from, a), (to, b))) = across {
            let width = (**to as f64 / **from as f64).ln();
            let slope = (a.0 - b.0) / width;
            let at = (**from as f64).ln() + (a.0 - loss) / slope;
            let half = noise.map(|noise| noise.of_difference(a.1.min(b.1), *seeds) / slope);
            all.push(((*tokens as f64).ln() - at, half));
        }
    }
    let count = all.len() as f64;
    let mean = all.iter().map(|(ln_factor, _)| ln_factor).sum::<f64>() / count;
    let half = all.iter().map(|(_, half)| *half).sum::<Option<f64>>().map(|sum| sum / count);
    (!all.is_empty()).then_some((mean, half))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L = D^-.2, and another that needs .6 of the tokens.
    #[test]
    fn a_power_law_gives_its_factor_at_every_length_inside_those_of_the_base() {
        let law = |tokens: u64, factor: f64| (-0.2 * (tokens as f64 / factor).ln(), 2);
        let of = |factor: f64| -> Lengths {
            [100, 200, 400, 800].map(|tokens| (tokens, law(tokens, factor))).into_iter().collect()
        };
        let (ln_factor, half) = compared(&of(1.0), &of(0.6), None).unwrap();
        assert!((ln_factor.exp() - 0.6).abs() < 1e-9 && half.is_none());
        let noise = NoiseFloor { sd: 0.01, low: 0.01, high: 0.01, groups: 8, degrees: 1_000_000 };
        let (_, half) = compared(&of(1.0), &of(0.6), Some(&noise)).unwrap();
        // 1.645 standard deviations of a difference of means of two, over the slope of .2.
        assert!((half.unwrap() - 1.644_85 * 0.01 / 0.2).abs() < 1e-4, "{half:?}");
        assert!(
            compared(&of(1.0), &of(0.1), None).is_none(),
            "no length of the base reaches these"
        );
    }
}
