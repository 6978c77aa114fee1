//! Fused against composed, forward and backward, over shapes that are not round.

use super::*;
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_core::Norm;
use isoflop_core::rng::{Purpose, normal_pair, stream};

fn normal(seed: u64, dims: [usize; 2], std: f64) -> TensorData {
    let mut rng = stream(seed, Purpose::Init, 99);
    let values: Vec<f32> = (0..dims[0] * dims[1])
        .map(|_| (normal_pair(&mut rng).0 * std) as f32)
        .collect();
    TensorData::new(values, dims)
}

/// Output and gradient of the input, the output weighted by fixed random numbers.
fn run<const O: usize>(
    x: &TensorData,
    op: impl Fn(Tensor<2>) -> Tensor<O>,
) -> (Vec<f32>, Vec<f32>) {
    let device = Device::flex().autodiff();
    let x = Tensor::<2>::from_data(x.clone(), &device).require_grad();
    let y = op(x.clone());
    let dims = y.dims();
    let count = dims.iter().product();
    let weights = Tensor::<2>::from_data(normal(7, [1, count], 1.0), &device).reshape(dims);
    let grads = (y.clone() * weights).sum().backward();
    let values = |data: TensorData| data.iter::<f32>().collect();
    (
        values(y.into_data()),
        values(x.grad(&grads).expect("x requires it").into_data()),
    )
}

fn assert_close(what: &str, fused: &[f32], composed: &[f32]) {
    assert_eq!(fused.len(), composed.len(), "{what}");
    // The floor is for gradients that cancel, as of two numbers under layer normalisation.
    let scale = composed.iter().fold(0.1f32, |a, b| a.max(b.abs()));
    for (i, (a, b)) in fused.iter().zip(composed).enumerate() {
        assert!(
            (a - b).abs() <= 2e-5 * scale,
            "{what}[{i}]: fused {a}, composed {b}"
        );
    }
}

fn compare<const O: usize>(
    what: &str,
    x: &TensorData,
    fused: impl Fn(Tensor<2>) -> Tensor<O>,
    composed: impl Fn(Tensor<2>) -> Tensor<O>,
) {
    let ((y, dx), (composed_y, composed_dx)) = (run(x, fused), run(x, composed));
    assert_close(&format!("{what} output"), &y, &composed_y);
    assert_close(&format!("{what} gradient"), &dx, &composed_dx);
}

#[test]
fn gelu_and_its_gradient_are_the_composed_ones() {
    for (dims, std) in [([1, 1], 1.0), ([3, 17], 1.0), ([5, 64], 20.0)] {
        compare("gelu", &normal(1, dims, std), gelu, composed::gelu);
    }
}

#[test]
fn norms_and_their_gradients_are_the_composed_ones() {
    let equal_rows = TensorData::new(vec![0.5f32; 3 * 7], [3, 7]);
    for x in [
        normal(2, [1, 2], 1.0),
        normal(2, [5, 17], 3.0),
        normal(2, [4, 48], 0.02),
        equal_rows,
    ] {
        for kind in [Norm::Rms, Norm::Layer] {
            let gain = || {
                let width = x.shape()[1];
                Tensor::<2>::from_data(normal(3, [1, width], 1.0), &Device::flex().autodiff())
                    .reshape([width])
            };
            compare(
                &format!("{kind:?}"),
                &x,
                |x| norm(kind, x, gain()),
                |x| composed::norm(kind, x, gain()),
            );
        }
    }
}

#[test]
fn nats_and_their_gradient_are_the_composed_ones() {
    let equal_rows = TensorData::new(vec![3.0f32; 4 * 5], [4, 5]);
    for x in [
        normal(4, [1, 2], 1.0),
        normal(4, [7, 33], 2.0),
        normal(4, [3, 256], 60.0),
        equal_rows,
    ] {
        let [rows, vocab] = [x.shape()[0], x.shape()[1]];
        let targets: Vec<i32> = (0..rows).map(|row| (row * 31 % vocab) as i32).collect();
        compare(
            "nats",
            &x,
            |x| nats(x, &targets),
            |x| composed::nats(x, &targets),
        );
    }
}

#[test]
fn attention_and_its_gradient_are_the_composed_ones() {
    for (batch, time, heads, d_head) in [(1, 1, 1, 2), (2, 7, 1, 6), (1, 33, 3, 10), (2, 16, 2, 16)]
    {
        let shape = AttentionShape { batch, time, heads };
        let width = heads * d_head;
        for std in [1.0, 8.0] {
            let qkv = normal(5, [batch * time, 3 * width], std);
            for table in [None, Some(RotaryTable::new(time, d_head))] {
                compare(
                    &format!("attention {shape:?} {std}"),
                    &qkv,
                    |x| causal_attention(x, shape, table.as_ref()),
                    |x| composed::causal_attention(x, shape, table.as_ref()),
                );
            }
        }
    }
}
