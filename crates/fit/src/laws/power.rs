//! A power of one variable.

use super::coordinates::{Centre, of_one};
use super::facts::{Facts, Quantity, Sense, Stated, quantity};
use super::sum::{Form, Offset};
use crate::jet::Scalar;
use crate::output::Axis;

const FORM: Form = Form { offset: Offset::None, terms: 1, tied: false };

const PARAMETERS: &[Quantity] = &[quantity("A", Sense::Scale), quantity("alpha", Sense::Exponent)];
const DERIVED: &[Quantity] = &[quantity("X_c", Sense::Scale)];

/// The law [`super::Law::Power`].
#[derive(Clone, Copy)]
pub(super) struct Power(pub(super) Axis);

impl Stated for Power {
    fn facts(self) -> Facts {
        Facts {
            name: "power",
            aliases: &["m1"],
            listed: "power",
            description: "L = A X^-alpha, that is (X_c / X)^alpha; Kaplan et al. 2020, eq. 1.1 to 1.3; also m1",
            axis: Some(self.0),
            coordinates: of_one(self.0),
            values_needed: &[2],
            parameters: PARAMETERS,
            derived: DERIVED,
            ..Facts::of_sum(FORM)
        }
    }

    fn formula(self) -> String {
        format!("L = A {:?}^-alpha", self.0)
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let mut all = FORM.coefficients(t, centre);
        all.push((t[0].ln() / t[1] + R::constant(centre.x[0])).exp());
        all
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        match k < FORM.parameters() {
            true => FORM.impose(t, k, value, centre),
            false => (0, (t[1] * R::constant(value.ln() - centre.x[0])).exp()),
        }
    }
}
