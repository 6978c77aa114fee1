//! Scaling laws as formulas; fitting them is another crate's work.

use crate::units::{Flops, Params, Tokens};
use serde::{Deserialize, Serialize};

/// `L(x) = E + A x^-alpha`, with `x` one of N, D, C (Henighan et al. 2020, eq. 1.1); with
/// `E = 0` it is `(X_c / x)^alpha` (Kaplan et al. 2020, eq. 1.1 to 1.3), `X_c = A^(1/alpha)`.
/// In nats per token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerLaw {
    /// Irreducible loss.
    pub e: f64,
    /// Coefficient.
    pub a: f64,
    /// Exponent, positive where loss falls.
    pub alpha: f64,
}

impl PowerLaw {
    /// The loss at `x`.
    pub fn loss(&self, x: f64) -> f64 {
        self.e + self.a * x.powf(-self.alpha)
    }

    /// `X_c`, the scale at which the reducible loss is one nat.
    pub fn critical_scale(&self) -> f64 {
        self.a.powf(1.0 / self.alpha)
    }
}

/// `L(N, D) = E + A / N^alpha + B / D^beta` (Hoffmann et al. 2022, eq. 2), in nats per token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChinchillaLaw {
    /// Irreducible loss.
    pub e: f64,
    /// Coefficient of N.
    pub a: f64,
    /// Coefficient of D.
    pub b: f64,
    /// Exponent of N.
    pub alpha: f64,
    /// Exponent of D.
    pub beta: f64,
}

impl ChinchillaLaw {
    /// Names of its exponents, those of the best split among them.
    pub const EXPONENTS: [&'static str; 4] = ["n_exponent", "d_exponent", "alpha", "beta"];

    /// The loss of `n` parameters after `d` tokens.
    pub fn loss(&self, n: Params, d: Tokens) -> f64 {
        self.e + self.a * n.0.powf(-self.alpha) + self.b * d.0.powf(-self.beta)
    }

    /// `a` in `N* ~ C^a` under `C = 6ND`: `beta / (alpha + beta)`.
    pub fn n_exponent(&self) -> f64 {
        self.beta / (self.alpha + self.beta)
    }

    /// `b` in `D* ~ C^b` under `C = 6ND`: `alpha / (alpha + beta)`.
    pub fn d_exponent(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// The split of `c` that minimises the loss under `C = 6ND` (Hoffmann et al. 2022, eq. 4).
    pub fn optimum(&self, c: Flops) -> (Params, Tokens) {
        let g = ((self.alpha * self.a) / (self.beta * self.b)).powf(1.0 / (self.alpha + self.beta));
        let n = g * (c.0 / 6.0).powf(self.n_exponent());
        (Params(n), Tokens(c.0 / (6.0 * n)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hoffmanns_constants_give_ninety_tokens_per_parameter_at_gophers_budget() {
        // Hoffmann et al. 2022 print 1.69, 406.4, 410.7, 0.34, 0.28; at 5.76e23 that is D/N = 93.
        let law = ChinchillaLaw { e: 1.69, a: 406.4, b: 410.7, alpha: 0.34, beta: 0.28 };
        let (n, d) = law.optimum(Flops(5.76e23));
        assert_eq!(d.per_param(n).round(), 93.0);
    }

    proptest! {
        #[test]
        fn no_other_split_of_the_budget_beats_the_optimum(
            alpha in 0.1..0.6f64, beta in 0.1..0.6f64, shift in -0.5..0.5f64,
        ) {
            let law = ChinchillaLaw { e: 1.7, a: 400.0, b: 400.0, alpha, beta };
            let (n, d) = law.optimum(Flops(1e21));
            let moved = law.loss(Params(n.0 * shift.exp()), Tokens(d.0 / shift.exp()));
            prop_assert!(moved >= law.loss(n, d) - 1e-12);
        }

        #[test]
        fn one_nat_of_reducible_loss_is_left_at_the_critical_scale(a in 1.0..1e4f64, alpha in 0.05..1.0f64) {
            let law = PowerLaw { e: 1.5, a, alpha };
            prop_assert!((law.loss(law.critical_scale()) - 2.5).abs() < 1e-9);
        }
    }
}
