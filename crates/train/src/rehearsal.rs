//! Runs training steps on random tokens, only to measure their time.

use crate::device::{Traffic, TrainDevice, traffic};
use crate::flight::{Flight, TOGETHER};
use crate::model::{Batch, Operations, Transformer};
use crate::ops::composed::upload;
use crate::ops::release_unused;
use crate::optimizer::{OptimizerState, unread_gradients};
use crate::price::Load;
use burn::tensor::{Int, Tensor};
use isoflop_core::Optimizer;
use isoflop_core::rng::{Purpose, below, stream};

/// A model that is trained on random tokens.
pub(crate) struct Rehearsal<'a> {
    device: &'a TrainDevice,
    model: Transformer,
    optimizer: OptimizerState,
    ids: Vec<i32>,
    there: Option<(Tensor<1, Int>, Tensor<1, Int>)>,
    /// Tokens per step; `micro` is the number of tokens per pass.
    tokens: usize,
    micro: usize,
    rate: f64,
    /// Losses of the last step's passes, which are not read if the device queues its work.
    losses: Vec<Tensor<1>>,
}

impl<'a> Rehearsal<'a> {
    pub(crate) fn new(
        device: &'a TrainDevice,
        load: &Load,
        operations: Operations,
        rate: f64,
    ) -> Self {
        let Load { model: config, windows, optimizer } = *load;
        release_unused();
        device.release_memory();
        let tensors = device.autodiff();
        let tokens = windows as usize * config.context;
        let mut rng = stream(0, Purpose::Benchmark, 0);
        let vocab = config.vocab_size as u64;
        let ids: Vec<i32> = (0..=tokens).map(|_| below(&mut rng, vocab) as i32).collect();
        let there = device.is_queued().then(|| {
            let (inputs, targets) = (&ids[..tokens], &ids[1..]);
            (upload(inputs, &tensors), upload(targets, &tensors))
        });
        Rehearsal {
            device,
            model: Transformer::new(config, 0, &tensors).with(operations),
            optimizer: OptimizerState::new(Optimizer::of(optimizer)),
            ids,
            there,
            tokens,
            micro: device.micro_windows(&config, windows) as usize * config.context,
            rate,
            losses: Vec::new(),
        }
    }

    /// Does a step or, on a device that queues its work, queues it and returns the norm.
    pub(crate) fn step(&mut self) -> Option<Tensor<1>> {
        let batch = Batch {
            inputs: &self.ids[..self.tokens],
            targets: &self.ids[1..],
            there: self.there.clone(),
            share: 1.0,
            dropout: None,
        };
        let (losses, grads) = unread_gradients(&self.model, &batch, self.micro);
        self.losses = losses;
        match self.device.is_queued() {
            false => {
                self.optimizer.step(&mut self.model, grads, self.rate);
                None
            }
            true => Some(self.optimizer.step_queued(&mut self.model, grads, self.rate)),
        }
    }

    /// What a step of a run asks of the device, including batches and numbers: the mean over as
    /// many steps as share a fetch.
    pub(crate) fn traffic(&mut self) -> Traffic {
        let mut flight = Flight::default();
        let steps = TOGETHER as u64;
        let ((), all) = traffic::counted(|| {
            for _ in 0..steps {
                let tensors = self.device.autodiff();
                let part = |from: usize| upload(&self.ids[from..][..self.tokens], &tensors);
                self.there = Some((part(0), part(1)));
                let norm = self.step();
                let loss = self.losses.drain(..).reduce(std::ops::Add::add);
                if let Some((loss, norm)) = loss.zip(norm) {
                    // The last of these steps fills the flight, which then requests all numbers.
                    let _ = flight.add(self.rate, loss, norm);
                }
            }
            let _ = flight.land();
        });
        Traffic {
            launches: all.launches / steps,
            sent_bytes: all.sent_bytes / steps,
            fetched_bytes: all.fetched_bytes / steps,
        }
    }

    /// Waits for every step and returns the mean loss of the last one, in nats per token.
    pub(crate) fn finish(&mut self) -> f64 {
        // One number of the weights is read, since the update comes after the loss.
        let norm = self.model.weights.norm.val();
        norm.narrow(0, 0, 1).into_scalar::<f32>();
        let losses = self.losses.drain(..);
        losses.map(|loss| f64::from(loss.into_scalar::<f32>())).sum()
    }

    /// The model without gradients.
    pub(crate) fn model(&self) -> Transformer {
        self.model.without_autodiff()
    }
}
