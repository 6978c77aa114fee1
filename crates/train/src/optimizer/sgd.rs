//! One update of one parameter by gradient descent with momentum: `m <- 0.9 m + g`,
//! `p <- p (1 - rate decay) - rate m` (Sutskever et al. 2013, as PyTorch writes it; decoupled decay as that of
//! AdamW).

use super::{Update, numbers};
use crate::ops::kernels::momentum as kernel;
use crate::profile::part;
use burn::backend::Flex;
use burn::tensor::Tensor;
use isoflop_core::optimizer::SGD_MOMENTUM;

/// The update in place, where tensors are not shared.
///
/// # Shapes
/// - all tensors: one common length
pub(super) fn fused(
    param: Tensor<1>,
    grad: Tensor<1>,
    momentum: Option<Tensor<1>>,
    update: &Update,
) -> (Tensor<1>, Tensor<1>) {
    let momentum = momentum.unwrap_or_else(|| grad.zeros_like());
    let grad = numbers(grad).to_contiguous();
    let [mut param, mut momentum] = [param, momentum].map(|x| numbers(x).to_contiguous());
    let factors = kernel::Descent {
        grad: update.scale as f32,
        momentum: SGD_MOMENTUM as f32,
        rate: update.rate as f32,
        keep: update.keep() as f32,
    };
    part("sgd", || {
        let grad = grad.as_slice().expect("contiguous f32");
        kernel::descend(factors, grad, param.storage_mut(), momentum.storage_mut());
    });
    (Tensor::from_primitive::<Flex>(param), Tensor::from_primitive::<Flex>(momentum))
}

/// The same of stock operations.
pub(super) fn composed(
    param: Tensor<1>,
    grad: Tensor<1>,
    momentum: Option<Tensor<1>>,
    update: &Update,
) -> (Tensor<1>, Tensor<1>) {
    let grad = grad * update.scale;
    let momentum = match momentum {
        Some(momentum) => momentum * SGD_MOMENTUM + grad,
        None => grad,
    };
    (param * update.keep() - momentum.clone() * update.rate, momentum)
}
