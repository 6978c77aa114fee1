//! Measures the loss on the scored test text.

use crate::model::Transformer;
use isoflop_data::{PositionLoss, TestLoss, TestStream};

/// Tokens per forward pass.
pub(crate) const CHUNK: usize = 4096;

/// Loss over all scored test tokens, and the same by position in the context.
pub fn test_loss(model: &Transformer, test: &TestStream) -> (TestLoss, Vec<PositionLoss>) {
    let context = model.config().context;
    let windows: Vec<usize> = (0..test.windows(context)).collect();
    let nats = nats(model, test, &windows);
    (test.score(&nats), test.by_position(context, &nats))
}

/// Mean loss in nats per token over the small fixed subset that learning curves use.
pub fn curve_loss(model: &Transformer, test: &TestStream) -> f64 {
    let nats = nats(model, test, &test.curve_windows(model.config().context));
    nats.iter().map(|&nats| f64::from(nats)).sum::<f64>() / nats.len() as f64
}

fn nats(model: &Transformer, test: &TestStream, windows: &[usize]) -> Vec<f32> {
    let context = model.config().context;
    let model = model.without_autodiff();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let chunks = windows.chunks((CHUNK / context).max(1)).map(|chunk| {
        let scored = test.fill(context, chunk.iter().copied(), &mut inputs, &mut targets);
        (model.nats(&inputs, &targets), scored)
    });
    // All chunks are queued before the first result is waited for.
    let chunks: Vec<_> = chunks.collect();
    let mut nats = Vec::new();
    for (losses, scored) in chunks {
        nats.extend(losses.into_data().iter::<f32>().take(scored));
    }
    nats
}
