//! Tests of exporting trained models, and of measuring the speed of training.

use crate::workshop::{SWEEP, Workshop, isoflop, stderr, stdout};
use std::fs;

#[test]
fn a_trained_model_is_exported_with_a_batch_to_compare_by() {
    let shop = Workshop::new(SWEEP);
    shop.run().code(0);
    let row = &shop.rows()[0];
    let export = |run: &str| {
        let run = format!("results/tiny/{run}");
        shop.isoflop().args(["export-model", &run, "--out", "model"]).assert()
    };
    let done = export(&row.run_id).code(0);
    assert!(stdout(&done).contains(&row.run_id), "{}", stdout(&done));
    let config = fs::read_to_string(shop.path("model/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["d_model"], row.d_model);
    // The batch has 128 of the 2,000 scored tokens, so its mean differs a little from the test
    // loss.
    let mean = config["batch"]["mean_nats"].as_f64().unwrap();
    assert!((mean / row.test_loss.unwrap() - 1.0).abs() < 0.2, "{mean}");
    let numbers = fs::metadata(shop.path("model/model.safetensors")).unwrap();
    assert!(numbers.len() > row.n_total * 4);

    let mut nowhere = shop.isoflop();
    nowhere.args(["export-model", "n", "--out", "model"]);
    let nowhere = stderr(&nowhere.assert().code(2));
    assert!(nowhere.contains("`n` names no results folder"), "{nowhere}");

    let ambiguous = stderr(&export("n").code(2));
    assert!(ambiguous.contains("6 runs start with `n`"), "{ambiguous}");
    let unknown = stderr(&export("zzz").code(2));
    assert!(unknown.contains("no run of tiny starts with `zzz`"), "{unknown}");
    fs::remove_file(shop.path(&format!("results/tiny/models/{}.json", row.run_id))).unwrap();
    let missing = stderr(&export(&row.run_id).code(2));
    assert!(missing.contains("cannot read") && missing.contains("hint:"), "{missing}");
}

#[test]
fn a_mixture_is_exported_with_the_experts_of_every_token_and_its_row_says_their_load() {
    let shop = Workshop::new(&SWEEP.replace("[model]", "[model]\nfamily = \"moe\""));
    shop.run().code(0);
    let row = &shop.rows()[0];
    let load = row.load.unwrap();
    assert!((1.0..=4.0).contains(&load), "{load}");
    let run = format!("results/tiny/{}", row.run_id);
    shop.isoflop().args(["export-model", &run, "--out", "model"]).assert().code(0);
    let batch = fs::read(shop.path("model/batch.safetensors")).unwrap();
    let (length, rest) = batch.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&rest[..length]).unwrap();
    let routes = &header["routes"];
    assert_eq!(routes["dtype"], "I32");
    assert_eq!(routes["shape"], serde_json::json!([row.n_layers, 4, 32, 2]));
    let at = |i: usize| routes["data_offsets"][i].as_u64().unwrap() as usize + length;
    let experts: Vec<u32> = rest[at(0)..at(1)]
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert!(experts.chunks_exact(2).all(|pair| pair[0] < pair[1] && pair[1] < 8));
}

#[test]
fn bench_measures_whole_steps_and_their_parts() {
    let bench = |more: &[&str]| {
        let mut command = isoflop();
        command.args(["bench", "--sizes", "8x1x1,16x1x2", "--batch", "2", "--context", "16"]);
        command.args(["--steps", "2", "--json"]).args(more);
        let text = stdout(&command.assert().code(0));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let one = bench(&["--profile", "--norm", "layer", "--position", "learned"]);
    assert!(one["peak_gflops"].as_f64().unwrap() > 0.0);
    let sizes = one["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 2);
    for size in sizes {
        assert!(size["ms_per_step"].as_f64().unwrap() > 0.0);
        let parts = size["parts"].as_array().unwrap();
        let has = |name: &str| parts.iter().any(|part| part["part"] == name);
        assert!(has("matrix products") && has("attention, backward") && has("adamw"));
        // On random tokens the loss is about ln 256.
        assert!((size["loss"].as_f64().unwrap() - 5.5).abs() < 0.2, "{size}");
    }
    let two = bench(&["--threads", "2", "--composed"]);
    assert_eq!(two["sizes"].as_array().unwrap().len(), 2);
    let muon = bench(&["--profile", "--optimizer", "muon"]);
    let parts = muon["sizes"][0]["parts"].as_array().unwrap();
    assert!(parts.iter().any(|part| part["part"] == "muon"), "{parts:?}");
}

#[test]
fn bench_refuses_what_is_no_size() {
    for (size, part) in [
        ("64", "`64` is no size"),
        ("64x4x4x4", "`64x4x4x4` is no size"),
        ("axbxc", "`axbxc` is no size"),
        ("10x1x3", "10"),
        ("6x1x2", "odd"),
    ] {
        let refused = isoflop().args(["bench", "--sizes", size]).assert().code(2);
        let text = stderr(&refused);
        assert!(text.contains(part) && text.contains("hint:"), "{text}");
    }
}
