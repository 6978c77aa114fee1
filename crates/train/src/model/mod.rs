//! The decoder-only skeleton on tensors.

pub use crate::halves::attention::ROPE_BASE;

mod init;
mod transformer;

pub(crate) use init::Init;
pub(crate) use transformer::Pull;
pub use transformer::{Batch, Block, Operations, Transformer, Weights};
