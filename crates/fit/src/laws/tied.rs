//! Chinchilla's law with one exponent.

use super::coordinates::{Centre, D, N};
use super::facts::{Facts, Quantity, Sense, Stated, quantity};
use super::sum::{Form, Offset};
use crate::jet::Scalar;

const FORM: Form = Form { offset: Offset::Free, terms: 2, tied: true };

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
];

/// The law [`super::Law::Tied`].
#[derive(Clone, Copy)]
pub(super) struct Tied;

impl Stated for Tied {
    fn facts(self) -> Facts {
        Facts {
            name: "chinchilla-tied",
            listed: "chinchilla-tied",
            description: "L = E + A N^-alpha + B D^-alpha: the same with one exponent",
            coordinates: &[N, D],
            values_needed: &[2, 2],
            parameters: PARAMETERS,
            ..Facts::of_sum(FORM)
        }
    }

    fn formula(self) -> String {
        "L = E + A N^-alpha + B D^-alpha".into()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        FORM.coefficients(t, centre)
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        FORM.impose(t, k, value, centre)
    }
}
