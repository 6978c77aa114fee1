//! Between the coordinates that a fit moves in and the numbers that people quote.

use super::formula::Centre;
use super::{COORDINATES, Law};
use crate::jet::Real;

const TEN: f64 = std::f64::consts::LN_10;

impl Law {
    /// Values of [`Law::names`], then of `derived_names`.
    pub(crate) fn natural<R: Real>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let number = R::constant;
        let [cn, cd, cb] = centre.x.map(number);
        match self {
            Law::Power(_)
            | Law::PowerOffset(_)
            | Law::Chinchilla
            | Law::Tied
            | Law::Pinned(_)
            | Law::OverTraining
            | Law::LearningCurve => self.natural_sum(t, centre),
            Law::Kaplan { offset } => {
                let (alpha_n, alpha_d) = (t[1].exp(), t[3].exp());
                let mut all = vec![
                    (cn + t[0] / alpha_n).exp(),
                    alpha_n,
                    (cd + t[2] / alpha_d).exp(),
                    alpha_d,
                ];
                if offset {
                    all.push(t[4]);
                }
                let n_exponent = alpha_d / (alpha_n + alpha_d);
                all.extend([n_exponent, number(1.0) - n_exponent]);
                all
            }
            Law::CriticalBatch => {
                let (alpha_n, alpha_s) = (t[1].exp(), t[3].exp());
                vec![
                    (cn + t[0] / alpha_n).exp(),
                    alpha_n,
                    (cd + t[2] / alpha_s).exp(),
                    alpha_s,
                    (cb + t[4]).exp(),
                    t[5].exp(),
                ]
            }
            Law::DataConstrained => {
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
            Law::Broken(..) => {
                let c0 = t[2].exp();
                let mut all = vec![t[0].exp(), (t[1] + c0 * cn).exp(), c0];
                for part in t[3..].chunks(3) {
                    all.extend([part[0], (part[1] + cn).exp(), part[2].exp()]);
                }
                all
            }
            Law::M3(_) => {
                let c = t[1].exp();
                vec![(t[0] + c * cn).exp(), c, (-t[2] - cn).exp()]
            }
            Law::M4(_) => {
                let c = t[4].exp();
                vec![
                    t[0].exp(),
                    number(centre.top) + t[1].exp(),
                    t[2].exp(),
                    (t[3] + c * cn).exp(),
                    c,
                ]
            }
            Law::Routed => vec![
                t[0],
                t[1] - t[2] * cn,
                t[2] * number(TEN),
                (t[3] - t[0] * cn) / number(TEN),
                t[4].exp(),
                t[4].exp() * (number(1.0) + t[5].exp()),
            ],
        }
    }

    fn natural_sum<R: Real>(self, t: &[R], centre: &Centre) -> Vec<R> {
        let form = self.form().expect("only sums come here");
        let number = R::constant;
        let mut all = t.to_vec();
        for term in 0..form.terms {
            let exponent = t[form.exponent(term)];
            let at = form.coefficient(term);
            let mean = number(centre.x[term]);
            all[at] = match self {
                // a = X_c^alpha e^(-alpha mean)
                Law::LearningCurve => (t[at].ln() / exponent + mean).exp(),
                _ => t[at] * (exponent * mean).exp(),
            };
        }
        match self {
            Law::Power(_) => all.push((t[0].ln() / t[1] + number(centre.x[0])).exp()),
            Law::OverTraining => {
                let at = form.coefficient(1);
                all[at] = all[at] * (t[form.exponent(1)] * number(6f64.ln() / 2.0)).exp();
            }
            Law::Chinchilla | Law::Pinned(_) => {
                let (alpha, beta) = (t[form.exponent(0)], t[form.exponent(1)]);
                let n_exponent = beta / (alpha + beta);
                all.extend([n_exponent, number(1.0) - n_exponent]);
            }
            _ => {}
        }
        all
    }

