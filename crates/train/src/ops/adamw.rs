//! One AdamW update of one parameter.

use super::fused;
use super::kernels::adamw::{self as kernel, Factors};
use crate::profile::part;
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use isoflop_core::Optimizer;

/// Running means of a parameter's gradient and of its square.
#[derive(Clone, Debug)]
pub struct Moments<const D: usize> {
    /// Running mean of the gradient.
    pub first: Tensor<D>,
    /// Running mean of the squared gradient.
    pub second: Tensor<D>,
}

impl<const D: usize> Moments<D> {
    /// Moments before the first step, which are zero.
    pub(crate) fn zeros(grad: &Tensor<D>) -> Self {
        Moments { first: grad.zeros_like(), second: grad.zeros_like() }
    }
}

/// Everything that one update depends on besides the gradient.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Constants of the optimizer, of which betas and epsilon are used.
    pub constants: Optimizer,
    /// Learning rate.
    pub rate: f64,
    /// Weight decay of this parameter.
    pub decay: f64,
    /// Factor by which the gradient is multiplied, for clipping.
    pub scale: f64,
    /// Number of the step, counted from 1.
    pub step: u64,
}

impl Update {
    /// Correction of a running mean for its start at zero: `1 / (1 - beta^step)`.
    pub(crate) fn unbias(&self, beta: f64) -> f64 {
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
            keep: (1.0 - self.rate * self.decay) as f32,
        }
    }
}

/// AdamW with decoupled decay (Loshchilov & Hutter 2019, algorithm 2, with the decay scaled by the
/// learning rate as in PyTorch): `p (1 - rate decay) - rate m^ / (sqrt(v^) + eps)`. The tensors
/// must be without autodiff; those that are not shared are updated in place.
///
/// # Shapes
/// - all tensors: one common shape
pub fn adamw<const D: usize>(
    param: Tensor<D>,
    grad: Tensor<D>,
    moments: Option<Moments<D>>,
    update: &Update,
) -> (Tensor<D>, Moments<D>) {
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

/// Sum of squares of all numbers.
pub fn squares<const D: usize>(x: Tensor<D>) -> f64 {
    if !fused::is_available(&x.device()) {
        return f64::from((x.clone() * x).sum().into_scalar::<f32>());
    }
    let mut total = 0.0;
    let x = numbers(x).to_contiguous();
    part("gradient norm", || kernel::squares(x.as_slice().expect("contiguous f32"), &mut total));
    total
}

fn numbers<const D: usize>(x: Tensor<D>) -> FlexTensor {
    x.try_into_primitive::<Flex>().expect("on flex and without autodiff")
}
