//! Kaplan's law of parameters and tokens (Kaplan et al. 2020, eq. 1.5), with or without a floor.

use super::coordinates::{COORDINATES, Centre, D, N};
use super::facts::{Facts, Quantity, Role, SPLIT, Sense, Stated, quantity};
use super::sum::share;
use crate::jet::{Jet, Scalar, add, softplus};

/// The law [`super::Law::Kaplan`].
#[derive(Clone, Copy)]
pub(super) struct Kaplan {
    /// Whether `E +` stands in front.
    pub(super) offset: bool,
}

/// Parameters of the law with a floor; without a floor the last is missing.
const PARAMETERS: [Quantity; 5] = [
    quantity("N_c", Sense::Scale),
    quantity("alpha_N", Sense::Exponent),
    quantity("D_c", Sense::Scale),
    quantity("alpha_D", Sense::Exponent),
    quantity("E", Sense::Floor),
];
const INNER: [Role; 5] = [Role::Level, Role::Exponent, Role::Level, Role::Exponent, Role::Offset];

impl Kaplan {
    /// Number of free parameters.
    fn free(self) -> usize {
        if self.offset { 5 } else { 4 }
    }
}

impl Stated for Kaplan {
    fn facts(self) -> Facts {
        let plain = Facts {
            name: "kaplan",
            listed: "kaplan",
            description: "L = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D; Kaplan et al. 2020, eq. 1.5",
            coordinates: &[N, D],
            values_needed: &[2, 2],
            parameters: const { PARAMETERS.split_at(4).0 },
            derived: SPLIT,
            is_written: true,
            is_nearly_convex: true,
            ..Facts::of_other(const { INNER.split_at(4).0 })
        };
        match self.offset {
            false => plain,
            true => Facts {
                name: "kaplan-offset",
                listed: "kaplan-offset",
                description: "the same and E",
                values_needed: &[3, 3],
                parameters: &PARAMETERS,
                inner: Facts::of_other(&INNER).inner,
                ..plain
            },
        }
    }

    fn formula(self) -> String {
        let e = if self.offset { "E + " } else { "" };
        format!("L = {e}[(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D")
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let (alpha_n, alpha_d) = (t[1].exp(), t[3].exp());
        let first = (t[0] - alpha_n * number(x[0])) / alpha_d;
        let second = (t[2] - alpha_d * number(x[1])) / alpha_d;
        // ln(e^a + e^b) = a + ln(1 + e^(b - a))
        let sum = first + (second - first).softplus();
        let loss = (alpha_d * sum).exp();
        if self.offset { t[4] + loss } else { loss }
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha_n, alpha_d) = (t[1].exp(), t[3].exp());
        let mut all =
            vec![(cn + t[0] / alpha_n).exp(), alpha_n, (cd + t[2] / alpha_d).exp(), alpha_d];
        if self.offset {
            all.push(t[4]);
        }
        let n_exponent = alpha_d / (alpha_n + alpha_d);
        all.extend([n_exponent, R::constant(1.0) - n_exponent]);
        all
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number, free) = (centre.x, R::constant, self.free());
        match k {
            0 => (0, t[1].exp() * number(value.ln() - cn)),
            2 => (2, t[3].exp() * number(value.ln() - cd)),
            4 if free > 4 => (4, number(value)),
            k if k < free => (k, number(value.ln())),
            _ => (3, t[1] + number(logit(share(value, k == free)))),
        }
    }
}

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

/// The law with its derivatives written out: `L = [E +] e^g`, `g = s + a ln(1 + e^((q - s) / a))` with
/// `s = t0 - alpha_N x`, `q = t2 - alpha_D y`, `a = alpha_D`.
pub(crate) struct Written {
    levels: (f64, f64),
    alpha_n: f64,
    alpha_d: f64,
    /// Zero without an offset.
    e: f64,
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written {
            levels: (t[0], t[2]),
            alpha_n: t[1].exp(),
            alpha_d: t[3].exp(),
            e: t.get(4).copied().unwrap_or(0.0),
        }
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let s = self.levels.0 - self.alpha_n * x[0];
        let z = (self.levels.1 - self.alpha_d * x[1] - s) / self.alpha_d;
        let above = z.max(0.0) + (1.0 + (-z.abs()).exp()).ln();
        self.e + (s + self.alpha_d * above).exp()
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let a = self.alpha_d;
        let (along_n, along_d) = (-self.alpha_n * x[0], -a * x[1]);
        let s = self.levels.0 + along_n;
        let z = (self.levels.1 + along_d - s) / a;
        let (above, share, bend) = softplus(z);
        let reducible = (s + a * above).exp();
        // By t0..t3: first derivatives of g, and of z a, whose square carries the bend.
        let by_a = a * (above - z * share);
        let first = [1.0 - share, (1.0 - share) * along_n, share, share * along_d + by_a];
        let turn = [-1.0, -along_n, 1.0, along_d - a * z];
        let curve = bend / a;
        let mut out = Jet::<P>::constant(reducible + self.e);
        for i in 0..4 {
            out.gradient[i] = reducible * first[i];
            for j in 0..=i {
                out.hessian[i][j] = reducible * (first[i] * first[j] + curve * turn[i] * turn[j]);
            }
        }
        // s, q and a are exponentials of t1 and t3.
        add(&mut out, 1, 1, reducible * first[1]);
        add(&mut out, 3, 3, reducible * first[3]);
        if P > 4 {
            out.gradient[4] = 1.0;
        }
        out
    }
}
