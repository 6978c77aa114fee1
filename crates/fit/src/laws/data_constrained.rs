//! The law of repeated data (Muennighoff et al. 2023, eq. 5 and 6).

use super::coordinates::{COORDINATES, Centre, Coordinate, D, N};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add_term};

const PARAMETERS: &[Quantity] = &[
    quantity("E", Sense::Floor),
    quantity("A", Sense::Scale),
    quantity("alpha", Sense::Exponent),
    quantity("B", Sense::Scale),
    quantity("beta", Sense::Exponent),
    quantity("R_D", Sense::Scale),
    quantity("R_N", Sense::Scale),
];

/// The law [`super::Law::DataConstrained`].
#[derive(Clone, Copy)]
pub(super) struct DataConstrained;

impl Stated for DataConstrained {
    fn facts(self) -> Facts {
        Facts {
            name: "data-constrained",
            listed: "data-constrained",
            description: "L = E + A N'^-alpha + B D'^-beta, N' and D' under repetition; Muennighoff et al. 2023, eq. 5 and 6",
            coordinates: &[N, D, Coordinate::Unique],
            values_needed: &[3, 3, 2],
            parameters: PARAMETERS,
            is_written: true,
            is_nearly_convex: true,
            ..Facts::of_other(&[
                Role::Offset,
                Role::Level,
                Role::Exponent,
                Role::Level,
                Role::Exponent,
                Role::Repeats,
                Role::Repeats,
            ])
        }
    }

    fn formula(self) -> String {
        "L = E + A N'^-alpha + B D'^-beta, D' = U (1 + R_D (1 - exp(-(D/U - 1)/R_D)))".into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], centre: &Centre) -> R {
        let number = R::constant;
        let (alpha, beta) = (t[2].exp(), t[4].exp());
        let (n, d, unique) = (x[0], x[1], x[2]);
        let tokens = number(unique) + saturated(number((d - unique).exp() - 1.0), t[5]);
        // The size that is optimal for the distinct tokens under the law without repetition.
        let g = (alpha.ln() + t[1] + alpha * number(centre.x[0])
            - beta.ln()
            - t[3]
            - beta * number(centre.x[1]))
            / (alpha + beta);
        let best = g + (number(unique + centre.x[1]) + g) * beta / alpha - number(centre.x[0]);
        let params = match best.value() < n {
            true => {
                let excess = number(n) - best;
                best + saturated(excess.exp() - number(1.0), t[6])
            }
            false => number(n),
        };
        t[0] + (t[1] - alpha * params).exp() + (t[3] - beta * tokens).exp()
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
            t[5].exp(),
            t[6].exp(),
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let ([cn, cd, _], number) = (centre.x, R::constant);
        match k {
            0 => (0, number(value)),
            1 => (1, number(value.ln()) - t[2].exp() * number(cn)),
            3 => (3, number(value.ln()) - t[4].exp() * number(cd)),
            k => (k, number(value.ln())),
        }
    }
}

/// `ln(1 + R (1 - exp(-r / R)))`: what `r` repetitions add to the first pass.
fn saturated<R: Scalar>(repeats: R, ln_r: R) -> R {
    let r = ln_r.exp();
    let one = R::constant(1.0);
    (one + r * (one - (-(repeats / r)).exp())).ln()
}

/// The law with its derivatives written out: `L = t0 + e^(t1 - alpha p) + e^(t3 - beta k)` with the
/// logarithms p and k of effective parameters and tokens.
pub(crate) struct Written {
    e: f64,
    levels: (f64, f64),
    alpha: f64,
    beta: f64,
    /// `t1 + t2 - t3 - t4`, what the best size of some distinct tokens starts from.
    offset: f64,
    r_d: f64,
    r_n: f64,
}

/// `w = R (1 - e^(-r / R))` of r repetitions, with derivatives by r and by ln R.
struct Saturated {
    w: f64,
    by_r: f64,
    by_log: f64,
    by_rr: f64,
    by_r_log: f64,
    by_log_log: f64,
}

