//! Runs and curves that a Chinchilla law with a little noise made.

use isoflop_results::{Curve, CurvePoint, RunRow, Status};

pub const SIZES: [(u64, u64, u64); 6] = [
    (3_088, 16, 1),
    (6_208, 16, 2),
    (14_016, 24, 2),
    (28_800, 32, 2),
    (55_776, 48, 2),
    (110_976, 48, 4),
];
pub const BUDGETS: [f64; 4] = [3e10, 1e11, 3e11, 1e12];

/// A number in [-1, 1] made of a hash of its key.
pub fn noise(key: u64) -> f64 {
    let mut x = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 29;
    (x % 20_001) as f64 / 10_000.0 - 1.0
}

pub fn law(n: f64, d: f64) -> f64 {
    0.75 + 9.0 * n.powf(-0.30) + 95.0 * d.powf(-0.33)
}

pub fn mid_loss(run: &RunRow, tokens: f64, scale: f64) -> f64 {
    let share = tokens / run.tokens as f64;
    let annealed = ((share - 0.8) / 0.2).clamp(0.0, 1.0);
    let start = (-tokens / 9_000.0).exp() * 2.6;
    let loss = scale * law(run.n_non_embedding as f64, tokens) * (1.06 - 0.06 * annealed);
    // The loss is ln 256 at the start, soon that of letter frequencies (about 3.4 nats), later the law's.
    let early = 3.4f64.powi(-8) + loss.powi(-8);
    (early.powf(-0.125) + start).min(5.55)
}

pub fn add_series(runs: &mut Vec<RunRow>, curves: &mut Vec<Curve>, series: &str, scale: f64) {
    for (b, budget) in BUDGETS.into_iter().enumerate() {
        for (s, (n, width, layers)) in SIZES.into_iter().enumerate() {
            let per_token =
                6.0 * (n as f64 + 256.0 * width as f64) + 6.0 * (layers * width * 129) as f64;
            let tokens = (budget / per_token / 2048.0).round() as u64 * 2048;
            let steps = tokens / 2048;
            if steps < 40 {
                continue;
            }
            let key = (b * 10 + s) as u64 + series.len() as u64 * 100;
            let loss = scale * law(n as f64, tokens as f64) * (1.0 + 0.004 * noise(key));
            let c_exact = per_token * tokens as f64;
            let label = isoflop_core::units::short(n as f64);
            let corpus = series.split_once('=').map_or("rust-docs@1", |(_, v)| v);
            let run = RunRow {
                run_id: format!("c{budget:e}-n{label}-{}", series.len()),
                sweep: "quickstart".into(),
                series: series.into(),
                status: Status::Finished,
                message: None,
                failure: None,
                role: None,
                family: "transformer".into(),
                mixer: "attention".into(),
                feed_forward: "dense".into(),
                activation: "gelu".into(),
                ffn_ratio: None,
                d_ff: Some(4 * width),
                experts: None,
                active_experts: None,
                shared_experts: None,
                granularity: None,
                gate: None,
                balance: None,
                size: label,
                d_model: width,
                n_layers: layers,
                n_heads: Some(2),
                kv_heads: None,
                qk_norm: "none".into(),
                norm: "rms".into(),
                position: "rope".into(),
                parametrization: "standard".into(),
                vocab_size: 256,
                context: 128,
                attention: "causal".to_owned(),
                window: None,
                strided: None,
                fixed: None,
                pattern: None,
                head: "own".into(),
                output_init: "scaled".into(),
                n_non_embedding: n,
                n_active_non_embedding: Some(n),
                n_total: n + 512 * width,
                n_active: n + 512 * width,
                corpus: corpus.into(),
                data_digest: "5c1f0e6a9b3d2c47".into(),
                tokenizer: "bytes".into(),
                tokens,
                unique_tokens: tokens.min(15_000_000),
                epochs: tokens as f64 / 15e6,
                tokens_per_param: tokens as f64 / n as f64,
                steps,
                batch_tokens: 2048,
                micro_batch: 16,
                flops_budget: Some(budget),
                c_6nd: 6.0 * n as f64 * tokens as f64,
                c_exact,
                flops_scan: Some(0.0),
                flops_optimizer: Some(0.0),
                pf_days: c_exact / 8.64e19,
                flops_spent: c_exact,
                optimizer: "adamw".to_owned(),
                schedule: "wsd".into(),
                learning_rate: 0.01,
                warmup_steps: 20,
                decay_steps: steps / 5,
                weight_decay: 0.1,
                beta1: 0.9,
                beta2: 0.95,
                clip: 1.0,
                dropout: 0.0,
                seed: 0,
                test_loss: Some(loss),
                test_loss_se: Some(0.011),
                test_bpb: Some(loss / std::f64::consts::LN_2),
                test_tokens: 262_144,
                load: None,
                entropy: None,
                train_loss: Some(loss - 0.02),
                diverged_step: None,
                wall_time_s: c_exact / 9e9,
                tokens_per_s: 9e9 / per_token,
                flops_per_s: 9e9,
                mfu: None,
                peak_memory_bytes: Some(90 << 20),
                device_memory_bytes: None,
                device: "cpu".into(),
                instruction_set: "avx512".into(),
                host: "host".into(),
                pid: 1,
                attempt: 1,
                started_time: "2026-01-02T03:04:05Z".into(),
                finished_time: "2026-01-02T03:05:05Z".into(),
                numerics_version: 1,
                isoflop_version: "0.1.0".into(),
                burn_version: "0.22.1".into(),
            };
            curves.push(curve_of(&run, scale));
            runs.push(run);
        }
    }
}

pub fn curve_of(run: &RunRow, scale: f64) -> Curve {
    let count = run.steps.min(150);
    let points = (1..=count).map(|k| {
        let step = k * run.steps / count;
        let tokens = step * run.batch_tokens;
        let loss = mid_loss(run, tokens as f64, scale);
        let wobble = 1.0 + 0.008 * noise(k * 7919 + run.n_non_embedding);
        CurvePoint {
            step,
            tokens,
            flops: run.c_exact * tokens as f64 / run.tokens as f64,
            train_loss: Some(loss * wobble),
            test_loss: (k % 6 == 0 || k == count).then_some(loss * 1.01),
            learning_rate: 0.01,
            grad_norm: Some(0.4),
        }
    });
    Curve { run_id: run.run_id.clone(), points: points.collect() }
}
