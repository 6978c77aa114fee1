//! Kaplan's law: `L = [E +] e^g`, `g = s + a ln(1 + e^((q - s) / a))` with `s = t0 - alpha_N x`,
//! `q = t2 - alpha_D y`, `a = alpha_D`.

use super::{add, softplus};
use crate::jet::{Jet, Real};
use crate::laws::COORDINATES;

pub(crate) struct Kaplan {
    levels: (f64, f64),
    alpha_n: f64,
    alpha_d: f64,
    /// Zero without an offset.
    e: f64,
}

impl Kaplan {
    pub(super) fn of<const P: usize>(t: &[f64; P]) -> Self {
        Kaplan {
            levels: (t[0], t[2]),
            alpha_n: t[1].exp(),
            alpha_d: t[3].exp(),
            e: t.get(4).copied().unwrap_or(0.0),
        }
    }

    #[inline]
    pub(super) fn loss(&self, x: &[f64; COORDINATES]) -> f64 {
        let s = self.levels.0 - self.alpha_n * x[0];
        let z = (self.levels.1 - self.alpha_d * x[1] - s) / self.alpha_d;
        let above = z.max(0.0) + (1.0 + (-z.abs()).exp()).ln();
        self.e + (s + self.alpha_d * above).exp()
    }

    #[inline]
    pub(super) fn jet<const P: usize>(&self, x: &[f64; COORDINATES]) -> Jet<P> {
        let a = self.alpha_d;
        let (along_n, along_d) = (-self.alpha_n * x[0], -a * x[1]);
        let s = self.levels.0 + along_n;
        let z = (self.levels.1 + along_d - s) / a;
        let (above, share, bend) = softplus(z);
        let reducible = (s + a * above).exp();
        // By t0..t3: first derivatives of g, and of z a, whose square carries the bend.
        let by_a = a * (above - z * share);
        let first = [1.0 - share, (1.0 - share) * along_n, share, share * along_d + by_a];
        let turn = [-1.0, -along_n, 1.0, along_d - a * z];
        let curve = bend / a;
        let mut out = Jet::<P>::constant(reducible + self.e);
        for i in 0..4 {
            out.gradient[i] = reducible * first[i];
            for j in 0..=i {
                out.hessian[i][j] = reducible * (first[i] * first[j] + curve * turn[i] * turn[j]);
            }
        }
        // s, q and a are exponentials of t1 and t3.
        add(&mut out, 1, 1, reducible * first[1]);
        add(&mut out, 3, 3, reducible * first[3]);
        if P > 4 {
            out.gradient[4] = 1.0;
        }
        out
    }
}
