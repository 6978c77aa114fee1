//! Masks, the operation, and models that train with it.

use super::Dropout;
use crate::model::{Batch, Operations, Transformer};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::tests::plain::Rows;
use crate::ops::tests::{composed as against_composed, differences, normal};
use crate::ops::{composed, dropout};
use crate::optimizer::{ModelGradients, OptimizerState, unread_gradients};
use burn::tensor::{Device, Tensor};
use isoflop_core::Optimizer;
use isoflop_model::ModelConfig;

/// Tokens of a window of the examples, and their vocabulary.
const CONTEXT: usize = 17;
const VOCAB: i32 = 61;

fn of(probability: f64) -> Dropout {
    Dropout::of(probability, 5, 7).unwrap()
}

#[test]
fn a_share_is_dropped_and_the_rest_keeps_the_mean() {
    for probability in [0.01, 0.1, 0.5, 0.9] {
        let factors = of(probability).factors(3, [6400, 64], 128);
        let kept = (1.0 / (1.0 - probability)) as f32;
        let is_one = |factor: &f32| *factor == 0.0 || (factor / kept - 1.0).abs() < 1e-6;
        assert!(factors.iter().all(is_one));
        let count = factors.len() as f64;
        let dropped = factors.iter().filter(|factor| **factor == 0.0).count() as f64 / count;
        let mean = factors.iter().map(|factor| f64::from(*factor)).sum::<f64>() / count;
        // Five standard errors of a share.
        let error = 5.0 * (probability * (1.0 - probability) / count).sqrt();
        assert!((dropped - probability).abs() < error, "{probability}: {dropped}");
        assert!((mean - 1.0).abs() < error * f64::from(kept), "{probability}: {mean}");
    }
    assert_eq!(Dropout::of(0.0, 5, 7), None);
}

#[test]
fn masks_are_those_of_a_window_however_a_step_is_split_and_differ_in_all_else() {
    let whole = of(0.3).factors(2, [6 * 8, 5], 8);
    for windows in [1, 2, 4] {
        let mut parts = Vec::new();
        for first in (0..6).step_by(windows) {
            let count = windows.min(6 - first);
            let part = of(0.3).later(first * 8).factors(2, [count * 8, 5], 8);
            parts.extend_from_slice(&part);
        }
        assert_eq!(parts[..], whole[..], "{windows} windows a pass");
    }
    let zeros = |factors: &[f32]| factors.iter().map(|f| *f == 0.0).collect::<Vec<_>>();
    let windows: Vec<Vec<bool>> = whole.chunks(8 * 5).map(zeros).collect();
    let others = [
        of(0.3).factors(3, [8, 5], 8),
        Dropout::of(0.3, 5, 8).unwrap().factors(2, [8, 5], 8),
        Dropout::of(0.3, 6, 7).unwrap().factors(2, [8, 5], 8),
    ];
    let all: Vec<_> = windows.into_iter().chain(others.iter().map(|of| zeros(of))).collect();
    for (i, one) in all.iter().enumerate() {
        assert!(!all[..i].contains(one), "mask {i} is that of another");
    }
}

#[test]
fn the_operation_is_its_definition_and_its_gradients_are_differences() {
    for (n, d) in [(1, 1), (3, 7), (5, 33)] {
        let factors = || of(0.4).factors(0, [n, d], n);
        let plain = |x: &[Rows]| -> Rows {
            let number = |i: usize, j: usize| {
                let factor = f64::from(factors()[i * d + j]);
                x[0][i][j] + factor * (x[1][i][j] - x[0][i][j])
            };
            (0..n).map(|i| (0..d).map(|j| number(i, j)).collect()).collect()
        };
        let inputs = [normal(1, [n, d], 1.0), normal(2, [n, d], 1.0)];
        let (fused, stock) = (
            |x: Vec<Tensor<2>>| dropout(x[0].clone(), x[1].clone(), factors()),
            |x: Vec<Tensor<2>>| composed::dropout(x[0].clone(), x[1].clone(), &factors()),
        );
        let what = format!("{n}x{d}");
        differences::compare(&what, &inputs, fused, plain);
        against_composed::compare(&what, &inputs, fused, stock);
    }
}

