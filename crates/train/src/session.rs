//! Trains one run, step by step, from the beginning or from a state.

use crate::BURN_VERSION;
use crate::checkpoint::{pack, unpack};
use crate::curve::Recorder;
use crate::device::TrainDevice;
use crate::divergence::Watch;
use crate::dropout::Dropout;
use crate::evaluate::{Scores, curve_loss, test_scores};
use crate::feed::Feed;
use crate::flight::{Flight, Step};
use crate::model::{Batch, Transformer};
use crate::optimizer::{OptimizerState, unread_gradients};
use burn::tensor::{Device, Tensor};
use isoflop_data::{Data, PositionLoss, TrainStream};
use isoflop_results::PositionPoint;
use isoflop_sweep::checkpoint::Manifest;
use isoflop_sweep::{Ending, Keeper, PlannedRun, Progress, TestScore, TrainFailure, Trained};
use std::time::{Duration, Instant};

/// A run that is being trained.
pub(crate) struct Session<'a> {
    run: &'a PlannedRun,
    device: &'a TrainDevice,
    micro_windows: u64,
    model: Transformer,
    optimizer: OptimizerState,
    recorder: Recorder,
    watch: Watch,
    feed: Feed,
    data: Data,
    flight: Flight,
    /// Number of steps done or, if the device queues its work, queued.
    step: u64,
    /// Number of steps whose loss and norm have been read.
    seen: u64,
    /// Loss of the last step that was read; `None` if it is not finite.
    loss: Option<f64>,
    /// Number of steps that the resumed state already held.
    before: u64,
    in_steps: Duration,
}

/// The step, from 0, at which a run diverged, and the reason.
struct Diverged {
    step: u64,
    reason: String,
}

impl<'a> Session<'a> {
    /// Begins with the newest state that belongs to this run and can be used, or else with step 0.
    pub(crate) fn new(
        run: &'a PlannedRun,
        device: &'a TrainDevice,
        micro_windows: u64,
        data: Data,
        keeper: &mut dyn Keeper,
    ) -> Result<Self, TrainFailure> {
        let config = &run.config;
        let stream = TrainStream::new(data.train.clone(), config.model.context, config.seed)
            .map_err(|error| TrainFailure::Other(error.to_string()))?;
        let tensors = device.autodiff();
        let (step, model, optimizer, recorder) = loop {
            let Some(state) = keeper.newest() else {
                break (
                    0,
                    Transformer::new(config.model, config.seed, &tensors),
                    OptimizerState::new(config.recipe.optimizer),
                    Recorder::default(),
                );
            };
            if let Some(found) = resume(run, &state, &tensors) {
                break found;
            }
        };
        let ahead = device.is_queued().then_some(tensors);
        Ok(Session {
            run,
            device,
            micro_windows,
            model,
            optimizer,
            recorder,
            watch: Watch::new(config.model.vocab_size),
            feed: Feed::new(stream, run.batch_windows(), config.recipe.batch_tokens, ahead),
            data,
            flight: Flight::default(),
            step,
            seen: step,
            loss: None,
            before: step,
            in_steps: Duration::ZERO,
        })
    }

    /// Trains to the last step, or until the run diverges or is told to stop.
    pub(crate) fn train(
        mut self,
        keeper: &mut dyn Keeper,
    ) -> Result<(Trained, Transformer), TrainFailure> {
        let steps = self.run.steps();
        loop {
            keeper.progress(Progress {
                step: self.step,
                steps,
                loss: self.loss,
                tokens_per_s: self.tokens_per_s(),
            });
            let keeps = keeper.wants(self.step);
            if (keeps || self.step == steps)
                && let Some(diverged) = self.land()?
            {
                return Ok(self.end_early(diverged));
            }
            if keeps {
                keeper.keep(self.step, &self.state())?;
            }
            if keeper.stopping() {
                return Err(TrainFailure::Stopped);
            }
            if self.step == steps {
                break;
            }
            let mut diverged = self.advance()?;
            if diverged.is_none() && self.recorder.scores(&self.run.config, self.step) {
                diverged = self.land()?;
            }
            if let Some(diverged) = diverged {
                return Ok(self.end_early(diverged));
            }
        }
        let Scores { loss, positions, load } = test_scores(&self.model, &self.data.test);
        let ending = match self.watch.of_test_loss(loss.nats_per_token) {
            None => Ending::Finished(TestScore {
                loss: loss.nats_per_token,
                standard_error: loss.standard_error,
                bits_per_byte: loss.bits_per_byte,
                tokens: loss.tokens as u64,
                load,
            }),
            Some(reason) => Ending::Diverged { step: steps, reason },
        };
        let positions = match ending {
            Ending::Finished(_) => positions.into_iter().map(point_of).collect(),
            Ending::Diverged { .. } => Vec::new(),
        };
        Ok(self.end(ending, positions))
    }

