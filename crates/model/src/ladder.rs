//! The ladder: from a number of parameters to the shape of a model of given halves.

use crate::config::ModelConfig;
#[cfg(doc)]
use crate::half::Half;
use crate::shape::{LARGEST_WIDTH, MOST_PARAMS, Shape, ShapeError};
use crate::tensor::Group;
use isoflop_core::Params;

const SMALLEST_WIDTH: usize = 8;

/// Width at which the share of the square is taken that matrices of a block have.
const REFERENCE_WIDTH: usize = 64;

impl ModelConfig {
    /// Numbers in the matrices of the blocks that one token uses: of a transformer `12 L d^2`, the N of
    /// Kaplan et al. 2020 (table 1, with `d_ff = 4 d`). Vectors are left out.
    pub fn matrix_params(&self) -> Params {
        let of_blocks = self.distinct_tensors().into_iter().filter(|(tensor, _)| {
            tensor.dims.len() > 1 && matches!(tensor.group, Group::Mixer | Group::FeedForward)
        });
        Params(of_blocks.map(|(tensor, times)| tensor.active_len() * times as f64).sum())
    }

    fn shaped(&self, d_model: usize, n_layers: usize, d_head: Option<usize>) -> Self {
        let n_heads = match d_head {
            Some(d_head) => d_model / d_head,
            None => self.mixer.half().heads(d_model),
        };
        let shape = Shape { d_model, n_layers, n_heads };
        ModelConfig { shape, ..*self }
    }

    /// The shape with which this model, otherwise as it is, is the rung nearest to `n` active
    /// non-embedding parameters.
    ///
    /// Widths are multiples of 4 below 64, of 8 below 256, of 32 from there; depth follows
    /// [`reference_aspect`]. The shape wins whose size and aspect together are nearest, a miss in
    /// size weighing six times a miss in aspect (both as logarithms). Heads are those of
    /// [`Half::heads`].
    ///
    /// # Errors
    /// `n` lies more than a factor of 1.5 below the smallest rung, or beyond the largest.
    pub fn shape_for(&self, n: Params) -> Result<Shape, ShapeError> {
        self.shape_with_heads(n, None)
    }

    /// The shape that [`ModelConfig::shape_for`] finds, with heads of a given width, of which widths are then
    /// multiples.
    ///
    /// # Errors
    /// The errors are those of [`ModelConfig::shape_for`].
    pub fn shape_with_heads(&self, n: Params, d_head: Option<usize>) -> Result<Shape, ShapeError> {
        let whole_heads = d_head.unwrap_or(1).max(1);
        let narrowest = SMALLEST_WIDTH.next_multiple_of(whole_heads);
        let smallest = self.shaped(narrowest, 1, d_head).matrix_params();
        let too_small = ShapeError::TooSmall { asked: n, smallest };
        if n.0 * 1.5 < smallest.0 {
            return Err(too_small);
        }
        if n.0 > MOST_PARAMS {
            return Err(ShapeError::TooManyParams(n));
        }
        let width = REFERENCE_WIDTH.next_multiple_of(whole_heads);
        let reference = self.shaped(width, 1, d_head).matrix_params().0;
        let share = reference / (width * width) as f64;
        let aspect = reference_aspect(n);
        let mut best: Option<(f64, Shape)> = None;
        for n_layers in 1..=128 {
            let exact = (n.0 / (share * n_layers as f64)).sqrt();
            let step = common_multiple(width_step(exact), whole_heads) as f64;
            for rounded in [(exact / step).floor(), (exact / step).ceil()] {
                let d_model = ((rounded * step) as usize).max(narrowest);
                if d_model > LARGEST_WIDTH {
                    continue;
                }
                let model = self.shaped(d_model, n_layers, d_head);
                let miss = (model.matrix_params().0 / n.0).ln().abs();
                let stretch = (d_model as f64 / n_layers as f64 / aspect).ln().abs();
                let cost = stretch + 6.0 * miss;
                if best.is_none_or(|(lowest, _)| cost < lowest) {
                    best = Some((cost, model.shape));
                }
            }
        }
        best.map(|(_, shape)| shape).ok_or(too_small)
    }
}

