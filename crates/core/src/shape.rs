//! Depth, width and heads of a transformer, chosen from a size on the ladder or given.

use crate::units::Params;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Depth, width and heads. The feed-forward width is `4 d_model`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shape {
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub n_layers: usize,
    /// Attention heads; divides `d_model`.
    pub n_heads: usize,
}

/// Why a shape cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShapeError {
    /// A dimension is zero.
    #[error("shape {0} has a zero in it")]
    Zero(Shape),
    /// Heads must split the width evenly.
    #[error("d_model {d_model} does not split into {n_heads} heads")]
    HeadsDoNotDivide {
        /// Width asked for.
        d_model: usize,
        /// Heads asked for.
        n_heads: usize,
    },
    /// Rotary position rotates pairs of dimensions.
    #[error(
        "head width {head} (d_model {d_model} / {n_heads} heads) is odd; rotary position turns pairs"
    )]
    OddHead {
        /// Width asked for.
        d_model: usize,
        /// Heads asked for.
        n_heads: usize,
        /// The odd width of one head.
        head: usize,
    },
    /// Below the smallest rung of the ladder.
    #[error("{0} parameters is below the smallest transformer of the ladder")]
    TooSmall(Params),
    /// Beyond the largest rung of the ladder.
    #[error("{0} parameters is beyond the ladder")]
    TooManyParams(Params),
    /// Beyond what anybody could train.
    #[error("shape {0} is too large")]
    TooLarge(Shape),
    /// No window, or one that no machine could hold.
    #[error("a context of {0} tokens is not possible")]
    Context(usize),
    /// No token, or more than an id of 32 bits can name.
    #[error("a vocabulary of {0} tokens is not possible")]
    Vocabulary(usize),
}

impl ShapeError {
    /// What the person who wrote the shape can do about it.
    pub fn hint(&self) -> Option<String> {
        match *self {
            ShapeError::HeadsDoNotDivide { d_model, n_heads } if n_heads > 0 => {
                let below = d_model / n_heads * n_heads;
                let above = below + n_heads;
                Some(match below {
                    0 => format!("d_model {above} would fit"),
                    _ => format!("d_model {below} or {above} would fit"),
                })
            }
            ShapeError::OddHead { n_heads, head, .. } => Some(format!(
                "d_model {} would fit, or position = \"learned\"",
                (head + 1) * n_heads
            )),
            ShapeError::TooSmall(_) => {
                let smallest = Shape {
                    d_model: SMALLEST_WIDTH,
                    n_layers: 1,
                    n_heads: 1,
                };
                Some(format!(
                    "the smallest rung is {} parameters",
                    smallest.matrix_params()
                ))
            }
            ShapeError::TooManyParams(_) => {
                Some(format!("the ladder ends at {}", Params(MOST_PARAMS)))
            }
            ShapeError::Context(_) => Some("give 1 to 2^31 tokens; 128 is the default".to_owned()),
            ShapeError::TooLarge(_) => Some(format!(
                "d_model is at most {LARGEST_WIDTH}, n_layers at most {MOST_LAYERS}"
            )),
            _ => None,
        }
    }
}

const SMALLEST_WIDTH: usize = 8;

/// Widest model: a bound on what a file may ask for, far above what is trained today.
const LARGEST_WIDTH: usize = 1 << 20;

/// Deepest model, likewise.
const MOST_LAYERS: usize = 1 << 16;

/// Where the ladder ends.
const MOST_PARAMS: f64 = 1e14;

impl Shape {
    /// Checks that heads split the width.
    ///
    /// # Errors
    /// A zero dimension, one beyond what anybody could train, or heads that do not divide the width.
    pub fn new(d_model: usize, n_layers: usize, n_heads: usize) -> Result<Self, ShapeError> {
        let shape = Shape {
            d_model,
            n_layers,
            n_heads,
        };
        if d_model == 0 || n_layers == 0 || n_heads == 0 {
            return Err(ShapeError::Zero(shape));
        }
        if d_model > LARGEST_WIDTH || n_layers > MOST_LAYERS {
            return Err(ShapeError::TooLarge(shape));
        }
        if !d_model.is_multiple_of(n_heads) {
            return Err(ShapeError::HeadsDoNotDivide { d_model, n_heads });
        }
        Ok(shape)
    }

    /// Width of one head.
    pub fn d_head(&self) -> usize {
        self.d_model / self.n_heads
    }

    /// `12 L d^2`: the weights of the blocks' matrices, `N` of Kaplan et al. 2020 (table 1, with
    /// `d_ff = 4 d`), before norm gains.
    pub fn matrix_params(&self) -> Params {
        Params((12 * self.n_layers * self.d_model * self.d_model) as f64)
    }

