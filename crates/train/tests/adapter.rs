//! Compares training on an adapter (a software one if there is no other) with the processor. The
//! tests need an adapter and run only when they are asked for: `cargo test --release --workspace
//! --features wgpu adapter -- --include-ignored`.
#![cfg(feature = "wgpu")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use isoflop_core::{Optimizer, OptimizerKind};
use isoflop_model::{ModelConfig, Norm, Position, Shape};
use isoflop_sweep::checkpoint::{FORMAT, Manifest};
use isoflop_train::checkpoint::{load, save};
use isoflop_train::device::{DeviceChoice, TrainDevice};
use isoflop_train::model::Transformer;
use isoflop_train::optimizer::{OptimizerState, gradients};

/// The first adapter.
fn adapter() -> TrainDevice {
    TrainDevice::open(DeviceChoice::Wgpu(None)).expect("an adapter must be there")
}

const CONTEXT: usize = 19;
const VOCAB: usize = 61;

/// Models with both norms and both kinds of position, in sizes that are not round.
fn kinds() -> [ModelConfig; 4] {
    [
        (Norm::Rms, Position::Rope, (24, 2, 3)),
        (Norm::Rms, Position::Learned, (18, 3, 1)),
        (Norm::Layer, Position::Rope, (20, 1, 2)),
        (Norm::Layer, Position::Learned, (36, 2, 6)),
    ]
    .map(|(norm, position, (width, layers, heads))| ModelConfig {
        norm,
        position,
        document_mask: (norm == Norm::Layer).then_some(7),
        ..ModelConfig::transformer(Shape::new(width, layers, heads).unwrap(), VOCAB, CONTEXT)
    })
}

/// Inputs and targets of three windows; the text differs from step to step.
fn batch(step: u64) -> (Vec<i32>, Vec<i32>) {
    let count = 3 * CONTEXT as u64;
    let token = |i: u64| ((i * i * 7 + i + step % 3 * 13) % VOCAB as u64) as i32;
    ((0..count).map(token).collect(), (1..=count).map(token).collect())
}

/// Losses and gradient norms of steps, computed with `micro` tokens per pass.
fn train(
    device: &TrainDevice,
    (model, optimizer): (&mut Transformer, &mut OptimizerState),
    steps: std::ops::Range<u64>,
    micro: usize,
) -> Vec<(f64, f64)> {
    let one = |step| {
        let (inputs, targets) = batch(step);
        let (loss, grads) = gradients(model, &inputs, &targets, micro);
        let norm = match device.is_queued() {
            true => {
                let norm = optimizer.step_queued(model, grads, 0.003);
                f64::from(norm.into_scalar::<f32>())
            }
            false => optimizer.step(model, grads, 0.003),
        };
        (loss, norm)
    };
    steps.map(one).collect()
}

fn fresh(config: ModelConfig, device: &TrainDevice) -> (Transformer, OptimizerState) {
    let model = Transformer::new(config, 3, &device.autodiff());
    (model, OptimizerState::new(Optimizer::default()))
}

#[test]
#[ignore = "needs an adapter"]
fn muon_and_gradient_descent_on_an_adapter_have_the_processors_losses() {
    let [config, ..] = kinds();
    for kind in [OptimizerKind::Muon, OptimizerKind::Sgd] {
        let losses = |device: &TrainDevice| {
            let mut model = Transformer::new(config, 3, &device.autodiff());
            let mut optimizer = OptimizerState::new(Optimizer::of(kind));
            train(device, (&mut model, &mut optimizer), 0..10, 3 * CONTEXT)
        };
        let (found, expected) = (losses(&adapter()), losses(&TrainDevice::cpu()));
        for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let miss = (found.0 / expected.0 - 1.0).abs();
            assert!(miss < 1e-3, "{kind:?}, step {step}: {found:?} against {expected:?}");
        }
    }
}

fn losses(config: ModelConfig, device: &TrainDevice, micro: usize) -> Vec<(f64, f64)> {
    let (mut model, mut optimizer) = fresh(config, device);
    train(device, (&mut model, &mut optimizer), 0..20, micro)
}

#[test]
#[ignore = "needs an adapter"]
fn twenty_steps_on_an_adapter_have_the_processors_losses_and_again_to_the_last_bit() {
    let adapter = adapter();
    let whole = 3 * CONTEXT;
    let mut largest = 0.0f64;
    for config in kinds() {
        let expected = losses(config, &TrainDevice::cpu(), whole);
        let found = losses(config, &adapter, whole);
        for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let loss = (found.0 / expected.0 - 1.0).abs();
            let norm = (found.1 / expected.1 - 1.0).abs();
            assert!(
                loss < 1e-3 && norm < 1e-2,
                "{config:?}, step {step}: {found:?} against {expected:?}"
            );
            largest = largest.max(loss);
        }
        assert!(found[19].0 < found[0].0, "{config:?} does not learn");
        assert_eq!(found, losses(config, &adapter, whole), "{config:?}, again");
        let in_parts = losses(config, &adapter, 2 * CONTEXT);
        for (parts, whole) in in_parts.iter().zip(&found) {
            assert!((parts.0 / whole.0 - 1.0).abs() < 1e-3, "{config:?} in parts");
        }
    }
    println!("largest relative difference of a loss: {largest:.1e}");
}

/// Values of all parameters, in the order of the model's list.
struct Values(Vec<Vec<f32>>);

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().into_data().iter::<f32>().collect());
    }
}

#[test]
#[ignore = "needs an adapter"]
fn initial_weights_on_an_adapter_are_the_processors_to_the_last_bit() {
    let adapter = adapter();
    for config in kinds() {
        let bits = |device: &TrainDevice| {
            let model = Transformer::new(config, 5, &device.tensors());
            let mut values = Values(Vec::new());
            model.weights.visit(&mut values);
            values.0
        };
        assert_eq!(bits(&adapter), bits(&TrainDevice::cpu()), "{config:?}");
    }
}

#[test]
#[ignore = "needs an adapter"]
fn a_state_saved_on_an_adapter_goes_on_there_to_the_last_bit() {
    let adapter = adapter();
    let folder = tempfile::tempdir().unwrap();
    let stem = folder.path().join("a");
    for model_config in kinds() {
        let manifest = Manifest {
            format: FORMAT,
            run_id: "a".to_owned(),
            model: model_config,
            optimizer: Optimizer::default(),
            step: 4,
            tokenizer: "bytes".to_owned(),
            data_digest: "0".to_owned(),
            seed: 3,
            numerics_version: 0,
        };
        let whole = 3 * CONTEXT;
        let (mut model, mut optimizer) = fresh(model_config, &adapter);
        train(&adapter, (&mut model, &mut optimizer), 0..4, whole);
        save(&stem, &manifest, &model.weights, Some(&optimizer)).unwrap();
        let expected = train(&adapter, (&mut model, &mut optimizer), 4..9, whole);
        let (_, mut model, optimizer) = load(&stem, &adapter.autodiff()).unwrap();
        let mut optimizer = optimizer.unwrap();
        let found = train(&adapter, (&mut model, &mut optimizer), 4..9, whole);
        assert_eq!(found, expected, "{model_config:?}");
        // Loading on the processor gives other bits but nearly the same numbers.
        let (_, model, _) = load(&stem, &Device::flex()).unwrap();
        let (inputs, targets) = batch(4);
        let loss = f64::from(model.loss(&inputs, &targets).into_scalar::<f32>());
        assert!((loss / expected[0].0 - 1.0).abs() < 1e-4, "{loss}");
    }
}
