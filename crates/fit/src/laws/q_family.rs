//! The laws between Kaplan's and Chinchilla's: one more exponent q says how the terms of parameters and of
//! tokens join, with or without a floor. With q = 1 they add up (Hoffmann et al. 2022, eq. 2), with q = beta the law is
//! Kaplan's (Kaplan et al. 2020, eq. 1.5), and towards q = 0 the larger term is the loss. Only runs on whose two
//! terms are far from each other tell q apart from the exponents.

use super::coordinates::{COORDINATES, Centre, D, N};
use super::facts::{Facts, Quantity, Role, SPLIT, Sense, Stated, quantity};
use super::sum::share;
use crate::jet::{Jet, Scalar, add, softplus};

/// Parameters of the law with a floor; without a floor the last is missing.
const PARAMETERS: [Quantity; 6] = [
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
    quantity("q", Sense::Warp),
    quantity("E", Sense::Floor),
];
const INNER: [Role; 6] =
    [Role::Level, Role::Exponent, Role::Level, Role::Exponent, Role::Width, Role::Offset];

/// The law [`super::Law::QFamily`].
#[derive(Clone, Copy)]
pub(super) struct QFamily {
    /// Whether `E +` stands in front.
    pub(super) offset: bool,
}

impl QFamily {
    /// Number of free parameters.
    fn free(self) -> usize {
        if self.offset { 6 } else { 5 }
    }
}

impl Stated for QFamily {
    fn facts(self) -> Facts {
        let plain = Facts {
            name: "q-family",
            listed: "q-family",
            description: "L = [(A N^-alpha)^(1/q) + (B D^-beta)^(1/q)]^q; q = beta is kaplan",
            coordinates: &[N, D],
            values_needed: &[2, 2],
            parameters: const { PARAMETERS.split_at(5).0 },
            derived: SPLIT,
            is_written: true,
            is_nearly_convex: true,
            ..Facts::of_other(const { INNER.split_at(5).0 })
        };
        match self.offset {
            false => plain,
            true => Facts {
                name: "q-family-offset",
                listed: "q-family-offset",
                description: "the same and E; q = 1 is chinchilla, q = beta is kaplan-offset",
                values_needed: &[3, 3],
                parameters: &PARAMETERS,
                inner: Facts::of_other(&INNER).inner,
                ..plain
            },
        }
    }

    fn formula(self) -> String {
        let e = if self.offset { "E + " } else { "" };
        format!("L = {e}[(A N^-alpha)^(1/q) + (B D^-beta)^(1/q)]^q")
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let size = t[0] - t[1].exp() * number(x[0]);
        let tokens = t[2] - t[3].exp() * number(x[1]);
        let q = t[4].exp();
        // q ln(e^(a/q) + e^(b/q)) = a + q ln(1 + e^((b - a)/q))
        let loss = (size + q * ((tokens - size) / q).softplus()).exp();
        if self.offset { t[5] + loss } else { loss }
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha, beta) = (t[1].exp(), t[3].exp());
        let n_exponent = beta / (alpha + beta);
        let mut all =
            vec![(t[0] + alpha * cn).exp(), alpha, (t[2] + beta * cd).exp(), beta, t[4].exp()];
        if self.offset {
            all.push(t[5]);
        }
        all.extend([n_exponent, R::constant(1.0) - n_exponent]);
        all
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number, free) = (centre.x, R::constant, self.free());
        match k {
            0 => (0, number(value.ln()) - t[1].exp() * number(cn)),
            2 => (2, number(value.ln()) - t[3].exp() * number(cd)),
            5 if free > 5 => (5, number(value)),
            k if k < free => (k, number(value.ln())),
            k => {
                let n_exponent = share(value, k == free);
                (3, t[1] + number((n_exponent / (1.0 - n_exponent)).ln()))
            }
        }
    }
}

/// The law with its derivatives written out: `L = [E +] e^g`, `g = s + q ln(1 + e^((r - s) / q))` with
/// `s = t0 - alpha x` and `r = t2 - beta y`.
pub(crate) struct Written {
    /// Zero without an offset.
    e: f64,
    levels: (f64, f64),
    alpha: f64,
    beta: f64,
    q: f64,
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written {
            e: t.get(5).copied().unwrap_or(0.0),
            levels: (t[0], t[2]),
            alpha: t[1].exp(),
            beta: t[3].exp(),
            q: t[4].exp(),
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
        // By t0..t4: first derivatives of g, and of z q, whose square carries the bend.
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
        for i in 0..5 {
            out.gradient[i] = reducible * first[i];
            for j in 0..=i {
                out.hessian[i][j] = reducible * (first[i] * first[j] + curve * turn[i] * turn[j]);
            }
        }
        // The exponents and q are exponentials of t1, t3 and t4.
        for at in [1, 3, 4] {
            add(&mut out, at, at, reducible * first[at]);
        }
        if P > 5 {
            out.gradient[5] = 1.0;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    const PLACES: [(f64, f64); 4] = [(1e7, 3e9), (4e8, 2e8), (3e9, 1e12), (1e5, 1e5)];

    fn at(natural: &[f64], n: f64, d: f64) -> f64 {
        Law::QFamily { offset: natural.len() > 5 }.loss_of(natural, &[n.ln(), d.ln(), 0.0])
    }

    /// Besiroglu et al. 2024, table 1, with q = 1.
    #[test]
    fn with_q_of_one_the_law_is_chinchillas() {
        let [e, a, alpha, b, beta] = [1.8172, 482.01, 0.3478, 2085.43, 0.3658];
        for (n, d) in PLACES {
            let sum = e + a * n.powf(-alpha) + b * d.powf(-beta);
            let found = at(&[a, alpha, b, beta, 1.0, e], n, d);
            assert!((found / sum - 1.0).abs() < 1e-12, "{n} {d}: {found} {sum}");
        }
    }

    /// Kaplan et al. 2020, table 2: `A = N_c^alpha_N`, `B = D_c^alpha_D` and q = alpha_D give eq. 1.5.
    #[test]
    fn with_q_of_beta_the_law_is_kaplans() {
        let (n_c, alpha_n, d_c, alpha_d): (f64, f64, f64, f64) = (6.4e13, 0.076, 1.8e13, 0.103);
        let natural = [n_c.powf(alpha_n), alpha_n, d_c.powf(alpha_d), alpha_d, alpha_d];
        for (n, d) in PLACES {
            let kaplan = ((n_c / n).powf(alpha_n / alpha_d) + d_c / d).powf(alpha_d);
            let found = at(&natural, n, d);
            assert!((found / kaplan - 1.0).abs() < 1e-10, "{n} {d}: {found} {kaplan}");
        }
    }

    #[test]
    fn towards_q_of_zero_the_larger_term_is_the_loss() {
        let natural = [400.0, 0.34, 1500.0, 0.36, 1e-4, 1.0];
        for (n, d) in PLACES {
            let most = (400.0 * n.powf(-0.34)).max(1500.0 * d.powf(-0.36));
            assert!((at(&natural, n, d) / (1.0 + most) - 1.0).abs() < 1e-4);
        }
    }
}
