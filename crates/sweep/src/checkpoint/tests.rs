use super::*;
use isoflop_core::{Optimizer, OptimizerKind};
use isoflop_model::{Norm, Position, Shape};

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        run_id: "a".to_owned(),
        model: ModelConfig {
            norm: Norm::Layer,
            position: Position::Learned,
            ..ModelConfig::transformer(Shape::new(12, 2, 2).unwrap(), 31, 9)
        },
        optimizer: Optimizer::default(),
        step: 7,
        tokenizer: "bytes".to_owned(),
        data_digest: "0".to_owned(),
        seed: 3,
        numerics_version: 0,
    }
}

/// A number of its own in every place.
fn distinct(manifest: &Manifest) -> Values {
    let mut next = 0.0;
    let mut fill = |count: usize| -> Vec<f32> {
        (0..count)
            .map(|_| {
                next += 0.5;
                next
            })
            .collect()
    };
    let specs = manifest.model.tensors();
    let weights = specs.iter().map(|spec| fill(spec.len() as usize)).collect();
    let kept = specs.iter().map(|spec| {
        let means = match spec.optimizer(manifest.optimizer.kind) {
            OptimizerKind::AdamW => 2,
            OptimizerKind::Muon | OptimizerKind::Sgd => 1,
        };
        (0..means).map(|_| fill(spec.len() as usize)).collect()
    });
    Values { weights, moments: Some(kept.collect()) }
}

#[test]
fn a_state_comes_back_as_it_was_whatever_the_model() {
    for model in ModelConfig::examples() {
        for kind in OptimizerKind::ALL {
            let optimizer = Optimizer { kind, ..Optimizer::default() };
            let manifest = Manifest { model, optimizer, ..manifest() };
            let values = distinct(&manifest);
            let packed = pack(&manifest, &values, "a \"session\"");
            let state = unpack(&packed).unwrap();
            assert_eq!(state, State { manifest, values, session: "a \"session\"".to_owned() });
        }
    }
}

#[test]
fn a_state_of_another_optimizer_is_refused() {
    let muon = Optimizer { kind: OptimizerKind::Muon, ..Optimizer::default() };
    let muon = Manifest { optimizer: muon, ..manifest() };
    let whole = distinct(&manifest());
    let problem = values(&muon, tensors(&manifest(), &whole)).unwrap_err();
    assert_eq!(problem, "no tensor `muon.momentum.blocks.0.qkv`");
}

#[test]
fn weights_without_an_optimizer_say_so_and_keep_their_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let stem = folder.path().join("a.b");
    let values = Values { moments: None, ..distinct(&manifest()) };
    save(&stem, &manifest(), &values).unwrap();
    assert_eq!(load(&stem).unwrap(), (manifest(), values));
    assert!(has_checksum(&stem).unwrap());
}

#[test]
fn a_tensor_that_is_missing_of_other_dimensions_or_of_whole_numbers_is_named() {
    let whole = distinct(&manifest());
    let problem = |change: &dyn Fn(&mut Vec<Tensor<'_>>)| {
        let mut found = tensors(&manifest(), &whole);
        change(&mut found);
        values(&manifest(), found).unwrap_err()
    };
    assert_eq!(problem(&|tensors| tensors[0].name = "other".to_owned()), "no tensor `token`");
    assert_eq!(
        problem(&|tensors| tensors[0].dims.swap(0, 1)),
        "`token` is [12, 31] and should be [31, 12]"
    );
    let last = "adamw.second.head";
    assert_eq!(problem(&|tensors| drop(tensors.pop())), format!("no tensor `{last}`"));
    let integers = Tensor {
        name: "ids".to_owned(),
        dims: vec![2],
        numbers: Numbers::Integers(vec![1, 2].into()),
    };
    assert_eq!(parse(&serialize(&[integers])).unwrap_err(), "`ids` holds I32, not F32");
    assert!(problem(&|tensors| tensors.truncate(1)).contains("too few for the model"));
}
