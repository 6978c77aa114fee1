//! The decoder-only skeleton of a model, on tensors.

pub use crate::operations::Operations;

mod transformer;

pub use transformer::{Batch, Block, Transformer, Weights};
pub(crate) use transformer::{Loss, Pull};
