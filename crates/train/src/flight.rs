//! Losses and gradient norms on their way from the device: they are fetched several steps at a
//! time, while the next steps are queued.

use crate::device::traffic;
use crate::device::wait::{Asked, fetch};
use burn::tensor::Tensor;
use isoflop_sweep::TrainFailure;

/// Numbers of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) loss: f64,
    pub(crate) grad_norm: f64,
    pub(crate) rate: f64,
}

/// Number of steps whose numbers are fetched together.
pub(crate) const TOGETHER: usize = 16;

/// Steps whose numbers were not taken yet, the oldest first.
#[derive(Default)]
pub(crate) struct Flight {
    /// Steps whose numbers are not requested yet: the rate, then loss and norm, each `[1]`.
    open: Vec<(f64, [Tensor<1>; 2])>,
    asked: Option<(Vec<f64>, Numbers)>,
}

/// Loss and norm of one step after another, once they have arrived.
type Numbers = Asked<Result<Vec<f32>, String>>;

impl Flight {
    /// Adds a step and returns the steps whose numbers have arrived in the meantime.
    pub(crate) fn add(
        &mut self,
        rate: f64,
        loss: Tensor<1>,
        norm: Tensor<1>,
    ) -> Result<Vec<Step>, TrainFailure> {
        self.open.push((rate, [loss, norm]));
        match self.open.len() < TOGETHER {
            true => Ok(Vec::new()),
            false => self.turn(),
        }
    }

    /// Waits for all steps and returns them.
    pub(crate) fn land(&mut self) -> Result<Vec<Step>, TrainFailure> {
        let mut steps = self.turn()?;
        steps.extend(self.turn()?);
        Ok(steps)
    }

    /// Takes the numbers that were requested, and requests those of the open steps.
    fn turn(&mut self) -> Result<Vec<Step>, TrainFailure> {
        let before = self.asked.take();
        if !self.open.is_empty() {
            let (rates, numbers): (Vec<_>, Vec<_>) = self.open.drain(..).unzip();
            let numbers = Tensor::cat(numbers.into_iter().flatten().collect(), 0);
            self.asked = Some((rates, fetch(numbers)));
        }
        let Some((rates, numbers)) = before else {
            return Ok(Vec::new());
        };
        let numbers = numbers.answer().map_err(TrainFailure::Other)?;
        traffic::fetched(size_of_val(&numbers[..]));
        let numbers: Vec<f64> = numbers.into_iter().map(f64::from).collect();
        let steps = rates.into_iter().zip(numbers.chunks(2));
        Ok(steps
            .map(|(rate, numbers)| Step { loss: numbers[0], grad_norm: numbers[1], rate })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn every_step_arrives_once_and_in_order() {
        let device = Device::flex();
        let number = |x: f32| Tensor::<1>::from_data([x], &device);
        for count in [1, TOGETHER, TOGETHER + 1, 3 * TOGETHER + 5] {
            let mut flight = Flight::default();
            let mut seen = Vec::new();
            for step in 0..count {
                let (loss, norm) = (number(step as f32), number(-(step as f32)));
                seen.extend(flight.add(step as f64 / 8.0, loss, norm).unwrap());
                assert!(seen.len() <= step);
            }
            seen.extend(flight.land().unwrap());
            let expected = (0..count).map(|step| Step {
                loss: step as f64,
                grad_norm: -(step as f64),
                rate: step as f64 / 8.0,
            });
            assert_eq!(seen, Vec::from_iter(expected));
            assert_eq!(flight.land().unwrap(), []);
        }
    }
}
