//! Measures how fast this machine trains: whole steps, and the matrix product that bounds their
//! speed.

use crate::device::{Traffic, TrainDevice};
use crate::model::Operations;
use crate::ops::peak_product;
use crate::price::Load;
use crate::profile;
use crate::rehearsal::Rehearsal;
use isoflop_core::{OptimizerKind, Tokens};
use isoflop_model::{FlopCount, ModelConfig};
use isoflop_sweep::memory;
use std::time::{Duration, Instant};

/// Number of steps before timing starts, in which buffers are made and caches filled.
const WARM_UP: usize = 3;

/// Side of the square matrices whose product gives the peak.
const PEAK_SIDE: usize = 2048;

/// Settings of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// Model to train.
    pub model: ModelConfig,
    /// Windows per step.
    pub windows: u64,
    /// Number of steps that are timed.
    pub steps: usize,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Operations to use: the fused ones, or the composed reference.
    pub operations: Operations,
    /// Whether to time every part of a step too, which costs a little time itself.
    pub profile: bool,
}

/// Result of a measurement.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Median seconds of a step: forward, loss, backward, clipping, optimizer. On a device that queues
    /// its work it is the mean, since single steps are not waited for.
    pub seconds: f64,
    /// Tokens per step.
    pub tokens: Tokens,
    /// Training FLOPs of a step (causal attention) per second.
    pub flops_per_s: f64,
    /// Maximum resident memory in bytes, including the program itself, or the memory that is held
    /// on a GPU; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Mean loss of the last batch, in nats per token.
    pub loss: f64,
    /// Kernels launched and bytes moved in a step, on a device that queues its work.
    pub traffic: Option<Traffic>,
    /// Seconds per step of each part, in order of first use; "the rest" is the time that no part
    /// covers. Empty without [`Bench::profile`].
    pub parts: Vec<(&'static str, f64)>,
}

impl Bench {
    /// Trains on random tokens and measures the time of every step.
    pub fn run(&self, device: &TrainDevice) -> Measured {
        memory::reset_peak();
        let load = Load { model: self.model, windows: self.windows, optimizer: self.optimizer };
        let mut rehearsal = Rehearsal::new(device, &load, self.operations, 1e-3);
        let tokens = Tokens(self.windows as f64 * self.model.context as f64);
        profile::measure(false);
        for _ in 0..WARM_UP {
            rehearsal.step();
        }
        rehearsal.finish();
        profile::measure(self.profile);
        let mut times = Vec::with_capacity(self.steps);
        let started = Instant::now();
        for _ in 0..self.steps {
            let started = Instant::now();
            rehearsal.step();
            times.push(started.elapsed());
        }
        let loss = rehearsal.finish();
        let total = match device.is_queued() {
            true => started.elapsed(),
            false => times.iter().sum(),
        };
        let traffic = device.is_queued().then(|| rehearsal.traffic());
        let parts = self.parts(total);
        profile::measure(false);
        let seconds = match device.is_queued() {
            true => total.as_secs_f64() / self.steps as f64,
            false => median(times),
        };
        Measured {
            seconds,
            tokens,
            flops_per_s: FlopCount::of(&self.model).of_tokens(tokens).0 / seconds,
            memory_bytes: device.memory_bytes().or_else(memory::peak),
            loss,
            traffic,
            parts,
        }
    }

    fn parts(&self, total: Duration) -> Vec<(&'static str, f64)> {
        let parts = profile::parts();
        if parts.is_empty() {
            return Vec::new();
        }
        let covered: Duration = parts.iter().map(|(_, spent)| spent).sum();
        let rest = ("the rest", total.saturating_sub(covered));
        let per_step = |spent: Duration| spent.as_secs_f64() / self.steps as f64;
        let parts = parts.into_iter().chain([rest]);
        parts.map(|(name, spent)| (name, per_step(spent))).collect()
    }
}

/// FLOP/s of the product of two square matrices of side 2048 on one core: the best of five.
pub fn peak_flops_per_s() -> f64 {
    let best = (0..5).map(|_| peak_product(PEAK_SIDE)).min().unwrap_or_default();
    2.0 * (PEAK_SIDE as f64).powi(3) / best.as_secs_f64()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let middle = times.len() / 2;
    match times.len() % 2 {
        1 => times[middle].as_secs_f64(),
        _ => (times[middle - 1] + times[middle]).as_secs_f64() / 2.0,
    }
}
