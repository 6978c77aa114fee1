//! The laws between Kaplan's and Chinchilla's: one more exponent q says how the terms of parameters and of
//! tokens join. With q = 1 they add up (Hoffmann et al. 2022, eq. 2), with q = beta the law is Kaplan's with a
//! floor (Kaplan et al. 2020, eq. 1.5), and towards q = 0 the larger term is the loss. Only runs on whose two
//! terms are far from each other tell q apart from the exponents.

use super::coordinates::{COORDINATES, Centre, D, N};
use super::facts::{Facts, Quantity, Role, SPLIT, Sense, Stated, quantity};
use super::sum::share;
use crate::jet::{Jet, Scalar, add, softplus};

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
    quantity("q", Sense::Warp),
];

/// The law [`super::Law::QFamily`].
#[derive(Clone, Copy)]
pub(super) struct QFamily;

impl Stated for QFamily {
    fn facts(self) -> Facts {
        Facts {
            name: "q-family",
            listed: "q-family",
            description: "L = E + [(A N^-alpha)^(1/q) + (B D^-beta)^(1/q)]^q; q = 1 is chinchilla, q = beta is kaplan-offset",
            coordinates: &[N, D],
            values_needed: &[3, 3],
            parameters: PARAMETERS,
            derived: SPLIT,
            is_written: true,
            is_nearly_convex: true,
            ..Facts::of_other(&[
                Role::Offset,
                Role::Level,
                Role::Exponent,
                Role::Level,
                Role::Exponent,
                Role::Width,
            ])
        }
    }

    fn formula(self) -> String {
        "L = E + [(A N^-alpha)^(1/q) + (B D^-beta)^(1/q)]^q".into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let size = t[1] - t[2].exp() * number(x[0]);
        let tokens = t[3] - t[4].exp() * number(x[1]);
        let q = t[5].exp();
        // q ln(e^(a/q) + e^(b/q)) = a + q ln(1 + e^((b - a)/q))
        t[0] + (size + q * ((tokens - size) / q).softplus()).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha, beta) = (t[2].exp(), t[4].exp());
        let n_exponent = beta / (alpha + beta);
        vec![
            t[0],
            (t[1] + alpha * cn).exp(),
            alpha,
            (t[3] + beta * cd).exp(),
            beta,
            t[5].exp(),
            n_exponent,
            R::constant(1.0) - n_exponent,
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        match k {
            0 => (0, number(value)),
            1 => (1, number(value.ln()) - t[2].exp() * number(cn)),
            3 => (3, number(value.ln()) - t[4].exp() * number(cd)),
            k if k < PARAMETERS.len() => (k, number(value.ln())),
            k => {
                let n_exponent = share(value, k == PARAMETERS.len());
                (4, t[2] + number((n_exponent / (1.0 - n_exponent)).ln()))
            }
        }
    }
}

/// The law with its derivatives written out: `L = E + e^g`, `g = s + q ln(1 + e^((r - s) / q))` with
/// `s = t1 - alpha x` and `r = t3 - beta y`.
pub(crate) struct Written {
    e: f64,
    levels: (f64, f64),
    alpha: f64,
    beta: f64,
    q: f64,
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written {
            e: t[0],
            levels: (t[1], t[3]),
            alpha: t[2].exp(),
            beta: t[4].exp(),
            q: t[5].exp(),
        }
    }

    /// The logarithm of the term of parameters, and that of tokens over it by q.
    #[inline]
    fn terms(&self, x: &[f64; COORDINATES]) -> (f64, f64) {
        let s = self.levels.0 - self.alpha * x[0];
        (s, (self.levels.1 - self.beta * x[1] - s) / self.q)
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let (s, z) = self.terms(x);
        let above = z.max(0.0) + (1.0 + (-z.abs()).exp()).ln();
        self.e + (s + self.q * above).exp()
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let (along_n, along_d) = (-self.alpha * x[0], -self.beta * x[1]);
        let (s, z) = self.terms(x);
        let (above, share, bend) = softplus(z);
        let reducible = (s + self.q * above).exp();
        // By t1..t5: first derivatives of g, and of z q, whose square carries the bend.
        let first = [
            1.0 - share,
            (1.0 - share) * along_n,
            share,
            share * along_d,
            self.q * (above - z * share),
        ];
        let turn = [-1.0, -along_n, 1.0, along_d, -self.q * z];
        let curve = bend / self.q;
        let mut out = Jet::<P>::constant(self.e + reducible);
        out.gradient[0] = 1.0;
        for i in 0..5 {
            out.gradient[1 + i] = reducible * first[i];
            for j in 0..=i {
                let both = first[i] * first[j] + curve * turn[i] * turn[j];
                out.hessian[1 + i][1 + j] = reducible * both;
            }
        }
        // Both terms and q are exponentials of t2, t4 and t5.
        for at in [1, 3, 4] {
            add(&mut out, 1 + at, 1 + at, reducible * first[at]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    const PLACES: [(f64, f64); 4] = [(1e7, 3e9), (4e8, 2e8), (3e9, 1e12), (1e5, 1e5)];

    fn at(natural: &[f64], n: f64, d: f64) -> f64 {
        Law::QFamily.loss_of(natural, &[n.ln(), d.ln(), 0.0])
    }

    /// Besiroglu et al. 2024, table 1, with q = 1.
    #[test]
    fn with_q_of_one_the_law_is_chinchillas() {
        let [e, a, alpha, b, beta] = [1.8172, 482.01, 0.3478, 2085.43, 0.3658];
        for (n, d) in PLACES {
            let sum = e + a * n.powf(-alpha) + b * d.powf(-beta);
            let found = at(&[e, a, alpha, b, beta, 1.0], n, d);
            assert!((found / sum - 1.0).abs() < 1e-12, "{n} {d}: {found} {sum}");
        }
    }

    /// Kaplan et al. 2020, table 2: `A = N_c^alpha_N`, `B = D_c^alpha_D` and q = alpha_D give eq. 1.5.
    #[test]
    fn with_q_of_beta_the_law_is_kaplans() {
        let (n_c, alpha_n, d_c, alpha_d): (f64, f64, f64, f64) = (6.4e13, 0.076, 1.8e13, 0.103);
        let natural = [0.0, n_c.powf(alpha_n), alpha_n, d_c.powf(alpha_d), alpha_d, alpha_d];
        for (n, d) in PLACES {
            let kaplan = ((n_c / n).powf(alpha_n / alpha_d) + d_c / d).powf(alpha_d);
            let found = at(&natural, n, d);
            assert!((found / kaplan - 1.0).abs() < 1e-10, "{n} {d}: {found} {kaplan}");
        }
    }

    #[test]
    fn towards_q_of_zero_the_larger_term_is_the_loss() {
        let natural = [1.0, 400.0, 0.34, 1500.0, 0.36, 1e-4];
        for (n, d) in PLACES {
            let most = (400.0 * n.powf(-0.34)).max(1500.0 * d.powf(-0.36));
            assert!((at(&natural, n, d) / (1.0 + most) - 1.0).abs() < 1e-4);
        }
    }
}
