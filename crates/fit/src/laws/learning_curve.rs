//! The law of learning curves far above the critical batch (Kaplan et al. 2020, eq. 1.6).

use super::coordinates::{Centre, Coordinate, N};
use super::facts::{Facts, Quantity, Sense, Stated, quantity};
use super::sum::{Form, Offset};
use crate::jet::Scalar;

const FORM: Form = Form { offset: Offset::None, terms: 2, tied: false };

const PARAMETERS: &[Quantity] = &[
    quantity("N_c", Sense::Scale),
    quantity("alpha_N", Sense::Exponent),
    quantity("S_c", Sense::Scale),
    quantity("alpha_S", Sense::Exponent),
];

/// The law [`super::Law::LearningCurve`].
#[derive(Clone, Copy)]
pub(super) struct LearningCurve;

impl Stated for LearningCurve {
    fn facts(self) -> Facts {
        Facts {
            name: "learning-curve",
            listed: "learning-curve",
            description: "L = (N_c/N)^alpha_N + (S_c/S)^alpha_S, S = D / batch; Kaplan et al. 2020, eq. 1.6 far above the critical batch",
            coordinates: &[N, Coordinate::Steps],
            values_needed: &[2, 2],
            parameters: PARAMETERS,
            ..Facts::of_sum(FORM)
        }
    }

    fn formula(self) -> String {
        "L = (N_c/N)^alpha_N + (S_c/S)^alpha_S, S = D/batch".into()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let mut all = t.to_vec();
        for term in 0..FORM.terms {
            let at = FORM.coefficient(term);
            // a = X_c^alpha e^(-alpha mean)
            all[at] = (t[at].ln() / t[FORM.exponent(term)] + R::constant(centre.x[term])).exp();
        }
        all
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        match (0..FORM.terms).find(|term| FORM.coefficient(*term) == k) {
            Some(term) => {
                let exponent = t[FORM.exponent(term)];
                (k, (exponent * R::constant(value.ln() - centre.x[term])).exp())
            }
            None => (k, R::constant(value)),
        }
    }
}
