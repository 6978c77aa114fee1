//! The law of mixtures of experts (Clark et al. 2022, eq. 1 and 2).

use super::coordinates::{COORDINATES, Centre, Coordinate, N};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::Scalar;

/// The law's logarithms are decimal.
const TEN: f64 = std::f64::consts::LN_10;

const PARAMETERS: &[Quantity] = &[
    quantity("a", Sense::Slope),
    quantity("b", Sense::Slope),
    quantity("c", Sense::Slope),
    quantity("d", Sense::Slope),
    quantity("E_start", Sense::Scale),
    quantity("E_max", Sense::Scale),
];

/// The law [`super::Law::Routed`].
#[derive(Clone, Copy)]
pub(super) struct Routed;

impl Stated for Routed {
    fn facts(self) -> Facts {
        Facts {
            name: "routed",
            listed: "routed",
            description: "log L = a log N + b log E^ + c log N log E^ + d (decimal), E^ experts saturating; Clark et al. 2022",
            coordinates: &[N, Coordinate::Experts],
            values_needed: &[2, 4],
            parameters: PARAMETERS,
            ..Facts::of_other(&[
                Role::Bend,
                Role::Bend,
                Role::Bend,
                Role::Level,
                Role::Count,
                Role::Count,
            ])
        }
    }

    fn formula(self) -> String {
        "log10 L = a log10 N + b log10 E^ + c log10 N log10 E^ + d, 1/E^ = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max"
            .into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let (start, most) = (t[4].exp(), t[4].exp() * (number(1.0) + t[5].exp()));
        let one = number(1.0);
        let shifted = number(x[1].exp() - 1.0) + one / (one / start - one / most);
        let effective = one / (one / shifted + one / most);
        let n = number(x[0]);
        (t[3] + t[0] * n + (t[1] + t[2] * n) * effective.ln()).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let (number, mean) = (R::constant, R::constant(centre.x[0]));
        vec![
            t[0],
            t[1] - t[2] * mean,
            t[2] * number(TEN),
            (t[3] - t[0] * mean) / number(TEN),
            t[4].exp(),
            t[4].exp() * (number(1.0) + t[5].exp()),
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let (number, v, mean) = (R::constant, R::constant(value), centre.x[0]);
        match k {
            0 => (0, v),
            1 => (1, v + t[2] * number(mean)),
            2 => (2, number(value / TEN)),
            3 => (3, number(value * TEN) + t[0] * number(mean)),
            4 => (4, number(value.ln())),
            _ => (5, (v / t[4].exp() - number(1.0)).ln()),
        }
    }
}
