//! The best split of compute between parameters and tokens, under `C = 6 N D` or under the FLOPs that
//! models really take.

use crate::laws::Law;
use crate::output::Fit;
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};

/// FLOPs of training N parameters on D tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Cost {
    /// `C = 6 N D`.
    SixNd,
    /// The count of the rows trained: `C = 6 N D f(N)`, f a cubic in ln N between the sizes fitted, smooth
    /// so that no size draws the optimum to itself, and constant beyond them.
    Counted {
        /// ln N, ascending.
        ln_n: Vec<f64>,
        /// f.
        factor: Vec<f64>,
    },
}

/// Counts within this share of 6 N D are 6 N D.
const SAME: f64 = 0.01;

impl Cost {
    /// What the rows of a fit say; `None` where that is `C = 6 N D`, or they do not say it.
    pub fn counted(fit: &Fit) -> Option<Cost> {
        let row = |n: f64, d: f64, c: f64| (n, c / (6.0 * n * d));
        let rows: Option<Vec<_>> = fit.data.iter().map(|p| Some(row(p.n?, p.d?, p.c?))).collect();
        let sizes = by_size(rows?);
        let far = sizes.iter().any(|(_, factor)| (factor - 1.0).abs() > SAME);
        far.then(|| Cost::of(sizes))
    }

    /// What sizes cost by the token, in FLOPs or in any other unit, such as seconds; of rows of one size the
    /// first counts. None without a row, or where a size or a cost is no positive number.
    pub fn per_token(rows: impl IntoIterator<Item = (f64, f64)>) -> Option<Cost> {
        let rows: Vec<_> = rows.into_iter().map(|(n, cost)| (n, cost / (6.0 * n))).collect();
        let sound = |v: f64| v.is_finite() && v > 0.0;
        let all = rows.iter().all(|(n, factor)| sound(*n) && sound(*factor));
        (all && !rows.is_empty()).then(|| Cost::of(by_size(rows)))
    }

    fn of(sizes: Vec<(f64, f64)>) -> Cost {
        let (ln_n, factor) = sizes.into_iter().unzip();
        Cost::Counted { ln_n, factor }
    }

    /// FLOPs over `6 N D` at a size.
    fn factor(&self, n: f64) -> f64 {
        let Cost::Counted { ln_n, factor } = self else {
            return 1.0;
        };
        let at = n.ln();
        let above = ln_n.partition_point(|x| *x < at);
        match above {
            0 => factor[0],
            above if above == ln_n.len() => factor[above - 1],
            above => {
                let below = above - 1;
                let width = ln_n[above] - ln_n[below];
                let u = (at - ln_n[below]) / width;
                let (y0, y1) = (factor[below], factor[above]);
                let (s0, s1) = (slope(ln_n, factor, below), slope(ln_n, factor, above));
                // Hermite's cubic of two values and two slopes.
                let (chord, v) = (y1 - y0, 1.0 - u);
                y0 + u * chord + u * v * (v * (s0 * width - chord) - u * (s1 * width - chord))
            }
        }
    }

    /// Tokens on which `c` trains `n` parameters.
    pub fn tokens(&self, c: f64, n: f64) -> f64 {
        c / (6.0 * n * self.factor(n))
    }
}

/// ln N of each size, ascending, with the value of its first row.
fn by_size(rows: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut sizes: Vec<(f64, f64)> = rows.into_iter().map(|(n, value)| (n.ln(), value)).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    sizes.dedup_by(|a, b| (a.0 - b.0).abs() < 1e-6);
    sizes
}

