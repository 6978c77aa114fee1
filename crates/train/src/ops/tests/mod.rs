//! Tests every operation against two independent ones: one composed of stock operations, and one
//! written down plainly in double precision and differentiated numerically.

#[cfg(feature = "wgpu")]
pub(crate) mod adapter;
pub(crate) mod composed;
pub(crate) mod differences;
pub(crate) mod plain;

use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_model::Norm;

pub(crate) const NORMS: [Norm; 2] = [Norm::Rms, Norm::Layer];

pub(crate) fn normal(seed: u64, dims: [usize; 2], std: f64) -> TensorData {
    let mut rng = stream(seed, Purpose::Init, 99);
    let values: Vec<f32> =
        (0..dims[0] * dims[1]).map(|_| (normal_pair(&mut rng).0 * std) as f32).collect();
    TensorData::new(values, dims)
}

/// The output, then the gradients of all inputs with the output weighted by fixed random numbers. A
/// gain is an input of one row.
pub(crate) fn run<const O: usize>(
    inputs: &[TensorData],
    op: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
) -> Vec<Vec<f32>> {
    run_on(&Device::flex().autodiff(), inputs, op)
}

pub(crate) fn run_on<const O: usize>(
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

pub(crate) fn gain(x: &Tensor<2>) -> Tensor<1> {
    x.clone().flatten(0, 1)
}
