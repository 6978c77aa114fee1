//! Speeds that are remembered between commands, in the cache, one file a kind of device and number of
//! processes: when each was found, how evenly, and whether by a measurement or by runs.

use crate::LabError;
use isoflop_data::Places;
use isoflop_model::Shape;
use isoflop_results::file::write_atomic;
use isoflop_train::NUMERICS_VERSION;
use isoflop_train::device::{DeviceChoice, Found, instruction_set, processor};
use isoflop_train::price::{Load, Speed};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Loads that a file keeps; the oldest make room.
const MOST_KEPT: usize = 300;

/// The speed of one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) load: Load,
    pub(super) speed: Speed,
    /// When it was found, RFC 3339 in UTC.
    pub(super) at: String,
    /// Relative standard deviation of the seconds of a step, over parts of a measurement and its
    /// processes or over runs; none where there is nothing to compare.
    pub(super) noise: Option<f64>,
    /// Finished runs that it is the median of; 0 where it was measured.
    pub(super) runs: u64,
}

/// Speeds of one kind of device with so many processes at a time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Speeds {
    device: String,
    pub(super) known: Vec<Known>,
}

impl Speeds {
    /// What is remembered; empty where nothing is, or where the file is damaged or of another version.
    pub(super) fn of(on: &Found, jobs: usize) -> Result<Speeds, LabError> {
        Speeds::named(device(on, jobs))
    }

    /// What is remembered of a device of this name.
    pub(super) fn named(device: String) -> Result<Speeds, LabError> {
        let text = std::fs::read_to_string(path(&device)?).unwrap_or_default();
        Ok(match serde_json::from_str::<Speeds>(&text) {
            Ok(found) if found.device == device => found,
            _ => Speeds { device, known: Vec::new() },
        })
    }

    /// Puts one in, in the place of what was known of its load.
    pub(super) fn learn(&mut self, new: Known) {
        self.known.retain(|known| known.load != new.load);
        self.known.push(new);
        let surplus = self.known.len().saturating_sub(MOST_KEPT);
        self.known.drain(..surplus);
    }

    /// Writes what is known into the cache. What cannot be kept is measured again.
    pub(super) fn keep(&self) {
        if let (Ok(path), Ok(json)) = (path(&self.device), serde_json::to_string(self)) {
            let _ = write_atomic(&path, json.as_bytes());
        }
    }

    /// The speed of a load: as found, or between its neighbours by FLOPs a step, logarithms taken. Only
    /// models of the same kind are neighbours. None where none of them is known.
    pub(super) fn guess(&self, load: &Load) -> Option<Speed> {
        if let Some(known) = self.known.iter().find(|known| known.load == *load) {
            return Some(known.speed);
        }
        let at = flops(load).ln();
        let place = |known: &&Known| flops(&known.load).ln();
        let alike = || self.known.iter().filter(|known| is_like(&known.load, load));
        let below = alike().filter(|known| place(known) <= at);
        let below = below.max_by(|a, b| place(a).total_cmp(&place(b)));
        let above = alike().filter(|known| place(known) > at);
        let above = above.min_by(|a, b| place(a).total_cmp(&place(b)));
        match (below, above) {
            (Some(low), Some(high)) => {
                let share = (at - place(&low)) / (place(&high) - place(&low));
                let mix = |a: f64, b: f64| (a.ln() * (1.0 - share) + b.ln() * share).exp();
                // A token's score costs a share of the model's FLOPs, not of the step's.
                let per_flop = |of: &Known| of.speed.score_s / flops_a_token(&of.load);
                Some(Speed {
                    step_s: mix(low.speed.step_s, high.speed.step_s),
                    score_s: mix(per_flop(low), per_flop(high)) * flops_a_token(load),
                    ..high.speed
                })
            }
            // Beyond the ends in proportion.
            (Some(end), None) | (None, Some(end)) => {
                let scale = flops(load) / flops(&end.load);
                Some(Speed {
                    step_s: end.speed.step_s * scale,
                    score_s: end.speed.score_s * scale,
                    ..end.speed
                })
            }
            (None, None) => None,
        }
    }
}

/// What speeds depend on besides the model.
pub(super) fn device(on: &Found, jobs: usize) -> String {
    let what = match on.choice {
        DeviceChoice::Cpu => format!("cpu {}, {}", processor(), instruction_set()),
        DeviceChoice::NdArray => format!("ndarray {}, {}", processor(), instruction_set()),
        _ => format!("wgpu {}", on.detail),
    };
    let version = env!("CARGO_PKG_VERSION");
    format!("{what}, {jobs} processes, isoflop {version}, numerics {NUMERICS_VERSION}")
}

fn path(device: &str) -> Result<PathBuf, LabError> {
    let name: String =
        device.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(Places::of_this_machine()?.cache.join(format!("speed-{name}.json")))
}

/// Whether two loads differ in sizes alone: their FLOPs a second then follow from their FLOPs a step.
pub(super) fn is_like(a: &Load, b: &Load) -> bool {
    let kind = |load: &Load| {
        let mut model = load.model;
        model.shape = Shape { d_model: 1, n_layers: 1, n_heads: 1 };
        (model.vocab_size, model.context) = (0, 0);
        model.document_mask = model.document_mask.map(|_| 0);
        model
    };
    a.optimizer == b.optimizer && kind(a) == kind(b)
}

/// FLOPs of a step.
pub(super) fn flops(load: &Load) -> f64 {
    load.flops().0
}

/// FLOPs of the model a token.
fn flops_a_token(load: &Load) -> f64 {
    load.flops_of_model().0 / load.tokens().0
}

/// Now, as files of this kind say it.
pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .map_or_else(|_| String::new(), |now| now.to_string())
}

/// Standard deviation as a share of the mean; none below two values.
pub(super) fn uneven(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value / mean - 1.0).powi(2)).sum();
    (values.len() > 1 && mean > 0.0).then(|| (squares / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::OptimizerKind;
    use isoflop_model::{FeedForward, ModelConfig, Norm};

    fn load(d_model: usize) -> Load {
        let shape = Shape { d_model, n_layers: 2, n_heads: 2 };
        let optimizer = OptimizerKind::default();
        Load { model: ModelConfig::transformer(shape, 256, 64), windows: 8, optimizer }
    }

    fn known(load: Load, step_s: f64) -> Known {
        let speed = Speed { device_bytes: None, step_s, score_s: 1e-6, spread: None };
        Known { load, speed, at: String::new(), noise: None, runs: 0 }
    }

    #[test]
    fn a_model_is_priced_from_models_of_its_kind_alone() {
        let like = |d_model, norm, feed_forward| {
            let of = load(d_model);
            Load { model: ModelConfig { norm, feed_forward, ..of.model }, ..of }
        };
        let dense = |d_model| like(d_model, Norm::Rms, FeedForward::default());
        let speeds = Speeds {
            device: String::new(),
            known: vec![known(dense(32), 1.0), known(dense(64), 4.0)],
        };
        let between = speeds.guess(&dense(48)).unwrap().step_s;
        assert!((1.0..4.0).contains(&between), "{between}");
        assert!(speeds.guess(&like(48, Norm::Rms, FeedForward::None)).is_none());
        assert!(speeds.guess(&like(48, Norm::Layer, FeedForward::default())).is_none());
        let muon = Load { optimizer: OptimizerKind::Muon, ..dense(48) };
        assert!(speeds.guess(&muon).is_none());
        // A step of Muon costs more where a step has few tokens.
        assert_eq!(flops(&muon) - flops(&dense(48)), 2.0 * 300.0 * 48f64.powi(3));
    }
}
