//! The joint law of size, tokens and experts (Ludziejewski et al. 2025). N counts what a token uses,
//! without the embedding. The paper writes `a X^delta N^(alpha + gamma ln X) + b X^omega D^(beta + zeta ln X) +
//! c`; here a, b and c are A, B and E, and alpha and beta have the sign that they have in every other law.
//!
//! The signs of the paper's table 3 (delta -.2285, gamma .0098, omega .5529, zeta -.0259, alpha
//! and beta negative as the paper writes them) give the exponents of its table 4. All six with the other sign,
//! as one reprint has them, give a loss that rises with size and tokens.

use super::coordinates::{COORDINATES, Centre, Coordinate, D, N};
use super::experts::{Effective, effective, most, rest_of};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add_term};

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("delta", Sense::Slope),
    quantity("alpha", Sense::Exponent),
    quantity("gamma", Sense::Slope),
    quantity("B", Sense::Scale),
    quantity("omega", Sense::Slope),
    quantity("beta", Sense::Exponent),
    quantity("zeta", Sense::Slope),
    quantity("E_start", Sense::Scale),
    quantity("E_max", Sense::Scale),
];

/// The law [`super::Law::JointExperts`].
#[derive(Clone, Copy)]
pub(super) struct JointExperts;

impl Stated for JointExperts {
    fn facts(self) -> Facts {
        Facts {
            name: "joint-experts",
            listed: "joint-experts",
            description: "L = E + A X^delta N^-(alpha - gamma ln X) + B X^omega D^-(beta - zeta ln X), X the E^ of routed, N what a token uses; Ludziejewski et al. 2025",
            coordinates: &[N, D, Coordinate::Experts],
            values_needed: &[3, 3, 4],
            parameters: PARAMETERS,
            is_written: true,
            is_nearly_convex: true,
            is_linear_in_levels: true,
            ..Facts::of_other(&[
                Role::Offset,
                Role::Level,
                Role::Bend,
                Role::Exponent,
                Role::Tilt,
                Role::Level,
                Role::Bend,
                Role::Exponent,
                Role::Tilt,
                Role::Count,
                Role::Count,
            ])
        }
    }

    fn formula(self) -> String {
        "L = E + A X^delta N^-(alpha - gamma ln X) + B X^omega D^-(beta - zeta ln X), 1/X = 1/(experts - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max"
            .into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let experts = effective(x[2], t[9], t[10]);
        let size = t[1] + t[2] * experts - (t[3].exp() - t[4] * experts) * number(x[0]);
        let tokens = t[5] + t[6] * experts - (t[7].exp() - t[8] * experts) * number(x[1]);
        t[0] + size.exp() + tokens.exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha, beta) = (t[3].exp(), t[7].exp());
        vec![
            t[0],
            (t[1] + alpha * cn).exp(),
            t[2] - t[4] * cn,
            alpha,
            t[4],
            (t[5] + beta * cd).exp(),
            t[6] - t[8] * cd,
            beta,
            t[8],
            t[9].exp(),
            most(t[9], t[10]),
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        match k {
            0 | 4 | 8 => (k, number(value)),
            1 => (1, number(value.ln()) - t[3].exp() * number(cn)),
            2 => (2, number(value) + t[4] * number(cn)),
            5 => (5, number(value.ln()) - t[7].exp() * number(cd)),
            6 => (6, number(value) + t[8] * number(cd)),
            10 => (10, rest_of(value, t[9])),
            k => (k, number(value.ln())),
        }
    }
}

/// One term, `e^(level + slope X - (exponent - turn X) x)` with X for ln E^.
#[derive(Clone, Copy)]
struct Term {
    /// Index of the level; slope, exponent and turn follow it.
    at: usize,
    level: f64,
    slope: f64,
    exponent: f64,
    turn: f64,
}

impl Term {
    fn of<const P: usize>(t: &[f64; P], at: usize) -> Self {
        Term { at, level: t[at], slope: t[at + 1], exponent: t[at + 2].exp(), turn: t[at + 3] }
    }

