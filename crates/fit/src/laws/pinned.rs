//! Chinchilla's law with a floor that is known.

use super::coordinates::{Centre, D, N};
use super::facts::{Facts, Quantity, SPLIT, Sense, Stated, quantity};
use super::sum::{Form, Offset};
use crate::jet::Scalar;
use std::borrow::Cow;

const PARAMETERS: &[Quantity] = &[
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
];

/// The law [`super::Law::Pinned`].
#[derive(Clone, Copy)]
pub(super) struct Pinned(pub(super) f64);

impl Pinned {
    fn form(self) -> Form {
        Form { offset: Offset::Given(self.0), terms: 2, tied: false }
    }
}

impl Stated for Pinned {
    fn facts(self) -> Facts {
        Facts {
            name: "chinchilla-pinned",
            listed: "chinchilla-pinned:E",
            description: "L = E + A N^-alpha + B D^-beta with E given, as in chinchilla-pinned:1.69",
            coordinates: &[N, D],
            values_needed: &[2, 2],
            parameters: PARAMETERS,
            derived: SPLIT,
            ..Facts::of_sum(self.form())
        }
    }

    fn name(self) -> Cow<'static, str> {
        Cow::Owned(format!("{}:{}", self.facts().name, self.0))
    }

    fn formula(self) -> String {
        format!("L = {} + A N^-alpha + B D^-beta", self.0)
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        self.form().with_split(t, centre)
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        self.form().impose_with_split(t, k, value, centre)
    }
}
