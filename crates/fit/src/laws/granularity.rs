//! The law of fine-grained experts (Krajewski et al. 2024), whose a, b and c are A, B and E here.
//!
//! N counts every expert, without the embedding, and the ratio of experts to chosen ones is one and the same:
//! under the constants of the paper, N of `4 + 8 E` parts in 12 of the active size, E = 64, gives the
//! losses of its compute-optimal models within .03, and the active size alone misses them by .26 to .77.

use super::coordinates::{COORDINATES, Centre, Coordinate, D};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add_term};

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
    quantity("g", Sense::Scale),
    quantity("gamma", Sense::Exponent),
];

/// The law [`super::Law::Granularity`].
#[derive(Clone, Copy)]
pub(super) struct Granularity;

impl Stated for Granularity {
    fn facts(self) -> Facts {
        Facts {
            name: "granularity",
            listed: "granularity",
            description: "L = E + (A + g G^-gamma) N^-alpha + B D^-beta, N all parameters, G widths of an expert in a dense one, at one ratio of experts; Krajewski et al. 2024",
            coordinates: &[Coordinate::Total, D, Coordinate::Granularity],
            values_needed: &[3, 3, 3],
            parameters: PARAMETERS,
            is_written: true,
            is_nearly_convex: true,
            is_linear_in_levels: true,
            ..Facts::of_other(&[
                Role::Offset,
                Role::Level,
                Role::Exponent,
                Role::Level,
                Role::Exponent,
                Role::Level,
                Role::Exponent,
            ])
        }
    }

    fn formula(self) -> String {
        "L = E + (A + g G^-gamma) N^-alpha + B D^-beta, N all parameters".into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let (alpha, beta, gamma) = (t[2].exp(), t[4].exp(), t[6].exp());
        let by_size = alpha * number(x[0]);
        t[0] + (t[1] - by_size).exp()
            + (t[5] - by_size - gamma * number(x[2])).exp()
            + (t[3] - beta * number(x[1])).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha, beta) = (t[2].exp(), t[4].exp());
        vec![
            t[0],
            (t[1] + alpha * cn).exp(),
            alpha,
            (t[3] + beta * cd).exp(),
            beta,
            (t[5] + alpha * cn).exp(),
            t[6].exp(),
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        match k {
            0 => (0, number(value)),
            1 | 5 => (k, number(value.ln()) - t[2].exp() * number(cn)),
            3 => (3, number(value.ln()) - t[4].exp() * number(cd)),
            k => (k, number(value.ln())),
        }
    }
}

/// The law with its derivatives written out.
pub(crate) struct Written {
    e: f64,
    /// Values of A, B and g.
    levels: [f64; 3],
    alpha: f64,
    beta: f64,
    gamma: f64,
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written {
            e: t[0],
            levels: [t[1], t[3], t[5]],
            alpha: t[2].exp(),
            beta: t[4].exp(),
            gamma: t[6].exp(),
        }
    }

    /// The terms of A, B and g.
    #[inline]
    fn terms(&self, x: &[f64; COORDINATES]) -> [f64; 3] {
        let by_size = self.alpha * x[0];
        [
            (self.levels[0] - by_size).exp(),
            (self.levels[1] - self.beta * x[1]).exp(),
            (self.levels[2] - by_size - self.gamma * x[2]).exp(),
        ]
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let [coarse, tokens, fine] = self.terms(x);
        self.e + coarse + fine + tokens
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let [coarse, tokens, fine] = self.terms(x);
        let mut out = Jet::<P>::constant(self.e + coarse + fine + tokens);
        out.gradient[0] = 1.0;
        // An exponent's logarithm bends the power as much as it moves it.
        let (n, d, g) = (-self.alpha * x[0], -self.beta * x[1], -self.gamma * x[2]);
        add_term(&mut out, &[1, 2], coarse, &[1.0, n], &[[0.0; 2], [0.0, n]]);
        add_term(&mut out, &[3, 4], tokens, &[1.0, d], &[[0.0; 2], [0.0, d]]);
        let bends = [[n, 0.0, 0.0], [0.0; 3], [0.0, 0.0, g]];
        add_term(&mut out, &[2, 5, 6], fine, &[n, 1.0, g], &bends);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    /// Krajewski et al. 2024, the fitted coefficients of mixtures of 64 experts for each chosen one.
    const MIXTURE: [f64; 7] = [0.47, 18.1, 0.115, 30.8, 0.147, 2.1, 0.58];

    fn at(n: f64, d: f64, g: f64) -> f64 {
        Law::Granularity.loss_of(&MIXTURE, &[n.ln(), d.ln(), g.ln()])
    }

    #[test]
    fn the_published_constants_give_the_losses_worked_out_by_hand() {
        let cases = [(1e8, 2e9, [4.2208, 4.0813, 4.0189]), (1e9, 2e10, [3.2761, 3.1691, 3.1212])];
        for (n, d, losses) in cases {
            for (g, loss) in [1.0, 4.0, 16.0].into_iter().zip(losses) {
                assert!((at(n, d, g) - loss).abs() < 5e-5, "{n} {d} {g}: {}", at(n, d, g));
            }
        }
    }

    /// Compute-optimal models of the paper: active size, tokens, granularity, loss. Constants of two or three digits leave a
    /// few hundredths.
    #[test]
    fn n_is_the_number_of_all_parameters() {
        let table = [
            (1e8, 4.37e9, 8.0, 3.133),
            (1e9, 28.94e9, 16.0, 2.491),
            (3e9, 72.90e9, 16.0, 2.245),
            (7e9, 137.60e9, 32.0, 2.076),
            (70e9, 941.07e9, 32.0, 1.694),
            (1e12, 7.94e12, 64.0, 1.367),
        ];
        for (active, d, g, loss) in table {
            let all = active * (4.0 + 8.0 * 64.0) / 12.0;
            assert!((at(all, d, g) - loss).abs() < 0.03, "{active}: {}", at(all, d, g));
            assert!(at(active, d, g) - loss > 0.25, "{active}: {}", at(active, d, g));
        }
    }
}
