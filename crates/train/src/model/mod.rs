//! The decoder-only transformer.

mod init;
mod transformer;

pub use transformer::{Block, Operations, Transformer, Weights};
