//! The law of learning curves at any batch (Kaplan et al. 2020, section 5): implicit in L.

use super::coordinates::{COORDINATES, Centre, Coordinate, N};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use super::implicit::{falling_root, with_derivatives};
use crate::jet::Scalar;

const PARAMETERS: &[Quantity] = &[
    quantity("N_c", Sense::Scale),
    quantity("alpha_N", Sense::Exponent),
    quantity("S_c", Sense::Scale),
    quantity("alpha_S", Sense::Exponent),
    quantity("B_star", Sense::Scale),
    quantity("alpha_B", Sense::Exponent),
];

/// The law [`super::Law::CriticalBatch`].
#[derive(Clone, Copy)]
pub(super) struct CriticalBatch;

impl Stated for CriticalBatch {
    fn facts(self) -> Facts {
        Facts {
            name: "critical-batch",
            listed: "critical-batch",
            description: "the same in S_min = S / (1 + B_crit(L)/B), B_crit = B_star L^(-1/alpha_B); Kaplan et al. 2020, sec. 5",
            coordinates: &[N, Coordinate::Steps, Coordinate::Batch],
            values_needed: &[2, 3, 3],
            parameters: PARAMETERS,
            ..Facts::of_other(&[
                Role::Level,
                Role::Exponent,
                Role::Level,
                Role::Exponent,
                Role::Break,
                Role::Exponent,
            ])
        }
    }

    fn formula(self) -> String {
        "L = (N_c/N)^alpha_N + (S_c/S_min)^alpha_S, S_min = S/(1 + B_star L^(-1/alpha_B)/B)".into()
    }

    /// L of `L = e^(t0 - alpha_N n) + e^(t2 + alpha_S (ln(1 + B_crit(L) / B) - s))`. The right side falls
    /// with L, so there is one root.
    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let one = R::constant(1.0);
        let (alpha_s, alpha_b) = (t[3].exp(), t[5].exp());
        let size = (t[0] - t[1].exp() * R::constant(x[0])).exp();
        // Value of the right side and minus its slope.
        let right = |y: R| {
            let excess = t[4] - y.ln() / alpha_b - R::constant(x[2]);
            let steps = (t[2] + alpha_s * (excess.softplus() - R::constant(x[1]))).exp();
            let share = one / (one + (-excess).exp());
            (size + steps, steps * alpha_s * share / (alpha_b * y))
        };
        // In ln L: ln of the right side less ln L falls everywhere.
        let root = falling_root(|ln_y| {
            let y = ln_y.exp();
            let excess = t[4].value() - ln_y / alpha_b.value() - x[2];
            let steps = (t[2].value() + alpha_s.value() * (Scalar::softplus(excess) - x[1])).exp();
            let both = size.value() + steps;
            let share = 1.0 / (1.0 + (-excess).exp());
            let fall = steps * alpha_s.value() * share / (alpha_b.value() * both);
            ((both / y).ln(), 1.0 + fall)
        });
        with_derivatives(root.exp(), |y: R| {
            let (value, fall) = right(y);
            (y - value, one + fall)
        })
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cs, cb] = centre.x.map(R::constant);
        let (alpha_n, alpha_s) = (t[1].exp(), t[3].exp());
        vec![
            (cn + t[0] / alpha_n).exp(),
            alpha_n,
            (cs + t[2] / alpha_s).exp(),
            alpha_s,
            (cb + t[4]).exp(),
            t[5].exp(),
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cs, cb], number) = (centre.x, R::constant);
        match k {
            0 => (0, t[1].exp() * number(value.ln() - cn)),
            2 => (2, t[3].exp() * number(value.ln() - cs)),
            4 => (4, number(value.ln() - cb)),
            k => (k, number(value.ln())),
        }
    }
}