/// Slope at a point of a curve: of the parabola through it and its neighbours, at an end of the chord.
fn slope(x: &[f64], y: &[f64], k: usize) -> f64 {
    let chord = |i: usize| (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
    match k {
        0 => chord(0),
        k if k + 1 == x.len() => chord(k - 1),
        k => {
            let (before, after) = (x[k] - x[k - 1], x[k + 1] - x[k]);
            (after * chord(k - 1) + before * chord(k)) / (before + after)
        }
    }
}

/// ln N is searched within this of `sqrt(C / 6)`, an optimum of any published law.
const REACH: f64 = 16.0;
/// Coarse steps of the search.
const COARSE: usize = 64;
/// Golden sections of the best coarse step.
const SECTIONS: usize = 60;

/// N*, D* and the loss there: in closed form for Chinchilla's law under `C = 6 N D` (Hoffmann et al.
/// 2022, eq. 4), by search otherwise. None where the loss is lowest at an end of the search.
pub(crate) fn optimum(law: Law, values: &[f64], c: f64, cost: &Cost) -> Option<[f64; 3]> {
    if let (Law::Chinchilla, Cost::SixNd, [e, a, alpha, b, beta]) = (law, cost, values) {
        let law = ChinchillaLaw { e: *e, a: *a, b: *b, alpha: *alpha, beta: *beta };
        let (n, d): (Params, Tokens) = law.optimum(Flops(c));
        return finite([n.0, d.0, law.loss(n, d)]);
    }
    let middle = 0.5 * (c / 6.0).ln();
    let at = |ln_n: f64| {
        let d = cost.tokens(c, ln_n.exp());
        law.loss_of(values, &[ln_n, d.ln(), d.ln()])
    };
    let step = 2.0 * REACH / COARSE as f64;
    let place = |k: usize| middle - REACH + step * k as f64;
    let losses: Vec<f64> = (0..=COARSE).map(|k| at(place(k))).collect();
    let best = (0..=COARSE).min_by(|i, j| losses[*i].total_cmp(&losses[*j]))?;
    if best == 0 || best == COARSE {
        return None;
    }
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (place(best - 1), place(best + 1));
    for _ in 0..SECTIONS {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        match at(left) < at(right) {
            true => high = right,
            false => low = left,
        }
    }
    let n = f64::midpoint(low, high);
    finite([n.exp(), cost.tokens(c, n.exp()), at(n)])
}

fn finite(all: [f64; 3]) -> Option<[f64; 3]> {
    all.iter().all(|x| x.is_finite() && *x > 0.0).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::FittedPoint;

    const HOFFMANN: [f64; 5] = [1.69, 406.4, 0.34, 410.7, 0.28];

    #[test]
    fn the_search_finds_the_closed_form() {
        let closed = optimum(Law::Chinchilla, &HOFFMANN, 1e21, &Cost::SixNd).unwrap();
        let same = Cost::Counted { ln_n: vec![0.0, 60.0], factor: vec![1.0, 1.0] };
        let searched = optimum(Law::Chinchilla, &HOFFMANN, 1e21, &same).unwrap();
        for (a, b) in closed.iter().zip(searched) {
            assert!((a / b - 1.0).abs() < 1e-5, "{closed:?} {searched:?}");
        }
    }

    /// Kaplan et al. 2020, eq. 1.5 under C = 6 N D: N* ~ C^(alpha_D / (alpha_N + alpha_D)).
    #[test]
    fn kaplans_law_has_the_exponent_of_its_derivation() {
        let law = Law::Kaplan { offset: false };
        let values = [8.8e13, 0.076, 5.4e13, 0.095];
        let n = |c: f64| optimum(law, &values, c, &Cost::SixNd).unwrap()[0];
        let exponent = (n(1e22) / n(1e20)).ln() / 100f64.ln();
        assert!((exponent - 0.095 / 0.171).abs() < 1e-4, "{exponent}");
    }

    /// With f linear between sizes the optimum would stay at a size over a range of compute.
    #[test]
    fn the_optimum_moves_with_compute_past_every_size() {
        let sizes: Vec<f64> = (0..8).map(|i| 3e3 * 2f64.powi(i)).collect();
        let cost = Cost::Counted {
            ln_n: sizes.iter().map(|n| n.ln()).collect(),
            factor: sizes.iter().map(|n| 1.0 + 900.0 * n.powf(-0.67)).collect(),
        };
        let law = [1.1, 13.0, 0.3, 440.0, 0.49];
        let n = |c: f64| optimum(Law::Chinchilla, &law, c, &cost).unwrap()[0].ln();
        let local: Vec<f64> = (0..30)
            .map(|k| 2e11 * 10f64.powf(f64::from(k) / 29.0))
            .map(|c| (n(c * 1.05) - n(c)) / 1.05f64.ln())
            .collect();
        let (low, high) =
            local.iter().fold((f64::INFINITY, 0.0f64), |(l, h), a| (l.min(*a), h.max(*a)));
        assert!(low > 0.4 && high < 1.0, "{low} {high}");
    }

    #[test]
    fn costs_are_read_off_the_rows_between_sizes() {
        let row = |n: f64, factor: f64| FittedPoint {
            label: String::new(),
            n: Some(n),
            d: Some(1e6),
            c: Some(6.0 * n * 1e6 * factor),
            loss: 3.0,
            fitted: 3.0,
        };
        let mut fit = Fit { data: vec![row(1e3, 4.0), row(1e5, 2.0)], ..Fit::default() };
        let cost = Cost::counted(&fit).unwrap();
        assert!((cost.tokens(1e12, 1e4) / (1e12 / (6e4 * 3.0)) - 1.0).abs() < 1e-12);
        assert!((cost.tokens(1e12, 1e9) / (1e12 / (6e9 * 2.0)) - 1.0).abs() < 1e-12);
        fit.data.iter_mut().for_each(|p| p.c = Some(6.0 * p.n.unwrap() * 1e6));
        assert_eq!(Cost::counted(&fit), None);
        assert_eq!(Cost::per_token([(1e3, 2.4e4), (1e5, 1.2e6)]), Some(cost));
        for rows in [vec![], vec![(0.0, 1.0)], vec![(1e3, f64::INFINITY)]] {
            assert_eq!(Cost::per_token(rows), None);
        }
    }
}