    #[inline]
    fn value(&self, x: f64, experts: f64) -> f64 {
        (self.level + self.slope * experts - (self.exponent - self.turn * experts) * x).exp()
    }

    /// Adds the term by its own four parameters and by the two of E^.
    #[inline]
    fn add<const P: usize>(&self, out: &mut Jet<P>, x: f64, experts: &Effective) {
        let term = self.value(x, experts.value);
        let along = self.slope + self.turn * x;
        let power = -self.exponent * x;
        let [start, rest] = experts.first;
        let first = [1.0, experts.value, power, experts.value * x, along * start, along * rest];
        let bends = experts.second.map(|bend| along * bend);
        let second = [
            [0.0; 6],
            [0.0; 6],
            [0.0, 0.0, power, 0.0, 0.0, 0.0],
            [0.0; 6],
            [0.0, start, 0.0, x * start, bends[0], 0.0],
            [0.0, rest, 0.0, x * rest, bends[1], bends[2]],
        ];
        let at = self.at;
        add_term(out, &[at, at + 1, at + 2, at + 3, 9, 10], term, &first, &second);
        out.value += term;
    }
}

/// The law with its derivatives written out.
pub(crate) struct Written {
    e: f64,
    size: Term,
    tokens: Term,
    /// `ln E_start` and `ln (E_max / E_start - 1)`.
    experts: (f64, f64),
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written { e: t[0], size: Term::of(t, 1), tokens: Term::of(t, 5), experts: (t[9], t[10]) }
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let experts = effective(x[2], self.experts.0, self.experts.1);
        self.e + self.size.value(x[0], experts) + self.tokens.value(x[1], experts)
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let experts = Effective::of(x[2], self.experts.0, self.experts.1);
        let mut out = Jet::<P>::constant(self.e);
        out.gradient[0] = 1.0;
        self.size.add(&mut out, x[0], &experts);
        self.tokens.add(&mut out, x[1], &experts);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    /// Ludziejewski et al. 2025, table 3, with alpha and beta as this law has them.
    const PUBLISHED: [f64; 11] =
        [1.3637, 35.91, -0.2285, 0.1889, 0.0098, 35.98, 0.5529, 0.1775, -0.0259, 2.0732, 290.4521];

    fn at(natural: &[f64], n: f64, d: f64, experts: f64) -> f64 {
        Law::JointExperts.loss_of(natural, &[n.ln(), d.ln(), experts.ln()])
    }

    #[test]
    fn the_published_constants_give_the_losses_worked_out_by_hand() {
        for (experts, loss) in [(1.0, 2.5776), (4.0, 2.5352)] {
            let found = at(&PUBLISHED, 1e9, 2e10, experts);
            assert!((found - loss).abs() < 5e-5, "{experts}: {found}");
        }
    }

    /// Table 4 of the paper: for each number of experts a law in N and D, here the exponents of both.
    #[test]
    fn each_number_of_experts_has_the_exponents_of_table_4() {
        let table = [
            (1.0, 0.1818, 0.1964),
            (2.0, 0.1780, 0.2064),
            (4.0, 0.1731, 0.2192),
            (8.0, 0.1676, 0.2339),
            (16.0, 0.1616, 0.2495),
            (32.0, 0.1557, 0.2653),
        ];
        for (experts, alpha, beta) in table {
            // Far out on one axis the other term alone is left.
            let of = |n: f64, d: f64| at(&PUBLISHED, n, d, experts) - PUBLISHED[0];
            let found = -(of(1e9, 1e200) / of(1e8, 1e200)).log10();
            assert!((found - alpha).abs() < 6e-5, "{experts}: {found}");
            let found = -(of(1e200, 1e9) / of(1e200, 1e8)).log10();
            assert!((found - beta).abs() < 6e-5, "{experts}: {found}");
        }
    }
}
