//! A sigmoid between a ceiling and a floor (Alabdulmohsin et al. 2022, M4): implicit in L.

use super::coordinates::{COORDINATES, Centre, of_one};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use super::implicit::{falling_root, with_derivatives};
use crate::jet::Scalar;
use crate::output::Axis;

const PARAMETERS: &[Quantity] = &[
    quantity("e", Sense::PositiveFloor),
    quantity("y0", Sense::Ceiling),
    quantity("a", Sense::Warp),
    quantity("b", Sense::Scale),
    quantity("c", Sense::Exponent),
];

/// The law [`super::Law::M4`].
#[derive(Clone, Copy)]
pub(super) struct M4(pub(super) Axis);

impl Stated for M4 {
    fn facts(self) -> Facts {
        Facts {
            name: "m4",
            listed: "m4",
            description: "(L - e) / (y0 - L)^a = b X^-c; Alabdulmohsin et al. 2022",
            axis: Some(self.0),
            coordinates: of_one(self.0),
            values_needed: &[5],
            parameters: PARAMETERS,
            ..Facts::of_other(&[
                Role::Floor,
                Role::Ceiling,
                Role::Exponent,
                Role::Level,
                Role::Exponent,
            ])
        }
    }

    fn formula(self) -> String {
        format!("(L - e) / (y0 - L)^a = b {:?}^-c", self.0)
    }

    /// L of `ln(L - e) - a ln(y0 - L) = ln b - c x`.
    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], centre: &Centre) -> R {
        let e = t[0].exp();
        let y0 = R::constant(centre.top) + t[1].exp();
        let a = t[2].exp();
        let right = t[3] - t[4].exp() * R::constant(x[0]);
        let (low, high) = (e.value(), y0.value());
        if low >= high {
            return R::constant(f64::NAN);
        }
        let (span, power) = (high - low, a.value());
        // In u = ln((L - e) / (y0 - L)) the equation is nearly straight: L = (e + y0 e^u) / (1 + e^u).
        let miss = |u: f64| {
            let (below, above) = (-Scalar::softplus(-u), -Scalar::softplus(u));
            let value = below - power * above + (1.0 - power) * span.ln() - right.value();
            (value, above.exp() + power * below.exp())
        };
        let u = falling_root(|u| {
            let (value, slope) = miss(u);
            (-value, slope)
        });
        let root = low + span * (-Scalar::softplus(-u)).exp();
        with_derivatives(root, |y: R| {
            let miss = (y - e).ln() - a * (y0 - y).ln() - right;
            (miss, R::constant(1.0) / (y - e) + a / (y0 - y))
        })
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let number = R::constant;
        let c = t[4].exp();
        vec![
            t[0].exp(),
            number(centre.top) + t[1].exp(),
            t[2].exp(),
            (t[3] + c * number(centre.x[0])).exp(),
            c,
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let number = R::constant;
        match k {
            1 => (1, number((value - centre.top).ln())),
            3 => (3, number(value.ln()) - t[4].exp() * number(centre.x[0])),
            k => (k, number(value.ln())),
        }
    }
}
