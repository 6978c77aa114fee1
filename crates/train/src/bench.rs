//! How fast this machine trains: whole steps, and the matrix product that bounds them.

use crate::model::{Operations, Transformer};
use crate::ops::{peak_product, release_unused};
use crate::optimizer::{AdamW, gradients};
use crate::profile;
use burn::tensor::Device;
use isoflop_core::rng::{Purpose, below, stream};
use isoflop_core::{FlopCount, ModelConfig, Tokens};
use isoflop_sweep::memory;
use isoflop_sweep::run::Optimizer;
use std::time::{Duration, Instant};

/// Steps before the clock counts: buffers are made, caches filled.
const WARM_UP: usize = 3;

/// Side of the square product whose speed is called the peak.
const PEAK_SIDE: usize = 2048;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// The model.
    pub model: ModelConfig,
    /// Windows a step.
    pub windows: u64,
    /// Steps that count.
    pub steps: usize,
    /// Fused, or the reference.
    pub operations: Operations,
    /// Read the clock around every part too, which costs a little itself.
    pub profile: bool,
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Median seconds of a step: forward, loss, backward, clip, AdamW.
    pub seconds: f64,
    /// Tokens a step.
    pub tokens: Tokens,
    /// Training FLOPs of a step, attention causal, over the median.
    pub flops_per_s: f64,
    /// Most resident memory in bytes, the program itself included, where the system tells.
    pub memory_bytes: Option<u64>,
    /// Mean loss of the last batch, nats per token.
    pub loss: f64,
    /// Seconds a step in each part, first use first; "the rest" is what no part covers. Empty
    /// without [`Bench::profile`].
    pub parts: Vec<(&'static str, f64)>,
}

impl Bench {
    /// Trains on random tokens and takes the time of every step.
    pub fn run(&self) -> Measured {
        release_unused();
        memory::reset_peak();
        let device = Device::flex().autodiff();
        let mut model = Transformer::new(self.model, 0, &device).with(self.operations);
        let mut optimizer = AdamW::new(Optimizer::default());
        let count = self.windows as usize * self.model.context;
        let mut rng = stream(0, Purpose::Benchmark, 0);
        let vocab = self.model.vocab_size as u64;
        let ids: Vec<i32> = (0..=count).map(|_| below(&mut rng, vocab) as i32).collect();
        let micro = memory::micro_windows(&self.model, self.windows) as usize * self.model.context;
        let mut times = Vec::with_capacity(self.steps);
        let mut loss = f64::NAN;
        profile::measure(false);
        for step in 0..WARM_UP + self.steps {
            if step == WARM_UP {
                profile::measure(self.profile);
            }
            let started = Instant::now();
            let (mean, grads) = gradients(&model, &ids[..count], &ids[1..], micro);
            optimizer.step(&mut model, grads, 1e-3);
            loss = mean;
            if step >= WARM_UP {
                times.push(started.elapsed());
            }
        }
        let total: Duration = times.iter().sum();
        let parts = self.parts(total);
        profile::measure(false);
        let seconds = median(times);
        let tokens = Tokens(count as f64);
        Measured {
            seconds,
            tokens,
            flops_per_s: FlopCount::of(&self.model).of_tokens(tokens).0 / seconds,
            memory_bytes: memory::peak(),
            loss,
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

/// FLOP/s of a product of two square matrices of side 2048 on one core: the best of five.
pub fn peak_flops_per_s() -> f64 {
    let best = (0..5)
        .map(|_| peak_product(PEAK_SIDE))
        .min()
        .unwrap_or_default();
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
