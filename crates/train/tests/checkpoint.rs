//! Tests that a checkpoint restores everything to the last bit, and that damage is reported.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use burn::tensor::Device;
use isoflop_core::{Optimizer, OptimizerKind};
use isoflop_model::{ModelConfig, Norm, Position, Shape};
use isoflop_sweep::checkpoint::{FORMAT, Manifest};
use isoflop_train::checkpoint::{load, save};
use isoflop_train::model::Transformer;
use isoflop_train::optimizer::{OptimizerState, gradients};
use std::fs;

fn manifest(step: u64) -> Manifest {
    let shape = Shape::new(12, 2, 2).unwrap();
    of_model(
        ModelConfig {
            norm: Norm::Layer,
            position: Position::Learned,
            ..ModelConfig::transformer(shape, 31, 9)
        },
        step,
    )
}

fn of_model(model: ModelConfig, step: u64) -> Manifest {
    Manifest {
        format: FORMAT,
        run_id: "a".to_owned(),
        model,
        optimizer: Optimizer::default(),
        step,
        tokenizer: "bytes".to_owned(),
        data_digest: "0".to_owned(),
        seed: 3,
        numerics_version: 0,
    }
}

/// Trains for several steps on two windows each, one window per pass.
fn train(
    model: &mut Transformer,
    optimizer: &mut OptimizerState,
    steps: std::ops::Range<i32>,
) -> Vec<f64> {
    let time = model.config().context;
    steps
        .map(|step| {
            let tokens: Vec<i32> = (0..2 * time as i32 + 1).map(|i| (i * i + step) % 31).collect();
            let (loss, grads) = gradients(model, &tokens[..2 * time], &tokens[1..], time);
            optimizer.step(model, grads, 0.01);
            loss
        })
        .collect()
}

#[test]
fn a_saved_and_loaded_model_of_every_kind_goes_on_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex().autodiff();
    let all = ModelConfig::examples().into_iter().enumerate();
    let all = all.flat_map(|model| OptimizerKind::ALL.map(|kind| (model, kind)));
    for ((at, model), kind) in all {
        let stem = folder.path().join(format!("models/a.{at}"));
        let manifest = Manifest { optimizer: Optimizer::of(kind), ..of_model(model, 4) };
        let mut model = Transformer::new(manifest.model, 3, &device);
        let mut optimizer = OptimizerState::new(manifest.optimizer);
        train(&mut model, &mut optimizer, 0..4);
        save(&stem, &manifest, &model.weights, Some(&optimizer)).unwrap();
        let undisturbed = train(&mut model, &mut optimizer, 4..9);
        let (found, mut model, optimizer) = load(&stem, &device).unwrap();
        assert_eq!(found, manifest);
        assert_eq!(train(&mut model, &mut optimizer.unwrap(), 4..9), undisturbed, "{manifest:?}");
    }
}

/// On devices that queue their work all parameters are one vector, and what is kept lies otherwise.
#[test]
fn a_state_of_every_optimizer_goes_on_to_the_last_bit_where_steps_are_queued() {
    let folder = tempfile::tempdir().unwrap();
    let (stem, device) = (folder.path().join("a"), Device::flex().autodiff());
    for kind in OptimizerKind::ALL {
        let manifest = Manifest { optimizer: Optimizer::of(kind), ..manifest(3) };
        let queue = |model: &mut Transformer, optimizer: &mut OptimizerState, steps: u8| {
            let tokens: Vec<i32> = (0..10).map(|i| i * i % 31).collect();
            let losses = (0..steps).map(|_| {
                let (loss, grads) = gradients(model, &tokens[..9], &tokens[1..], 9);
                optimizer.step_queued(model, grads, 0.01);
                loss
            });
            losses.collect::<Vec<f64>>()
        };
        let mut model = Transformer::new(manifest.model, 3, &device);
        let mut optimizer = OptimizerState::new(manifest.optimizer);
        queue(&mut model, &mut optimizer, 3);
        save(&stem, &manifest, &model.weights, Some(&optimizer)).unwrap();
        let undisturbed = queue(&mut model, &mut optimizer, 4);
        let (_, mut model, optimizer) = load(&stem, &device).unwrap();
        assert_eq!(queue(&mut model, &mut optimizer.unwrap(), 4), undisturbed, "{kind:?}");
    }
}

#[test]
fn weights_alone_come_back_without_an_optimizer() {
    let folder = tempfile::tempdir().unwrap();
    let stem = folder.path().join("a");
    let model = Transformer::new(manifest(0).model, 5, &Device::flex());
    save(&stem, &manifest(0), &model.weights, None).unwrap();
    let (_, loaded, optimizer) = load(&stem, &Device::flex()).unwrap();
    assert!(optimizer.is_none());
    let nats = |model: &Transformer| model.nats(&[1; 9], &[2; 9]).into_data();
    assert_eq!(nats(&loaded), nats(&model));
}

#[test]
fn damaged_files_are_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let stem = folder.path().join("a");
    let model = Transformer::new(manifest(0).model, 5, &Device::flex());
    save(&stem, &manifest(0), &model.weights, None).unwrap();
    let message = || load(&stem, &Device::flex()).unwrap_err().to_string();
    let (json, numbers) = (stem.with_extension("json"), stem.with_extension("safetensors"));
    let whole = fs::read(&numbers).unwrap();
    fs::write(&numbers, &whole[..whole.len() / 2]).unwrap();
    assert!(message().contains("a.safetensors: no checkpoint"), "{}", message());
    fs::write(&numbers, &whole).unwrap();
    let text = fs::read_to_string(&json).unwrap();
    fs::write(&json, text.replace("\"vocab_size\": 31", "\"vocab_size\": 30")).unwrap();
    assert!(message().contains("`token` is [31, 12] and should be [30, 12]"), "{}", message());
    fs::write(&json, text.replace("\"format\": 1", "\"format\": 9")).unwrap();
    assert!(message().contains("its format is 9"), "{}", message());
    fs::remove_file(&json).unwrap();
    assert!(message().contains("a.json: cannot read"), "{}", message());
}
