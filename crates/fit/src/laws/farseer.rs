//! Farseer's law (Li et al. 2025, arXiv 2506.10972): floor, coefficient and exponent of the data term are each
//! `a N^p + b` or the exponential of it.
//!
//! The power is carried as `(N / N0)^p` less one over p, which is ln N where p is zero: so the law goes through
//! Chinchilla's data term, and through powers of N, without a number that grows beyond bounds.
//! The law depends on the unit of D: in another unit the coefficient would have to be `a N^p + b` plus a
//! constant times the exponent, which is of that shape only where the exponent is one number.
//! [`super::coupled`] asks the same question without a unit.

use super::coordinates::{COORDINATES, Centre, D, N};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::Scalar;

const PARAMETERS: &[Quantity] = &[
    quantity("a1", Sense::Slope),
    quantity("alpha", Sense::Slope),
    quantity("b1", Sense::Slope),
    quantity("a2", Sense::Slope),
    quantity("beta", Sense::Slope),
    quantity("b2", Sense::Slope),
    quantity("a3", Sense::Slope),
    quantity("gamma", Sense::Slope),
    quantity("b3", Sense::Slope),
];

/// The law [`super::Law::Farseer`].
#[derive(Clone, Copy)]
pub(super) struct Farseer;

/// `(e^(p x) - 1) / p`: x where p is zero.
fn power<R: Scalar>(p: R, x: f64) -> R {
    let number = R::constant;
    let exponent = p * number(x);
    if exponent.value().abs() > 0.02 {
        return (exponent.exp() - number(1.0)) / p;
    }
    // The series of the exponential, whose ninth term lies below the last digit.
    let rest = (2..=8)
        .rev()
        .fold(number(1.0), |sum, k| number(1.0) + exponent * sum / number(f64::from(k)));
    number(x) * rest
}

impl Stated for Farseer {
    fn facts(self) -> Facts {
        Facts {
            name: "farseer",
            listed: "farseer",
            description: "L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(-exp(a1 N^alpha + b1)); Li et al. 2025, arXiv 2506.10972",
            coordinates: &[N, D],
            values_needed: &[5, 3],
            parameters: PARAMETERS,
            ..Facts::of_other(&[
                Role::Tilt,
                Role::Bend,
                Role::Exponent,
                Role::Bend,
                Role::Bend,
                Role::Level,
                Role::Bend,
                Role::Bend,
                Role::Level,
            ])
        }
    }

    fn formula(self) -> String {
        "L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^(-exp(a1 N^alpha + b1))".into()
    }

    /// Slopes at the centre (t0, t3, t6), powers (t1, t4, t7) and values at the centre (t2, t5, t8) of the
    /// logarithms of the exponent, of the data term at the mean of ln D, and of the floor.
    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], centre: &Centre) -> R {
        let number = R::constant;
        let (middle, mean) = (t[2].exp(), number(centre.x[1]));
        let exponent = middle * (t[0] * power(t[1], x[0])).exp();
        // The slope of the coefficient is that of the data term and of what the exponent takes from it.
        let slope = t[3] + mean * middle * t[0];
        let coefficient = t[5] + mean * middle + slope * power(t[4], x[0]);
        let floor = t[8] + t[6] * power(t[7], x[0]);
        floor.exp() + (coefficient - exponent * (mean + number(x[1]))).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let middle = t[2].exp();
        let slope = t[3] + cd * middle * t[0];
        let (first, second, third) = (t[0] / t[1], slope / t[4], t[6] / t[7]);
        vec![
            first * (-(t[1] * cn)).exp(),
            t[1],
            t[2] - first,
            second * (-(t[4] * cn)).exp(),
            t[4],
            t[5] + cd * middle - second,
            third * (-(t[7] * cn)).exp(),
            t[7],
            t[8] - third,
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        let slope = |power: R| number(value) * power * (power * number(cn)).exp();
        let middle = t[2].exp() * number(cd);
        match k {
            0 => (0, slope(t[1])),
            2 => (2, number(value) + t[0] / t[1]),
            3 => (3, slope(t[4]) - middle * t[0]),
            5 => (5, number(value) - middle + (t[3] + middle * t[0]) / t[4]),
            6 => (6, slope(t[7])),
            8 => (8, number(value) + t[6] / t[7]),
            k => (k, number(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;
    use super::power;

    fn at(natural: &[f64], n: f64, d: f64) -> f64 {
        Law::Farseer.loss_of(natural, &[n.ln(), d.ln(), 0.0])
    }

    #[test]
    fn the_power_is_a_logarithm_where_its_exponent_is_zero() {
        for x in [-4.0, -0.3, 0.7, 6.0] {
            assert!((power(1e-9, x) / x - 1.0).abs() < 1e-7);
            // Both ways of working it out, about where one gives way to the other.
            for p in [0.019 / x, 0.021 / x] {
                let exact = f64::exp_m1(p * x) / p;
                assert!((power(p, x) / exact - 1.0).abs() < 1e-12, "{p} {x}");
            }
        }
    }

    /// The formula as the paper prints it.
    #[test]
    fn the_loss_is_that_of_the_formula() {
        let [a1, alpha, b1, a2, beta, b2, a3, gamma, b3] =
            [-0.11, 0.11, -0.4, 110.0, -0.12, -3.0, 4.0, -0.2, 0.3f64];
        for (n, d) in [(2e8, 4e9), (1e9, 2e10), (6e9f64, 1e11f64)] {
            let by_hand = (a3 * n.powf(gamma) + b3).exp()
                + (a2 * n.powf(beta) + b2).exp() * d.powf(-(a1 * n.powf(alpha) + b1).exp());
            let found = at(&[a1, alpha, b1, a2, beta, b2, a3, gamma, b3], n, d);
            assert!((found / by_hand - 1.0).abs() < 1e-10, "{n} {d}: {found} {by_hand}");
        }
    }

    /// With an exponent and a coefficient of tokens that know no size, and a floor that falls by a small
    /// power, the law is Chinchilla's to first order in `A N^-alpha / E`.
    #[test]
    fn with_one_exponent_of_tokens_the_law_goes_to_chinchillas() {
        let (e, a, alpha, b, beta): (f64, f64, f64, f64, f64) = (1.8, 4e-4, 0.05, 2000.0, 0.37);
        for (n, d) in [(1e7, 3e9), (4e8f64, 2e8f64), (3e9, 1e12)] {
            let natural = [0.0, 1.0, beta.ln(), 0.0, 1.0, b.ln(), a / e, -alpha, e.ln()];
            let sum = e + a * n.powf(-alpha) + b * d.powf(-beta);
            let found = at(&natural, n, d);
            assert!((found / sum - 1.0).abs() < 1e-7, "{n} {d}: {found} {sum}");
        }
    }
}
