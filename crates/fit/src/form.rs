//! Sums of powers in centred logarithms: the shape that the separable laws share.
//!
//! `p = E + a e^(-alpha x) + b e^(-beta y)`, where x and y are ln N and ln D less their means, so
//! that a and b are losses at the centre of the rows and the five parameters are of one size.

use crate::linalg::{MAX, Vector};

/// Which parts of the sum a law has; the vector of parameters is `[E,] a, alpha [, b, beta]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) offset: bool,
    pub(crate) terms: usize,
}

/// A value with its gradient, and for each term the second derivatives that are not zero: by
/// coefficient and exponent, and by the exponent twice.
pub(crate) struct Expansion {
    pub(crate) value: f64,
    pub(crate) gradient: Vector,
    pub(crate) curvature: [[f64; 2]; 2],
}

/// An exponent below or above these is a statement about the rows, not about the law; a fit that
/// ends there says so.
pub(crate) const EXPONENTS: (f64, f64) = (1e-3, 5.0);

impl Form {
    pub(crate) fn parameters(self) -> usize {
        usize::from(self.offset) + 2 * self.terms
    }

    /// Index of the coefficient of a term; its exponent follows.
    pub(crate) fn coefficient(self, term: usize) -> usize {
        usize::from(self.offset) + 2 * term
    }

    pub(crate) fn is_exponent(self, parameter: usize) -> bool {
        parameter >= usize::from(self.offset) && (parameter - usize::from(self.offset)) % 2 == 1
    }

    pub(crate) fn bounds(self, parameter: usize) -> (f64, f64) {
        match self.is_exponent(parameter) {
            true => EXPONENTS,
            false => (0.0, f64::INFINITY),
        }
    }

    pub(crate) fn value(self, theta: &Vector, x: &[f64; 2]) -> f64 {
        let offset = if self.offset { theta[0] } else { 0.0 };
        (0..self.terms).fold(offset, |sum, term| {
            let at = self.coefficient(term);
            sum + theta[at] * (-theta[at + 1] * x[term]).exp()
        })
    }

    #[inline]
    pub(crate) fn expand(self, theta: &Vector, x: &[f64; 2]) -> Expansion {
        let mut out = Expansion {
            value: 0.0,
            gradient: [0.0; MAX],
            curvature: [[0.0; 2]; 2],
        };
        if self.offset {
            out.value = theta[0];
            out.gradient[0] = 1.0;
        }
        for (term, x) in x.iter().enumerate().take(self.terms) {
            let at = self.coefficient(term);
            let power = (-theta[at + 1] * x).exp();
            let share = theta[at] * power;
            out.value += share;
            out.gradient[at] = power;
            out.gradient[at + 1] = -x * share;
            out.curvature[term] = [-x * power, x * x * share];
        }
        out
    }

    /// Coefficients of N and D themselves: `A = a e^(alpha mean)`.
    pub(crate) fn uncentred(self, theta: &Vector, centre: &[f64; 2]) -> Vector {
        let mut free = *theta;
        for (term, mean) in centre.iter().enumerate().take(self.terms) {
            let at = self.coefficient(term);
            free[at] *= (theta[at + 1] * mean).exp();
        }
        free
    }
}
