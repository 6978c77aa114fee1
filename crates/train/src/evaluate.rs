//! Measures the loss on the scored test text, and the load of experts on it.

use crate::model::Transformer;
use burn::tensor::Tensor;
use isoflop_data::{PositionLoss, TestLoss, TestStream};
use isoflop_model::FeedForward;

/// Tokens per forward pass.
pub(crate) const CHUNK: usize = 4096;

/// What a trained model does on the scored test text.
pub struct Scores {
    /// Loss over all scored tokens.
    pub loss: TestLoss,
    /// The same by position in the context.
    pub positions: Vec<PositionLoss>,
    /// Of a model of experts, the largest over the layers of the largest share of an expert over the mean
    /// share.
    pub load: Option<f64>,
}

/// Scores all test tokens with a trained model.
pub fn test_scores(model: &Transformer, test: &TestStream) -> Scores {
    let context = model.config().context;
    let windows: Vec<usize> = (0..test.windows(context)).collect();
    let mut loads = Loads::default();
    let nats = nats(model, test, &windows, Some(&mut loads));
    let has_experts = matches!(model.config().feed_forward, FeedForward::Experts(_));
    Scores {
        loss: test.score(&nats),
        positions: test.by_position(context, &nats),
        load: has_experts.then(|| load_of(loads.read())),
    }
}

/// Mean loss in nats per token over the small fixed subset that learning curves use.
pub fn curve_loss(model: &Transformer, test: &TestStream) -> f64 {
    let nats = nats(model, test, &test.curve_windows(model.config().context), None);
    nats.iter().map(|&nats| f64::from(nats)).sum::<f64>() / nats.len() as f64
}

/// Tokens of each expert, `[1, e]` of each layer and chunk.
#[derive(Default)]
struct Loads(Vec<Vec<Tensor<2>>>);

impl Loads {
    /// Tokens of each expert, by layer.
    fn read(self) -> impl Iterator<Item = Vec<f64>> {
        let mut layers: Vec<Vec<f64>> = Vec::new();
        for chunk in self.0 {
            layers.resize(chunk.len(), Vec::new());
            for (all, counts) in layers.iter_mut().zip(chunk) {
                let counts: Vec<f64> = counts.into_data().iter::<f64>().collect();
                all.resize(counts.len(), 0.0);
                all.iter_mut().zip(counts).for_each(|(all, count)| *all += count);
            }
        }
        layers.into_iter()
    }
}

/// The largest over the layers of the largest share of an expert over the mean share.
pub(crate) fn load_of(layers: impl Iterator<Item = Vec<f64>>) -> f64 {
    let of_layer = |counts: Vec<f64>| {
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        counts.into_iter().fold(0.0, f64::max) / mean
    };
    layers.map(of_layer).fold(0.0, f64::max)
}

fn nats(
    model: &Transformer,
    test: &TestStream,
    windows: &[usize],
    mut loads: Option<&mut Loads>,
) -> Vec<f32> {
    let context = model.config().context;
    let model = model.without_autodiff();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let chunks = windows.chunks((CHUNK / context).max(1)).map(|chunk| {
        let scored = test.fill(context, chunk.iter().copied(), &mut inputs, &mut targets);
        let Some(loads) = &mut loads else {
            return (model.nats(&inputs, &targets), scored);
        };
        let (nats, routes) = model.nats_and_routes(&inputs, &targets);
        let count = |routes_ne: Tensor<2>| routes_ne.narrow(0, 0, scored).sum_dim(0);
        loads.0.push(routes.into_iter().map(count).collect());
        (nats, scored)
    });
    // All chunks are queued before the first result is waited for.
    let chunks: Vec<_> = chunks.collect();
    let mut nats = Vec::new();
    for (losses, scored) in chunks {
        nats.extend(losses.into_data().iter::<f32>().take(scored));
    }
    nats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_that_of_the_most_uneven_layer() {
        let layers = [vec![2.0, 2.0, 2.0], vec![1.0, 5.0, 0.0], vec![3.0, 2.0, 1.0]];
        assert_eq!(load_of(layers.into_iter()), 2.5);
    }
}
