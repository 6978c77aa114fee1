//! Batches of a run, sent to the device some steps ahead.

use crate::model::Batch;
use crate::ops::composed::upload;
use burn::tensor::{Device, Int, Tensor};
use isoflop_data::TrainStream;

/// Steps whose batches are sent together.
const AHEAD: u64 = 16;

/// Tokens that are sent together at most.
const MOST_TOKENS: u64 = 1 << 22;

/// The batches of a run by step.
pub(crate) struct Feed {
    stream: TrainStream,
    /// Windows and tokens a step.
    windows: u64,
    tokens: usize,
    /// Where batches are sent ahead, if anywhere.
    device: Option<Device>,
    /// Steps of what is in the buffers.
    steps: std::ops::Range<u64>,
    inputs: Vec<i32>,
    targets: Vec<i32>,
    there: Option<(Tensor<1, Int>, Tensor<1, Int>)>,
}

impl Feed {
    pub(crate) fn new(
        stream: TrainStream,
        windows: u64,
        tokens: u64,
        ahead: Option<Device>,
    ) -> Self {
        Feed {
            stream,
            windows,
            tokens: tokens as usize,
            device: ahead,
            steps: 0..0,
            inputs: Vec::new(),
            targets: Vec::new(),
            there: None,
        }
    }

    /// Of the text.
    pub(crate) fn stream(&self) -> &TrainStream {
        &self.stream
    }

    /// The batch of step number `step`, of `steps` in all.
    pub(crate) fn batch(&mut self, step: u64, steps: u64) -> Batch<'_> {
        if !self.steps.contains(&step) {
            self.fill(step, steps);
        }
        let from = (step - self.steps.start) as usize * self.tokens;
        let part = |all: &Tensor<1, Int>| all.clone().narrow(0, from, self.tokens);
        Batch {
            inputs: &self.inputs[from..from + self.tokens],
            targets: &self.targets[from..from + self.tokens],
            there: self.there.as_ref().map(|(i, t)| (part(i), part(t))),
        }
    }

    fn fill(&mut self, step: u64, steps: u64) {
        let together = match &self.device {
            Some(_) => AHEAD.min(MOST_TOKENS / self.tokens as u64).max(1),
            None => 1,
        };
        let together = together.min(steps.saturating_sub(step).max(1));
        self.stream.fill(
            step * self.windows,
            (together * self.windows) as usize,
            &mut self.inputs,
            &mut self.targets,
        );
        self.steps = step..step + together;
        self.there = self
            .device
            .as_ref()
            .map(|device| (upload(&self.inputs, device), upload(&self.targets, device)));
    }
}
