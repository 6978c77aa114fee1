//! Checks by a few training steps whether a device computes the same as the processor.

use super::{DeviceChoice, DeviceError, TrainDevice};
use crate::model::{Batch, Transformer};
use crate::optimizer::{OptimizerState, unread_gradients};
use isoflop_core::Optimizer;
use isoflop_core::rng::{Purpose, below, stream};
use isoflop_model::{ModelConfig, Norm, Position, Shape};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Instant;

/// Number of steps of a probe.
const STEPS: u64 = 5;

/// Relative difference of a loss from which on it counts as wrong; rounding alone stays a hundred
/// times below this.
const TOLERANCE: f64 = 1e-3;

/// Result of a probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Loss of each step, in nats per token.
    pub losses: Vec<f64>,
    /// Largest relative difference from the losses on the processor.
    pub largest_difference: f64,
    /// Seconds of a step of the tiny model, without the first step.
    pub step_s: f64,
}

impl Probe {
    /// Reason why the device cannot be trusted; `None` if the probe showed none.
    pub fn problem(&self) -> Option<String> {
        let difference = self.largest_difference;
        (difference.is_nan() || difference > TOLERANCE)
            .then(|| format!("its losses are off by {difference:.1e} relative to the processor's"))
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.losses[0], self.losses[self.losses.len() - 1]);
        write!(
            f,
            "{} steps, loss {first:.4} to {last:.4}, within {:.0e} of the processor's, {:.1} ms a step",
            self.losses.len(),
            self.largest_difference,
            self.step_s * 1e3
        )
    }
}

/// Trains a tiny model on a device and on the processor.
///
/// # Errors
/// The device cannot be opened.
pub fn probe(choice: DeviceChoice) -> Result<Probe, DeviceError> {
    let (found, step_s) = losses(&TrainDevice::open(choice)?);
    let (expected, _) = losses(&TrainDevice::cpu());
    let differences = found.iter().zip(&expected).map(|(a, b)| (a / b - 1.0).abs());
    // A NaN among the differences must not be lost.
    let largest = differences.fold(0.0, |a: f64, b| if a.is_nan() || a >= b { a } else { b });
    Ok(Probe { losses: found, largest_difference: largest, step_s })
}

fn losses(device: &TrainDevice) -> (Vec<f64>, f64) {
    let config = ModelConfig {
        norm: Norm::Rms,
        position: Position::Rope,
        ..ModelConfig::transformer(Shape::new(24, 2, 3).expect("three heads of eight"), 61, 17)
    };
    const TOKENS: usize = 4 * 17;
    let mut rng = stream(0, Purpose::Benchmark, 2);
    let ids: Vec<i32> = (0..=TOKENS).map(|_| below(&mut rng, 61) as i32).collect();
    let mut model = Transformer::new(config, 0, &device.autodiff());
    let mut optimizer = OptimizerState::new(Optimizer::default());
    let mut losses = Vec::new();
    let mut started = Instant::now();
    for step in 0..STEPS {
        if step == 1 {
            started = Instant::now();
        }
        let batch = Batch::new(&ids[..TOKENS], &ids[1..]);
        let (loss, grads) = unread_gradients(&model, &batch, TOKENS);
        match device.is_queued() {
            true => {
                optimizer.step_queued(&mut model, grads, 0.01);
            }
            false => {
                optimizer.step(&mut model, grads, 0.01);
            }
        }
        losses.extend(loss.into_iter().map(|loss| f64::from(loss.into_scalar::<f32>())));
    }
    (losses, started.elapsed().as_secs_f64() / (STEPS - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_agrees_with_itself_and_learns() {
        let probe = probe(DeviceChoice::Cpu).unwrap();
        assert_eq!(probe.largest_difference, 0.0);
        assert_eq!(probe.problem(), None);
        assert!(probe.losses[4] < probe.losses[0]);
    }

    #[test]
    fn losses_that_are_off_or_no_numbers_are_a_problem() {
        for largest_difference in [2e-3, f64::NAN, f64::INFINITY] {
            let probe = Probe { losses: vec![4.1, 4.0], largest_difference, step_s: 1.0 };
            assert!(probe.problem().is_some(), "{largest_difference}");
        }
    }
}
