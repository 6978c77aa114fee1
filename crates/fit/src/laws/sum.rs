//! Sums of powers in centred logarithms: the shape that the separable laws share.
//!
//! `p = E + a e^(-alpha x) + b e^(-beta y)`, where x and y are logarithms less their means, so
//! that a and b are losses at the centre of the rows and all parameters are of one size.

use super::coordinates::{COORDINATES, Centre};
use crate::jet::{Jet, Scalar};

/// The E of a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Offset {
    None,
    Free,
    Given(f64),
}

/// Which parts of the sum a law has; the vector of parameters is `[E,] a, alpha [, b [, beta]]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Form {
    pub(crate) offset: Offset,
    pub(crate) terms: usize,
    /// Whether both terms have one exponent.
    pub(crate) tied: bool,
}

/// An exponent below or above these is a statement about the rows, not about the law; a fit that
/// ends there says so.
pub(crate) const EXPONENTS: (f64, f64) = (1e-3, 5.0);

impl Form {
    /// The sum without a term, of a law that is no sum.
    pub(super) const NONE: Form = Form { offset: Offset::None, terms: 0, tied: false };

    /// Number of free parameters.
    pub(crate) fn parameters(self) -> usize {
        self.first() + 2 * self.terms - usize::from(self.tied)
    }

    /// Index of the first coefficient.
    fn first(self) -> usize {
        usize::from(self.offset == Offset::Free)
    }

    /// Index of the coefficient of a term.
    pub(crate) fn coefficient(self, term: usize) -> usize {
        self.first() + 2 * term
    }

    /// Index of the exponent of a term.
    pub(crate) fn exponent(self, term: usize) -> usize {
        match self.tied {
            true => self.first() + 1,
            false => self.first() + 2 * term + 1,
        }
    }

    pub(crate) fn is_exponent(self, parameter: usize) -> bool {
        (0..self.terms).any(|term| self.exponent(term) == parameter)
    }

    pub(crate) fn bounds(self, parameter: usize) -> (f64, f64) {
        match self.is_exponent(parameter) {
            true => EXPONENTS,
            false => (0.0, f64::INFINITY),
        }
    }

    /// E, zero where there is none.
    pub(crate) fn offset<R: Scalar>(self, theta: &[R]) -> R {
        match self.offset {
            Offset::None => R::constant(0.0),
            Offset::Free => theta[0],
            Offset::Given(e) => R::constant(e),
        }
    }

    pub(crate) fn value<R: Scalar>(self, theta: &[R], x: &[f64; COORDINATES]) -> R {
        (0..self.terms).fold(self.offset(theta), |sum, term| {
            let exponent = theta[self.exponent(term)];
            sum + theta[self.coefficient(term)] * (-(exponent * R::constant(x[term]))).exp()
        })
    }

    /// [`Self::value`] with its derivatives written out: the innermost loop of most fits.
    #[inline]
    pub(crate) fn jet<const P: usize>(self, theta: &[f64; P], x: &[f64; COORDINATES]) -> Jet<P> {
        let mut out = Jet::constant(self.offset(theta));
        if self.offset == Offset::Free {
            out.gradient[0] = 1.0;
        }
        for (term, x) in x.iter().enumerate().take(self.terms) {
            let (coefficient, exponent) = (self.coefficient(term), self.exponent(term));
            let power = (-theta[exponent] * x).exp();
            let share = theta[coefficient] * power;
            out.value += share;
            out.gradient[coefficient] = power;
            out.gradient[exponent] -= x * share;
            let (low, high) = (coefficient.min(exponent), coefficient.max(exponent));
            out.hessian[high][low] -= x * power;
            out.hessian[exponent][exponent] += x * x * share;
        }
        out
    }

    /// The parameters with their coefficients as they are where logarithms are not centred.
    pub(super) fn coefficients<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let mut all = t.to_vec();
        for term in 0..self.terms {
            let at = self.coefficient(term);
            all[at] = t[at] * (t[self.exponent(term)] * R::constant(centre.x[term])).exp();
        }
        all
    }

    /// The inner coordinate of parameter `k`, and its value where [`Form::coefficients`] has this one.
    pub(super) fn impose<R: Scalar>(
        self,
        t: &[R],
        k: usize,
        value: f64,
        centre: &Centre,
    ) -> (usize, R) {
        match (0..self.terms).find(|term| self.coefficient(*term) == k) {
            Some(term) => {
                let exponent = t[self.exponent(term)];
                (k, R::constant(value) * (-(exponent * R::constant(centre.x[term]))).exp())
            }
            None => (k, R::constant(value)),
        }
    }

    /// [`Form::coefficients`] and, for two exponents, how the best size and the best tokens grow with
    /// compute.
    pub(super) fn with_split<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let mut all = self.coefficients(t, centre);
        let (alpha, beta) = (t[self.exponent(0)], t[self.exponent(1)]);
        let n_exponent = beta / (alpha + beta);
        all.extend([n_exponent, R::constant(1.0) - n_exponent]);
        all
    }

    /// [`Form::impose`] of the quantities of [`Form::with_split`].
    pub(super) fn impose_with_split<R: Scalar>(
        self,
        t: &[R],
        k: usize,
        value: f64,
        centre: &Centre,
    ) -> (usize, R) {
        if k < self.parameters() {
            return self.impose(t, k, value, centre);
        }
        let n_exponent = share(value, k == self.parameters());
        let factor = R::constant(n_exponent / (1.0 - n_exponent));
        (self.exponent(1), t[self.exponent(0)] * factor)
    }
}

/// `n_exponent` from itself or from `d_exponent`.
pub(super) fn share(value: f64, is_n: bool) -> f64 {
    if is_n { value } else { 1.0 - value }
}
