//! Optimizers in a sweep file.

use super::{SWEEP, plan, refusal};
use crate::row::row_of_plan;
use isoflop_core::{Optimizer, OptimizerKind};

fn with(train: &str) -> String {
    format!("{SWEEP}\n[train]\n{train}\n")
}

#[test]
fn adamw_is_the_default_and_written_out_is_the_same_run() {
    let plain = plan(SWEEP).unwrap();
    assert_eq!(plain.runs(), plan(&with("optimizer = \"adamw\"")).unwrap().runs());
    let row = row_of_plan("t", &plain.runs()[0]);
    assert_eq!((row.optimizer.as_str(), row.flops_optimizer), ("adamw", Some(0.0)));
}

#[test]
fn another_optimizer_is_another_run_on_a_trunk_of_its_own() {
    let plain = plan(SWEEP).unwrap();
    for kind in [OptimizerKind::Muon, OptimizerKind::Sgd] {
        let other = plan(&with(&format!("optimizer = \"{}\"", kind.name()))).unwrap();
        for (run, before) in other.runs().iter().zip(plain.runs()) {
            assert_eq!(run.config.recipe.optimizer, Optimizer::of(kind));
            assert_eq!(run.config.recipe.schedule, before.config.recipe.schedule);
            assert!(run.id() != before.id() && run.trunk() != before.trunk());
            assert_eq!(row_of_plan("t", run).optimizer, kind.name());
        }
    }
}

#[test]
fn a_weight_decay_that_the_file_gives_is_that_of_every_optimizer() {
    for kind in OptimizerKind::ALL {
        let given = format!("optimizer = \"{}\"\nweight_decay = 0.05", kind.name());
        let given = plan(&with(&given)).unwrap();
        assert!(given.runs().iter().all(|run| run.config.recipe.optimizer.weight_decay == 0.05));
    }
}

#[test]
fn an_axis_of_optimizers_trains_each_size_with_each() {
    let both = plan(&format!("{SWEEP}\n[axes]\n\"train.optimizer\" = [\"adamw\", \"muon\"]\n"));
    let both = both.unwrap();
    assert_eq!(both.runs().len(), 12);
    assert_eq!(both.runs()[0].series.to_string(), "train.optimizer=adamw");
    assert_eq!(both.runs()[11].config.recipe.optimizer.kind, OptimizerKind::Muon);
}

#[test]
fn the_work_of_muon_is_that_of_its_steps() {
    let muon = plan(&with("optimizer = \"muon\"")).unwrap();
    for run in muon.runs() {
        let shape = run.config.model.shape;
        let block = 300.0 * (shape.d_model as f64).powi(3);
        let expected = block * (shape.n_layers as u64 * run.steps()) as f64;
        assert_eq!(run.flops_optimizer().0, expected);
        assert_eq!(row_of_plan("t", run).flops_optimizer, Some(expected));
    }
}

#[test]
fn an_unknown_optimizer_and_one_without_rates_are_refused() {
    let unknown = refusal("[plan]", "[train]\noptimizer = \"muno\"\n[plan]");
    assert!(unknown.contains("t.toml:8") && unknown.contains("muon"), "{unknown}");
    let mup = refusal("[plan]", "parametrization = \"mup\"\n[train]\noptimizer = \"sgd\"\n[plan]");
    assert!(mup.contains("t.toml:9:13: the maximal-update parametrisation has no rates"), "{mup}");
}

/// The bytes that ids are hashes of.
#[test]
fn adamw_is_written_as_it_was_before_there_were_others() {
    let written = serde_json::to_string(&Optimizer::default()).unwrap();
    let before = r#"{"beta1":0.9,"beta2":0.95,"epsilon":1e-8,"weight_decay":0.1,"clip_norm":1.0}"#;
    assert_eq!(written, before);
    assert_eq!(serde_json::from_str::<Optimizer>(before).unwrap(), Optimizer::default());
    for kind in OptimizerKind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        assert_eq!(OptimizerKind::named(kind.name()), Some(kind));
    }
}
