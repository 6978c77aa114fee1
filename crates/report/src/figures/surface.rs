//! The law of all runs over parameters and tokens, solved for each of its variables.

use isoflop_core::{ChinchillaLaw, Flops};

/// Tokens at which `n` parameters reach a loss, or nothing where no number of tokens is enough.
pub(crate) fn tokens_for(law: &ChinchillaLaw, n: f64, loss: f64) -> Option<f64> {
    let left = loss - law.e - law.a * n.powf(-law.alpha);
    (left > 0.0).then(|| (law.b / left).powf(1.0 / law.beta))
}

/// Parameters that reach a loss on `d` tokens, or nothing where no size is enough.
pub(crate) fn params_for(law: &ChinchillaLaw, d: f64, loss: f64) -> Option<f64> {
    let left = loss - law.e - law.b * d.powf(-law.beta);
    (left > 0.0).then(|| (law.a / left).powf(1.0 / law.alpha))
}

/// The least compute under `C = 6ND` that reaches a loss, or nothing at or below E.
pub(crate) fn flops_for(law: &ChinchillaLaw, loss: f64) -> Option<Flops> {
    let left = loss - law.e;
    // At the optimum A / N^alpha takes the share beta / (alpha + beta) of what is reducible.
    let n = (law.a / (left * law.n_exponent())).powf(1.0 / law.alpha);
    let d = tokens_for(law, n, loss)?;
    (left > 0.0).then_some(Flops(6.0 * n * d))
}

/// Compute with `k` times the optimal parameters over the least compute for the same loss. The factor is
/// the same at every loss, and infinite where that size never reaches it.
pub(crate) fn flops_share(law: &ChinchillaLaw, k: f64) -> f64 {
    let (of_n, of_d) = (law.n_exponent(), law.d_exponent());
    let left = 1.0 - of_n * k.powf(-law.alpha);
    match left > 0.0 {
        true => k * (left / of_d).powf(-1.0 / law.beta),
        false => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::{Params, Tokens};

    const LAW: ChinchillaLaw =
        ChinchillaLaw { e: 1.8172, a: 482.01, b: 2085.43, alpha: 0.3478, beta: 0.3658 };

    #[test]
    fn the_least_compute_for_a_loss_is_that_of_the_optimum() {
        let (n, d) = LAW.optimum(Flops(1e21));
        let c = flops_for(&LAW, LAW.loss(n, d)).unwrap();
        assert!((c.0 / 1e21 - 1.0).abs() < 1e-9, "{c}");
        assert!(flops_for(&LAW, LAW.e).is_none());
    }

    #[test]
    fn the_cost_of_another_size_is_that_of_the_law_at_any_loss() {
        assert!((flops_share(&LAW, 1.0) - 1.0).abs() < 1e-12);
        for (c, k) in [(1e18, 0.3), (1e23, 0.3), (1e23, 4.0)] {
            let (n, d) = LAW.optimum(Flops(c));
            let loss = LAW.loss(n, d);
            let tokens = tokens_for(&LAW, k * n.0, loss).unwrap();
            let share = 6.0 * k * n.0 * tokens / c;
            assert!((flops_share(&LAW, k) / share - 1.0).abs() < 1e-9);
            let back = params_for(&LAW, tokens, loss).unwrap();
            assert!((back / (k * n.0) - 1.0).abs() < 1e-9);
            assert!((LAW.loss(Params(back), Tokens(tokens)) / loss - 1.0).abs() < 1e-12);
        }
        assert!(flops_share(&LAW, 1e-3).is_infinite());
    }
}
