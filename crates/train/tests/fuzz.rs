//! Damaged states: reading one ends in a model or a message.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use burn::tensor::Device;
use isoflop_core::Optimizer;
use isoflop_core::fuzz::run;
use isoflop_model::{ModelConfig, Norm, Position, Shape};
use isoflop_sweep::checkpoint::{FORMAT, Manifest};
use isoflop_train::checkpoint::pack;
use isoflop_train::fuzz::model;
use isoflop_train::model::Transformer;
use isoflop_train::optimizer::{OptimizerState, gradients};

fn sample(position: Position) -> Vec<u8> {
    let manifest = Manifest {
        format: FORMAT,
        run_id: "a".to_owned(),
        model: ModelConfig {
            norm: Norm::Layer,
            position,
            ..ModelConfig::transformer(Shape::new(4, 1, 1).unwrap(), 5, 3)
        },
        optimizer: Optimizer::default(),
        step: 1,
        tokenizer: "bytes".to_owned(),
        data_digest: "0".to_owned(),
        seed: 3,
        numerics_version: 0,
    };
    let mut model = Transformer::new(manifest.model, 3, &Device::flex().autodiff());
    let mut optimizer = OptimizerState::new(manifest.optimizer);
    let (_, grads) = gradients(&model, &[0, 1, 2], &[1, 2, 3], 3);
    optimizer.step(&mut model, grads, 0.01);
    pack(&manifest, &model.weights, &optimizer, "{}")
}

#[test]
fn of_a_damaged_state_that_is_taken_a_model_can_be_made() {
    let samples = [sample(Position::Learned), sample(Position::Rope)];
    let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
    run(9, 10_000, &samples, model);
}
