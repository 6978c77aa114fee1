//! One update by Muon of a tensor that holds linear maps (Jordan et al. 2024): the sum of gradients, looked at
//! one step ahead, is orthogonalised map by map, `m <- 0.95 m + g`, `o = orthogonal(0.95 m + g)`,
//! `w <- w (1 - rate decay) - rate 0.2 sqrt(max(rows, columns)) o` (the factor and the decay of Liu et al. 2025).

use super::{Update, numbers};
use crate::ops::kernels::muon as kernel;
use crate::profile::part;
use burn::backend::Flex;
use burn::tensor::Tensor;
use isoflop_core::optimizer::muon::{COEFFICIENTS, LEAST_NORM, MOMENTUM, STEPS, scale};
use isoflop_model::{Maps, TensorSpec};

/// The update in place, where tensors are not shared.
///
/// # Shapes
/// - all tensors: one common length, that of the tensor of `spec`
pub(super) fn fused(
    param: Tensor<1>,
    grad: Tensor<1>,
    momentum: Option<Tensor<1>>,
    spec: &TensorSpec,
    update: &Update,
) -> (Tensor<1>, Tensor<1>) {
    let momentum = momentum.unwrap_or_else(|| grad.zeros_like());
    let grad = numbers(grad).to_contiguous();
    let [mut param, mut momentum] = [param, momentum].map(|x| numbers(x).to_contiguous());
    let factors = kernel::Factors {
        grad: update.scale as f32,
        rate: update.rate,
        keep: update.keep() as f32,
    };
    part("muon", || {
        let grad = grad.as_slice().expect("contiguous f32");
        let maps = spec.linear_maps();
        kernel::update(factors, &maps, grad, param.storage_mut(), momentum.storage_mut());
    });
    (Tensor::from_primitive::<Flex>(param), Tensor::from_primitive::<Flex>(momentum))
}

/// The same of stock operations.
pub(super) fn composed(
    param: Tensor<1>,
    grad: Tensor<1>,
    momentum: Option<Tensor<1>>,
    spec: &TensorSpec,
    update: &Update,
) -> (Tensor<1>, Tensor<1>) {
    let (step, momentum) = direction(grad * update.scale, momentum, spec);
    (param * update.keep() - step * update.rate, momentum)
}

/// The step at a rate of 1, and the new sum of gradients.
///
/// # Shapes
/// - all tensors: one common length, that of the tensor of `spec`
pub(super) fn direction(
    grad: Tensor<1>,
    momentum: Option<Tensor<1>>,
    spec: &TensorSpec,
) -> (Tensor<1>, Tensor<1>) {
    let momentum = match momentum {
        Some(momentum) => momentum * MOMENTUM + grad.clone(),
        None => grad.clone(),
    };
    let ahead = momentum.clone() * MOMENTUM + grad;
    let length = ahead.dims()[0];
    let stack = match *spec.dims.as_slice() {
        [rows, columns] => [1, rows, columns],
        [count, rows, columns] => [count, rows, columns],
        _ => panic!("`{}` holds no matrices", spec.name),
    };
    let (along, sizes) = match &spec.maps {
        Maps::Beside(columns) => (2, columns),
        Maps::Below(rows) => (1, rows),
        Maps::None => panic!("`{}` holds no linear maps", spec.name),
    };
    let ahead = ahead.reshape(stack);
    let mut from = 0;
    let parts = sizes.iter().map(|&size| {
        let part = ahead.clone().narrow(along, from, size);
        from += size;
        let [_, rows, columns] = part.dims();
        orthogonal(part) * scale(rows, columns)
    });
    let whole = Tensor::cat(parts.collect(), along);
    (whole.reshape([length]), momentum)
}

/// Newton-Schulz steps on matrices of one shape.
fn orthogonal(matrices: Tensor<3>) -> Tensor<3> {
    let [_, rows, columns] = matrices.dims();
    if rows > columns {
        return orthogonal(matrices.swap_dims(1, 2)).swap_dims(1, 2);
    }
    let squares = matrices.clone() * matrices.clone();
    let norm = squares.sum_dim(2).sum_dim(1).sqrt().clamp_min(LEAST_NORM);
    let [a, b, c] = COEFFICIENTS;
    let mut x = matrices / norm;
    for _ in 0..STEPS {
        let gram = x.clone().matmul(x.clone().swap_dims(1, 2));
        let inner = gram.clone() * b + gram.clone().matmul(gram) * c;
        x = x.clone() * a + inner.matmul(x);
    }
    x
}
