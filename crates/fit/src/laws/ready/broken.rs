//! Broken power laws: `L = a + e^g`, `g = t1 - c0 x - sum c w ln(1 + e^((x - d) / w))`.

use super::{add, softplus};
use crate::jet::{Jet, Real};
use crate::laws::COORDINATES;

pub(crate) struct Broken<'a> {
    t: &'a [f64],
    a: f64,
    c0: f64,
    /// Of up to three breaks.
    widths: [f64; 3],
}

impl<'a> Broken<'a> {
    pub(super) fn of<const P: usize>(t: &'a [f64; P]) -> Self {
        let width = |at: usize| t.get(5 + 3 * at).map_or(1.0, |t| t.exp());
        Broken { t, a: t[0].exp(), c0: t[2].exp(), widths: std::array::from_fn(width) }
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
