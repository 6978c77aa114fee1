//! The shard a worker writes when a run ends: its row and its curve in one checked file.

use crate::curve::CurvePoint;
use crate::error::ResultsError;
use crate::file::write_atomic;
use crate::position::PositionPoint;
use crate::row::RunRow;
use isoflop_core::digest::sha256;
use isoflop_core::text::shown_up_to;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Row, curve and losses by position of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The row of `runs.parquet`.
    pub row: RunRow,
    /// The rows of `curves.parquet`.
    pub curve: Vec<CurvePoint>,
    /// The rows of `positions.parquet`; none in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<PositionPoint>,
}

impl RunRecord {
    /// A record of a run that left nothing but its row.
    pub fn of(row: RunRow) -> Self {
        RunRecord { row, curve: Vec::new(), positions: Vec::new() }
    }

    /// Writes the record as two lines: SHA-256 of the second, then the record as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ResultsError> {
        write_atomic(path, &self.to_bytes())
    }

    /// Reads a record back and checks it.
    ///
    /// # Errors
    /// The file cannot be read, is truncated, or does not match its checksum.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let bytes = fs::read(path).map_err(ResultsError::io(path, "read"))?;
        RunRecord::parse(&bytes)
            .map_err(|problem| ResultsError::DamagedRecord { path: path.to_owned(), problem })
    }

    /// As [`RunRecord::read`], of the bytes of a file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
        let (sum, body) = text.split_once('\n').ok_or("truncated")?;
        let body = body.strip_suffix('\n').ok_or("truncated")?;
        if sum != checksum(body) {
            return Err("its checksum does not match".to_owned());
        }
        serde_json::from_str(body).map_err(|error| shown_up_to(200, &error.to_string()))
    }

    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let body = serde_json::to_string(self).expect("rows hold text and finite numbers only");
        sealed(&body)
    }
}

/// A body with its checksum before it.
pub(crate) fn sealed(body: &str) -> Vec<u8> {
    format!("{}\n{body}\n", checksum(body)).into_bytes()
}

fn checksum(body: &str) -> String {
    sha256([body.as_bytes()])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::status::Status;
    use isoflop_core::Series;

    pub(crate) fn record(run_id: &str) -> RunRecord {
        let row = RunRow {
            run_id: run_id.to_owned(),
            sweep: "s".to_owned(),
            series: Series::default(),
            status: Status::Finished,
            message: None,
            failure: None,
            role: None,
            family: "transformer".to_owned(),
            mixer: "attention".to_owned(),
            feed_forward: "dense".to_owned(),
            activation: "gelu".to_owned(),
            ffn_ratio: None,
            d_ff: None,
            experts: None,
            active_experts: None,
            shared_experts: None,
            granularity: None,
            gate: None,
            balance: None,
            size: "3k".to_owned(),
            d_model: 16,
            n_layers: 1,
            n_heads: Some(1),
            kv_heads: None,
            qk_norm: "none".to_owned(),
            norm: "rms".to_owned(),
            position: "rope".to_owned(),
            parametrization: "standard".to_owned(),
            vocab_size: 256,
            context: 128,
            attention: "causal".to_owned(),
            window: None,
            strided: None,
            fixed: None,
            pattern: None,
            head: "own".to_owned(),
            output_init: "scaled".to_owned(),
            n_non_embedding: 3120,
            n_active_non_embedding: Some(3120),
            n_total: 11312,
            n_active: 11312,
            corpus: "rust-docs@1".to_owned(),
            data_digest: "0123456789abcdef".to_owned(),
            tokenizer: "bytes".to_owned(),
            tokens: 400_384,
            unique_tokens: 400_384,
            epochs: 0.02,
            tokens_per_param: 128.3,
            steps: 782,
            batch_tokens: 512,
            micro_batch: 4,
            flops_budget: Some(3e10),
            c_6nd: 7.5e9,
            c_exact: 3.001e10,
            flops_scan: Some(0.0),
            flops_optimizer: Some(0.0),
            pf_days: 3.473e-10,
            flops_spent: 3.001e10,
            optimizer: "adamw".to_owned(),
            schedule: "wsd".to_owned(),
            learning_rate: 0.1 + 0.2,
            warmup_steps: 15,
            decay_steps: 156,
            weight_decay: 0.1,
            beta1: 0.9,
            beta2: 0.95,
            clip: 1.0,
            dropout: 0.0,
            seed: 0,
            test_loss: Some(2.5),
            test_loss_se: Some(0.02),
            test_bpb: Some(3.6),
            test_tokens: 262_144,
            load: None,
            entropy: None,
            train_loss: Some(2.45),
            diverged_step: None,
            wall_time_s: 3.25,
            tokens_per_s: 1e5,
            flops_per_s: 8e9,
            mfu: None,
            peak_memory_bytes: None,
            device_memory_bytes: None,
            device: "cpu".to_owned(),
            instruction_set: "avx512f".to_owned(),
            host: "h".to_owned(),
            pid: 7,
            attempt: 1,
            started_time: "2026-01-01T00:00:00Z".to_owned(),
            finished_time: "2026-01-01T00:00:04Z".to_owned(),
            numerics_version: 1,
            isoflop_version: "0.1.0".to_owned(),
            burn_version: "0.22.1".to_owned(),
        };
        let point = CurvePoint {
            step: 10,
            tokens: 5120,
            flops: 1e9,
            train_loss: Some(4.0),
            test_loss: None,
            learning_rate: 1e-3,
            grad_norm: Some(1.5),
        };
        let blown = CurvePoint {
            step: 20,
            train_loss: None,
            test_loss: Some(4.25),
            grad_norm: None,
            ..point
        };
        let near = PositionPoint {
            first: 1,
            last: 1,
            tokens: 2048,
            test_loss: Some(3.1 + 0.2),
            test_loss_se: None,
        };
        let far = PositionPoint { first: 2, last: 3, test_loss_se: Some(0.01), ..near };
        RunRecord { row, curve: vec![point, blown], positions: vec![near, far] }
    }

    #[test]
    fn a_record_without_positions_is_written_as_it_was_before_there_were_any() {
        let plain = RunRecord { positions: Vec::new(), ..record("a") };
        let bytes = plain.to_bytes();
        assert!(!String::from_utf8(bytes.clone()).unwrap().contains("positions"));
        assert_eq!(RunRecord::parse(&bytes).unwrap(), plain);
    }

    #[test]
    fn a_record_reads_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.json");
        record("a").write(&path).unwrap();
        assert_eq!(RunRecord::read(&path).unwrap(), record("a"));
    }

    #[test]
    fn truncation_at_any_byte_and_any_flipped_byte_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.json");
        record("a").write(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(
                matches!(RunRecord::read(&path), Err(ResultsError::DamagedRecord { .. })),
                "cut at {at}"
            );
            let mut flipped = whole.clone();
            flipped[at] ^= 4;
            fs::write(&path, &flipped).unwrap();
            assert!(
                matches!(RunRecord::read(&path), Err(ResultsError::DamagedRecord { .. })),
                "flip at {at}"
            );
        }
    }
}