    /// Chooses one inner coordinate so that quantity `k` of [`Law::natural`] has this value; returns
    /// which coordinate.
    pub(crate) fn impose<R: Real>(
        self,
        t: &mut [R],
        k: usize,
        value: f64,
        centre: &Centre,
    ) -> usize {
        let number = R::constant;
        let v = number(value);
        let [cn, cd, cb] = centre.x;
        let free = self.parameters();
        let (at, imposed) = match self {
            Law::Kaplan { .. } => match k {
                0 => (0, t[1].exp() * number(value.ln() - cn)),
                2 => (2, t[3].exp() * number(value.ln() - cd)),
                4 if free > 4 => (4, v),
                k if k < free => (k, number(value.ln())),
                _ => (3, t[1] + number(logit(share(value, k == free)))),
            },
            Law::CriticalBatch => match k {
                0 => (0, t[1].exp() * number(value.ln() - cn)),
                2 => (2, t[3].exp() * number(value.ln() - cd)),
                4 => (4, number(value.ln() - cb)),
                k => (k, number(value.ln())),
            },
            Law::DataConstrained => match k {
                0 => (0, v),
                1 => (1, number(value.ln()) - t[2].exp() * number(cn)),
                3 => (3, number(value.ln()) - t[4].exp() * number(cd)),
                k => (k, number(value.ln())),
            },
            Law::Broken(..) => match k {
                1 => (1, number(value.ln()) - t[2].exp() * number(cn)),
                k if k >= 3 && k % 3 == 0 => (k, v),
                k if k >= 3 && k % 3 == 1 => (k, number(value.ln() - cn)),
                k => (k, number(value.ln())),
            },
            Law::M3(_) => match k {
                0 => (0, number(value.ln()) - t[1].exp() * number(cn)),
                2 => (2, number(-value.ln() - cn)),
                k => (k, number(value.ln())),
            },
            Law::M4(_) => match k {
                1 => (1, number((value - centre.top).ln())),
                3 => (3, number(value.ln()) - t[4].exp() * number(cn)),
                k => (k, number(value.ln())),
            },
            Law::Routed => match k {
                0 => (0, v),
                1 => (1, v + t[2] * number(cn)),
                2 => (2, number(value / TEN)),
                3 => (3, number(value * TEN) + t[0] * number(cn)),
                4 => (4, number(value.ln())),
                _ => (5, (v / t[4].exp() - number(1.0)).ln()),
            },
            _ => self.impose_sum(t, k, value, centre),
        };
        t[at] = imposed;
        at
    }

    fn impose_sum<R: Real>(self, t: &[R], k: usize, value: f64, centre: &Centre) -> (usize, R) {
        let form = self.form().expect("only sums come here");
        let number = R::constant;
        if k >= form.parameters() {
            return match self {
                Law::Power(_) => (0, (t[1] * number(value.ln() - centre.x[0])).exp()),
                _ => {
                    let n_exponent = share(value, k == form.parameters());
                    let factor = number(n_exponent / (1.0 - n_exponent));
                    (form.exponent(1), t[form.exponent(0)] * factor)
                }
            };
        }
        for term in 0..form.terms {
            if k == form.coefficient(term) {
                let (exponent, mean) = (t[form.exponent(term)], centre.x[term]);
                return match self {
                    Law::LearningCurve => (k, (exponent * number(value.ln() - mean)).exp()),
                    Law::OverTraining if term == 1 => {
                        let mean = mean + 6f64.ln() / 2.0;
                        (k, number(value) * (-(exponent * number(mean))).exp())
                    }
                    _ => (k, number(value) * (-(exponent * number(mean))).exp()),
                };
            }
        }
        (k, number(value))
    }

    /// The inner parameters of natural ones.
    pub(crate) fn inner(self, natural: &[f64], centre: &Centre) -> Vec<f64> {
        let mut t = natural[..self.parameters()].to_vec();
        // Exponents first: coefficients are told by them.
        for _ in 0..2 {
            for (k, value) in natural.iter().enumerate().take(self.parameters()) {
                self.impose(&mut t, k, *value, centre);
            }
        }
        t
    }

    /// The loss that natural parameters give at the logarithms of a place, nats per token.
    pub(crate) fn loss_of(self, natural: &[f64], place: &[f64; COORDINATES]) -> f64 {
        let centre = Centre::default();
        self.loss(&self.inner(natural, &centre), place, &centre)
    }
}

/// `n_exponent` from itself or from `d_exponent`.
fn share(value: f64, is_n: bool) -> f64 {
    if is_n { value } else { 1.0 - value }
}

fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}
