//! Repeated data whose worth halves (Goyal et al. 2024, "Scaling laws for data filtering", arXiv 2404.07177):
//! tokens that have been seen k times lower the loss by the exponent `beta (1/2)^(k / tau)`.
//!
//! The loss after pass j is that after the pass before times `(n_j / n_(j-1))^-b_j`, n_j the tokens seen by then.
//! So the data term is `B D'^-beta`, where ln D' grows in pass k + 1 by `(1/2)^(k / tau)` times the growth of
//! ln D: without a limit of tau it is D, and with tau of zero the distinct tokens.

use super::coordinates::{COORDINATES, Centre, Coordinate, D, N};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add_term};

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
    quantity("tau", Sense::Scale),
];

/// The law [`super::Law::HalfLife`].
#[derive(Clone, Copy)]
pub(super) struct HalfLife;

/// Passes that are summed one by one; beyond them a block of passes grows by one part in so many.
const SINGLE: f64 = 64.0;

/// How often the tokens of a stretch have been seen, and the growth of ln D in it; the stretches behind the
/// first pass, whose last may end in the midst of one.
fn stretches(epochs: f64) -> impl Iterator<Item = (f64, f64)> {
    let mut from = 1.0f64;
    std::iter::from_fn(move || {
        // Also where the number of epochs is none.
        if from.partial_cmp(&epochs) != Some(std::cmp::Ordering::Less) {
            return None;
        }
        let next = from + (from / SINGLE).floor().max(1.0);
        let seen = 0.5 * (from + next - 1.0);
        let growth = (next.min(epochs) / from).ln();
        from = next;
        Some((seen, growth))
    })
}

impl Stated for HalfLife {
    fn facts(self) -> Facts {
        Facts {
            name: "half-life",
            listed: "half-life",
            description: "L = E + A N^-alpha + B D'^-beta, tokens seen k times with the exponent beta (1/2)^(k/tau); Goyal et al. 2024",
            coordinates: &[N, D, Coordinate::Unique],
            values_needed: &[3, 3, 2],
            parameters: PARAMETERS,
            is_written: true,
            is_nearly_convex: true,
            is_linear_in_levels: true,
            ..Facts::of_other(&[
                Role::Offset,
                Role::Level,
                Role::Exponent,
                Role::Level,
                Role::Exponent,
                Role::Repeats,
            ])
        }
    }

    fn formula(self) -> String {
        "L = E + A N^-alpha + B D'^-beta, d ln D' = (1/2)^(k/tau) d ln D in pass k + 1".into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let rate = number(2f64.ln()) / t[5].exp();
        let worth = |seen: f64| (-(rate * number(seen))).exp();
        let tokens = stretches((x[1] - x[2]).exp())
            .fold(number(x[2]), |sum, (seen, growth)| sum + worth(seen) * number(growth));
        let size = t[1] - t[2].exp() * number(x[0]);
        t[0] + size.exp() + (t[3] - t[4].exp() * tokens).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha, beta) = (t[2].exp(), t[4].exp());
        vec![t[0], (t[1] + alpha * cn).exp(), alpha, (t[3] + beta * cd).exp(), beta, t[5].exp()]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        match k {
            0 => (0, number(value)),
            1 => (1, number(value.ln()) - t[2].exp() * number(cn)),
            3 => (3, number(value.ln()) - t[4].exp() * number(cd)),
            k => (k, number(value.ln())),
        }
    }
}

