//! Laws with their replicates, to be drawn as lines and bands.

use isoflop_core::{ChinchillaLaw, Flops, PowerLaw};
use isoflop_fit::output::{Fit, Identified};

/// A parameter by its name.
type Named<'a> = Box<dyn Fn(&str) -> Option<f64> + 'a>;

/// Parameters of a fit by name, and of each of its replicates.
fn sets<'a>(fit: &'a Fit) -> impl Iterator<Item = Named<'a>> {
    let fitted = move |name: &str| fit.parameters.get(name).map(|e| e.value);
    let place = |name: &str| fit.draw_names.iter().position(|known| known == name);
    let draws = fit
        .draws
        .iter()
        .map(move |draw| Box::new(move |name: &str| draw.get(place(name)?).copied()) as Named<'a>);
    std::iter::once(Box::new(fitted) as Named<'a>).chain(draws)
}

/// A law that its runs identify, and what resampled runs make of it.
#[derive(Clone, Debug)]
pub(crate) struct Drawn<L> {
    pub(crate) law: L,
    /// Empty without a bootstrap.
    pub(crate) draws: Vec<L>,
}

impl<L> Drawn<L> {
    fn of(mut laws: impl Iterator<Item = Option<L>>) -> Option<Drawn<L>> {
        let law = laws.next()??;
        let draws = laws.flatten().collect();
        Some(Drawn { law, draws })
    }

    /// A number that the law gives, with the middle `level` of its replicates.
    pub(crate) fn ask(&self, level: f64, answer: impl Fn(&L) -> f64) -> (f64, Option<(f64, f64)>) {
        let all = self.draws.iter().map(&answer).collect();
        (answer(&self.law), super::marks::middle(all, level))
    }
}

/// `E + A x^-alpha`, with or without E.
pub(crate) fn power(fit: Identified<&Fit>) -> Option<Drawn<PowerLaw>> {
    let fit = fit.into_inner();
    let law = |get: Named<'_>| {
        let law = PowerLaw { e: get("E").unwrap_or(0.0), a: get("A")?, alpha: get("alpha")? };
        (law.a.is_finite() && law.alpha.is_finite() && law.e.is_finite()).then_some(law)
    };
    Drawn::of(sets(fit).map(law))
}

/// `E + A / N^alpha + B / D^beta`.
pub(crate) fn chinchilla(fit: Identified<&Fit>) -> Option<Drawn<ChinchillaLaw>> {
    let fit = fit.into_inner();
    let law = |get: Named<'_>| {
        let law = ChinchillaLaw {
            e: get("E")?,
            a: get("A")?,
            b: get("B")?,
            alpha: get("alpha")?,
            beta: get("beta")?,
        };
        let whole = [law.e, law.a, law.b, law.alpha, law.beta];
        let sound = whole.iter().all(|v| v.is_finite()) && law.a > 0.0 && law.b > 0.0;
        (sound && law.alpha > 0.0 && law.beta > 0.0).then_some(law)
    };
    Drawn::of(sets(fit).map(law))
}

/// Tokens that bring `n` parameters to a loss; `None` where no number of them does.
pub(crate) fn tokens_for(law: &ChinchillaLaw, n: f64, loss: f64) -> Option<f64> {
    let left = loss - law.e - law.a * n.powf(-law.alpha);
    (left > 0.0).then(|| (law.b / left).powf(1.0 / law.beta))
}

/// Parameters that `d` tokens bring to a loss; `None` where no size is enough.
pub(crate) fn params_for(law: &ChinchillaLaw, d: f64, loss: f64) -> Option<f64> {
    let left = loss - law.e - law.b * d.powf(-law.beta);
    (left > 0.0).then(|| (law.a / left).powf(1.0 / law.alpha))
}

/// The least compute under `C = 6ND` that reaches a loss; `None` at or below E.
pub(crate) fn flops_for(law: &ChinchillaLaw, loss: f64) -> Option<Flops> {
    let left = loss - law.e;
    // At the optimum A / N^alpha takes the share beta / (alpha + beta) of what is reducible.
    let n = (law.a / (left * law.n_exponent())).powf(1.0 / law.alpha);
    let d = tokens_for(law, n, loss)?;
    (left > 0.0).then_some(Flops(6.0 * n * d))
}

/// Compute at equal loss, over the least, with `k` times the optimal parameters; the same at every
/// loss. Infinite where that size never gets there.
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
