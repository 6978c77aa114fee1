//! The best split of compute between parameters and tokens, under `C = 6 N D` or under the FLOPs that
//! models really take.

use crate::law::Law;
use crate::output::Fit;
use isoflop_core::{ChinchillaLaw, Flops, Params, Tokens};

/// FLOPs of training N parameters on D tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Cost {
    /// `C = 6 N D`.
    SixNd,
    /// As trained: `C = 6 N D f(N)`, f linear in ln N between the sizes fitted and constant beyond them.
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
        let mut sizes: Vec<(f64, f64)> = Vec::new();
        for point in &fit.data {
            let (n, d, c) = (point.n?, point.d?, point.c?);
            sizes.push((n.ln(), c / (6.0 * n * d)));
        }
        sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
        sizes.dedup_by(|a, b| (a.0 - b.0).abs() < 1e-6);
        let far = sizes.iter().any(|(_, factor)| (factor - 1.0).abs() > SAME);
        far.then(|| {
            let (ln_n, factor) = sizes.into_iter().unzip();
            Cost::Counted { ln_n, factor }
        })
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
                let share = (at - ln_n[above - 1]) / (ln_n[above] - ln_n[above - 1]);
                factor[above - 1] + share * (factor[above] - factor[above - 1])
            }
        }
    }

    /// Tokens on which `c` trains `n` parameters.
    pub fn tokens(&self, c: f64, n: f64) -> f64 {
        c / (6.0 * n * self.factor(n))
    }
}

/// ln N is searched within this of `sqrt(C / 6)`, an optimum of any published law.
const REACH: f64 = 16.0;
/// Coarse steps, then golden sections of the best one.
const COARSE: usize = 64;
const SECTIONS: usize = 60;

/// N*, D* and the loss there: in closed form for Chinchilla's law under `C = 6 N D` (Hoffmann et al.
/// 2022, eq. 4), by search otherwise. None where the loss is lowest at an end of the search.
pub(crate) fn optimum(law: Law, values: &[f64], c: f64, cost: &Cost) -> Option<[f64; 3]> {
    if let (Law::Chinchilla, Cost::SixNd, [e, a, alpha, b, beta]) = (law, cost, values) {
        let law = ChinchillaLaw {
            e: *e,
            a: *a,
            b: *b,
            alpha: *alpha,
            beta: *beta,
        };
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
        let same = Cost::Counted {
            ln_n: vec![0.0, 60.0],
            factor: vec![1.0, 1.0],
        };
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
        let mut fit = Fit {
            data: vec![row(1e3, 4.0), row(1e5, 2.0)],
            ..Fit::default()
        };
        let cost = Cost::counted(&fit).unwrap();
        assert!((cost.tokens(1e12, 1e4) / (1e12 / (6e4 * 3.0)) - 1.0).abs() < 1e-12);
        assert!((cost.tokens(1e12, 1e9) / (1e12 / (6e9 * 2.0)) - 1.0).abs() < 1e-12);
        fit.data
            .iter_mut()
            .for_each(|p| p.c = Some(6.0 * p.n.unwrap() * 1e6));
        assert_eq!(Cost::counted(&fit), None);
    }
}