/// The law with its derivatives written out.
pub(crate) struct Written {
    e: f64,
    levels: (f64, f64),
    alpha: f64,
    beta: f64,
    /// `ln 2 / tau`.
    rate: f64,
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written {
            e: t[0],
            levels: (t[1], t[3]),
            alpha: t[2].exp(),
            beta: t[4].exp(),
            rate: 2f64.ln() / t[5].exp(),
        }
    }

    /// `ln D'` of a row with its first and second derivative by ln tau.
    #[inline]
    fn tokens(&self, x: &[f64; COORDINATES]) -> (f64, f64, f64) {
        let mut sum = (x[2], 0.0, 0.0);
        for (seen, growth) in stretches((x[1] - x[2]).exp()) {
            let age = self.rate * seen;
            let worth = (-age).exp() * growth;
            sum.0 += worth;
            sum.1 += worth * age;
            sum.2 += worth * age * (age - 1.0);
        }
        sum
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let by_tokens = (self.levels.1 - self.beta * self.tokens(x).0).exp();
        self.e + (self.levels.0 - self.alpha * x[0]).exp() + by_tokens
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let (tokens, slope, bend) = self.tokens(x);
        let (n, d) = (-self.alpha * x[0], -self.beta * tokens);
        let (size, data) = ((self.levels.0 + n).exp(), (self.levels.1 + d).exp());
        let mut out = Jet::<P>::constant(self.e + size + data);
        out.gradient[0] = 1.0;
        add_term(&mut out, &[1, 2], size, &[1.0, n], &[[0.0; 2], [0.0, n]]);
        let by_tau = -self.beta * slope;
        let second = [[0.0; 3], [0.0, d, 0.0], [0.0, by_tau, -self.beta * bend]];
        add_term(&mut out, &[3, 4, 5], data, &[1.0, d, by_tau], &second);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;
    use super::stretches;

    const LAW: [f64; 5] = [1.7, 400.0, 0.34, 1500.0, 0.36];

    fn at(tau: f64, n: f64, d: f64, unique: f64) -> f64 {
        let natural: Vec<f64> = LAW.into_iter().chain([tau]).collect();
        Law::HalfLife.loss_of(&natural, &[n.ln(), d.ln(), unique.ln()])
    }

    fn chinchilla(n: f64, d: f64) -> f64 {
        let [e, a, alpha, b, beta] = LAW;
        e + a * n.powf(-alpha) + b * d.powf(-beta)
    }

    /// The product of the paper, pass by pass: three passes over 1e8 tokens with a half-life of two.
    #[test]
    fn three_passes_are_the_product_of_the_paper() {
        let [e, a, alpha, b, beta] = LAW;
        let exponent = |k: f64| beta * 0.5f64.powf(k / 2.0);
        let data = b * 1e8f64.powf(-beta) * 2f64.powf(-exponent(1.0)) * 1.5f64.powf(-exponent(2.0));
        let by_hand = e + a * 1e7f64.powf(-alpha) + data;
        let found = at(2.0, 1e7, 3e8, 1e8);
        assert!((found / by_hand - 1.0).abs() < 1e-12, "{found} {by_hand}");
    }

    #[test]
    fn without_decay_repeated_tokens_are_new_and_with_all_of_it_nothing() {
        for epochs in [1.0, 1.5, 7.3, 400.0] {
            let unique = 2e8 / epochs;
            let kept = at(1e12, 1e7, 2e8, unique);
            assert!((kept / chinchilla(1e7, 2e8) - 1.0).abs() < 1e-9, "{epochs}");
            let lost = at(1e-3, 1e7, 2e8, unique);
            assert!((lost / chinchilla(1e7, unique) - 1.0).abs() < 1e-9, "{epochs}");
        }
    }

    /// Blocks of passes stand for sums over each of them.
    #[test]
    fn many_passes_sum_to_what_single_ones_do() {
        for (epochs, tau) in [(500.0f64, 30.0), (20_000.0, 5.0), (20_000.0, 4000.0)] {
            let worth = |k: f64| 0.5f64.powf(k / tau);
            let passes = (1..epochs as u64).map(|k| k as f64);
            let single: f64 = passes.map(|k| worth(k) * ((k + 1.0) / k).ln()).sum();
            let blocks: f64 = stretches(epochs).map(|(seen, growth)| worth(seen) * growth).sum();
            assert!((blocks / single - 1.0).abs() < 1e-5, "{epochs} {tau}: {blocks} {single}");
        }
    }
}
