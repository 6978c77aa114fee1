//! Compares outputs and gradients with plain double precision and its central differences.

use super::{NORMS, gain, normal, plain, run};
use crate::ops::*;
use burn::tensor::{Tensor, TensorData};

/// Step of a central difference in double precision, whose error is near 1e-9 of the slope.
const STEP: f64 = 1e-5;

/// Compares the operation's output with that of `plain`. Also compares the gradients of the output,
/// weighted by the numbers that [`run`] uses, with central differences of `plain`.
pub(crate) fn compare<const O: usize>(
    what: &str,
    inputs: &[TensorData],
    operation: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
    plain: impl Fn(&[plain::Rows]) -> plain::Rows,
) {
    compare_within(1e-5, what, inputs, operation, plain);
}

/// [`compare`] with a bound of its own, over the largest number of an output or a gradient: for inputs that
/// single precision rounds to more than 1e-5 of what they decide.
pub(crate) fn compare_within<const O: usize>(
    bound: f64,
    what: &str,
    inputs: &[TensorData],
    operation: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
    plain: impl Fn(&[plain::Rows]) -> plain::Rows,
) {
    let found = run(inputs, operation);
    let mut inputs: Vec<plain::Rows> = inputs
        .iter()
        .map(|data| {
            let values: Vec<f64> = data.iter::<f32>().map(f64::from).collect();
            plain::rows(&values, data.shape()[1])
        })
        .collect();
    let weights: Vec<f64> =
        normal(7, [1, found[0].len()], 1.0).iter::<f32>().map(f64::from).collect();
    let output: Vec<f64> = plain(&inputs).concat();
    assert_close(bound, &format!("{what}: output"), &found[0], &output);
    for part in 0..inputs.len() {
        let mut slopes = Vec::new();
        for i in 0..inputs[part].len() {
            for j in 0..inputs[part][0].len() {
                let at = inputs[part][i][j];
                let mut weighted = |value: f64| -> f64 {
                    inputs[part][i][j] = value;
                    let output = plain(&inputs).concat();
                    output.iter().zip(&weights).map(|(y, w)| y * w).sum()
                };
                slopes.push((weighted(at + STEP) - weighted(at - STEP)) / (2.0 * STEP));
                inputs[part][i][j] = at;
            }
        }
        assert_close(bound, &format!("{what}: input {part}"), &found[part + 1], &slopes);
    }
}

fn assert_close(bound: f64, what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.1f64, |a, b| a.max(b.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(*found) - expected).abs() <= bound * scale,
            "{what} [{i}]: {found} against {expected}, scale {scale}"
        );
    }
}

#[test]
fn head() {
    for (n, d, v, std) in [(1, 2, 2, 1.0), (5, 3, 23, 1.0), (3, 5, 19, 20.0)] {
        let inputs = [normal(4, [n, d], 1.0), normal(5, [1, d], 1.0), normal(6, [d, v], std)];
        let targets: Vec<i32> = (0..n).map(|row| (row * 31 % v) as i32).collect();
        for kind in NORMS {
            compare(
                &format!("{kind:?} {n}x{d}x{v}"),
                &inputs,
                |x| nats(kind, x[0].clone(), gain(&x[1]), x[2].clone(), &targets),
                |x| plain::nats(kind, &x[0], &x[1][0], &x[2], &targets),
            );
            let mean =
                |losses: plain::Rows| vec![vec![losses.concat().iter().sum::<f64>() / n as f64]];
            compare(
                &format!("mean {kind:?} {n}x{d}x{v}"),
                &inputs,
                |x| cross_entropy(kind, x[0].clone(), gain(&x[1]), x[2].clone(), &targets),
                |x| mean(plain::nats(kind, &x[0], &x[1][0], &x[2], &targets)),
            );
        }
    }
}

#[test]
fn embeddings() {
    let ids = [3, 0, 3, 2, 1, 3];
    for d in [1, 19] {
        compare(
            &format!("{d}"),
            &[normal(1, [5, d], 1.0), normal(2, [3, d], 1.0)],
            |x| embedding(&ids, x[0].clone(), Some(x[1].clone())),
            |x| plain::embedding(&ids, &x[0], &x[1]),
        );
    }
}
