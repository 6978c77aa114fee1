//! Numbers that carry their gradient: exact derivatives of any formula (forward mode; Wengert 1964).

use std::ops::{Add, Div, Mul, Neg, Sub};

/// Most parameters of a law: a power law with three breaks has twelve.
pub(crate) const MOST: usize = 12;

/// What formulas are written in: a plain number, or one with its gradient.
pub(crate) trait Real:
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

impl Real for f64 {
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

/// A value and its derivatives by every parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dual {
    pub(crate) value: f64,
    pub(crate) gradient: [f64; MOST],
}

impl Dual {
    /// The parameters of a law as variables.
    pub(crate) fn variables(values: &[f64]) -> Vec<Dual> {
        let variable = |(k, value): (usize, &f64)| {
            let mut gradient = [0.0; MOST];
            gradient[k] = 1.0;
            Dual {
                value: *value,
                gradient,
            }
        };
        values.iter().enumerate().map(variable).collect()
    }

    /// A function of this one of known slope.
    fn chain(self, value: f64, slope: f64) -> Self {
        Dual {
            value,
            gradient: self.gradient.map(|g| g * slope),
        }
    }

    fn join(self, other: Self, value: f64, mine: f64, theirs: f64) -> Self {
        let mut gradient = [0.0; MOST];
        for (k, sum) in gradient.iter_mut().enumerate() {
            *sum = mine * self.gradient[k] + theirs * other.gradient[k];
        }
        Dual { value, gradient }
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.join(other, self.value + other.value, 1.0, 1.0)
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.join(other, self.value - other.value, 1.0, -1.0)
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        self.join(other, self.value * other.value, other.value, self.value)
    }
}

impl Div for Dual {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        self.join(other, value, other.value.recip(), -value / other.value)
    }
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        self.chain(-self.value, -1.0)
    }
}

impl Real for Dual {
    fn constant(value: f64) -> Self {
        Dual {
            value,
            gradient: [0.0; MOST],
        }
    }
    fn value(self) -> f64 {
        self.value
    }
    fn exp(self) -> Self {
        let value = self.value.exp();
        self.chain(value, value)
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), self.value.recip())
    }
}
