//! Prices a run on this machine from the speed of its steps.

use crate::curve::scored_points;
use crate::device::TrainDevice;
use crate::evaluate::CHUNK;
use crate::flight::TOGETHER;
use crate::model::Operations;
use crate::rehearsal::Rehearsal;
use isoflop_core::rng::{Purpose, below, stream};
use isoflop_core::{Flops, OptimizerKind, Tokens};
use isoflop_data::CURVE_TOKENS;
use isoflop_model::{FlopCount, ModelConfig};
use isoflop_sweep::PlannedRun;
use isoflop_sweep::forecast::Price;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Speed with which one process trains and scores a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Seconds per optimizer step.
    pub step_s: f64,
    /// Seconds for scoring one token of test text.
    pub score_s: f64,
    /// Bytes of the device's own memory that were used.
    #[serde(default)]
    pub device_bytes: Option<f64>,
    /// Relative standard deviation of the seconds per step over four parts of the measurement;
    /// `None` if it had too few steps.
    #[serde(default)]
    pub spread: Option<f64>,
}

/// Everything that the speed of a step depends on besides the device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Configuration of the model.
    pub model: ModelConfig,
    /// Windows per step.
    pub windows: u64,
    /// Optimizer.
    #[serde(default, skip_serializing_if = "OptimizerKind::is_default")]
    pub optimizer: OptimizerKind,
}

/// Seconds that starting a run takes: a process, its data, a few small files.
const ONCE: f64 = 0.05;

impl Load {
    /// The load of a run.
    pub fn of(run: &PlannedRun) -> Self {
        let optimizer = run.config.recipe.optimizer.kind;
        Load { model: run.config.model, windows: run.batch_windows(), optimizer }
    }

    /// Tokens of a step.
    pub fn tokens(&self) -> Tokens {
        Tokens(self.windows as f64 * self.model.context as f64)
    }

    /// FLOPs of the model in a step, forward and backward.
    pub fn flops_of_model(&self) -> Flops {
        FlopCount::of(&self.model).of_tokens(self.tokens())
    }

    /// FLOPs of a step, those of the optimizer's products among them.
    pub fn flops(&self) -> Flops {
        Flops(self.flops_of_model().0 + self.model.flops_optimizer(self.optimizer))
    }

    /// Trains on random tokens for about `limit`, with at least one step after a first one that is
    /// not timed, and then scores one chunk.
    pub fn measure(&self, device: &TrainDevice, limit: Duration) -> Speed {
        let operations = Operations::of(&device.autodiff());
        let mut rehearsal = Rehearsal::new(device, self, operations, 1e-4);
        // The first step makes buffers, fills caches and compiles kernels.
        rehearsal.step();
        rehearsal.finish();
        let started = Instant::now();
        let (mut steps, mut together) = (0, 1);
        let mut laps = Vec::new();
        while steps == 0 || started.elapsed() < limit {
            let (lap, of_lap) = (Instant::now(), together);
            for _ in 0..together {
                rehearsal.step();
                steps += 1;
            }
            if device.is_queued() {
                rehearsal.finish();
                // As many steps are queued as a session queues before it reads, unless they are
                // slow.
                together = match started.elapsed() * TOGETHER as u32 / steps < limit {
                    true => TOGETHER,
                    false => 1,
                };
            }
            laps.push(lap.elapsed().as_secs_f64() / of_lap as f64);
        }
        let step_s = started.elapsed().as_secs_f64() / f64::from(steps);
        let model = rehearsal.model();
        let context = self.model.context;
        let scored = (CHUNK / context).max(1) * context;
        let mut rng = stream(0, Purpose::Benchmark, 1);
        let vocab = self.model.vocab_size as u64;
        let ids: Vec<i32> = (0..=scored).map(|_| below(&mut rng, vocab) as i32).collect();
        // Reading one number waits for the whole chunk.
        let score = || model.nats(&ids[..scored], &ids[1..]).narrow(0, 0, 1).into_scalar::<f32>();
        if device.is_queued() {
            score();
        }
        let started = Instant::now();
        score();
        Speed {
            step_s,
            device_bytes: device.memory_bytes().map(|bytes| bytes as f64),
            spread: spread(&laps),
            score_s: started.elapsed().as_secs_f64() / scored as f64,
        }
    }
}

/// Relative standard deviation of the means of four consecutive parts; `None` for fewer than four
/// values.
fn spread(laps: &[f64]) -> Option<f64> {
    const PARTS: usize = 4;
    if laps.len() < PARTS {
        return None;
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let parts: Vec<f64> = (0..PARTS)
        .map(|k| mean(&laps[k * laps.len() / PARTS..(k + 1) * laps.len() / PARTS]))
        .collect();
    let centre = mean(&parts);
    let squares: f64 = parts.iter().map(|part| (part / centre - 1.0).powi(2)).sum();
    Some((squares / (PARTS - 1) as f64).sqrt())
}

impl Speed {
    /// Price of a run at this speed, in seconds.
    pub fn price(&self, run: &PlannedRun) -> Price {
        let steps = run.steps() as f64;
        let on_the_way =
            scored_points(&run.config.recipe) as f64 * CURVE_TOKENS as f64 * self.score_s;
        Price {
            step: self.step_s + on_the_way / steps,
            once: ONCE + self.score_s * run.scored_tokens as f64,
        }
    }
}
