//! Power laws with one to three breaks (Caballero et al. 2022, eq. 1).

use super::coordinates::{COORDINATES, Centre, of_one};
use super::facts::{Facts, Quantity, Role, Sense, Stated, quantity};
use crate::jet::{Jet, Scalar, add, softplus};
use crate::output::Axis;

/// The law [`super::Law::Broken`].
#[derive(Clone, Copy)]
pub(super) struct Broken {
    pub(super) breaks: usize,
    pub(super) axis: Axis,
}

/// Parameters of the law with three breaks; fewer breaks have the first of them.
const PARAMETERS: [Quantity; 12] = [
    quantity("a", Sense::PositiveFloor),
    quantity("b", Sense::Scale),
    quantity("c0", Sense::Exponent),
    quantity("c1", Sense::Turn),
    quantity("d1", Sense::Scale),
    quantity("f1", Sense::Scale),
    quantity("c2", Sense::Turn),
    quantity("d2", Sense::Scale),
    quantity("f2", Sense::Scale),
    quantity("c3", Sense::Turn),
    quantity("d3", Sense::Scale),
    quantity("f3", Sense::Scale),
];
const INNER: [Role; 12] = [
    Role::Floor,
    Role::Level,
    Role::Exponent,
    Role::Bend,
    Role::Break,
    Role::Width,
    Role::Bend,
    Role::Break,
    Role::Width,
    Role::Bend,
    Role::Break,
    Role::Width,
];

impl Stated for Broken {
    fn facts(self) -> Facts {
        let (name, values_needed, parameters, inner): (_, &[usize], &[Quantity], &[Role]) =
            match self.breaks {
                1 => (
                    "broken-1",
                    &[6],
                    const { PARAMETERS.split_at(6).0 },
                    const { INNER.split_at(6).0 },
                ),
                2 => (
                    "broken-2",
                    &[9],
                    const { PARAMETERS.split_at(9).0 },
                    const { INNER.split_at(9).0 },
                ),
                _ => ("broken-3", &[12], &PARAMETERS, &INNER),
            };
        Facts {
            name,
            listed: "broken-1, broken-2, broken-3",
            description: "L = a + b X^-c0 prod (1 + (X/d_i)^(1/f_i))^(-c_i f_i), one to three breaks; Caballero et al. 2022, eq. 1",
            axis: Some(self.axis),
            coordinates: of_one(self.axis),
            values_needed,
            parameters,
            is_written: true,
            ..Facts::of_other(inner)
        }
    }

    fn formula(self) -> String {
        let x = self.axis;
        format!("L = a + b {x:?}^-c0 prod (1 + ({x:?}/d_i)^(1/f_i))^(-c_i f_i)")
    }

    fn loss<R: Scalar>(self, t: &[R], x: &[f64; COORDINATES], _centre: &Centre) -> R {
        let number = R::constant;
        let mut log = t[1] - t[2].exp() * number(x[0]);
        for part in t[3..].chunks(3) {
            let width = part[2].exp();
            let beyond = (number(x[0]) - part[1]) / width;
            log = log - part[0] * width * beyond.softplus();
        }
        t[0].exp() + log.exp()
    }

    fn natural<R: Scalar>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let (mean, c0) = (R::constant(centre.x[0]), t[2].exp());
        let mut all = vec![t[0].exp(), (t[1] + c0 * mean).exp(), c0];
        for part in t[3..].chunks(3) {
            all.extend([part[0], (part[1] + mean).exp(), part[2].exp()]);
        }
        all
    }

    fn impose<R: Scalar>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let (mean, number) = (centre.x[0], R::constant);
        match k {
            1 => (1, number(value.ln()) - t[2].exp() * number(mean)),
            k if k >= 3 && k % 3 == 0 => (k, number(value)),
            k if k >= 3 && k % 3 == 1 => (k, number(value.ln() - mean)),
            k => (k, number(value.ln())),
        }
    }
}

/// The law with its derivatives written out: `L = a + e^g`,
/// `g = t1 - c0 x - sum c w ln(1 + e^((x - d) / w))`.
pub(crate) struct Written<'a> {
    t: &'a [f64],
    a: f64,
    c0: f64,
    /// Widths of up to three breaks.
    widths: [f64; 3],
}

impl<'a> Written<'a> {
    pub(super) fn of<const P: usize>(t: &'a [f64; P]) -> Self {
        let width = |at: usize| t.get(5 + 3 * at).map_or(1.0, |t| t.exp());
        Written { t, a: t[0].exp(), c0: t[2].exp(), widths: std::array::from_fn(width) }
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let mut g = self.t[1] - self.c0 * x[0];
        for (part, width) in self.t[3..].chunks(3).zip(self.widths) {
            let z = (x[0] - part[1]) / width;
            g -= part[0] * width * (z.max(0.0) + (1.0 + (-z.abs()).exp()).ln());
        }
        self.a + g.exp()
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let along = -self.c0 * x[0];
        let mut g = self.t[1] + along;
        let mut first = [0.0; P];
        (first[1], first[2]) = (1.0, along);
        // Second derivatives of g lie within one break.
        let mut second = [[[0.0; 3]; 3]; 3];
        for (at, (part, width)) in self.t[3..].chunks(3).zip(self.widths).enumerate() {
            let z = (x[0] - part[1]) / width;
            let (above, share, bend) = softplus(z);
            let by_width = width * (above - share * z);
            g -= part[0] * width * above;
            let k = 3 + 3 * at;
            first[k] = -width * above;
            first[k + 1] = part[0] * share;
            first[k + 2] = -part[0] * by_width;
            second[at] = [
                [0.0; 3],
                [share, -part[0] * bend / width, 0.0],
                [-by_width, -part[0] * bend * z, -part[0] * (by_width + width * bend * z * z)],
            ];
        }
        let power = g.exp();
        let mut out = Jet::<P>::constant(power + self.a);
        for i in 1..P {
            out.gradient[i] = power * first[i];
            for j in 1..=i {
                out.hessian[i][j] = power * first[i] * first[j];
            }
        }
        (out.gradient[0], out.hessian[0][0]) = (self.a, self.a);
        add(&mut out, 2, 2, power * along);
        for (at, block) in second.iter().enumerate().take((P - 3) / 3) {
            let k = 3 + 3 * at;
            for (i, row) in block.iter().enumerate() {
                for (j, value) in row.iter().enumerate().take(i + 1) {
                    add(&mut out, k + i, k + j, power * value);
                }
            }
        }
        out
    }
}
