//! The operations of the skeleton as plain functions on Burn tensors, and what the operations of the halves
//! share. On `flex` each is one node of
//! the tape with a hand-written backward ([`kernels`] has the numbers, [`fused`] the tape); on any
//! other device, and in the tests, it is [`composed`] of stock operations. Shapes are in the
//! names: n = batch x time, b batch, t time, h heads, k head width, d model width, f feed-forward
//! width, v vocabulary.

mod adamw;
pub mod composed;
pub(crate) mod constants;
mod embedding;
pub(crate) mod fused;
mod head;
pub(crate) mod kernels;
mod rows;

pub use adamw::{Moments, Update, adamw, squares};
pub use embedding::embedding;
pub use head::{cross_entropy, nats};

pub(crate) use kernels::buffer::release_unused;
pub(crate) use kernels::peak_product;

/// Added to the mean square under normalisation, as in Llama's code.
pub const NORM_EPSILON: f64 = 1e-5;

#[cfg(test)]
pub(crate) mod tests;
