//! The decoder-only transformer.

pub use crate::ops::ROPE_BASE;

mod init;
mod transformer;

pub use transformer::{Batch, Block, Operations, Transformer, Weights};
