//! Feeds damaged weights and states to the readers, which must return tensors or a message.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use burn::tensor::Device;
use isoflop_core::Optimizer;
use isoflop_core::fuzz::run;
use isoflop_model::{ModelConfig, Norm, Position, Shape};
use isoflop_train::checkpoint::{FORMAT, Manifest, pack};
use isoflop_train::fuzz::{state, weights};
use isoflop_train::model::Transformer;
use isoflop_train::optimizer::{AdamW, gradients};

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
    let mut optimizer = AdamW::new(manifest.optimizer);
    let (_, grads) = gradients(&model, &[0, 1, 2], &[1, 2, 3], 3);
    optimizer.step(&mut model, grads, 0.01);
    pack(&manifest, &model.weights, &optimizer, "{}")
}

#[test]
fn damaged_weights_and_states_end_in_tensors_or_a_message() {
    let samples = [sample(Position::Learned), sample(Position::Rope)];
    let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
    run(9, 30_000, &samples, |bytes| {
        weights(bytes);
        state(bytes);
    });
}
