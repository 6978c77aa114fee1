//! A power of one variable and a floor.

use super::coordinates::{Centre, of_one};
use super::facts::{Facts, Quantity, Sense, Stated, quantity};
use super::sum::{Form, Offset};
use crate::jet::Scalar;
use crate::output::Axis;

const FORM: Form = Form { offset: Offset::Free, terms: 1, tied: false };

const PARAMETERS: &[Quantity] =
    &[quantity("E", Sense::Floor), quantity("A", Sense::Scale), quantity("alpha", Sense::Exponent)];

/// The law [`super::Law::PowerOffset`].
#[derive(Clone, Copy)]
pub(super) struct PowerOffset(pub(super) Axis);

impl Stated for PowerOffset {
    fn facts(self) -> Facts {
        Facts {
            name: "power-offset",
            aliases: &["m2"],
            listed: "power-offset",
            description: "L = E + A X^-alpha; Henighan et al. 2020, eq. 1.1; also m2",
            axis: Some(self.0),
            coordinates: of_one(self.0),
            values_needed: &[3],
            parameters: PARAMETERS,
            ..Facts::of_sum(FORM)
        }
    }

    fn formula(self) -> String {
        format!("L = E + A {:?}^-alpha", self.0)
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        FORM.coefficients(t, centre)
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        FORM.impose(t, k, value, centre)
    }
}
