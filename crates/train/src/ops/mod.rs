//! The operations of the skeleton as plain functions on Burn tensors, and what the operations of
//! the halves share. On `flex` each operation is one node of the tape with a hand-written backward
//! pass ([`kernels`] has the numbers, [`fused`] the tape). On any other device, and in the tests,
//! it is [`composed`] of stock operations. Names of tensors carry their shapes: n = batch x time, b
//! batch, t time, h heads, k head width, d model width, f feed-forward width, v vocabulary.

pub mod composed;
pub(crate) mod constants;
mod dropout;
mod embedding;
pub(crate) mod fused;
mod head;
pub(crate) mod kernels;
mod rows;

pub use embedding::embedding;
pub use head::{cross_entropy, nats};

pub(crate) use dropout::dropout;
pub(crate) use kernels::buffer::release_unused;
pub(crate) use kernels::peak_product;

/// Number added to the mean square under normalisation, as in Llama's code.
pub const NORM_EPSILON: f64 = 1e-5;

#[cfg(test)]
pub(crate) mod tests;
