//! The choice between fused and composed operations.

use crate::ops::fused;
use burn::tensor::Device;

/// Which operations a model is made of. They agree but for rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operations {
    /// One node of the tape an operation, with a backward by hand; on the processor alone.
    Fused,
    /// Stock operations of Burn: what runs on any other device, and the reference.
    Composed,
}

impl Operations {
    /// The fastest that a device has.
    pub fn of(device: &Device) -> Self {
        match fused::is_available(device) {
            true => Operations::Fused,
            false => Operations::Composed,
        }
    }
}
