//! Depth, width and heads of a transformer, chosen from a size on the ladder or given.

use isoflop_core::Params;
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
    /// A half without heads has one, so that equal models are equal.
    #[error("{0} heads are given to a model whose mixer has none")]
    NoHeads(usize),
    /// Heads of a given width split the width of the stream.
    #[error("d_model {d_model} does not split into heads of width {d_head}")]
    HeadWidth {
        /// Width of the stream.
        d_model: usize,
        /// Width of a head.
        d_head: usize,
    },
    /// Heads of queries share those of keys and values evenly.
    #[error("{n_heads} heads do not fall into groups over {kv_heads} heads of keys and values")]
    HeadsDoNotGroup {
        /// Heads of queries.
        n_heads: usize,
        /// Heads of keys and values.
        kv_heads: usize,
    },
    /// A token attends at least to itself.
    #[error("a window of 0 tokens leaves nothing to attend to")]
    NoWindow,
    /// A token attends at least to itself.
    #[error("a stride of 0 tokens leads nowhere")]
    NoStride,
    /// A token attends to another one at least at the end of a window.
    #[error("with a stride of {stride} in windows of {context} tokens no token attends to another")]
    StrideBeyond {
        /// Distance between tokens.
        stride: usize,
        /// Tokens of a window.
        context: usize,
    },
    /// Columns are tokens of their block.
    #[error("{columns} columns of blocks of {block} tokens are not possible")]
    Columns {
        /// Tokens of a block.
        block: usize,
        /// Last tokens of a block that later blocks attend to.
        columns: usize,
    },
    /// A pattern says which layers are local, and none is.
    #[error("a pattern of layers is given, and nothing says how far a local layer attends")]
    NothingLocal,
    /// No expert, or more than anybody could train.
    #[error("{0} experts are not possible")]
    Experts(usize),
    /// More experts beside the chosen ones than anybody could train.
    #[error("{0} shared experts are not possible")]
    SharedExperts(usize),
    /// Experts are chosen among those that there are.
    #[error("{active} of {experts} experts cannot be chosen")]
    ActiveExperts {
        /// Present.
        experts: usize,
        /// Chosen for a token.
        active: usize,
    },
    /// With one expert chosen, a gate that is divided by the sum over the chosen ones is 1.
    #[error(
        "one expert is chosen, and a gate of `{0}` is then always 1: the router would have no gradient and learn nothing"
    )]
    RouterWithoutGradient(&'static str),
    /// The width of a network is split over as many experts.
    #[error("a width of {width} does not split into {granularity}")]
    Granularity {
        /// Of the whole network.
        width: usize,
        /// Parts.
        granularity: usize,
    },
    /// No token, or more pairs than belong into a cache.
    #[error("chunks of {0} tokens are not possible")]
    Chunk(usize),
    /// Rotary position turns queries and keys.
    #[error("this mixer has no queries and keys for rotary position to turn")]
    NotRotary,
    /// Below the smallest rung of the ladder.
    #[error("{asked} parameters is below the smallest model of the ladder")]
    TooSmall {
        /// Parameters asked for.
        asked: Params,
        /// Those of the smallest rung.
        smallest: Params,
    },
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
    /// The key of `[model]` whose value is at fault, where it is not the size.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            ShapeError::HeadWidth { .. } => Some("d_head"),
            ShapeError::HeadsDoNotGroup { .. } => Some("kv_heads"),
            ShapeError::NoWindow => Some("window"),
            ShapeError::NoStride | ShapeError::StrideBeyond { .. } => Some("strided"),
            ShapeError::Columns { .. } => Some("fixed"),
            ShapeError::NothingLocal => Some("pattern"),
            ShapeError::Experts(_) => Some("moe.experts"),
            ShapeError::SharedExperts(_) => Some("moe.shared"),
            ShapeError::ActiveExperts { .. } => Some("moe.active"),
            ShapeError::RouterWithoutGradient(_) => Some("moe.gate"),
            ShapeError::Granularity { .. } => Some("moe.granularity"),
            ShapeError::Chunk(_) => Some("linear.chunk"),
            ShapeError::NotRotary => Some("position"),
            _ => None,
        }
    }

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
            ShapeError::TooSmall { smallest, .. } => {
                Some(format!("the smallest rung is {smallest} parameters"))
            }
            ShapeError::TooManyParams(_) => {
                Some(format!("the ladder ends at {}", Params(MOST_PARAMS)))
            }
            ShapeError::HeadWidth { d_model, .. } => {
                let fits: Vec<String> = (1..=d_model.min(LARGEST_WIDTH))
                    .filter(|width| d_model.is_multiple_of(*width) && width.is_multiple_of(2))
                    .map(|width| width.to_string())
                    .collect();
                Some(format!("{d_model} has heads of width {}", fits.join(", ")))
            }
            ShapeError::HeadsDoNotGroup { n_heads, .. } => {
                let fits: Vec<String> = (1..=n_heads)
                    .filter(|k| n_heads.is_multiple_of(*k))
                    .map(|k| k.to_string())
                    .collect();
                Some(format!("{n_heads} heads have kv_heads of {}", fits.join(", ")))
            }
            ShapeError::NoWindow => {
                Some("window = 64 is the token itself and the 63 before it".to_owned())
            }
            ShapeError::NoStride => {
                Some("strided = 16 attends to every 16th token back".to_owned())
            }
            ShapeError::StrideBeyond { context, .. } => {
                Some(format!("give a stride below {context}, or a longer context"))
            }
            ShapeError::Columns { block: 0, .. } => {
                Some("fixed = 32 is blocks of 32 tokens and 4 columns".to_owned())
            }
            ShapeError::Columns { block, .. } => Some(format!("give 1 to {block} columns")),
            ShapeError::NothingLocal => {
                Some("give window, strided or fixed beside it, or drop the pattern".to_owned())
            }
            ShapeError::Experts(_) => Some("give 1 to 4,096 experts; 8 is the default".to_owned()),
            ShapeError::SharedExperts(_) => {
                Some("give 0 to 4,096 shared experts; 0 is the default".to_owned())
            }
            ShapeError::ActiveExperts { experts, .. } => {
                Some(format!("give active = 1 to {experts}; 2 is the default"))
            }
            ShapeError::RouterWithoutGradient(_) => {
                Some("gate = \"plain\" keeps the share of the softmax over all experts".to_owned())
            }
            ShapeError::Granularity { width, .. } => {
                Some(format!("give a divisor of {width}, or another ffn_ratio or d_model"))
            }
            ShapeError::Chunk(_) => Some("give 1 to 1,024 tokens; 32 is the default".to_owned()),
            ShapeError::NoHeads(_) => Some("leave the heads out, as in \"64x4\"".to_owned()),
            ShapeError::NotRotary => {
                Some("position = \"none\", or \"learned\" for a table of places".to_owned())
            }
            ShapeError::Context(_) => Some("give 1 to 2^31 tokens; 128 is the default".to_owned()),
            ShapeError::TooLarge(_) => {
                Some(format!("d_model is at most {LARGEST_WIDTH}, n_layers at most {MOST_LAYERS}"))
            }
            _ => None,
        }
    }
}

