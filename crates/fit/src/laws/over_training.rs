//! The law of over-training: Chinchilla's with one exponent, in N and in tokens per parameter (Gadre et al.
//! 2024).

use super::coordinates::{Centre, D, N};
use super::facts::{Facts, Quantity, Sense, Stated, quantity};
use super::sum::{Form, Offset};
use crate::jet::Scalar;

const FORM: Form = Form { offset: Offset::Free, terms: 2, tied: true };

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("alpha", Sense::Scale),
    quantity("eta", Sense::Exponent),
    quantity("beta", Sense::Scale),
];

/// The law [`super::Law::OverTraining`].
#[derive(Clone, Copy)]
pub(super) struct OverTraining;

impl Stated for OverTraining {
    fn facts(self) -> Facts {
        Facts {
            name: "over-training",
            listed: "over-training",
            description: "L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta, M = D/N; Gadre et al. 2024",
            coordinates: &[N, D],
            values_needed: &[2, 2],
            parameters: PARAMETERS,
            ..Facts::of_sum(FORM)
        }
    }

    fn formula(self) -> String {
        "L = E + alpha N^-eta + beta 6^(-eta/2) (M N)^-eta, M = D/N".into()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let mut all = FORM.coefficients(t, centre);
        let at = FORM.coefficient(1);
        all[at] = all[at] * (t[FORM.exponent(1)] * R::constant(6f64.ln() / 2.0)).exp();
        all
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        if k != FORM.coefficient(1) {
            return FORM.impose(t, k, value, centre);
        }
        let mean = centre.x[1] + 6f64.ln() / 2.0;
        let exponent = t[FORM.exponent(1)];
        (k, R::constant(value) * (-(exponent * R::constant(mean))).exp())
    }
}
