//! From a planned run to losses.

use crate::checkpoint::{self, Manifest};
use crate::device::instruction_set;
use crate::divergence::Watch;
use crate::evaluate::{curve_loss, test_loss};
use crate::model::Transformer;
use crate::ops::release_unused;
use crate::optimizer::{AdamW, gradients};
use crate::source::prepare;
use crate::{BURN_VERSION, NUMERICS_VERSION};
use burn::tensor::Device;
use isoflop_core::{FlopCount, Tokens};
use isoflop_data::{CURVE_TOKENS, Data, TrainStream};
use isoflop_results::CurvePoint;
use isoflop_sweep::run::DataSource;
use isoflop_sweep::{Ending, PlannedRun, Progress, TestScore, TrainFailure, Trained, Trainer};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Points of a learning curve.
const CURVE_POINTS: u64 = 60;

/// Points of a learning curve at which the test loss is measured too, at most.
const CURVE_TEST_POINTS: u64 = 12;

/// Share of the training tokens that may be scored for a learning curve: scoring is forward only,
/// so this is a tenth of the training time.
const CURVE_TEST_SHARE: f64 = 0.3;

/// Trains on the CPU with Burn's flex device.
#[derive(Default)]
pub struct BurnTrainer {
    /// Where the weights of finished runs are kept, if anywhere.
    models: Option<PathBuf>,
    /// The data of the last run, kept for the next.
    loaded: Option<((DataSource, u64), Data)>,
}

impl BurnTrainer {
    /// Keeps the weights of every finished run as a checkpoint `RUN` in a folder.
    pub fn keeping_models(folder: PathBuf) -> Self {
        BurnTrainer {
            models: Some(folder),
            loaded: None,
        }
    }

    fn data(&mut self, run: &PlannedRun) -> Result<Data, TrainFailure> {
        let key = (run.source.clone(), run.test_tokens);
        if let Some((loaded, data)) = &self.loaded
            && *loaded == key
        {
            return Ok(data.clone());
        }
        let failure = |error: isoflop_data::DataError| TrainFailure(error.to_string());
        let prepared = prepare(&run.source, run.test_tokens, &|_| {}).map_err(failure)?;
        let found = &prepared.metadata().digest;
        if *found != run.config.data_digest {
            let planned = &run.config.data_digest;
            return Err(TrainFailure(format!(
                "the data changed since the plan: digest {found}, planned {planned}"
            )));
        }
        let data = prepared.load(&|_| {}).map_err(failure)?;
        self.loaded = Some((key, data.clone()));
        Ok(data)
    }
}

impl Trainer for BurnTrainer {
    fn train(
        &mut self,
        run: &PlannedRun,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Trained, TrainFailure> {
        if run.config.numerics_version != NUMERICS_VERSION {
            return Err(TrainFailure(format!(
                "planned by another version (numerics {}, this one {NUMERICS_VERSION})",
                run.config.numerics_version
            )));
        }
        // Buffers of another run's sizes.
        release_unused();
        let data = self.data(run)?;
        let context = run.config.model.context;
        let stream = TrainStream::new(data.train.clone(), context, run.config.seed)
            .map_err(|error| TrainFailure(error.to_string()))?;
        let device = Device::flex().autodiff();
        let model = Transformer::new(run.config.model, run.config.seed, &device);
        let (trained, model) = Session::new(run, model, stream, data).train(progress);
        if let (Some(folder), Ending::Finished(_)) = (&self.models, &trained.ending) {
            let manifest = Manifest::of(run, run.config.steps.steps);
            checkpoint::save(&folder.join(run.id()), &manifest, &model.weights, None)
                .map_err(|error| TrainFailure(error.to_string()))?;
        }
        Ok(trained)
    }
}

/// One run being trained.
struct Session<'a> {
    run: &'a PlannedRun,
    model: Transformer,
    optimizer: AdamW,
    stream: TrainStream,
    data: Data,
    inputs: Vec<i32>,
    targets: Vec<i32>,
    losses: Vec<f64>,
    curve: Vec<CurvePoint>,
    in_steps: Duration,
}

/// What one step showed.
struct Step {
    loss: f64,
    grad_norm: f64,
    rate: f64,
}

