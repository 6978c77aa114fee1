//! Means over the tokens up to each one, weighted by the exponentials of keys and of a bias for each pair of
//! places. Biases are shared by windows and channels, so that pairs are products of matrices, with channels of
//! some windows side by side.

mod far;
mod plan;
mod single;
mod tiles;

pub(crate) use plan::{Biases, Plan};

use super::span::Span;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::profile::part;
use plan::Tile;
use std::ops::Range;

/// Columns of a product, at least where there are windows enough: then a product runs at full speed, and what
/// stands around it stays in the second-level cache.
const COLUMNS: usize = 512;

/// The windows, some at a time. A mask of documents hides other keys in each window, which then is by itself.
fn groups(whole: Span) -> impl Iterator<Item = Span> {
    let together = match whole.starts {
        Some(_) => 1,
        None => (COLUMNS / (2 * whole.row)).max(1),
    };
    (0..whole.windows).step_by(together).map(move |first| {
        let windows = together.min(whole.windows - first);
        Span { first, windows, ..whole }
    })
}

/// A tile of the windows of a span: the keys that are seen, their weights, and the tops of these.
struct Seen {
    keys: Range<usize>,
    /// How many of the queries see them.
    queries: usize,
    /// Numbers of all windows side by side: sums of weighted values and of weights of every channel.
    columns: usize,
    tops: Buffer,
    weighted: Buffer,
}

impl Seen {
    /// None where no query sees a key.
    fn new(span: Span, tile: &Tile, qkv: &[f32]) -> Option<Self> {
        let (keys, queries) = span.visible(&tile.queries, &tile.keys);
        if queries == 0 {
            return None;
        }
        let columns = 2 * span.windows * span.row;
        let mut tops = Buffer::stale(span.windows * span.row);
        let mut weighted = Buffer::stale(keys.len() * columns);
        part("keys", || tiles::weigh(span, keys.clone(), qkv, &mut tops, &mut weighted));
        Some(Seen { keys, queries, columns, tops, weighted })
    }

    /// Where the numbers of a tile for the keys that are seen begin.
    fn at(&self, tile: &Tile) -> usize {
        tile.at + self.keys.start - tile.keys.start
    }

    /// Weights of biases, `[queries, keys]`. All queries have a row, also those that do not see the keys: a
    /// later token decides which they are, and is to change no bit of the others.
    fn biases<'a>(&self, plan: &'a Plan, tile: &Tile) -> Matrix<'a> {
        let numbers = &plan.weights[self.at(tile)..tile.at + tile.len()];
        Matrix::strided(numbers, tile.queries.len(), self.keys.len(), tile.keys.len())
    }
}

/// `sigmoid(q) mean(v)` of every token; the sigmoid is left in the place of the query.
///
/// # Shapes
/// - qkv: `[n, 3, row]`; means, written: `[3, n, row]`, of every token the scale of its sums, the mean, and the
///   inverse of the sum of weights over that scale; mixed, written: `[n, row]`
pub(super) fn forward(
    whole: Span,
    plan: &Plan,
    qkv: &mut [f32],
    means: &mut [f32],
    mixed: &mut [f32],
) {
    means[..mixed.len()].fill(f32::NEG_INFINITY);
    means[mixed.len()..].fill(0.0);
    for span in groups(whole) {
        part("far keys", || far::add(span, &plan.far, qkv, means));
        for tile in &plan.products {
            let Some(seen) = Seen::new(span, tile, qkv) else { continue };
            let (rows, columns) = (tile.queries.len(), seen.columns);
            let mut sums = Buffer::stale(rows * columns);
            let weighted = Matrix::new(&seen.weighted, seen.keys.len(), columns);
            multiply(MatrixMut::new(&mut sums, rows, columns), seen.biases(plan, tile), weighted);
            let of_queries = &plan.tops[tile.tops_at..][..seen.queries];
            let queries = tile.queries.clone();
            part("sums", || tiles::add(span, queries, &seen.tops, of_queries, &sums, means));
        }
        part("single pairs", || single::add(span, &plan.single, &plan.biases, qkv, means));
    }
    part("means", || tiles::finish(whole.row, qkv, means, mixed));
}

/// Gradients of queries, keys and values, written to `dqkv`, and those of biases.
///
/// # Shapes
/// - qkv with the sigmoids of queries, dqkv (written): `[n, 3, row]`; means: as [`forward`] left them; dmixed:
///   `[n, row]`; output: as the biases
pub(super) fn backward(
    whole: Span,
    (plan, biases): (&Plan, Biases),
    qkv: &[f32],
    means: &[f32],
    dmixed: &[f32],
    dqkv: &mut [f32],
) -> Buffer {
    let mut open = Buffer::stale(dmixed.len());
    part("means, backward", || tiles::begin(whole.row, qkv, means, dmixed, dqkv, &mut open));
    let mut of_products = Buffer::zeros(plan.weights.len());
    let mut of_single = Buffer::zeros(plan.biases.len());
    for span in groups(whole) {
        part("far keys, backward", || far::backward(span, &plan.far, qkv, means, &open, dqkv));
        for tile in &plan.products {
            let Some(seen) = Seen::new(span, tile, qkv) else { continue };
            let (rows, columns, keys) = (tile.queries.len(), seen.columns, seen.keys.len());
            let mut slopes = Buffer::stale(rows * columns);
            let of_queries = &plan.tops[tile.tops_at..][..seen.queries];
            part("sums, backward", || {
                let (queries, seeing) = (tile.queries.clone(), seen.queries);
                let tops = (&seen.tops, of_queries);
                tiles::slopes(span, queries, seeing, tops.0, tops.1, means, &open, &mut slopes)
            });
            let slopes = Matrix::new(&slopes, rows, columns);
            let weighted = Matrix::new(&seen.weighted, keys, columns);
            let to = &mut of_products[seen.at(tile)..tile.at + tile.len()];
            multiply_add(MatrixMut::strided(to, rows, keys, tile.keys.len()), slopes, weighted.t());
            let mut of_weighted = Buffer::stale(keys * columns);
            let to = MatrixMut::new(&mut of_weighted, keys, columns);
            multiply(to, seen.biases(plan, tile).t(), slopes);
            part("keys, backward", || {
                tiles::spread(span, seen.keys.clone(), &seen.weighted, &of_weighted, qkv, dqkv)
            });
        }
        part("single pairs, backward", || {
            let (tiles, biases) = (&plan.single, &plan.biases);
            single::backward(span, tiles, biases, qkv, means, &open, dqkv, &mut of_single)
        });
    }
    part("biases, backward", || plan.gather(biases, &of_products, &of_single))
}
