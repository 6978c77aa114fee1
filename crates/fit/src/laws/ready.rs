//! A law at one vector of parameters, with what no row changes worked out once and its derivatives
//! written out: what the innermost loop of a fit calls. Laws whose files write out no derivatives go through
//! [`Jet`]'s arithmetic, which is some ten times slower and says the same.

use super::coordinates::{COORDINATES, Centre};
use super::sum::Form;
use super::{
    Law, broken, coupled, data_constrained, granularity, half_life, joint_experts, kaplan,
    q_family, routed, sparsity,
};
use crate::jet::Jet;

/// A law at one vector of parameters, by the way in which its derivatives are had.
pub(crate) enum Ready<'a, const P: usize> {
    /// A sum of powers.
    Sum(Form, &'a [f64; P]),
    Kaplan(kaplan::Written),
    DataConstrained(data_constrained::Written),
    HalfLife(half_life::Written),
    QFamily(q_family::Written),
    Coupled(coupled::Written),
    Broken(broken::Written<'a>),
    Routed(routed::Written),
    Granularity(granularity::Written),
    Sparsity(sparsity::Written),
    JointExperts(joint_experts::Written),
    /// A law whose derivatives the arithmetic of [`Jet`] has.
    Other(Law, &'a Centre, &'a [f64; P]),
}

impl<'a, const P: usize> Ready<'a, P> {
    pub(crate) fn of(law: Law, theta: &'a [f64; P], centre: &'a Centre) -> Self {
        match law {
            Law::Kaplan { .. } => Ready::Kaplan(kaplan::Written::of(theta)),
            Law::DataConstrained => Ready::DataConstrained(data_constrained::Written::of(theta)),
            Law::HalfLife => Ready::HalfLife(half_life::Written::of(theta)),
            Law::QFamily { .. } => Ready::QFamily(q_family::Written::of(theta)),
            Law::Coupled => Ready::Coupled(coupled::Written::of(theta)),
            Law::Broken(..) => Ready::Broken(broken::Written::of(theta)),
            Law::Routed => Ready::Routed(routed::Written::of(theta)),
            Law::Granularity => Ready::Granularity(granularity::Written::of(theta)),
            Law::Sparsity => Ready::Sparsity(sparsity::Written::of(theta)),
            Law::JointExperts => Ready::JointExperts(joint_experts::Written::of(theta)),
            _ => match law.form() {
                Some(form) => Ready::Sum(form, theta),
                None => Ready::Other(law, centre, theta),
            },
        }
    }

    /// The loss at a centred place.
    #[inline]
    pub(crate) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        match self {
            Ready::Sum(form, theta) => form.value(theta.as_slice(), x),
            Ready::Kaplan(law) => law.loss(x),
            Ready::DataConstrained(law) => law.loss(x),
            Ready::HalfLife(law) => law.loss(x),
            Ready::QFamily(law) => law.loss(x),
            Ready::Coupled(law) => law.loss(x),
            Ready::Broken(law) => law.loss(x),
            Ready::Routed(law) => law.loss(x),
            Ready::Granularity(law) => law.loss(x),
            Ready::Sparsity(law) => law.loss(x),
            Ready::JointExperts(law) => law.loss(x),
            Ready::Other(law, centre, theta) => law.loss(theta.as_slice(), x, centre),
        }
    }

    /// The loss at a centred place, with its derivatives.
    #[inline]
    pub(crate) fn jet(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        match self {
            Ready::Sum(form, theta) => form.jet(theta, x),
            Ready::Kaplan(law) => law.jet(x),
            Ready::DataConstrained(law) => law.jet(x),
            Ready::HalfLife(law) => law.jet(x),
            Ready::QFamily(law) => law.jet(x),
            Ready::Coupled(law) => law.jet(x),
            Ready::Broken(law) => law.jet(x),
            Ready::Routed(law) => law.jet(x),
            Ready::Granularity(law) => law.jet(x),
            Ready::Sparsity(law) => law.jet(x),
            Ready::JointExperts(law) => law.jet(x),
            Ready::Other(law, centre, theta) => law.loss(&Jet::variables(theta), x, centre),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LAWS, inner, points};
    use super::*;
    use proptest::prelude::*;

    fn agrees<const P: usize>(law: Law, t: &[f64]) -> Result<(), TestCaseError> {
        let theta: [f64; P] = t.try_into().expect("as many as the law has");
        let rows = points(law, t);
        let mut places: Vec<_> = rows.iter().map(|row| law.place(row).unwrap()).collect();
        let losses: Vec<f64> = rows.iter().map(|row| row.loss).collect();
        let centre = law.centre(&mut places, &losses);
        let ready = Ready::of(law, &theta, &centre);
        for x in &places {
            let (quick, slow): (Jet<P>, Jet<P>) =
                (ready.jet(x), law.loss(&Jet::variables(&theta), x, &centre));
            let close = |a: f64, b: f64, size: f64| (a - b).abs() <= 1e-9 * size;
            prop_assert!(close(quick.value, slow.value, slow.value), "{law:?} {x:?}");
            prop_assert!(close(ready.loss(x), slow.value, slow.value), "{law:?} {x:?}");
            let size = |g: &[f64]| g.iter().fold(1.0f64, |most, g| most.max(g.abs()));
            for i in 0..P {
                let (a, b) = (quick.gradient[i], slow.gradient[i]);
                let most = size(&slow.gradient);
                prop_assert!(close(a, b, most), "{law:?} {x:?} by {i}: {a} {b}");
                for j in 0..=i {
                    let (a, b) = (quick.hessian[i][j], slow.hessian[i][j]);
                    let most = size(&slow.hessian[i]).max(most);
                    prop_assert!(close(a, b, most), "{law:?} {x:?} by {i} {j}: {a} {b}");
                }
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn derivatives_written_out_are_those_of_the_arithmetic(seed: u64, shift in -1.0..1.0f64) {
            for law in LAWS.into_iter().filter(|law| law.is_quick()) {
                let mut t = inner(law, seed);
                // Away from where the rows were made: sizes beyond the best ones included.
                t.iter_mut().for_each(|t| *t += 0.3 * shift);
                super::super::with_parameters!(law, P => agrees::<P>(law, &t))?;
            }
        }
    }
}
