//! Chinchilla's law (Hoffmann et al. 2022, eq. 2).

use super::coordinates::{Centre, D, N};
use super::facts::{Facts, Quantity, SPLIT, Sense, Stated, quantity};
use super::sum::{Form, Offset};
use crate::jet::Scalar;

const FORM: Form = Form { offset: Offset::Free, terms: 2, tied: false };

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
];

/// The law [`super::Law::Chinchilla`].
#[derive(Clone, Copy)]
pub(super) struct Chinchilla;

impl Stated for Chinchilla {
    fn facts(self) -> Facts {
        Facts {
            name: "chinchilla",
            listed: "chinchilla",
            description: "L = E + A N^-alpha + B D^-beta; Hoffmann et al. 2022, eq. 2",
            coordinates: &[N, D],
            values_needed: &[3, 3],
            parameters: PARAMETERS,
            derived: SPLIT,
            ..Facts::of_sum(FORM)
        }
    }

    fn formula(self) -> String {
        "L = E + A N^-alpha + B D^-beta".into()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        FORM.with_split(t, centre)
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        FORM.impose_with_split(t, k, value, centre)
    }
}