impl<'a> Session<'a> {
    fn new(run: &'a PlannedRun, model: Transformer, stream: TrainStream, data: Data) -> Self {
        Session {
            run,
            model,
            optimizer: AdamW::new(run.config.optimizer),
            stream,
            data,
            inputs: Vec::new(),
            targets: Vec::new(),
            losses: Vec::new(),
            curve: Vec::new(),
            in_steps: Duration::ZERO,
        }
    }

    fn train(mut self, progress: &mut dyn FnMut(Progress)) -> (Trained, Transformer) {
        let steps = self.run.config.steps.steps;
        let watch = Watch::new(self.run.config.model.vocab_size);
        for step in 0..steps {
            let seen = self.step(step);
            self.losses.push(seen.loss);
            self.note(step, &seen);
            progress(Progress {
                step: step + 1,
                steps,
                loss: Some(seen.loss).filter(|l| l.is_finite()),
            });
            if let Some(reason) = watch.verdict(seen.loss, seen.grad_norm) {
                return self.end(Ending::Diverged { step, reason });
            }
        }
        let loss = test_loss(&self.model, &self.data.test);
        match loss.nats_per_token.is_finite() {
            true => {
                let score = TestScore {
                    loss: loss.nats_per_token,
                    standard_error: loss.standard_error,
                    bits_per_byte: loss.bits_per_byte,
                    tokens: loss.tokens as u64,
                };
                self.end(Ending::Finished(score))
            }
            false => {
                let reason = format!("the test loss became {}", loss.nats_per_token);
                self.end(Ending::Diverged {
                    step: steps,
                    reason,
                })
            }
        }
    }

    fn step(&mut self, step: u64) -> Step {
        let started = Instant::now();
        let windows = self.run.batch_windows();
        self.stream.fill(
            step * windows,
            windows as usize,
            &mut self.inputs,
            &mut self.targets,
        );
        let rate = self.run.config.learning_rate * self.run.config.steps.factor(step);
        let micro = self.run.micro_windows() as usize * self.run.config.model.context;
        let (loss, grads) = gradients(&self.model, &self.inputs, &self.targets, micro);
        let grad_norm = self.optimizer.step(&mut self.model, grads, rate);
        self.in_steps += started.elapsed();
        Step {
            loss,
            grad_norm,
            rate,
        }
    }

    /// Adds a point to the curve where one is due: evenly spaced, and at the last step.
    fn note(&mut self, step: u64, seen: &Step) {
        let schedule = self.run.config.steps;
        let due =
            |points: u64| (step + 1) * points / schedule.steps > step * points / schedule.steps;
        let blown = !seen.loss.is_finite() || !seen.grad_norm.is_finite();
        if !due(CURVE_POINTS) && !blown {
            return;
        }
        let since = self.curve.last().map_or(0, |point| point.step as usize);
        let recent = &self.losses[since..];
        let tokens = (step + 1) * self.run.config.batch_tokens;
        let finite = |value: f64| value.is_finite().then_some(value);
        let test_loss = (due(self.curve_test_points()) && !blown)
            .then(|| curve_loss(&self.model, &self.data.test))
            .and_then(finite);
        self.curve.push(CurvePoint {
            step: step + 1,
            tokens,
            flops: FlopCount::of(&self.run.config.model)
                .of_tokens(Tokens(tokens as f64))
                .0,
            train_loss: finite(recent.iter().sum::<f64>() / recent.len() as f64),
            test_loss,
            learning_rate: seen.rate,
            grad_norm: finite(seen.grad_norm),
        });
    }

    fn curve_test_points(&self) -> u64 {
        let affordable = self.run.tokens().0 * CURVE_TEST_SHARE / CURVE_TOKENS as f64;
        CURVE_TEST_POINTS.min(affordable as u64)
    }

    fn end(self, ending: Ending) -> (Trained, Transformer) {
        let tail = &self.losses[self.losses.len() - self.losses.len().div_ceil(10)..];
        let train_loss = tail.iter().sum::<f64>() / tail.len() as f64;
        let tokens = self.losses.len() as u64 * self.run.config.batch_tokens;
        let trained = Trained {
            ending,
            train_loss: train_loss.is_finite().then_some(train_loss),
            micro_batch: self.run.micro_windows(),
            unique_tokens: self.stream.windows().unique_tokens(tokens),
            train_seconds: self.in_steps.as_secs_f64(),
            device: "cpu".to_owned(),
            instruction_set: instruction_set().to_owned(),
            burn_version: BURN_VERSION.to_owned(),
            curve: self.curve,
        };
        (trained, self.model)
    }
}
