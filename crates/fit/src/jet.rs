//! Numbers that carry their gradient and second derivatives: exact to the last digit for any
//! formula (forward mode, Wengert 1964; second order as truncated Taylor series).

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number that formulas are written in: a plain one, or one with its derivatives.
pub(crate) trait Scalar:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    fn constant(value: f64) -> Self;
    fn value(self) -> f64;
    fn exp(self) -> Self;
    fn ln(self) -> Self;

    /// `ln(1 + e^x)` without overflow.
    fn softplus(self) -> Self {
        match self.value() > 0.0 {
            true => self + (Self::constant(1.0) + (-self).exp()).ln(),
            false => (Self::constant(1.0) + self.exp()).ln(),
        }
    }
}

impl Scalar for f64 {
    fn constant(value: f64) -> Self {
        value
    }
    fn value(self) -> f64 {
        self
    }
    fn exp(self) -> Self {
        f64::exp(self)
    }
    fn ln(self) -> Self {
        f64::ln(self)
    }
}

/// A value with its derivatives by `P` parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jet<const P: usize> {
    pub(crate) value: f64,
    pub(crate) gradient: [f64; P],
    /// Lower triangle.
    pub(crate) hessian: [[f64; P]; P],
}

impl<const P: usize> Jet<P> {
    /// The parameters as variables.
    pub(crate) fn variables(values: &[f64; P]) -> [Self; P] {
        std::array::from_fn(|k| {
            let mut jet = Self::constant(values[k]);
            jet.gradient[k] = 1.0;
            jet
        })
    }

    /// A function of this one with known first and second derivative.
    #[inline]
    fn chain(self, value: f64, first: f64, second: f64) -> Self {
        let mut out = Self::constant(value);
        for i in 0..P {
            out.gradient[i] = first * self.gradient[i];
            for j in 0..=i {
                out.hessian[i][j] =
                    first * self.hessian[i][j] + second * self.gradient[i] * self.gradient[j];
            }
        }
        out
    }

    /// `mine * self + theirs * other` in every derivative.
    #[inline]
    fn blend(self, other: Self, value: f64, mine: f64, theirs: f64) -> Self {
        let mut out = Self::constant(value);
        for i in 0..P {
            out.gradient[i] = mine * self.gradient[i] + theirs * other.gradient[i];
            for j in 0..=i {
                out.hessian[i][j] = mine * self.hessian[i][j] + theirs * other.hessian[i][j];
            }
        }
        out
    }
}

impl<const P: usize> Add for Jet<P> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.blend(other, self.value + other.value, 1.0, 1.0)
    }
}

impl<const P: usize> Sub for Jet<P> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.blend(other, self.value - other.value, 1.0, -1.0)
    }
}

impl<const P: usize> Mul for Jet<P> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let mut out = self.blend(other, self.value * other.value, other.value, self.value);
        for i in 0..P {
            for j in 0..=i {
                out.hessian[i][j] +=
                    self.gradient[i] * other.gradient[j] + self.gradient[j] * other.gradient[i];
            }
        }
        out
    }
}

impl<const P: usize> Div for Jet<P> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let inverse = other.value.recip();
        self * other.chain(inverse, -inverse * inverse, 2.0 * inverse.powi(3))
    }
}

impl<const P: usize> Neg for Jet<P> {
    type Output = Self;
    fn neg(self) -> Self {
        self.chain(-self.value, -1.0, 0.0)
    }
}

impl<const P: usize> Scalar for Jet<P> {
    fn constant(value: f64) -> Self {
        Jet { value, gradient: [0.0; P], hessian: [[0.0; P]; P] }
    }
    fn value(self) -> f64 {
        self.value
    }
    fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value, value)
    }
    fn ln(self) -> Self {
        let inverse = self.value.recip();
        self.chain(self.value.ln(), inverse, -inverse * inverse)
    }
}

/// `ln(1 + e^z)` with its first and second derivative.
#[inline]
pub(crate) fn softplus(z: f64) -> (f64, f64, f64) {
    let small = (-z.abs()).exp();
    let (value, inverse) = ((1.0 + small).ln() + z.max(0.0), 1.0 / (1.0 + small));
    let first = if z > 0.0 { inverse } else { small * inverse };
    (value, first, small * inverse * inverse)
}

/// Adds to the lower triangle.
#[inline]
pub(crate) fn add<const P: usize>(out: &mut Jet<P>, i: usize, j: usize, value: f64) {
    out.hessian[i.max(j)][i.min(j)] += value;
}

/// Adds `e^g` by the parameters that g has, given their indices, the term and the derivatives of g (the lower
/// triangle of the second ones); the value is left as it is.
#[inline]
pub(crate) fn add_term<const P: usize, const S: usize>(
    out: &mut Jet<P>,
    of: &[usize; S],
    term: f64,
    first: &[f64; S],
    second: &[[f64; S]; S],
) {
    for i in 0..S {
        out.gradient[of[i]] += term * first[i];
        for j in 0..=i {
            add(out, of[i], of[j], term * (first[i] * first[j] + second[i][j]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn formula<R: Scalar>(t: &[R]) -> R {
        let one = R::constant(1.0);
        ((t[0] * t[1]).exp() + one) / (t[2].ln() - t[0]) + (t[1] - t[2]).softplus() * (-t[1])
    }

    proptest! {
        #[test]
        fn derivatives_are_those_of_central_differences(
            a in -1.0..1.0f64, b in -1.0..1.0f64, c in 5.0..9.0f64,
        ) {
            let at = [a, b, c];
            let jet = formula(&Jet::variables(&at));
            prop_assert!((jet.value - formula(&at)).abs() < 1e-14 * jet.value.abs());
            for i in 0..3 {
                let moved = |step: f64| {
                    let mut t = at;
                    t[i] += step;
                    formula(&Jet::variables(&t))
                };
                let (up, down) = (moved(1e-5), moved(-1e-5));
                prop_assert!(((up.value - down.value) / 2e-5 - jet.gradient[i]).abs() < 1e-8);
                for j in 0..=i {
                    let curve = (up.gradient[j] - down.gradient[j]) / 2e-5;
                    prop_assert!((curve - jet.hessian[i][j]).abs() < 1e-7);
                }
            }
        }
    }
}
