//! A model family on paper: what it is made of, without a weight or an operation.
//!
//! A model is a skeleton (embedding, blocks of `x += mixer(norm x)` and `x += feed_forward(norm x)`,
//! norm, head) that holds two halves, a [`Mixer`] and a [`FeedForward`]. Each half states once, in a
//! file of its own, its tensors, its products, the numbers that its backward pass keeps, and what it
//! refuses. Counts of parameters and FLOPs, the ladder from a size to a shape, initial values, names
//! and order in a checkpoint, rate factors, decay and memory follow from these lists.
//!
//! A new half is a file below `mixer` or `feed_forward` and an arm in the enum there; a family that sweep
//! files can name is a line of `family`.

mod config;
mod examples;
mod family;
mod feed_forward;
mod flops;
mod half;
mod ladder;
mod maps;
mod mixer;
mod params;
mod product;
mod shape;
mod tensor;

pub use config::{ModelConfig, Norm, OutputInit, Parametrization, Position};
pub use family::{Family, Preset};
pub use feed_forward::{Activation, Balance, Dense, Experts, FeedForward, Gate, Ratio, RatioError};
pub use flops::FlopCount;
pub use half::{Fact, Half};
pub use ladder::reference_aspect;
pub use maps::{LinearMap, Maps};
pub use mixer::{Aft, Attention, Linear, Mixer, Pattern, PatternError, Reach, Recurrent};
pub use params::ParamCount;
pub use product::Product;
pub use shape::{Shape, ShapeError};
pub use tensor::{Change, Group, Initial, TensorSpec};
