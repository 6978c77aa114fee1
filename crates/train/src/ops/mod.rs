//! The operations of the model as plain functions on Burn tensors. On `flex` each is one node of
//! the tape with a hand-written backward ([`kernels`] has the numbers, [`fused`] the tape); on any
//! other device, and in the tests, it is [`composed`] of stock operations. Shapes are in the
//! names: n = batch x time, b batch, t time, h heads, k head width, d model width, f feed-forward
//! width, v vocabulary.

mod adamw;
mod attention;
pub mod composed;
mod embedding;
mod fused;
mod head;
mod kernels;
mod mlp;
mod rotary;
mod rows;
mod tables;

pub use adamw::{Moments, Update, adamw, squares};
pub use attention::{AttentionShape, Starts, attention_residual, starts};
pub use embedding::embedding;
pub use head::{cross_entropy, nats};
pub use mlp::mlp_residual;
pub use rotary::{ROPE_BASE, RotaryTable};

pub(crate) use kernels::buffer::release_unused;
pub(crate) use kernels::peak_product;

/// Added to the mean square under normalisation, as in Llama's code.
pub const NORM_EPSILON: f64 = 1e-5;

#[cfg(test)]
mod tests;
