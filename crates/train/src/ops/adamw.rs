//! One AdamW update of one parameter.

use burn::tensor::Tensor;
use isoflop_sweep::run::Optimizer;

/// Running means of a parameter's gradient and of its square.
#[derive(Clone, Debug)]
pub struct Moments<const D: usize> {
    first: Tensor<D>,
    second: Tensor<D>,
}

/// AdamW with decoupled decay (Loshchilov & Hutter 2019, algorithm 2, with the decay scaled by
/// the learning rate as in PyTorch): `p (1 - rate decay) - rate m^ / (sqrt(v^) + eps)`.
///
/// `step` counts from 1; `grad` is already clipped; tensors are without autodiff.
///
/// # Shapes
/// - all of one shape
pub fn adamw<const D: usize>(
    param: Tensor<D>,
    grad: Tensor<D>,
    moments: Option<Moments<D>>,
    constants: &Optimizer,
    rate: f64,
    decay: f64,
    step: u64,
) -> (Tensor<D>, Moments<D>) {
    let Optimizer {
        beta1,
        beta2,
        epsilon,
        ..
    } = *constants;
    let (first_part, second_part) = (
        grad.clone() * (1.0 - beta1),
        grad.clone() * grad * (1.0 - beta2),
    );
    let moments = match moments {
        Some(Moments { first, second }) => Moments {
            first: first * beta1 + first_part,
            second: second * beta2 + second_part,
        },
        None => Moments {
            first: first_part,
            second: second_part,
        },
    };
    let unbias = |beta: f64| 1.0 / (1.0 - beta.powi(step as i32));
    let mean = moments.first.clone() * unbias(beta1);
    let root = (moments.second.clone() * unbias(beta2)).sqrt();
    let param = param * (1.0 - rate * decay) - mean / (root + epsilon) * rate;
    (param, moments)
}
