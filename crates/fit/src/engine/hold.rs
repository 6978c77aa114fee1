//! Quantities that stay where they are while the rest of a fit moves: those that a person fixed, and the
//! one that a profile holds. Each takes one coordinate from the fit and makes it a function of the others.

use super::held::Held;
use super::linalg::Square;
use super::problem::{Local, Problem};
use crate::jet::Jet;

impl<const P: usize> Problem<P> {
    /// Holds one more quantity. False where those held already decide its coordinate.
    pub(crate) fn hold(&mut self, held: Held) -> bool {
        let at = held.coordinate(self.law, &self.centre).0;
        if self.held_coordinates().any(|other| other == at) {
            return false;
        }
        self.holds.push(held);
        let (law, centre) = (self.law, self.centre);
        self.holds.sort_by_key(|held| held.rank(law, &centre));
        true
    }

    /// Coordinates that are not free.
    pub(crate) fn held_coordinates(&self) -> impl Iterator<Item = usize> {
        let coordinate = |held: &Held| held.coordinate(self.law, &self.centre).0;
        self.holds.iter().map(coordinate)
    }

    /// Where this quantity is held.
    pub(crate) fn held_at(&self, quantity: usize) -> Option<f64> {
        let mut holds = self.holds.iter();
        holds.find(|held| held.quantity == quantity).map(|held| held.value)
    }

    /// Moves the coordinates that held quantities decide; returns their bits.
    pub(crate) fn impose(&self, theta: &mut [f64; P]) -> u16 {
        self.holds.iter().fold(0, |mask, held| {
            mask | 1 << self.law.impose(theta, held.quantity, held.value, &self.centre)
        })
    }

    /// The coordinates as functions of the free ones, and which are none.
    pub(crate) fn moved(&self, theta: &[f64; P]) -> ([Jet<P>; P], Vec<usize>) {
        let mut moved = Jet::variables(theta);
        let impose =
            |held: &Held| self.law.impose(&mut moved, held.quantity, held.value, &self.centre);
        let at = self.holds.iter().map(impose).collect();
        (moved, at)
    }

    /// A gradient along the free coordinates: the chain rule.
    pub(crate) fn along_free(&self, theta: &[f64; P], gradients: &mut [[f64; P]]) {
        let (moved, held) = self.moved(theta);
        for gradient in gradients {
            for &at in &held {
                let along = std::mem::take(&mut gradient[at]);
                let by = gradient.iter_mut().zip(&moved[at].gradient);
                by.for_each(|(slope, by)| *slope += along * by);
            }
        }
    }
}

impl<const P: usize> Local<P> {
    /// Lets one coordinate be a function of the others: the chain rule, once instead of at each row.
    pub(crate) fn follow(&mut self, at: usize, moved: &Jet<P>) {
        let others = || (0..P).filter(|k| *k != at);
        let by = &moved.gradient;
        let along = self.gradient[at];
        let both: [(&mut Square<P>, bool); 2] =
            [(&mut self.hessian, true), (&mut self.majorant, false)];
        for (matrix, bends) in both {
            let column: [f64; P] = std::array::from_fn(|k| matrix[k.max(at)][k.min(at)]);
            for i in others() {
                for j in others().take_while(|j| *j <= i) {
                    matrix[i][j] +=
                        column[i] * by[j] + column[j] * by[i] + column[at] * by[i] * by[j];
                    if bends {
                        matrix[i][j] += along * moved.hessian[i][j];
                    }
                }
            }
            (0..P).for_each(|k| matrix[k.max(at)][k.min(at)] = 0.0);
        }
        for k in others() {
            self.gradient[k] += along * by[k];
        }
        self.gradient[at] = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::CentredRow;
    use crate::laws::Law;
    use crate::point::point;

    /// The exponent of D follows that of N, A and B follow both.
    #[test]
    fn derivatives_with_several_quantities_held_match_finite_differences() {
        let law = Law::Chinchilla;
        let points: Vec<_> = (0..30)
            .map(|i| {
                let (n, d) = (1e6 * 1.7f64.powi(i % 6), 1e7 * 2.1f64.powi(i / 6));
                point("r", n, d, 2.0 + f64::from(i * 7 % 11) / 10.0)
            })
            .collect();
        let mut places: Vec<_> = points.iter().map(|row| law.place(row).unwrap()).collect();
        let losses: Vec<f64> = points.iter().map(|row| row.loss).collect();
        let centre = law.centre(&mut places, &losses);
        let rows = places.iter().zip(&losses).map(|(x, loss)| CentredRow {
            x: *x,
            target: *loss,
            weight: 1.0,
        });
        let objective = "mse".parse().unwrap();
        let mut problem: Problem<5> = Problem::new(law, rows.collect(), centre, &losses, objective);
        for (quantity, value) in [(3, 900.0), (5, 0.45), (1, 120.0)] {
            assert!(problem.hold(Held { quantity, value }));
        }
        // The exponent beta cannot be held: its coordinate is taken.
        let beta = Held { quantity: 4, value: 0.3 };
        assert!(!problem.hold(beta));
        let at = |e: f64, alpha: f64| {
            let mut theta = [e, 0.0, alpha, 0.0, 0.0];
            problem.impose(&mut theta);
            (theta, problem.expand(&theta))
        };
        let (theta, here) = at(1.1, 0.31);
        let natural = law.natural(&theta, &centre);
        for (quantity, value) in [(3, 900.0), (5, 0.45), (1, 120.0)] {
            assert!((natural[quantity] / value - 1.0).abs() < 1e-12, "{quantity}");
        }
        let step = 1e-6;
        let sides = [
            (0, at(1.1 + step, 0.31).1, at(1.1 - step, 0.31).1),
            (2, at(1.1, 0.31 + step).1, at(1.1, 0.31 - step).1),
        ];
        let size = here.gradient.iter().fold(1.0, |m: f64, g| m.max(g.abs()));
        for (i, up, down) in &sides {
            let slope = (up.value - down.value) / (2.0 * step);
            assert!((slope - here.gradient[*i]).abs() < 1e-4 * size, "{i}");
            for j in [0, 2] {
                let curve = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                let found = here.hessian[(*i).max(j)][(*i).min(j)];
                assert!((curve - found).abs() < 1e-4 * size, "{i} {j}: {curve} {found}");
            }
        }
        assert_eq!([1, 3, 4].map(|k| here.gradient[k]), [0.0; 3]);
    }
}