    fn tokens_per_s(&self) -> Option<f64> {
        let tokens = (self.step - self.before) * self.run.config.recipe.batch_tokens;
        (tokens > 0).then(|| tokens as f64 / self.in_steps.as_secs_f64())
    }

    fn state(&self) -> Vec<u8> {
        let manifest = Manifest::of(self.run, self.step);
        let session = serde_json::to_string(&self.recorder).expect("a struct of finite numbers");
        pack(&manifest, &self.model.weights, &self.optimizer, &session)
    }

    /// Does or queues one more step, and records the steps whose numbers have arrived.
    fn advance(&mut self) -> Result<Option<Diverged>, TrainFailure> {
        let started = Instant::now();
        let config = &self.run.config;
        let dropout = Dropout::of(config.recipe.dropout, config.seed, self.step);
        let batch = self.feed.batch(self.step, self.run.steps());
        let batch = Batch { dropout, ..batch };
        let rate = config.recipe.rate(self.step);
        let micro = self.micro_windows as usize * config.model.context;
        let (losses, grads) = unread_gradients(&self.model, &batch, micro);
        let steps = match self.device.is_queued() {
            false => {
                let losses = losses.into_iter();
                let loss = losses.map(|loss| f64::from(loss.into_scalar::<f32>())).sum();
                vec![Step {
                    loss,
                    grad_norm: self.optimizer.step(&mut self.model, grads, rate),
                    rate,
                }]
            }
            true => {
                let norm = self.optimizer.step_queued(&mut self.model, grads, rate);
                let loss = losses.into_iter().reduce(Tensor::add);
                let loss = loss.expect("a batch has a window");
                self.flight.add(rate, loss, norm)?
            }
        };
        self.step += 1;
        self.in_steps += started.elapsed();
        Ok(self.note(steps))
    }

    /// Waits for every queued step and records it.
    fn land(&mut self) -> Result<Option<Diverged>, TrainFailure> {
        let started = Instant::now();
        let steps = self.flight.land()?;
        self.in_steps += started.elapsed();
        Ok(self.note(steps))
    }

    /// Records steps, up to the first at which the run has diverged.
    fn note(&mut self, steps: Vec<Step>) -> Option<Diverged> {
        for step in steps {
            self.seen += 1;
            let (model, test) = (&self.model, &self.data.test);
            // The test loss is measured only when nothing is queued after this step, which `scores`
            // ensures.
            let score = &|| curve_loss(model, test);
            self.recorder.note(&self.run.config, self.seen, &step, score);
            self.loss = Some(step.loss).filter(|loss| loss.is_finite());
            let above = self.watch.steps_above(step.loss, self.recorder.above);
            self.recorder.above = above;
            if let Some(reason) = self.watch.verdict(step.loss, step.grad_norm, above) {
                let step = self.seen - 1;
                return Some(Diverged { step, reason });
            }
        }
        None
    }

    fn end_early(mut self, Diverged { step, reason }: Diverged) -> (Trained, Transformer) {
        self.step = self.seen;
        self.end(Ending::Diverged { step, reason }, Vec::new())
    }

    fn end(self, ending: Ending, positions: Vec<PositionPoint>) -> (Trained, Transformer) {
        let batch_tokens = self.run.config.recipe.batch_tokens;
        let trained = Trained {
            ending,
            train_loss: self.recorder.tail_loss(self.step, self.run.steps()),
            unique_tokens: self.feed.stream().windows().unique_tokens(self.step * batch_tokens),
            steps: self.step,
            tokens_here: (self.step - self.before) * batch_tokens,
            train_seconds: self.in_steps.as_secs_f64(),
            device_memory_bytes: self.device.memory_bytes(),
            device: self.device.name().to_owned(),
            instruction_set: self.device.detail().to_owned(),
            burn_version: BURN_VERSION.to_owned(),
            curve: self.recorder.into_curve(),
            positions,
        };
        (trained, self.model)
    }
}

/// A loss by position as a record holds it.
fn point_of(loss: PositionLoss) -> PositionPoint {
    PositionPoint {
        first: loss.first as u64,
        last: loss.last as u64,
        tokens: loss.tokens as u64,
        test_loss: Some(loss.nats_per_token),
        test_loss_se: loss.standard_error,
    }
}

/// Unpacks a state of this run or of one that shares its trunk; `None` for any other state.
fn resume(
    run: &PlannedRun,
    state: &[u8],
    device: &Device,
) -> Option<(u64, Transformer, OptimizerState, Recorder)> {
    let (manifest, model, optimizer, session) = unpack(state, device).ok()?;
    let recorder = serde_json::from_str(&session).ok()?;
    let wanted = Manifest { run_id: manifest.run_id.clone(), ..Manifest::of(run, manifest.step) };
    (manifest == wanted).then_some((manifest.step, model, optimizer?, recorder))
}
