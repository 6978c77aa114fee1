//! One AdamW update of one parameter.

use super::{Update, numbers};
use crate::ops::kernels::adamw::{self as kernel, Factors};
use crate::profile::part;
use burn::backend::Flex;
use burn::tensor::Tensor;
use isoflop_core::Optimizer;

/// Running means of a parameter's gradient and of its square.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Running mean of the gradient.
    pub first: Tensor<1>,
    /// Running mean of the squared gradient.
    pub second: Tensor<1>,
}

impl Moments {
    /// Moments before the first step, which are zero.
    pub(super) fn zeros(grad: &Tensor<1>) -> Self {
        Moments { first: grad.zeros_like(), second: grad.zeros_like() }
    }
}

impl Update {
    /// Correction of a running mean for its start at zero: `1 / (1 - beta^step)`.
    pub(super) fn unbias(&self, beta: f64) -> f64 {
        1.0 / (1.0 - beta.powf(self.step as f64))
    }

    fn factors(&self) -> Factors {
        let Optimizer { beta1, beta2, epsilon, .. } = self.constants;
        Factors {
            grad: self.scale as f32,
            beta1: beta1 as f32,
            rest1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            rest2: (1.0 - beta2) as f32,
            rate: (self.rate * self.unbias(beta1)) as f32,
            unbias2: self.unbias(beta2).sqrt() as f32,
            epsilon: epsilon as f32,
            keep: self.keep() as f32,
        }
    }
}

/// AdamW with decoupled decay (Loshchilov & Hutter 2019, algorithm 2, with the decay scaled by the
/// learning rate as in PyTorch): `p (1 - rate decay) - rate m^ / (sqrt(v^) + eps)`. The tensors
/// must be without autodiff; those that are not shared are updated in place.
///
/// # Shapes
/// - all tensors: one common length
pub(super) fn fused(
    param: Tensor<1>,
    grad: Tensor<1>,
    moments: Option<Moments>,
    update: &Update,
) -> (Tensor<1>, Moments) {
    let Moments { first, second } = moments.unwrap_or_else(|| Moments::zeros(&grad));
    let grad = numbers(grad).to_contiguous();
    let [mut param, mut first, mut second] =
        [param, first, second].map(|x| numbers(x).to_contiguous());
    part("adamw", || {
        kernel::update(
            update.factors(),
            grad.as_slice().expect("contiguous f32"),
            param.storage_mut(),
            first.storage_mut(),
            second.storage_mut(),
        )
    });
    let moments = Moments {
        first: Tensor::from_primitive::<Flex>(first),
        second: Tensor::from_primitive::<Flex>(second),
    };
    (Tensor::from_primitive::<Flex>(param), moments)
}

/// The same of stock operations.
pub(super) fn composed(
    param: Tensor<1>,
    grad: Tensor<1>,
    moments: Option<Moments>,
    update: &Update,
) -> (Tensor<1>, Moments) {
    let (beta1, beta2) = (update.constants.beta1, update.constants.beta2);
    let grad = grad * update.scale;
    let moments = moments.unwrap_or_else(|| Moments::zeros(&grad));
    let moments = Moments {
        first: moments.first * beta1 + grad.clone() * (1.0 - beta1),
        second: moments.second * beta2 + grad.clone() * grad * (1.0 - beta2),
    };
    let mean = moments.first.clone() * update.unbias(beta1);
    let root = (moments.second.clone() * update.unbias(beta2)).sqrt();
    let step = mean / (root + update.constants.epsilon) * update.rate;
    let param = param * update.keep() - step;
    (param, moments)
}
