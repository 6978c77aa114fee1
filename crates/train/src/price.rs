//! What a run takes on this machine, from the speed of its steps.

use crate::curve::scored_points;
use crate::evaluate::CHUNK;
use crate::model::Transformer;
use crate::ops::release_unused;
use crate::optimizer::{AdamW, gradients};
use burn::tensor::Device;
use isoflop_core::ModelConfig;
use isoflop_core::rng::{Purpose, below, stream};
use isoflop_data::CURVE_TOKENS;
use isoflop_sweep::forecast::Price;
use isoflop_sweep::run::Optimizer;
use isoflop_sweep::{PlannedRun, memory};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How fast one process trains and scores a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Seconds of an optimizer step.
    pub step_s: f64,
    /// Seconds to score a token of test text.
    pub score_s: f64,
}

/// What is to be measured: the speed of a step depends on these alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The model.
    pub model: ModelConfig,
    /// Windows a step.
    pub windows: u64,
}

/// Seconds of a start: a process, its data, a few small files.
const ONCE: f64 = 0.05;

impl Load {
    /// Of a run.
    pub fn of(run: &PlannedRun) -> Self {
        Load {
            model: run.config.model,
            windows: run.batch_windows(),
        }
    }

    /// Trains on random tokens for about as long as `limit` says, at least one step after a first
    /// one, and scores one chunk.
    pub fn measure(&self, limit: Duration) -> Speed {
        release_unused();
        let device = Device::flex().autodiff();
        let mut model = Transformer::new(self.model, 0, &device);
        let mut optimizer = AdamW::new(Optimizer::default());
        let context = self.model.context;
        let count = self.windows as usize * context;
        let scored = (CHUNK / context).max(1) * context;
        let mut rng = stream(0, Purpose::Benchmark, 0);
        let vocab = self.model.vocab_size as u64;
        let ids: Vec<i32> = (0..=count.max(scored))
            .map(|_| below(&mut rng, vocab) as i32)
            .collect();
        let micro = memory::micro_windows(&self.model, self.windows) as usize * context;
        let mut step = || {
            let (_, grads) = gradients(&model, &ids[..count], &ids[1..=count], micro);
            optimizer.step(&mut model, grads, 1e-4);
        };
        // Buffers are made, caches filled.
        step();
        let started = Instant::now();
        let mut steps = 0;
        while steps == 0 || started.elapsed() < limit {
            step();
            steps += 1;
        }
        let step_s = started.elapsed().as_secs_f64() / f64::from(steps);
        let model = model.without_autodiff();
        let started = Instant::now();
        // The result is waited for, not looked at.
        let _ = model.nats(&ids[..scored], &ids[1..=scored]).into_data();
        Speed {
            step_s,
            score_s: started.elapsed().as_secs_f64() / scored as f64,
        }
    }
}

impl Speed {
    /// What a run costs at this speed, in seconds.
    pub fn price(&self, run: &PlannedRun) -> Price {
        let steps = run.config.steps.steps as f64;
        let on_the_way = scored_points(&run.config) as f64 * CURVE_TOKENS as f64 * self.score_s;
        Price {
            step: self.step_s + on_the_way / steps,
            once: ONCE + self.score_s * run.scored_tokens as f64,
        }
    }
}
