//! One run being trained: step after step, from nothing or from a state.

use crate::BURN_VERSION;
use crate::checkpoint::{Manifest, pack, unpack};
use crate::curve::Recorder;
use crate::device::instruction_set;
use crate::divergence::Watch;
use crate::evaluate::{curve_loss, test_loss};
use crate::model::Transformer;
use crate::optimizer::{AdamW, gradients};
use burn::tensor::Device;
use isoflop_data::{Data, TrainStream};
use isoflop_sweep::{Ending, Keeper, PlannedRun, Progress, TestScore, TrainFailure, Trained};
use std::time::{Duration, Instant};

/// One run being trained.
pub(crate) struct Session<'a> {
    run: &'a PlannedRun,
    micro_windows: u64,
    model: Transformer,
    optimizer: AdamW,
    recorder: Recorder,
    stream: TrainStream,
    data: Data,
    inputs: Vec<i32>,
    targets: Vec<i32>,
    /// Steps done.
    step: u64,
    /// Of these, those of states gone on from.
    before: u64,
    in_steps: Duration,
}

/// What one step showed.
pub(crate) struct Step {
    pub(crate) loss: f64,
    pub(crate) grad_norm: f64,
    pub(crate) rate: f64,
}

impl<'a> Session<'a> {
    /// From the newest state that is of this run and can be used, or from nothing.
    pub(crate) fn new(
        run: &'a PlannedRun,
        micro_windows: u64,
        data: Data,
        keeper: &mut dyn Keeper,
    ) -> Result<Self, TrainFailure> {
        let config = &run.config;
        let stream = TrainStream::new(data.train.clone(), config.model.context, config.seed)
            .map_err(|error| TrainFailure::Other(error.to_string()))?;
        let device = Device::flex().autodiff();
        let (step, model, optimizer, recorder) = loop {
            let Some(state) = keeper.newest() else {
                break (
                    0,
                    Transformer::new(config.model, config.seed, &device),
                    AdamW::new(config.optimizer),
                    Recorder::default(),
                );
            };
            if let Some(found) = resume(run, &state, &device) {
                break found;
            }
        };
        Ok(Session {
            run,
            micro_windows,
            model,
            optimizer,
            recorder,
            stream,
            data,
            inputs: Vec::new(),
            targets: Vec::new(),
            step,
            before: step,
            in_steps: Duration::ZERO,
        })
    }

    /// To the last step, or to where the run diverges or is told to stop.
    pub(crate) fn train(
        mut self,
        keeper: &mut dyn Keeper,
    ) -> Result<(Trained, Transformer), TrainFailure> {
        let steps = self.run.config.steps.steps;
        let watch = Watch::new(self.run.config.model.vocab_size);
        let mut loss = None;
        loop {
            keeper.progress(Progress {
                step: self.step,
                steps,
                loss,
                tokens_per_s: self.tokens_per_s(),
            });
            if keeper.wants(self.step) {
                keeper.keep(self.step, &self.state())?;
            }
            if keeper.stopping() {
                return Err(TrainFailure::Stopped);
            }
            if self.step == steps {
                break;
            }
            let seen = self.advance();
            self.step += 1;
            self.note(&seen);
            loss = Some(seen.loss).filter(|loss| loss.is_finite());
            if let Some(reason) = watch.verdict(seen.loss, seen.grad_norm) {
                let step = self.step - 1;
                return Ok(self.end(Ending::Diverged { step, reason }));
            }
        }
        let loss = test_loss(&self.model, &self.data.test);
        let ending = match loss.nats_per_token.is_finite() {
            true => Ending::Finished(TestScore {
                loss: loss.nats_per_token,
                standard_error: loss.standard_error,
                bits_per_byte: loss.bits_per_byte,
                tokens: loss.tokens as u64,
            }),
            false => Ending::Diverged {
                step: steps,
                reason: format!("the test loss became {}", loss.nats_per_token),
            },
        };
        Ok(self.end(ending))
    }

    fn tokens_per_s(&self) -> Option<f64> {
        let tokens = (self.step - self.before) * self.run.config.batch_tokens;
        (tokens > 0).then(|| tokens as f64 / self.in_steps.as_secs_f64())
    }

    fn state(&self) -> Vec<u8> {
        let manifest = Manifest::of(self.run, self.step);
        let session = serde_json::to_string(&self.recorder).expect("a struct of finite numbers");
        pack(&manifest, &self.model.weights, &self.optimizer, &session)
    }

    fn advance(&mut self) -> Step {
        let started = Instant::now();
        let config = &self.run.config;
        let windows = self.run.batch_windows();
        self.stream.fill(
            self.step * windows,
            windows as usize,
            &mut self.inputs,
            &mut self.targets,
        );
        let rate = config.learning_rate * config.steps.factor(self.step);
        let micro = self.micro_windows as usize * config.model.context;
        let (loss, grads) = gradients(&self.model, &self.inputs, &self.targets, micro);
        let grad_norm = self.optimizer.step(&mut self.model, grads, rate);
        self.in_steps += started.elapsed();
        Step {
            loss,
            grad_norm,
            rate,
        }
    }

    fn note(&mut self, seen: &Step) {
        let (model, test) = (&self.model, &self.data.test);
        let score = &|| curve_loss(model, test);
        self.recorder.note(&self.run.config, self.step, seen, score);
    }

    fn end(self, ending: Ending) -> (Trained, Transformer) {
        let batch_tokens = self.run.config.batch_tokens;
        let trained = Trained {
            ending,
            train_loss: self.recorder.tail_loss(),
            unique_tokens: self
                .stream
                .windows()
                .unique_tokens(self.step * batch_tokens),
            steps: self.step,
            tokens_here: (self.step - self.before) * batch_tokens,
            train_seconds: self.in_steps.as_secs_f64(),
            device: "cpu".to_owned(),
            instruction_set: instruction_set().to_owned(),
            burn_version: BURN_VERSION.to_owned(),
            curve: self.recorder.into_curve(),
        };
        (trained, self.model)
    }
}

/// A state of this run or of one that shares its trunk; nothing if it is of something else.
fn resume(
    run: &PlannedRun,
    state: &[u8],
    device: &Device,
) -> Option<(u64, Transformer, AdamW, Recorder)> {
    let (manifest, model, optimizer, session) = unpack(state, device).ok()?;
    let recorder = serde_json::from_str(&session).ok()?;
    let wanted = Manifest {
        run_id: manifest.run_id.clone(),
        ..Manifest::of(run, manifest.step)
    };
    (manifest == wanted).then_some((manifest.step, model, optimizer?, recorder))
}
