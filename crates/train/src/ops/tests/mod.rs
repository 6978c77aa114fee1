//! Every operation against two independent ones: composed of stock operations, and written down
//! plainly in double precision and differentiated numerically.

#[cfg(feature = "wgpu")]
mod adapter;
mod composed;
mod differences;
mod plain;

use crate::ops::{AttentionShape, Starts, starts};
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_model::{Norm, Parametrization};

const NORMS: [Norm; 2] = [Norm::Rms, Norm::Layer];

fn normal(seed: u64, dims: [usize; 2], std: f64) -> TensorData {
    let mut rng = stream(seed, Purpose::Init, 99);
    let values: Vec<f32> =
        (0..dims[0] * dims[1]).map(|_| (normal_pair(&mut rng).0 * std) as f32).collect();
    TensorData::new(values, dims)
}

/// Output, and gradients of all inputs with the output weighted by fixed random numbers. A gain
/// is an input of one row.
fn run<const O: usize>(
    inputs: &[TensorData],
    op: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
) -> Vec<Vec<f32>> {
    run_on(&Device::flex().autodiff(), inputs, op)
}

fn run_on<const O: usize>(
    device: &Device,
    inputs: &[TensorData],
    op: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
) -> Vec<Vec<f32>> {
    let inputs: Vec<Tensor<2>> =
        inputs.iter().map(|data| Tensor::from_data(data.clone(), device).require_grad()).collect();
    let y = op(inputs.clone());
    let dims = y.dims();
    let count = dims.iter().product();
    let weights = Tensor::<2>::from_data(normal(7, [1, count], 1.0), device).reshape(dims);
    let grads = (y.clone() * weights).sum().backward();
    let values = |data: TensorData| data.iter::<f32>().collect();
    let gradients =
        inputs.iter().map(|input| values(input.grad(&grads).expect("required").into_data()));
    std::iter::once(values(y.into_data())).chain(gradients).collect()
}

/// No documents, and documents of all lengths: some start at a window, some are a single token.
fn masks(shape: AttentionShape) -> [Option<Starts>; 2] {
    let ids: Vec<i32> =
        (0..(shape.batch * shape.time) as i32).map(|at| (at * at + at / 3) % 7).collect();
    [None, Some(starts(&ids, shape.time, 0))]
}

/// Of both parametrisations: the scale of the scores differs where heads are 4, 8 or 20 wide.
fn attention_shape(batch: usize, time: usize, heads: usize, d_head: usize) -> AttentionShape {
    let parametrization = match d_head.is_multiple_of(4) {
        true => Parametrization::Mup,
        false => Parametrization::Standard,
    };
    AttentionShape { batch, time, heads, parametrization }
}

fn gain(x: &Tensor<2>) -> Tensor<1> {
    x.clone().flatten(0, 1)
}
