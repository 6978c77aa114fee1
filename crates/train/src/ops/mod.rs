//! The operations of the model as plain functions on Burn tensors, fused with a hand-written
//! backward; [`composed`] holds their twins of stock operations. Shapes are in the names: n =
//! batch x time, b batch, t time, h heads, k head width, d model width, f feed-forward width, v
//! vocabulary.

mod adamw;
mod attention;
pub mod composed;
mod cross_entropy;
mod embedding;
mod fused;
mod norm;
mod rotary;

pub use adamw::{Moments, adamw};
pub use attention::{AttentionShape, causal_attention};
pub use cross_entropy::{cross_entropy, nats};
pub use embedding::embedding;
pub use norm::norm;
pub use rotary::RotaryTable;

use burn::tensor::Tensor;

/// `x w`, without bias. Flat, so that it is one matrix product.
///
/// # Shapes
/// - x: `[n, i]`, w: `[i, o]`, output: `[n, o]`
pub fn linear(x_ni: Tensor<2>, w_io: Tensor<2>) -> Tensor<2> {
    x_ni.matmul(w_io)
}

/// `x Phi(x)`, the exact GELU (Hendrycks & Gimpel 2016).
///
/// # Shapes
/// - x, output: `[n, f]`
pub fn gelu(x_nf: Tensor<2>) -> Tensor<2> {
    fused::apply(fused::GeluKernel, x_nf)
}

#[cfg(test)]
mod tests;