#[cfg(feature = "wgpu")]
#[test]
#[ignore = "needs an adapter"]
fn an_adapter_drops_what_the_processor_drops() {
    use crate::ops::tests::adapter;
    let inputs = [normal(1, [34, 24], 1.0), normal(2, [34, 24], 1.0)];
    let factors = || of(0.4).factors(0, [34, 24], CONTEXT);
    adapter::compare(
        "34x24",
        &adapter::adapter(),
        &inputs,
        |x| composed::dropout(x[0].clone(), x[1].clone(), &factors()),
        |x| dropout(x[0].clone(), x[1].clone(), factors()),
    );
}

#[test]
fn a_dropped_number_leaves_the_stream_as_it_was() {
    let device = Device::flex();
    let tensor = |seed| Tensor::<2>::from_data(normal(seed, [2, 9], 1.0), &device);
    let factors = Buffer::zeros(18);
    assert_eq!(dropout(tensor(1), tensor(2), factors).into_data(), tensor(1).into_data());
}

/// Inputs and targets of three windows.
fn tokens() -> (Vec<i32>, Vec<i32>) {
    let tokens: Vec<i32> = (0..=3 * CONTEXT as i32).map(|i| (i * i * 7 + i) % VOCAB).collect();
    (tokens[..3 * CONTEXT].to_vec(), tokens[1..].to_vec())
}

fn model(config: ModelConfig) -> Transformer {
    Transformer::new(config, 4, &Device::flex().autodiff())
}

/// Loss and gradients of a step, with `micro` tokens a pass.
fn step(model: &Transformer, dropout: Option<Dropout>, micro: usize) -> (f64, ModelGradients) {
    let (inputs, targets) = tokens();
    let batch = Batch { dropout, ..Batch::new(&inputs, &targets) };
    let (losses, grads) = unread_gradients(model, &batch, micro);
    let losses = losses.into_iter().map(|loss| f64::from(loss.into_scalar::<f32>()));
    (losses.sum(), grads)
}

#[test]
fn a_step_in_parts_drops_what_the_whole_drops() {
    for config in ModelConfig::examples() {
        let model = model(config);
        let (loss, whole) = step(&model, Some(of(0.2)), 3 * CONTEXT);
        // The first pass has two windows and the second has one.
        let (in_parts, parts) = step(&model, Some(of(0.2)), 2 * CONTEXT);
        assert!((in_parts / loss - 1.0).abs() < 1e-6, "{config:?}: {in_parts} {loss}");
        let norm = whole.norm();
        assert!(whole.minus(parts).norm() < 1e-5 * norm, "{config:?}");
    }
}

#[test]
fn fused_and_composed_operations_drop_the_same() {
    for config in ModelConfig::examples() {
        let losses = |mut model: Transformer| -> Vec<f64> {
            let mut optimizer = OptimizerState::new(Optimizer::default());
            let steps = (0..4).map(|at| {
                let (loss, grads) = step(&model, Dropout::of(0.2, 5, at), 3 * CONTEXT);
                optimizer.step(&mut model, grads, 0.003);
                loss
            });
            steps.collect()
        };
        let fused = losses(model(config));
        let composed = losses(model(config).with(Operations::Composed));
        for (fused, composed) in fused.iter().zip(composed) {
            assert!((fused / composed - 1.0).abs() < 3e-3, "{config:?}: {fused} {composed}");
        }
    }
}

#[test]
fn evaluation_drops_nothing() {
    let config = ModelConfig::examples()[0];
    let mut model = model(config);
    let mut optimizer = OptimizerState::new(Optimizer::default());
    for at in 0..20 {
        let (_, grads) = step(&model, Dropout::of(0.5, 5, at), 3 * CONTEXT);
        optimizer.step(&mut model, grads, 0.01);
    }
    let (inputs, targets) = tokens();
    let scored = f64::from(model.nats(&inputs, &targets).mean().into_scalar::<f32>());
    let (without, _) = step(&model, None, 3 * CONTEXT);
    let (with, _) = step(&model, Some(of(0.5)), 3 * CONTEXT);
    assert!((scored / without - 1.0).abs() < 1e-5, "{scored} {without}");
    assert!((with / without - 1.0).abs() > 1e-3, "{with} {without}");
}
