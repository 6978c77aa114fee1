//! Makes tensors whose memory is a [`Buffer`], so that it is used again after they are dropped.

use crate::ops::kernels::buffer::Buffer;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{Bytes, DType, Shape};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty};
use std::mem::{MaybeUninit, align_of};

/// A contiguous `f32` tensor of these numbers.
pub(super) fn tensor(values: Buffer, dims: &[usize]) -> FlexTensor {
    debug_assert_eq!(values.len(), dims.iter().product::<usize>());
    let layout = Layout::contiguous(Shape::from(dims.to_vec()));
    FlexTensor::new(bytes(values), layout, DType::F32)
}

#[allow(unsafe_code, reason = "Bytes trusts the length")]
fn bytes(values: Buffer) -> Bytes {
    let len = size_of_val::<[f32]>(&values);
    // SAFETY: the controller holds exactly `len` initialised bytes.
    unsafe { Bytes::from_controller(Box::new(Pooled(values)), len) }
}

struct Pooled(Buffer);

#[allow(unsafe_code, reason = "numbers as bytes")]
impl AllocationController for Pooled {
    fn alloc_align(&self) -> usize {
        align_of::<u128>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(
        &mut self,
        _: AccessPolicy,
    ) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let len = size_of_val::<[f32]>(&self.0);
        // SAFETY: these are the bytes of a slice of numbers that is borrowed exclusively, and any
        // initialised bytes that are written form numbers.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let len = size_of_val::<[f32]>(&self.0);
        // SAFETY: these are the bytes of a slice of numbers.
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), len) })
    }
}
