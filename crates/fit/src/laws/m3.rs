//! A power that bends to a level (Alabdulmohsin et al. 2022, M3).

use super::coordinates::{COORDINATES, Centre, of_one};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::Scalar;
use crate::output::Axis;

const PARAMETERS: &[Quantity] =
    &[quantity("b", Sense::Scale), quantity("c", Sense::Exponent), quantity("g", Sense::Scale)];

/// The law [`super::Law::M3`].
#[derive(Clone, Copy)]
pub(super) struct M3(pub(super) Axis);

impl Stated for M3 {
    fn facts(self) -> Facts {
        Facts {
            name: "m3",
            listed: "m3",
            description: "L = b (1/X + g)^c; Alabdulmohsin et al. 2022",
            axis: Some(self.0),
            coordinates: of_one(self.0),
            values_needed: &[3],
            parameters: PARAMETERS,
            ..Facts::of_other(&[Role::Level, Role::Exponent, Role::Break])
        }
    }

    fn formula(self) -> String {
        format!("L = b (1/{:?} + g)^c", self.0)
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        // 1/X + g = e^-x + e^-t
        let log = -number(x[0]) + (number(x[0]) - t[2]).softplus();
        (t[0] + t[1].exp() * log).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let (mean, c) = (R::constant(centre.x[0]), t[1].exp());
        vec![(t[0] + c * mean).exp(), c, (-t[2] - mean).exp()]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let (mean, number) = (centre.x[0], R::constant);
        match k {
            0 => (0, number(value.ln()) - t[1].exp() * number(mean)),
            2 => (2, number(-value.ln() - mean)),
            k => (k, number(value.ln())),
        }
    }
}
