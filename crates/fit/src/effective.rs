//! The effective size of a mixture of experts: that of the dense model of equal loss on the same tokens (Clark et
//! al. 2022, eq. 11). It is found by search, so that every law in what a token uses and experts has one; a test
//! holds it to the closed form that the routed law has.

use crate::intervals::estimate;
use crate::laws::{COORDINATES, Coordinate, Law};
use crate::output::{Axis, EffectiveSize, Estimate, Fit};
use crate::point::Point;
use crate::predict::{At, Prediction, place};

/// The search goes this far to either side of ln N.
const REACH: f64 = 30.0;
/// Halvings of the search.
const HALVINGS: usize = 80;

impl Law {
    /// Where its coordinates of size and of experts are; none for a law that has none of both.
    fn dense_coordinates(self) -> Option<(usize, usize)> {
        let at = |wanted| self.coordinates().iter().position(|coordinate| *coordinate == wanted);
        at(Coordinate::Along(Axis::N)).zip(at(Coordinate::Experts))
    }

    /// Parameters of the dense model that has the loss of a place, none where no size has it.
    fn effective_size(self, values: &[f64], place: &[f64; COORDINATES]) -> Option<f64> {
        let (size, experts) = self.dense_coordinates()?;
        let wanted = self.loss_of(values, place);
        let dense = |ln_n: f64| {
            let mut place = *place;
            (place[size], place[experts]) = (ln_n, 0.0);
            self.loss_of(values, &place)
        };
        let (mut low, mut high) = (place[size] - REACH, place[size] + REACH);
        // The loss falls with the size.
        if !(dense(low) > wanted && wanted > dense(high)) {
            return None;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            match dense(middle) > wanted {
                true => low = middle,
                false => high = middle,
            }
        }
        Some(f64::midpoint(low, high).exp()).filter(|n| n.is_finite())
    }
}

impl Fit {
    /// Parameters of the dense model that has the loss of a mixture, with their interval; none under a law that
    /// does not know what a token uses and experts, and where no dense model has that loss.
    pub fn effective(&self, at: At) -> Option<Prediction> {
        let law = self.law()?;
        law.dense_coordinates()?;
        let place = place(law, at)?;
        let value = law.effective_size(&self.values()?, &place)?;
        Some(Prediction {
            what: "n_effective",
            estimate: self.effective_estimate(value, law, &place),
        })
    }

    fn effective_estimate(&self, value: f64, law: Law, place: &[f64; COORDINATES]) -> Estimate {
        let draws = self.draws.iter().filter_map(|draw| law.effective_size(draw, place));
        estimate(value, &draws.collect::<Vec<f64>>())
    }

    /// [`Fit::effective`] of the mixtures among the rows: for each number of experts its smallest and its largest
    /// model.
    pub(crate) fn effective_sizes(&self, points: &[Point]) -> Vec<EffectiveSize> {
        let mixtures = points.iter().filter_map(|p| Some((p.experts?, p.n?, p.d)));
        let mut mixtures: Vec<_> = mixtures.filter(|(experts, ..)| *experts > 1.0 + 1e-6).collect();
        mixtures.sort_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).expect("checked numbers"));
        let ends = mixtures.chunk_by(|a, b| a.0 == b.0).flat_map(|of_one| {
            let (least, most) = (of_one[0], of_one[of_one.len() - 1]);
            std::iter::once(least).chain((most.1 > least.1).then_some(most))
        });
        ends.filter_map(|(experts, n, d)| {
            let at = At { n: Some(n), d, experts: Some(experts), ..At::default() };
            let n_effective = self.effective(at)?.estimate;
            Some(EffectiveSize { experts, n, d, n_effective })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clark et al. 2022, table 3, S-BASE.
    const S_BASE: [f64; 6] = [-0.082, -0.108, 0.009, 1.104, 1.847, 314.478];

    fn place(n: f64, experts: f64) -> [f64; COORDINATES] {
        [n.ln(), experts.ln(), 0.0]
    }

    /// The paper says that 5M parameters with 128 experts do as well as 55M; its rounded constants say 52M.
    #[test]
    fn the_effective_size_of_the_papers_example_is_near_what_it_says() {
        let found = Law::Routed.effective_size(&S_BASE, &place(5e6, 128.0)).unwrap();
        assert!((found / 5.2e7 - 1.0).abs() < 0.01, "{found:e}");
    }

    #[test]
    fn the_effective_size_is_that_of_the_closed_form() {
        let [a, b, c, _, start, most] = S_BASE;
        for (n, experts) in [(5e6f64, 2.0), (2.5e7, 8.0), (1.3e9, 512.0)] {
            let shifted = experts - 1.0 + 1.0 / (1.0 / start - 1.0 / most);
            let hat = 1.0 / (1.0 / shifted + 1.0 / most);
            let alpha = |e: f64| a + c * e.log10();
            let closed = n.powf(alpha(hat) / alpha(start)) * (hat / start).powf(b / alpha(start));
            let found = Law::Routed.effective_size(&S_BASE, &place(n, experts)).unwrap();
            assert!((found / closed - 1.0).abs() < 1e-9, "{n} {experts}: {found} {closed}");
        }
    }

    #[test]
    fn a_dense_model_is_its_own_size() {
        let found = Law::Routed.effective_size(&S_BASE, &place(5e6, 1.0)).unwrap();
        assert!((found / 5e6 - 1.0).abs() < 1e-9);
        assert_eq!(Law::Chinchilla.effective_size(&[1.0, 2.0, 0.3, 2.0, 0.3], &[1.0; 3]), None);
    }
}
