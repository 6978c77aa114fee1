//! The gradients of balancing, in both forms, against its definition.

use super::{Case, cases};
use crate::halves::Pass;
use crate::operations::Operations;
use crate::ops::tests::plain::Rows;
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_model::{Balance, Experts as Options};
use std::cell::RefCell;

/// Gradients of all inputs where that of the output is 0, which leaves the part of balancing.
fn of_balancing(
    case: &Case,
    inputs: &[TensorData],
    operations: Operations,
    share: f64,
) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let inputs: Vec<Tensor<2>> =
        inputs.iter().map(|data| Tensor::from_data(data.clone(), &device).require_grad()).collect();
    let terms = RefCell::default();
    let pass = Pass { share, terms: Some(&terms), ..Pass::default() };
    let y = case.run(&inputs, operations, pass).sum() * 0.0;
    let whole = terms.into_inner().into_iter().fold(y, |all, term| all + term);
    let grads = whole.backward();
    let values = |input: &Tensor<2>| match input.grad(&grads) {
        Some(grad) => grad.into_data().iter::<f32>().collect(),
        None => Vec::new(),
    };
    inputs.iter().map(values).collect()
}

#[test]
fn the_gradient_of_balancing_by_a_loss_is_that_of_its_definition_in_both_forms() {
    let of_loss = |case: &Case| case.options.balance == Balance::Loss && case.options.experts > 1;
    for case in cases().into_iter().filter(of_loss) {
        let inputs = case.inputs(1.0);
        let mut plain: Vec<Rows> = inputs
            .iter()
            .map(|x| x.iter::<f64>().collect::<Vec<_>>())
            .zip(&inputs)
            .map(|(values, data)| values.chunks(data.shape()[1]).map(<[f64]>::to_vec).collect())
            .collect();
        let fused = of_balancing(&case, &inputs, Operations::Fused, 1.0);
        let composed = of_balancing(&case, &inputs, Operations::Composed, 1.0);
        let quarter = of_balancing(&case, &inputs, Operations::Fused, 0.25);
        for part in 0..3 {
            let columns = plain[part][0].len();
            let mut largest = 0.0f64;
            for at in 0..fused[part].len() {
                let (i, j) = (at / columns, at % columns);
                let was = plain[part][i][j];
                let mut moved = |by: f64| {
                    plain[part][i][j] = was + by;
                    case.plain_balance(&plain)
                };
                let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                plain[part][i][j] = was;
                largest = largest.max(slope.abs());
                for found in [fused[part][at], composed[part][at], quarter[part][at] * 4.0] {
                    let error = (f64::from(found) - slope).abs();
                    assert!(error < 2e-7, "{case:?} {part} [{at}]: {found} against {slope}");
                }
            }
            // Where all experts are chosen, loads are even whatever the scores.
            let even = case.options.active == case.options.experts;
            assert_eq!(largest < 1e-5, even, "{case:?} {part}: {largest}");
        }
        assert!(fused[3..].iter().flatten().all(|gradient| *gradient == 0.0));
    }
}

#[test]
fn a_bias_that_balances_is_told_the_load_less_the_mean_in_whole_numbers() {
    for case in cases().into_iter().filter(|case| case.options.balance == Balance::Bias) {
        let inputs = case.inputs(1.0);
        let Options { experts: e, active: k, .. } = case.options;
        let plain: Vec<Rows> = inputs
            .iter()
            .map(|x| {
                let values: Vec<f64> = x.iter::<f64>().collect();
                values.chunks(x.shape()[1]).map(<[f64]>::to_vec).collect()
            })
            .collect();
        let chosen = case.routes(&plain).2.concat();
        let load = |i: usize| chosen.iter().filter(|expert| **expert == i).count();
        let expected: Vec<f32> = (0..e)
            .map(|i| (e * load(i)) as f32 - (k * case.windows * case.context) as f32)
            .collect();
        for operations in [Operations::Fused, Operations::Composed] {
            let found = of_balancing(&case, &inputs, operations, 0.5);
            assert_eq!(found.last(), Some(&expected), "{operations:?} {case:?}");
        }
    }
}