/// Width over depth that the ladder aims at: 8 at 5k parameters, growing as `N^0.21` to 64 at
/// 100M. Loss is flat in this number within a factor of a few (Kaplan et al. 2020, figure 5), so
/// the rule is a convention; but a single layer is worse than its size says (LOG.md), so small
/// sizes are kept narrow enough for two.
pub fn reference_aspect(n: Params) -> f64 {
    8.0 * (n.0 / 5e3).powf(0.21)
}

fn width_step(width: f64) -> usize {
    match width {
        w if w < 64.0 => 4,
        w if w < 256.0 => 8,
        _ => 32,
    }
}

/// The least number that both divide.
fn common_multiple(a: usize, b: usize) -> usize {
    let (mut larger, mut smaller) = (a.max(b), a.min(b));
    while smaller > 0 {
        (larger, smaller) = (smaller, larger % smaller);
    }
    a / larger * b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;
    use crate::feed_forward::FeedForward;
    use proptest::prelude::*;

    fn transformer() -> ModelConfig {
        ModelConfig::transformer(Shape::new(8, 1, 1).unwrap(), 256, 128)
    }

    fn rung(n: f64) -> Result<Shape, ShapeError> {
        transformer().shape_for(Params(n))
    }

    #[test]
    fn a_model_of_other_halves_has_a_ladder_of_its_own() {
        let attention_alone = ModelConfig { feed_forward: FeedForward::None, ..transformer() };
        let shape = attention_alone.shape_for(Params(1e5)).unwrap();
        let n = ModelConfig { shape, ..attention_alone }.matrix_params();
        assert_eq!(n.0, (4 * shape.n_layers * shape.d_model * shape.d_model) as f64);
        assert!((n.0 / 1e5).ln().abs() < 0.2, "{shape} has {n}");
    }

    #[test]
    fn heads_of_a_given_width_divide_every_rung() {
        for (d_head, n) in [(4, 3e3), (6, 3e4), (16, 1e5), (24, 1e5), (64, 1e6)] {
            let shape = transformer().shape_with_heads(Params(n), Some(d_head)).unwrap();
            assert_eq!(shape.d_head(), d_head, "{shape}");
            let found = ModelConfig { shape, ..transformer() }.matrix_params().0;
            assert!((found / n).ln().abs() < 0.4, "{shape} for {n}");
        }
    }

    #[test]
    fn the_ladder_of_a_mixture_counts_what_a_token_uses() {
        let moe = Family::Moe.preset();
        let moe = ModelConfig { feed_forward: moe.feed_forward, ..transformer() };
        let shape = moe.shape_for(Params(3e4)).unwrap();
        let (d, l) = (shape.d_model as f64, shape.n_layers as f64);
        let active = l * (4.0 * d * d + 8.0 * d + 2.0 * 8.0 * d * d);
        assert_eq!(ModelConfig { shape, ..moe }.matrix_params().0, active);
        assert!((active / 3e4).ln().abs() < 0.3, "{shape} has {active}");
    }

    #[test]
    fn sizes_beyond_anybody_are_refused_at_once() {
        let started = std::time::Instant::now();
        for n in [9e30, 1e300, f64::MAX, 1.1e14] {
            let error = rung(n).unwrap_err();
            assert_eq!(error.hint().unwrap(), "the ladder ends at 100T");
        }
        assert!(rung(1e14).is_ok());
        assert!(started.elapsed().as_secs() < 2);
    }

    #[test]
    fn the_ladder_reads_sensibly() {
        let rungs =
            [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 1e7, 1e8].map(|n| rung(n).unwrap().to_string());
        assert_eq!(
            rungs,
            [
                "8x1x1",
                "16x1x1",
                "20x2x1",
                "28x3x2",
                "52x3x2",
                "80x4x5",
                "128x5x8",
                "320x8x10",
                "800x13x10"
            ]
        );
    }

    proptest! {
        #[test]
        fn every_rung_is_valid_and_near_the_size_asked_for(log_n in 3.5..8.5f64) {
            let n = Params(10f64.powf(log_n));
            let shape = rung(n.0).unwrap();
            prop_assert!(Shape::new(shape.d_model, shape.n_layers, shape.n_heads).is_ok());
            prop_assert!(shape.d_head().is_multiple_of(2));
            let ratio = ModelConfig { shape, ..transformer() }.matrix_params().0 / n.0;
            prop_assert!((0.72..1.4).contains(&ratio), "{shape} for {n} is {ratio}");
        }
    }
}
