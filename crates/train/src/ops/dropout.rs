//! Drops numbers of what a half adds to the stream.

use super::fused::{self, Forward, Kept, Operation, kept};
use super::kernels::buffer::Buffer;
use super::kernels::dropout as kernel;
use crate::profile::part;
use burn::tensor::Tensor;

/// `x + m (h - x)`, where h is the stream x with the output of a half added, and m holds a factor for
/// each number of that output. A factor of 0 leaves the number of x to the last bit.
///
/// # Shapes
/// - x, h, output: `[n, d]`, factors: `n d` of them
pub(crate) fn dropout(x_nd: Tensor<2>, h_nd: Tensor<2>, factors: Buffer) -> Tensor<2> {
    let operation = Dropout { factors, dims: x_nd.dims() };
    fused::apply(operation, [x_nd.into(), h_nd.into()])
}

/// Inputs x, h.
#[derive(Debug)]
struct Dropout {
    factors: Buffer,
    dims: [usize; 2],
}

impl Operation for Dropout {
    fn forward(&self, inputs: &[&[f32]], _: bool) -> Forward {
        let mut values = Buffer::copy_of(inputs[0]);
        part("dropout", || kernel::forward(inputs[1], &self.factors, &mut values));
        Forward { values, dims: self.dims.to_vec(), kept: kept::<()>(None) }
    }

    fn backward(&self, _: &[&[f32]], _: &Kept, dy: &[f32]) -> Vec<Buffer> {
        let (mut dx, mut dh) = (Buffer::copy_of(dy), Buffer::copy_of(dy));
        part("dropout, backward", || kernel::backward(&self.factors, &mut dh, &mut dx));
        vec![dx, dh]
    }
}