/// Widest model: a bound on what a file may ask for, far above what is trained today.
pub(crate) const LARGEST_WIDTH: usize = 1 << 20;

/// Deepest model, likewise.
const MOST_LAYERS: usize = 1 << 16;

/// Where the ladder ends.
pub(crate) const MOST_PARAMS: f64 = 1e14;

impl Shape {
    /// Checks that heads split the width.
    ///
    /// # Errors
    /// A zero dimension, one beyond what anybody could train, or heads that do not divide the width.
    pub fn new(d_model: usize, n_layers: usize, n_heads: usize) -> Result<Self, ShapeError> {
        let shape = Shape { d_model, n_layers, n_heads };
        shape.check()?;
        match d_model.is_multiple_of(n_heads) {
            true => Ok(shape),
            false => Err(ShapeError::HeadsDoNotDivide { d_model, n_heads }),
        }
    }

    /// Checks that no dimension is zero or beyond what anybody could train.
    ///
    /// # Errors
    /// One is.
    pub fn check(&self) -> Result<(), ShapeError> {
        if self.d_model == 0 || self.n_layers == 0 || self.n_heads == 0 {
            return Err(ShapeError::Zero(*self));
        }
        match self.d_model > LARGEST_WIDTH || self.n_layers > MOST_LAYERS {
            true => Err(ShapeError::TooLarge(*self)),
            false => Ok(()),
        }
    }

    /// Width of one head.
    pub fn d_head(&self) -> usize {
        self.d_model / self.n_heads
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}x{}x{}", self.d_model, self.n_layers, self.n_heads))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_do_not_divide_are_refused_with_two_widths_that_would_fit() {
        let error = Shape::new(100, 2, 8).unwrap_err();
        assert_eq!(error.to_string(), "d_model 100 does not split into 8 heads");
        assert_eq!(error.hint().unwrap(), "d_model 96 or 104 would fit");
    }

    #[test]
    fn dimensions_beyond_anybody_are_refused() {
        for (d_model, n_layers) in [(1 << 40, 2), (8, 1 << 40), (usize::MAX, 1)] {
            let error = Shape::new(d_model, n_layers, 1).unwrap_err();
            assert!(matches!(error, ShapeError::TooLarge(_)));
        }
    }
}
