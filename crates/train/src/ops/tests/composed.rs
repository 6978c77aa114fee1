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

#[test]
fn adamw_is_the_composed_one_and_leaves_shared_tensors_alone() {
    let device = Device::flex();
    let tensor = |seed, std| Tensor::<2>::from_data(normal(seed, [5, 7], std), &device);
    let (mut fused_param, mut fused_moments) = (tensor(1, 1.0), None);
    let (mut composed_param, mut composed_moments) = (fused_param.clone(), None);
    let start = fused_param.clone();
    for step in 1..=4 {
        let update = Update {
            constants: isoflop_core::Optimizer::default(),
            rate: 0.01,
            decay: 0.1,
            scale: 0.7,
            step,
        };
        let grad = tensor(10 + step, 0.3);
        let (param, moments) = adamw(fused_param, grad.clone(), fused_moments, &update);
        (fused_param, fused_moments) = (param, Some(moments));
        let (param, moments) = composed::adamw(composed_param, grad, composed_moments, &update);
        (composed_param, composed_moments) = (param, Some(moments));
        let difference = (fused_param.clone() - composed_param.clone()).abs().max();
        assert!(difference.into_scalar::<f32>() < 1e-6);
    }
    assert_eq!(start.into_data(), tensor(1, 1.0).into_data());
}
