//! The half as one node of the tape, on the kernel.

use super::{Experts, kernel, options};
use crate::halves::Place;
use crate::ops::fused::{self, AnyTensor, Forward, Kept, Operation, as_kept, kept};
use crate::ops::kernels::buffer::Buffer;
use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use isoflop_model::{Balance, Norm};

/// As the composed one. The gradient of the loss that balances, or of the bias that does, is a part of its
/// backward pass.
///
/// # Shapes
/// - x, output: `[n, d]`
pub(super) fn experts_residual(weights: &Experts, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
    let (gain, router) = (weights.norm.val(), weights.router.val());
    let (up, down) = (weights.up.val(), weights.down.val());
    let mut inputs: Vec<AnyTensor> =
        vec![x_nd.into(), gain.into(), router.into(), up.into(), down.into()];
    if let Some((up, down)) = &weights.shared {
        inputs.extend([up.val().into(), down.val().into()]);
    }
    inputs.extend(weights.balance.as_ref().map(|balance| balance.val().into()));
    fused::apply(ExpertsResidual(of(place)), inputs)
}

/// The experts of each token, `[n, e]` of 0 and 1.
///
/// # Shapes
/// - x: `[n, d]`
pub(super) fn chosen(weights: &Experts, x_nd: Tensor<2>, place: &Place<'_>) -> Tensor<2> {
    let device = x_nd.device();
    let options = of(place);
    let (n, e, k) = (x_nd.dims()[0], options.experts.experts, options.experts.active);
    let x = numbers(x_nd);
    let (gain, router) = (numbers(weights.norm.val()), numbers(weights.router.val()));
    let balance = weights.balance.as_ref().map(Param::val).map(numbers);
    let (shared, balance) = (None, balance.as_deref());
    let inputs =
        kernel::Inputs { x: &x, gain: &gain, router: &router, up: &[], down: &[], shared, balance };
    let mut chosen = vec![0.0f32; n * e];
    for (pair, expert) in kernel::route(&options, &inputs).routes.chosen.iter().enumerate() {
        chosen[pair / k * e + *expert as usize] = 1.0;
    }
    Tensor::from_data(TensorData::new(chosen, [n, e]), &device)
}

fn numbers<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

fn of(place: &Place<'_>) -> kernel::Options {
    kernel::Options {
        experts: options(place.model),
        centre: place.model.norm == Norm::Layer,
        context: place.model.context,
        share: place.pass.share,
    }
}

/// Inputs x, gain, router, up, down, then those of the shared experts, up and down, if there are any, then
/// the bias that balances, if there is one.
#[derive(Debug)]
struct ExpertsResidual(kernel::Options);

impl ExpertsResidual {
    fn inputs<'a>(&self, inputs: &[&'a [f32]]) -> kernel::Inputs<'a> {
        let options = &self.0.experts;
        kernel::Inputs {
            x: inputs[0],
            gain: inputs[1],
            router: inputs[2],
            up: inputs[3],
            down: inputs[4],
            shared: (options.shared > 0).then(|| (inputs[5], inputs[6])),
            balance: (options.balance == Balance::Bias).then(|| inputs[inputs.len() - 1]),
        }
    }
}

impl Operation for ExpertsResidual {
    fn forward(&self, inputs: &[&[f32]], keep: bool) -> Forward {
        let inputs = self.inputs(inputs);
        let width = inputs.gain.len();
        let (values, state) = kernel::forward(&self.0, inputs, keep);
        Forward { dims: vec![inputs.x.len() / width, width], values, kept: kept(state) }
    }

    fn backward(&self, inputs: &[&[f32]], kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
        kernel::backward(&self.0, self.inputs(inputs), as_kept(kept), dy)
    }
}