    /// The rung nearest to `n` non-embedding parameters.
    ///
    /// Widths are multiples of 4 below 64, of 8 below 256, of 32 from there; depth follows
    /// [`reference_aspect`]. The shape wins whose size and aspect together are nearest, a miss in
    /// size weighing six times a miss in aspect (both as logarithms). Heads are about 16 wide
    /// below width 256, 32 below 512, 64 from there.
    ///
    /// # Errors
    /// `n` lies more than a factor of 1.5 below the smallest rung, or beyond the largest.
    pub fn for_params(n: Params) -> Result<Self, ShapeError> {
        let smallest = Shape {
            d_model: SMALLEST_WIDTH,
            n_layers: 1,
            n_heads: 1,
        };
        if n.0 * 1.5 < smallest.matrix_params().0 {
            return Err(ShapeError::TooSmall(n));
        }
        if n.0 > MOST_PARAMS {
            return Err(ShapeError::TooManyParams(n));
        }
        let aspect = reference_aspect(n);
        let mut best: Option<(f64, Shape)> = None;
        for n_layers in 1..=128 {
            let exact = (n.0 / (12 * n_layers) as f64).sqrt();
            let step = width_step(exact);
            for rounded in [(exact / step).floor(), (exact / step).ceil()] {
                let d_model = ((rounded * step) as usize).max(SMALLEST_WIDTH);
                if d_model > LARGEST_WIDTH {
                    continue;
                }
                let shape = Shape {
                    d_model,
                    n_layers,
                    n_heads: default_heads(d_model),
                };
                let miss = (shape.matrix_params().0 / n.0).ln().abs();
                let stretch = (d_model as f64 / n_layers as f64 / aspect).ln().abs();
                let cost = stretch + 6.0 * miss;
                if best.is_none_or(|(lowest, _)| cost < lowest) {
                    best = Some((cost, shape));
                }
            }
        }
        best.map(|(_, shape)| shape).ok_or(ShapeError::TooSmall(n))
    }
}

/// Width over depth that the ladder aims at: 8 at 5k parameters, growing as `N^0.21` to 64 at
/// 100M. Loss is flat in this number within a factor of a few (Kaplan et al. 2020, figure 5), so
/// the rule is a convention; but a single layer is worse than its size says (LOG.md), so small
/// sizes are kept narrow enough for two.
pub fn reference_aspect(n: Params) -> f64 {
    8.0 * (n.0 / 5e3).powf(0.21)
}

fn width_step(width: f64) -> f64 {
    match width {
        w if w < 64.0 => 4.0,
        w if w < 256.0 => 8.0,
        _ => 32.0,
    }
}

fn default_heads(d_model: usize) -> usize {
    let target = match d_model {
        0..256 => 16.0,
        256..512 => 32.0,
        _ => 64.0f64,
    };
    let distance = |heads: &usize| ((d_model / heads) as f64 / target).ln().abs();
    (1..=d_model / 8)
        .filter(|heads| d_model.is_multiple_of(*heads) && (d_model / heads).is_multiple_of(2))
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(1)
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!(
            "{}x{}x{}",
            self.d_model, self.n_layers, self.n_heads
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn heads_that_do_not_divide_are_refused_with_two_widths_that_would_fit() {
        let error = Shape::new(100, 2, 8).unwrap_err();
        assert_eq!(error.to_string(), "d_model 100 does not split into 8 heads");
        assert_eq!(error.hint().unwrap(), "d_model 96 or 104 would fit");
    }

    #[test]
    fn sizes_beyond_anybody_are_refused_at_once() {
        let started = std::time::Instant::now();
        for n in [9e30, 1e300, f64::MAX, 1.1e14] {
            let error = Shape::for_params(Params(n)).unwrap_err();
            assert_eq!(error.hint().unwrap(), "the ladder ends at 100T");
        }
        assert!(Shape::for_params(Params(1e14)).is_ok());
        assert!(started.elapsed().as_secs() < 2);
        for (d_model, n_layers) in [(1 << 40, 2), (8, 1 << 40), (usize::MAX, 1)] {
            let error = Shape::new(d_model, n_layers, 1).unwrap_err();
            assert!(matches!(error, ShapeError::TooLarge(_)));
        }
    }

    #[test]
    fn the_ladder_reads_sensibly() {
        let rungs = [1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 1e7, 1e8]
            .map(|n| Shape::for_params(Params(n)).unwrap().to_string());
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
            let shape = Shape::for_params(n).unwrap();
            prop_assert!(Shape::new(shape.d_model, shape.n_layers, shape.n_heads).is_ok());
            prop_assert!(shape.d_head().is_multiple_of(2));
            let ratio = shape.matrix_params().0 / n.0;
            prop_assert!((0.72..1.4).contains(&ratio), "{shape} for {n} is {ratio}");
        }
    }
}
