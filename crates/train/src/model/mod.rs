//! The decoder-only skeleton of a model, on tensors.

pub use crate::operations::Operations;

mod transformer;

pub(crate) use transformer::Loss;
pub use transformer::{Batch, Block, Transformer, Weights};
