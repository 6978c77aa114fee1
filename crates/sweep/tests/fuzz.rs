//! Feeds files of a sweep that are damaged at random, with fixed seeds.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use isoflop_core::Optimizer;
use isoflop_core::fuzz::run;
use isoflop_model::{ModelConfig, Norm, Position, Shape};
use isoflop_results::DataRecord;
use isoflop_sweep::checkpoint::{FORMAT, Manifest, Values, pack};
use isoflop_sweep::{DataFacts, Plan, PlanContext, Sweep, fuzz};
use std::path::Path;

const SWEEPS: &[&str] = &[
    include_str!("../../../sweeps/quickstart.toml"),
    include_str!("../../../sweeps/text.toml"),
    include_str!("../../../sweeps/language.toml"),
    r#"
name = "all"
max_failures = 3
[data]
mixture = [{ weight = 1, text = "a/*.md" }, { weight = 2.5, jsonl = "b.jsonl", field = "x.y" }]
tokenizer = "bpe:512"
context = 64
quality = "standard"
unique_tokens = "1M"
[model]
sizes = ["1k", 3e3, "16x2x2", { d_model = 24, n_layers = 1, n_heads = 2 }]
parametrization = "mup"
[plan]
grid = { tokens = ["10k", 1e5, "1.5M"] }
[train]
learning_rate = { tune = { rates = 5, factor = 2.0, tokens = "500k" } }
batch_tokens = 512
seeds = [0, 1]
trunks = false
[axes]
"model.norm" = ["rms", "layer"]
"data.split_seed" = [0, 7]
"#,
    "name = \"p\"\n[data]\ncorpus = \"rust-docs\"\n[model]\nsizes = [\"1k\"]\n[plan]\ntokens_per_param = [20, \"1k\"]\n",
    "name = \"e\"\n[data]\ncorpus = \"rust-docs\"\n[model]\nsizes = [\"1k\"]\n[plan]\nepochs = [0.5, 4]\n",
];

fn plan(source: &str) -> String {
    let sweep = Sweep::parse(Path::new("t.toml"), source.to_owned()).unwrap();
    let mut context = PlanContext {
        facts: &mut |_| {
            Ok(DataFacts::of(DataRecord {
                data_digest: "0".repeat(16),
                vocab_size: 256,
                train_tokens: 1_000_000,
                test_tokens: 1000,
                tokenizer: "bytes".to_owned(),
                ..DataRecord::default()
            }))
        },
        numerics_version: |_| 1,
        memory_bytes: 1 << 34,
        tuned: None,
        history: None,
        with_waiting: true,
    };
    Plan::build(&sweep, &mut context).unwrap().to_json().unwrap()
}

#[test]
fn a_sweep_file_of_any_bytes_is_refused_or_planned() {
    let samples: Vec<&[u8]> = SWEEPS.iter().map(|text| text.as_bytes()).collect();
    run(1, 6000, &samples, fuzz::sweep_file);
}

#[test]
fn a_plan_of_any_bytes_is_refused_or_can_be_priced() {
    let plans: Vec<String> = SWEEPS.iter().map(|source| plan(source)).collect();
    let samples: Vec<&[u8]> = plans.iter().map(|text| text.as_bytes()).collect();
    run(2, 6000, &samples, fuzz::plan);
}

#[test]
fn a_lease_of_any_bytes_protects_nobody_or_reads_back() {
    let sample = br#"{"run_id":"n1k-d1k-s0-0a","trunk":"n1k-s0-0b","stage":"trunk","owner":{"host":"h","boot":"b","pid":7,"pid_start":9},"attempt":1,"micro_windows":4,"progress":{"step":3,"steps":9,"loss":2.5,"tokens_per_s":1e5}}"#;
    run(3, 30_000, &[sample], fuzz::lease);
}

#[test]
fn a_label_of_any_bytes_is_refused_or_true() {
    let sample = br#"{"format":1,"step":7,"bytes":19,"sha256":"5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"}"#;
    run(4, 30_000, &[sample], fuzz::label);
}

fn state(position: Position) -> Vec<u8> {
    let model = ModelConfig {
        norm: Norm::Layer,
        position,
        ..ModelConfig::transformer(Shape::new(4, 1, 1).unwrap(), 5, 3)
    };
    let specs = model.tensors();
    let weights: Vec<Vec<f32>> =
        specs.iter().map(|spec| vec![0.25; spec.dims.iter().product()]).collect();
    let moments = weights.iter().map(|of| vec![of.clone(), of.clone()]).collect();
    let manifest = Manifest {
        format: FORMAT,
        run_id: "a".to_owned(),
        model,
        optimizer: Optimizer::default(),
        step: 1,
        tokenizer: "bytes".to_owned(),
        data_digest: "0".to_owned(),
        seed: 3,
        numerics_version: 0,
    };
    pack(&manifest, &Values { weights, moments: Some(moments) }, "{}")
}

#[test]
fn weights_and_states_of_any_bytes_are_refused_or_whole() {
    let samples = [state(Position::Learned), state(Position::Rope)];
    let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
    run(9, 20_000, &samples, |bytes| {
        fuzz::weights(bytes);
        fuzz::state(bytes);
    });
}
