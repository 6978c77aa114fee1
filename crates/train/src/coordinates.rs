//! The coordinate check: what a few steps change at each of several widths. Under a parametrisation
//! that transfers learning rates, the change of a number in the model neither grows nor shrinks
//! with the width (Yang et al. 2022, appendix D.1).

use crate::model::Transformer;
use crate::optimizer::{OptimizerState, gradients};
use burn::tensor::{Device, Tensor};
use isoflop_core::Optimizer;
use isoflop_core::rng::{Purpose, below, stream};
use isoflop_model::{ModelConfig, Parametrization};

/// Changes that were measured at one width.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinates {
    /// Width of the model.
    pub d_model: usize,
    /// Mean absolute change of a number in the residual stream, after each step.
    pub stream: Vec<f64>,
    /// Mean absolute change of a logit, after each step.
    pub logits: Vec<f64>,
}

/// Number of seeds that the changes are averaged over.
const SEEDS: u64 = 3;

/// Trains `model` at several widths on one batch of random tokens, with heads of
/// [`Parametrization::BASE_HEAD`] numbers, and measures after each step how far the numbers are
/// from those of the untrained model.
pub fn coordinates(
    model: ModelConfig,
    widths: &[usize],
    steps: usize,
    rate: f64,
) -> Vec<Coordinates> {
    let widths = widths.iter().map(|&d_model| {
        let mut model = model;
        model.shape.d_model = d_model;
        model.shape.n_heads = d_model / Parametrization::BASE_HEAD;
        let mut mean = Coordinates { d_model, stream: vec![0.0; steps], logits: vec![0.0; steps] };
        for seed in 0..SEEDS {
            let (stream, logits) = changes(model, seed, steps, rate);
            for step in 0..steps {
                mean.stream[step] += stream[step] / SEEDS as f64;
                mean.logits[step] += logits[step] / SEEDS as f64;
            }
        }
        mean
    });
    widths.collect()
}

fn changes(model: ModelConfig, seed: u64, steps: usize, rate: f64) -> (Vec<f64>, Vec<f64>) {
    const WINDOWS: usize = 4;
    let count = WINDOWS * model.context;
    let mut rng = stream(seed, Purpose::Benchmark, 0);
    let ids: Vec<i32> =
        (0..=count).map(|_| below(&mut rng, model.vocab_size as u64) as i32).collect();
    let (inputs, targets) = (&ids[..count], &ids[1..]);
    let mut trained = Transformer::new(model, seed, &Device::flex().autodiff());
    let mut optimizer = OptimizerState::new(Optimizer::default());
    let look = |model: &Transformer| {
        let model = model.without_autodiff();
        (model.stream(inputs), model.logits(inputs))
    };
    let before = look(&trained);
    let changed = (0..steps).map(|_| {
        let (_, grads) = gradients(&trained, inputs, targets, count);
        optimizer.step(&mut trained, grads, rate);
        let after = look(&trained);
        let size = |a: Tensor<2>, b: &Tensor<2>| {
            f64::from((a - b.clone()).abs().mean().into_scalar::<f32>())
        };
        (size(after.0, &before.0), size(after.1, &before.1))
    });
    changed.unzip()
}

/// Exponent with which a size grows with the width: the least-squares slope of the logarithm of the
/// size over the logarithm of the width.
pub fn growth(widths: &[Coordinates], size: impl Fn(&Coordinates) -> f64) -> f64 {
    let points: Vec<(f64, f64)> =
        widths.iter().map(|at| ((at.d_model as f64).ln(), size(at).ln())).collect();
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let (xy, xx) = points
        .iter()
        .fold((0.0, 0.0), |(xy, xx), p| (xy + (p.0 - x) * (p.1 - y), xx + (p.0 - x).powi(2)));
    xy / xx
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_model::{Norm, Position, Shape};

    #[test]
    fn what_a_step_changes_grows_with_the_width_only_in_the_standard_parametrisation() {
        let growth_of = |parametrization| {
            let model = ModelConfig {
                norm: Norm::Rms,
                position: Position::Rope,
                parametrization,
                ..ModelConfig::transformer(Shape::new(32, 2, 2).unwrap(), 64, 16)
            };
            let widths = coordinates(model, &[32, 64, 128, 256], 3, 0.01);
            growth(&widths, |at| at.logits[2])
        };
        let (standard, mup) =
            (growth_of(Parametrization::Standard), growth_of(Parametrization::Mup));
        assert!(mup.abs() < 0.25, "{mup}");
        assert!(standard > 0.4, "{standard}");
    }

    #[test]
    fn a_power_of_the_width_is_found() {
        let widths: Vec<Coordinates> = [32, 64, 256]
            .map(|d_model| Coordinates {
                d_model,
                stream: vec![(d_model as f64).powf(-0.5)],
                logits: vec![3.0],
            })
            .into();
        assert!((growth(&widths, |at| at.stream[0]) + 0.5).abs() < 1e-12);
        assert!(growth(&widths, |at| at.logits[0]).abs() < 1e-12);
    }
}