impl Saturated {
    #[inline]
    fn of(repeats: f64, most: f64) -> Self {
        let share = repeats / most;
        let left = (-share).exp();
        let w = most * (1.0 - left);
        let by_log = w - repeats * left;
        Saturated {
            w,
            by_r: left,
            by_log,
            by_rr: -left / most,
            by_r_log: left * share,
            by_log_log: by_log - repeats * left * share,
        }
    }
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written {
            e: t[0],
            levels: (t[1], t[3]),
            alpha: t[2].exp(),
            beta: t[4].exp(),
            offset: t[1] + t[2] - t[3] - t[4],
            r_d: t[5].exp(),
            r_n: t[6].exp(),
        }
    }

    /// ln of the size that is best for the distinct tokens of a row, centred as N is.
    #[inline]
    fn best(&self, unique: f64) -> f64 {
        (self.offset + self.beta * unique) / self.alpha
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let [n, d, unique] = *x;
        let repeats = (d - unique).exp() - 1.0;
        let tokens = unique + (self.r_d * (1.0 - (-repeats / self.r_d).exp())).ln_1p();
        let best = self.best(unique);
        let params = match best < n {
            true => {
                let excess = (n - best).exp() - 1.0;
                best + (self.r_n * (1.0 - (-excess / self.r_n).exp())).ln_1p()
            }
            false => n,
        };
        let by_size = (self.levels.0 - self.alpha * params).exp();
        self.e + by_size + (self.levels.1 - self.beta * tokens).exp()
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let [n, d, unique] = *x;
        let mut out = Jet::<P>::constant(0.0);
        let by_size = self.add_size(&mut out, n, unique);
        let by_tokens = self.add_tokens(&mut out, d, unique);
        out.gradient[0] = 1.0;
        out.value = self.e + by_size + by_tokens;
        out
    }

    /// The term of the tokens, by t3, t4 and t5.
    #[inline]
    fn add_tokens<const P: usize>(&self, out: &mut Jet<P>, d: f64, unique: f64) -> f64 {
        let s = Saturated::of((d - unique).exp() - 1.0, self.r_d);
        let per = 1.0 / (1.0 + s.w);
        let (by_r, curve) = (s.by_log * per, s.by_log_log * per);
        let along = -self.beta * (unique + s.w.ln_1p());
        let term = (self.levels.1 + along).exp();
        let first = [1.0, along, -self.beta * by_r];
        let second =
            [[0.0; 3], [0.0, along, 0.0], [0.0, first[2], -self.beta * (curve - by_r * by_r)]];
        add_term(out, &[3, 4, 5], term, &first, &second);
        term
    }

    /// The term of the parameters, by t1, t2, t3, t4 and t6.
    #[inline]
    fn add_size<const P: usize>(&self, out: &mut Jet<P>, n: f64, unique: f64) -> f64 {
        let (alpha, best) = (self.alpha, self.best(unique));
        if best.partial_cmp(&n) != Some(std::cmp::Ordering::Less) {
            let along = -alpha * n;
            let term = (self.levels.0 + along).exp();
            let (first, second) = ([1.0, along], [[0.0; 2], [0.0, along]]);
            add_term(out, &[1, 2], term, &first, &second);
            return term;
        }
        let growth = (n - best).exp();
        let s = Saturated::of(growth - 1.0, self.r_n);
        let per = 1.0 / (1.0 + s.w);
        // Repetitions fall with the best size as fast as the sizes grow.
        let (w_b, w_bb) =
            (-s.by_r * growth * per, (s.by_rr * growth * growth + s.by_r * growth) * per);
        let (w_r, w_br) = (s.by_log * per, -s.by_r_log * growth * per);
        let (p_b, p_bb) = (1.0 + w_b, w_bb - w_b * w_b);
        let (p_br, p_rr) = (w_br - w_b * w_r, s.by_log_log * per - w_r * w_r);
        let params = best + s.w.ln_1p();
        let term = (self.levels.0 - alpha * params).exp();
        // The best size by t1..t4.
        let inverse = 1.0 / alpha;
        let slope = self.beta * unique * inverse;
        let b = [inverse, inverse - best, -inverse, slope - inverse];
        let bb = [
            [0.0; 4],
            [-inverse, best - 2.0 * inverse, 0.0, 0.0],
            [0.0, inverse, 0.0, 0.0],
            [0.0, inverse - slope, 0.0, slope],
        ];
        let by = |i: usize| if i < 4 { p_b * b[i] } else { w_r };
        let mut first: [f64; 5] = std::array::from_fn(|i| -alpha * by(i));
        first[0] += 1.0;
        first[1] -= alpha * params;
        // The lower triangle; above it stands nothing that is read.
        let both = |i: usize, j: usize| match (i, j) {
            (4, 4) => p_rr,
            (4, j) => p_br * b[j],
            (i, j) if j <= i => p_bb * b[i] * b[j] + p_b * bb[i][j],
            _ => 0.0,
        };
        let mut second: [[f64; 5]; 5] =
            std::array::from_fn(|i| std::array::from_fn(|j| -alpha * both(i, j)));
        // t2 is also the logarithm of the exponent itself.
        for i in 0..5 {
            second[i.max(1)][i.min(1)] -= alpha * by(i);
        }
        second[1][1] -= alpha * (params + by(1));
        add_term(out, &[1, 2, 3, 4, 6], term, &first, &second);
        term
    }
}
