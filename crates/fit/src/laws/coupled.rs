//! Chinchilla's law with an exponent of tokens that changes with size: the question of Farseer (Li et al. 2025,
//! arXiv 2506.10972) in two parameters more than Chinchilla's. Both are zero where the terms are apart, so that
//! the law holds Chinchilla's inside, and neither N nor D has a unit that matters.

use super::coordinates::{COORDINATES, Centre, D, N};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add_term};

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("omega", Sense::Slope),
    quantity("beta", Sense::Slope),
    quantity("kappa", Sense::Slope),
];

/// The law [`super::Law::Coupled`].
#[derive(Clone, Copy)]
pub(super) struct Coupled;

impl Stated for Coupled {
    fn facts(self) -> Facts {
        Facts {
            name: "coupled",
            listed: "coupled",
            description: "L = E + A N^-alpha + B N^omega D^-(beta + kappa ln N): chinchilla with an exponent of D that is a function of N, the question of Li et al. 2025 (Farseer)",
            coordinates: &[N, D],
            values_needed: &[4, 3],
            parameters: PARAMETERS,
            is_written: true,
            is_nearly_convex: true,
            is_linear_in_levels: true,
            ..Facts::of_other(&[
                Role::Offset,
                Role::Level,
                Role::Exponent,
                Role::Level,
                Role::Bend,
                Role::Bend,
                Role::Tilt,
            ])
        }
    }

    fn formula(self) -> String {
        "L = E + A N^-alpha + B N^omega D^-(beta + kappa ln N)".into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let size = t[1] - t[2].exp() * number(x[0]);
        let tokens = t[3] + t[4] * number(x[0]) - (t[5] + t[6] * number(x[0])) * number(x[1]);
        t[0] + size.exp() + tokens.exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha, kappa) = (t[2].exp(), t[6]);
        let (omega, beta) = (t[4] + kappa * cd, t[5] - kappa * cn);
        vec![
            t[0],
            (t[1] + alpha * cn).exp(),
            alpha,
            (t[3] - omega * cn + beta * cd + kappa * cn * cd).exp(),
            omega,
            beta,
            kappa,
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        let (n, d, kappa) = (number(cn), number(cd), t[6]);
        match k {
            0 | 6 => (k, number(value)),
            1 => (1, number(value.ln()) - t[2].exp() * n),
            3 => (3, number(value.ln()) + t[4] * n - t[5] * d + kappa * n * d),
            4 => (4, number(value) - kappa * d),
            5 => (5, number(value) + kappa * n),
            k => (k, number(value.ln())),
        }
    }
}

/// The law with its derivatives written out.
pub(crate) struct Written {
    t: [f64; 7],
    alpha: f64,
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written { t: std::array::from_fn(|k| t[k]), alpha: t[2].exp() }
    }

    /// The terms of parameters and of tokens.
    #[inline]
    fn terms(&self, x: &[f64; COORDINATES]) -> (f64, f64) {
        let t = &self.t;
        let tokens = t[3] + t[4] * x[0] - (t[5] + t[6] * x[0]) * x[1];
        ((t[1] - self.alpha * x[0]).exp(), tokens.exp())
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let (size, tokens) = self.terms(x);
        self.t[0] + size + tokens
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let (size, tokens) = self.terms(x);
        let mut out = Jet::<P>::constant(self.t[0] + size + tokens);
        out.gradient[0] = 1.0;
        let n = -self.alpha * x[0];
        add_term(&mut out, &[1, 2], size, &[1.0, n], &[[0.0; 2], [0.0, n]]);
        let first = [1.0, x[0], -x[1], -x[0] * x[1]];
        add_term(&mut out, &[3, 4, 5, 6], tokens, &first, &[[0.0; 4]; 4]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    fn at(natural: &[f64], n: f64, d: f64) -> f64 {
        Law::Coupled.loss_of(natural, &[n.ln(), d.ln(), 0.0])
    }

    /// Besiroglu et al. 2024, table 1.
    #[test]
    fn without_coupling_the_law_is_chinchillas() {
        let [e, a, alpha, b, beta] = [1.8172, 482.01, 0.3478, 2085.43, 0.3658];
        for (n, d) in [(1e7, 3e9), (4e8f64, 2e8f64), (3e9, 1e12)] {
            let sum = e + a * n.powf(-alpha) + b * d.powf(-beta);
            let found = at(&[e, a, alpha, b, 0.0, beta, 0.0], n, d);
            assert!((found / sum - 1.0).abs() < 1e-12, "{n} {d}: {found} {sum}");
        }
    }

    /// In units of a thousand, `ln N = ln N' + ln 1000` and likewise for D: every loss stays.
    #[test]
    fn the_units_of_n_and_d_do_not_matter() {
        let [e, a, alpha, b, omega, beta, kappa] = [1.7, 400.0, 0.34, 1500.0, 0.02, 0.3, 0.004f64];
        let u = 1000f64.ln();
        let other = [
            e,
            a * (-alpha * u).exp(),
            alpha,
            b * (omega * u - (beta + kappa * u) * u).exp(),
            omega - kappa * u,
            beta + kappa * u,
            kappa,
        ];
        for (n, d) in [(1e7, 3e9), (4e8, 2e8), (3e9, 1e12)] {
            let (plain, in_thousands) =
                (at(&[e, a, alpha, b, omega, beta, kappa], n, d), at(&other, n / 1e3, d / 1e3));
            assert!((plain / in_thousands - 1.0).abs() < 1e-12, "{plain} {in_thousands}");
        }
    }
}
