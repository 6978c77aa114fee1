//! Gives the batches of a run, and sends them to the device some steps ahead.

use crate::model::Batch;
use crate::ops::composed::upload;
use burn::tensor::{Device, Int, Tensor};
use isoflop_data::TrainStream;

/// Number of steps whose batches are sent together.
const AHEAD: u64 = 16;

/// Maximum tokens that are sent together.
const MOST_TOKENS: u64 = 1 << 22;

/// The batches of a run, by step.
pub(crate) struct Feed {
    stream: TrainStream,
    /// Windows per step. `tokens` is the number of tokens per step.
    windows: u64,
    tokens: usize,
    /// Device that batches are sent to ahead; `None` if they are not sent ahead.
    device: Option<Device>,
    /// Steps whose batches are in the buffers.
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

    /// Stream of the train text.
    pub(crate) fn stream(&self) -> &TrainStream {
        &self.stream
    }

    /// The batch of step `step`, counted from 0, of a run of `steps` steps.
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
            share: 1.0,
            dropout: None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_core::data::{DataOptions, DataSource, Real};
    use isoflop_data::{Places, Request, prepare_at};

    const CONTEXT: usize = 8;
    const WINDOWS: u64 = 3;

    /// A stream over a few documents.
    fn stream() -> TrainStream {
        let folder = tempfile::tempdir().unwrap();
        for k in 0..12 {
            let text = format!("document {k} has words of its own, {} of them\n", k * k);
            std::fs::write(folder.path().join(format!("{k}.txt")), text.repeat(3)).unwrap();
        }
        let source =
            DataSource::Text { pattern: "*.txt".to_owned(), base: folder.path().to_owned() };
        let options = DataOptions { max_overlap: Real(1.0), ..DataOptions::default() };
        let request = Request { source: &source, options: &options, test_tokens: 100 };
        let places =
            Places { cache: folder.path().join("cache"), sources: folder.path().to_owned() };
        let data = prepare_at(&request, &places, &|_| {}).unwrap();
        let data = data.load(&|_| {}).unwrap();
        TrainStream::new(data.train, CONTEXT, 5).unwrap()
    }

    /// Checks that batches sent ahead equal those made one step at a time, over several epochs, up
    /// to the last step and beginning at any step.
    fn same_on(device: Device) {
        let tokens = WINDOWS * CONTEXT as u64;
        let steps = 2 * AHEAD + 5;
        let mut ahead = Feed::new(stream(), WINDOWS, tokens, Some(device));
        let mut single = Feed::new(stream(), WINDOWS, tokens, None);
        for step in (0..steps).chain(AHEAD - 2..AHEAD + 2) {
            let (found, wanted) = (ahead.batch(step, steps), single.batch(step, steps));
            assert_eq!((found.inputs, found.targets), (wanted.inputs, wanted.targets));
            assert!(wanted.there.is_none());
            let (inputs, targets) = found.there.unwrap();
            let back = |sent: Tensor<1, Int>| sent.into_data().iter::<i32>().collect::<Vec<_>>();
            assert_eq!(back(inputs), wanted.inputs);
            assert_eq!(back(targets), wanted.targets);
        }
    }

    #[test]
    fn batches_sent_ahead_are_those_of_each_step() {
        same_on(Device::flex());
    }

    #[cfg(feature = "wgpu")]
    #[test]
    #[ignore = "needs an adapter"]
    fn batches_on_an_adapter_are_those_of_the_processor() {
        use crate::device::{DeviceChoice, TrainDevice};
        let device = TrainDevice::open(DeviceChoice::Wgpu(None)).expect("an adapter must be there");
        same_on(device.tensors());
    }
}
