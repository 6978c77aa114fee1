//! The law of mixtures of experts (Clark et al. 2022, eq. 1 and 2).

use super::coordinates::{COORDINATES, Centre, Coordinate, N};
use super::experts::{Effective, effective, most, rest_of};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add_term};

/// The law's logarithms are decimal.
const TEN: f64 = std::f64::consts::LN_10;

const PARAMETERS: &[Quantity] = &[
    quantity("a", Sense::Slope),
    quantity("b", Sense::Slope),
    quantity("c", Sense::Slope),
    quantity("d", Sense::Slope),
    quantity("E_start", Sense::Scale),
    quantity("E_max", Sense::Scale),
];

/// The law [`super::Law::Routed`].
#[derive(Clone, Copy)]
pub(super) struct Routed;

impl Stated for Routed {
    fn facts(self) -> Facts {
        Facts {
            name: "routed",
            listed: "routed",
            description: "log L = a log N + b log E^ + c log N log E^ + d (decimal), N what a token uses, E^ experts saturating; Clark et al. 2022",
            coordinates: &[N, Coordinate::Experts],
            values_needed: &[2, 4],
            parameters: PARAMETERS,
            is_written: true,
            is_linear_in_levels: true,
            ..Facts::of_other(&[
                Role::Bend,
                Role::Bend,
                Role::Tilt,
                Role::Level,
                Role::Count,
                Role::Count,
            ])
        }
    }

    fn formula(self) -> String {
        "log10 L = a log10 N + b log10 E^ + c log10 N log10 E^ + d, 1/E^ = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max"
            .into()
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let experts = effective(x[1], t[4], t[5]);
        let n = R::constant(x[0]);
        (t[3] + t[0] * n + (t[1] + t[2] * n) * experts).exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let (number, mean) = (R::constant, R::constant(centre.x[0]));
        vec![
            t[0],
            t[1] - t[2] * mean,
            t[2] * number(TEN),
            (t[3] - t[0] * mean) / number(TEN),
            t[4].exp(),
            most(t[4], t[5]),
        ]
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let (number, v, mean) = (R::constant, R::constant(value), centre.x[0]);
        match k {
            0 => (0, v),
            1 => (1, v + t[2] * number(mean)),
            2 => (2, number(value / TEN)),
            3 => (3, number(value * TEN) + t[0] * number(mean)),
            4 => (4, number(value.ln())),
            _ => (5, rest_of(value, t[4])),
        }
    }
}

/// The law with its derivatives written out.
pub(crate) struct Written {
    size: f64,
    experts: f64,
    both: f64,
    level: f64,
    /// `ln E_start` and `ln (E_max / E_start - 1)`.
    saturation: (f64, f64),
}

impl Written {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Written { size: t[0], experts: t[1], both: t[2], level: t[3], saturation: (t[4], t[5]) }
    }

    /// The loss at a size and ln E^.
    #[inline]
    fn at(&self, n: f64, experts: f64) -> f64 {
        (self.level + self.size * n + (self.experts + self.both * n) * experts).exp()
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        self.at(x[0], effective(x[1], self.saturation.0, self.saturation.1))
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let (n, of) = (x[0], Effective::of(x[1], self.saturation.0, self.saturation.1));
        let along = self.experts + self.both * n;
        let [start, rest] = of.first;
        let first = [n, of.value, n * of.value, 1.0, along * start, along * rest];
        let bends = of.second.map(|bend| along * bend);
        let second = [
            [0.0; 6],
            [0.0; 6],
            [0.0; 6],
            [0.0; 6],
            [0.0, start, n * start, 0.0, bends[0], 0.0],
            [0.0, rest, n * rest, 0.0, bends[1], bends[2]],
        ];
        let mut out = Jet::<P>::constant(self.at(n, of.value));
        let value = out.value;
        add_term(&mut out, &[0, 1, 2, 3, 4, 5], value, &first, &second);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::Law;

    /// Clark et al. 2022, table 3, for 130B tokens; losses worked out by hand.
    #[test]
    fn the_published_constants_give_the_losses_worked_out_by_hand() {
        let at = |natural: &[f64; 6], n: f64, experts: f64| {
            Law::Routed.loss_of(natural, &[n.ln(), experts.ln(), 0.0])
        };
        let s_base = [-0.082, -0.108, 0.009, 1.104, 1.847, 314.478];
        for (n, experts, loss) in [(5e6, 1.0, 3.4831), (5e6, 128.0, 2.8915), (1.3e9, 512.0, 1.9823)]
        {
            let found = at(&s_base, n, experts);
            assert!((found - loss).abs() < 5e-5, "{n} {experts}: {found}");
        }
        let rl_r = [-0.083, -0.126, 0.012, 1.111, 1.880, 469.982];
        let hash = [-0.087, -0.136, 0.012, 1.157, 4.175, 477.741];
        // All three techniques help, and by less the larger the model.
        for natural in [s_base, rl_r, hash] {
            let gain = |n: f64| 1.0 - at(&natural, n, 64.0) / at(&natural, n, 1.0);
            assert!(gain(1e9) > 0.0 && gain(1e7) > gain(1e9), "{natural:?}");
        }
    }
}
