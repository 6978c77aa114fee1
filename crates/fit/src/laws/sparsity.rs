//! The law of sparsity (Abnar et al. 2025), whose a, b and e are A, B and E here. N counts every expert;
//! S is the share of experts that a token does not use, so that `1/(1 - S)` is the number of experts for each
//! chosen one, which the formula below calls X.

use super::coordinates::{COORDINATES, Centre, Coordinate, D};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add_term};

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
    quantity("c", Sense::Scale),
    quantity("lambda", Sense::Slope),
    quantity("d", Sense::Scale),
    quantity("delta", Sense::Slope),
    quantity("gamma", Sense::Exponent),
];

/// The law [`super::Law::Sparsity`].
#[derive(Clone, Copy)]
pub(super) struct Sparsity;

impl Stated for Sparsity {
    fn facts(self) -> Facts {
        Facts {
            name: "sparsity",
            listed: "sparsity",
            description: "L = E + A N^-alpha + B D^-beta + c (1-S)^-lambda + d (1-S)^-delta N^-gamma, N all parameters, S the share of experts that a token does not use; Abnar et al. 2025",
            coordinates: &[Coordinate::Total, D, Coordinate::Experts],
            values_needed: &[5, 3, 3],
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
                Role::Bend,
                Role::Level,
                Role::Bend,
                Role::Exponent,
            ])
        }
    }

    fn formula(self) -> String {
        "L = E + A N^-alpha + B D^-beta + c (1-S)^-lambda + d (1-S)^-delta N^-gamma, N all parameters".into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let [n, d, experts] = x.map(R::constant);
        let (alpha, beta, gamma) = (t[2].exp(), t[4].exp(), t[9].exp());
        t[0] + (t[1] - alpha * n).exp()
            + (t[3] - beta * d).exp()
            + (t[5] + t[6] * experts).exp()
            + (t[7] + t[8] * experts - gamma * n).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let [cn, cd, _] = centre.x.map(R::constant);
        let (alpha, beta, gamma) = (t[2].exp(), t[4].exp(), t[9].exp());
        vec![
            t[0],
            (t[1] + alpha * cn).exp(),
            alpha,
            (t[3] + beta * cd).exp(),
            beta,
            t[5].exp(),
            t[6],
            (t[7] + gamma * cn).exp(),
            t[8],
            gamma,
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        match k {
            0 | 6 | 8 => (k, number(value)),
            1 => (1, number(value.ln()) - t[2].exp() * number(cn)),
            3 => (3, number(value.ln()) - t[4].exp() * number(cd)),
            7 => (7, number(value.ln()) - t[9].exp() * number(cn)),
            k => (k, number(value.ln())),
        }
    }
}

/// The law with its derivatives written out.
pub(crate) struct Written {
    e: f64,
    /// Values of A, B, c and d.
    levels: [f64; 4],
    alpha: f64,
    beta: f64,
    lambda: f64,
    delta: f64,
    gamma: f64,
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written {
            e: t[0],
            levels: [t[1], t[3], t[5], t[7]],
            alpha: t[2].exp(),
            beta: t[4].exp(),
            lambda: t[6],
            delta: t[8],
            gamma: t[9].exp(),
        }
    }

    /// The terms of A, B, c and d.
    #[inline]
    fn terms(&self, x: &[f64; COORDINATES]) -> [f64; 4] {
        let [n, d, experts] = *x;
        [
            (self.levels[0] - self.alpha * n).exp(),
            (self.levels[1] - self.beta * d).exp(),
            (self.levels[2] + self.lambda * experts).exp(),
            (self.levels[3] + self.delta * experts - self.gamma * n).exp(),
        ]
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        self.terms(x).into_iter().fold(self.e, |sum, term| sum + term)
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let terms = self.terms(x);
        let mut out = Jet::<P>::constant(terms.into_iter().fold(self.e, |sum, term| sum + term));
        out.gradient[0] = 1.0;
        let [size, tokens, sparse, both] = terms;
        let experts = x[2];
        // An exponent's logarithm bends the power as much as it moves it.
        let (n, d, mixed) = (-self.alpha * x[0], -self.beta * x[1], -self.gamma * x[0]);
        add_term(&mut out, &[1, 2], size, &[1.0, n], &[[0.0; 2], [0.0, n]]);
        add_term(&mut out, &[3, 4], tokens, &[1.0, d], &[[0.0; 2], [0.0, d]]);
        add_term(&mut out, &[5, 6], sparse, &[1.0, experts], &[[0.0; 2]; 2]);
        let bends = [[0.0; 3], [0.0; 3], [0.0, 0.0, mixed]];
        add_term(&mut out, &[7, 8, 9], both, &[1.0, experts, mixed], &bends);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    /// Abnar et al. 2025, the fitted coefficients.
    #[test]
    fn the_published_constants_give_the_losses_worked_out_by_hand() {
        let natural =
            [0.94, 16612.50, 0.5962, 5455.67, 0.3954, 0.4598, -0.1666, 17.26, 0.1603, 0.1595];
        let cases = [(0.0, 2.5657), (0.75, 2.6284), (0.9375, 2.7499), (0.98, 2.8978)];
        for (s, loss) in cases {
            let experts: f64 = 1.0 / (1.0 - s);
            let place = [1e9f64.ln(), 2e10f64.ln(), experts.ln()];
            let found = Law::Sparsity.loss_of(&natural, &place);
            assert!((found - loss).abs() < 5e-5, "{s}: {found}");
        }
    }
}
