//! The choice between fused and composed operations.

use crate::ops::fused;
use burn::tensor::Device;

/// Operations that a model is made of. The two kinds differ only in rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operations {
    /// Hand-written operations, each one node of the tape with its own backward pass; they run only
    /// on the processor.
    Fused,
    /// Stock operations of Burn, which run on every device and serve as the reference.
    Composed,
}

impl Operations {
    /// The fastest operations that a device supports.
    pub fn of(device: &Device) -> Self {
        match fused::is_available(device) {
            true => Operations::Fused,
            false => Operations::Composed,
        }
    }
}
