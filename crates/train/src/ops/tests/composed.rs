//! Compares fused with composed operations, forward and backward, over shapes that are not round.

use super::{NORMS, gain, normal, run};
use crate::ops::*;
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_model::Norm;

pub(crate) fn compare<const O: usize>(
    what: &str,
    inputs: &[TensorData],
    fused: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
    composed: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
) {
    let (fused, composed) = (run(inputs, fused), run(inputs, composed));
    for (part, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
        assert_eq!(fused.len(), composed.len(), "{what}, part {part}");
        // The scale has a lower bound because gradients may cancel, as those of two numbers under
        // layer normalisation.
        let scale = composed.iter().fold(0.1f32, |a, b| a.max(b.abs()));
        for (i, (a, b)) in fused.iter().zip(composed).enumerate() {
            assert!(
                (a - b).abs() <= 3e-5 * scale,
                "{what}, part {part} [{i}]: fused {a}, composed {b}, scale {scale}"
            );
        }
    }
}

#[test]
fn cross_entropy_is_the_composed_one() {
    for (n, d, v, std) in [(1, 2, 2, 1.0), (7, 5, 33, 2.0), (3, 16, 256, 60.0), (70, 4, 5003, 1.0)]
    {
        let inputs = [normal(4, [n, d], 1.0), normal(5, [1, d], 1.0), normal(6, [d, v], std)];
        let targets: Vec<i32> = (0..n).map(|row| (row * 31 % v) as i32).collect();
        for norm in NORMS {
            let what = format!("{norm:?} {n}x{d}x{v}");
            compare(
                &what,
                &inputs,
                |x| nats(norm, x[0].clone(), gain(&x[1]), x[2].clone(), &targets),
                |x| composed::nats(norm, x[0].clone(), gain(&x[1]), x[2].clone(), &targets),
            );
            compare(
                &what,
                &inputs,
                |x| cross_entropy(norm, x[0].clone(), gain(&x[1]), x[2].clone(), &targets),
                |x| composed::nats(norm, x[0].clone(), gain(&x[1]), x[2].clone(), &targets).mean(),
            );
        }
    }
}

#[test]
fn equal_logits_are_the_logarithm_of_the_vocabulary() {
    let x = Tensor::<2>::ones([3, 4], &Device::flex());
    let gain = Tensor::<1>::ones([4], &Device::flex());
    let head = Tensor::<2>::ones([4, 11], &Device::flex());
    let loss = cross_entropy(Norm::Rms, x, gain, head, &[0, 5, 10]).into_scalar::<f32>();
    assert!((loss - 11f32.ln()).abs() < 1e-6, "{loss}");
}

#[test]
fn embedding_is_the_composed_one() {
    let ids = [3, 0, 3, 2, 1, 3];
    for d in [1, 16, 19] {
        let tables = [normal(1, [5, d], 1.0), normal(2, [3, d], 1.0)];
        compare(
            "with positions",
            &tables,
            |x| embedding(&ids, x[0].clone(), Some(x[1].clone())),
            |x| composed::embedding(&ids, x[0].clone(), Some(x[1].clone())),
        );
        compare(
            "without",
            &tables[..1],
            |x| embedding(&ids, x[0].clone(), None),
            |x| composed::embedding(&ids, x[0].clone(), None),
        );
    }
}
