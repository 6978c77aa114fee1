//! Losses by position, and of n-grams over parts of the train text.

use super::{Synthetic, language, noise};
use isoflop_results::data::ReferenceLoss;
use isoflop_results::{PositionPoint, Positions, RunRow};

/// First and last position of each range of a context of 128 tokens.
pub const RANGES: [(u64, u64); 13] = [
    (1, 1),
    (2, 2),
    (3, 3),
    (4, 5),
    (6, 7),
    (8, 10),
    (11, 15),
    (16, 22),
    (23, 31),
    (32, 44),
    (45, 63),
    (64, 90),
    (91, 128),
];

/// `1.8 + b p^-0.8` by position, b smaller for larger models.
pub fn by_position(run: &RunRow, ranges: &[(u64, u64)]) -> Positions {
    let b = 4.0 * (run.n_non_embedding as f64).powf(-0.05);
    let point = |(k, (first, last)): (usize, &(u64, u64))| {
        let at = ((first * last) as f64).sqrt();
        let error = 0.003 * noise(k as u64 + run.tokens);
        PositionPoint {
            first: *first,
            last: *last,
            tokens: 1000,
            test_loss: Some(1.8 + b * at.powf(-0.8) + error),
            test_loss_se: Some(0.01),
        }
    };
    Positions { run_id: run.run_id.clone(), points: ranges.iter().enumerate().map(point).collect() }
}

/// Losses of the best order over parts of the text, the last of which is the whole.
pub const COUNTED: [(u64, f64); 4] =
    [(8192, 3.0), (131_072, 2.4), (2_097_152, 1.9), (15_000_000, 1.84)];

/// The language, with losses by position, n-grams of order 1 to 8, four of them close to each other, and n-grams
/// over parts of the text.
pub fn sweep() -> Synthetic {
    let mut sweep = language();
    let finished = sweep.runs.iter().filter(|run| run.test_loss.is_some());
    sweep.positions = finished.map(|run| by_position(run, &RANGES)).collect();
    let references = &mut sweep.data[0].references;
    let gram = |order: u32, train_tokens: Option<u64>, test_loss: f64| ReferenceLoss {
        name: if order == 1 { "unigram".to_owned() } else { format!("{order}-gram") },
        train_tokens,
        test_loss,
        test_loss_se: Some(0.012),
        test_bpb: test_loss / std::f64::consts::LN_2,
    };
    references.retain(|reference| reference.order().is_none());
    let whole = [3.51, 2.86, 2.28, 1.93, COUNTED[3].1, 1.86, 1.89, 2.02];
    references.extend((1..).zip(whole).map(|(order, loss)| gram(order, None, loss)));
    for (tokens, best) in COUNTED {
        // The best order is lower for less text.
        let at = if tokens < 1_000_000 { 4 } else { 5 };
        let loss = |order: u32| best + 0.2 * f64::from(order.abs_diff(at));
        references.extend((1..=8).map(|order| gram(order, Some(tokens), loss(order))));
    }
    sweep.title = "counted".into();
    sweep
}
