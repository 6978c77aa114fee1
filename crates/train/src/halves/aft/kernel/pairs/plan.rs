//! Which pairs of places are treated together, and their biases.
//!
//! Queries and the keys before them fall into tiles, each a product of matrices: the second half of a stretch
//! of tokens meets the first, and each half is split likewise, down to a few tokens whose pairs are weighed one
//! by one. So every tile has keys that are all earlier than its queries, and what stands over its sums depends
//! on no later token. How it is split depends on biases alone.

use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, for_lanes, max, vectorised};
use std::ops::Range;

/// Most tokens whose pairs are weighed one by one.
pub(super) const LEAF: usize = 16;

/// Fewest tokens of a block.
const LEAST_BLOCK: usize = 16;

/// Widest range of a query's biases in a product. Weights of keys below `e^-60` are 0 there; with a bias that
/// is larger by this much than that of the largest key, they are still below `e^-35` of the whole, and the
/// smallest weight of a pair, `e^-85`, is a normal number.
const WIDEST: f32 = 25.0;

/// Biases of pairs of places, a row a query: of every key, or of so many back from the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Biases<'a> {
    pub(crate) values: &'a [f32],
    /// Keys that have a bias, the query itself among them; all of them where absent.
    pub(crate) window: Option<usize>,
}

impl Biases<'_> {
    /// Copies the biases of a query and keys up to it.
    fn copy(&self, time: usize, query: usize, keys: Range<usize>, to: &mut [f32]) {
        let width = self.values.len() / time;
        let row = &self.values[query * width..][..width];
        match self.window {
            None => to.copy_from_slice(&row[keys]),
            Some(window) => {
                let of = |key| if query - key < window { row[query - key] } else { 0.0 };
                to.iter_mut().zip(keys).for_each(|(to, key)| *to = of(key));
            }
        }
    }

    /// Adds the gradients of a query's biases for keys up to it to those of all.
    fn add(&self, time: usize, query: usize, keys: Range<usize>, from: &[f32], to: &mut [f32]) {
        let width = self.values.len() / time;
        let row = &mut to[query * width..][..width];
        match self.window {
            None => row[keys].iter_mut().zip(from).for_each(|(to, from)| *to += from),
            Some(window) => {
                let near = keys.zip(from).filter(|(key, _)| query - key < window);
                near.for_each(|(key, from)| row[query - key] += from);
            }
        }
    }

    /// Tokens of a block: keys before the window of a block's first query are summed up for all of its
    /// queries at once.
    fn block(&self, time: usize) -> usize {
        match self.window {
            Some(window) if window < time => window.next_power_of_two().max(LEAST_BLOCK),
            _ => time,
        }
    }
}

/// Pairs of some queries and some keys.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    pub(super) queries: Range<usize>,
    pub(super) keys: Range<usize>,
    /// Where its numbers begin, a row a query.
    pub(super) at: usize,
    /// Where its tops begin.
    pub(super) tops_at: usize,
}

impl Tile {
    /// How many pairs it has.
    pub(super) fn len(&self) -> usize {
        self.queries.len() * self.keys.len()
    }
}

/// Tokens, and how many keys from the start of the window are far from all of them.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(super) queries: Range<usize>,
    pub(super) far: usize,
}

/// All pairs of a window, but those of far keys.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Tokens of a window.
    time: usize,
    pub(super) products: Vec<Tile>,
    /// Exponentials of biases over the largest of a query in its tile, of every product.
    pub(super) weights: Buffer,
    /// The largest bias of each query of each product.
    pub(super) tops: Vec<f32>,
    /// Pairs that are weighed one by one. Keys of a tile may lie after queries, and then do not count.
    pub(super) single: Vec<Tile>,
    /// Biases of single pairs.
    pub(super) biases: Vec<f32>,
    /// Blocks with far keys.
    pub(super) far: Vec<Block>,
}

/// A plan in the making.
struct Drawing<'a> {
    given: Biases<'a>,
    plan: Plan,
    /// Weights that are made.
    done: usize,
}

impl Plan {
    pub(crate) fn new(given: Biases, time: usize) -> Self {
        let size = given.block(time);
        let blocks = (0..time).step_by(size).map(|first| {
            let far = given.window.map_or(0, |window| (first + 1).saturating_sub(window));
            Block { queries: first..time.min(first + size), far }
        });
        let blocks: Vec<Block> = blocks.collect();
        let pairs = blocks.iter().map(|Block { queries, far }| queries.len() * (queries.end - far));
        let plan = Plan {
            time,
            products: Vec::new(),
            weights: Buffer::stale(pairs.sum()),
            tops: Vec::new(),
            single: Vec::new(),
            biases: Vec::new(),
            far: Vec::new(),
        };
        let mut drawing = Drawing { given, plan, done: 0 };
        for Block { queries, far } in &blocks {
            drawing.stretch(queries.clone());
            drawing.tile(queries.clone(), *far..queries.start);
        }
        let far = blocks.into_iter().filter(|block| block.far > 0).collect();
        Plan { far, ..drawing.plan }
    }

    /// Gradients of biases, from those of each tile in the order of its numbers, of products without their
    /// weights.
    pub(super) fn gather(&self, given: Biases, products: &[f32], single: &[f32]) -> Buffer {
        let mut all = Buffer::zeros(given.values.len());
        let mut row = Buffer::stale(self.time);
        for tile in &self.products {
            let width = tile.keys.len();
            for (query, at) in tile.queries.clone().zip((tile.at..).step_by(width)) {
                let pairs = products[at..][..width].iter().zip(&self.weights[at..]);
                row.iter_mut().zip(pairs).for_each(|(to, (slope, weight))| *to = slope * weight);
                given.add(self.time, query, tile.keys.clone(), &row, &mut all);
            }
        }
        for tile in &self.single {
            let rows = (tile.at..).step_by(tile.keys.len());
            for (query, at) in tile.queries.clone().zip(rows) {
                let keys = tile.keys.start..tile.keys.end.min(query + 1);
                given.add(self.time, query, keys, &single[at..], &mut all);
            }
        }
        all
    }
}

impl Drawing<'_> {
    /// Pairs within a stretch of tokens.
    fn stretch(&mut self, tokens: Range<usize>) {
        if tokens.len() <= LEAF {
            return self.single(tokens.clone(), tokens);
        }
        let middle = tokens.start + tokens.len().next_power_of_two() / 2;
        self.stretch(tokens.start..middle);
        self.stretch(middle..tokens.end);
        self.tile(middle..tokens.end, tokens.start..middle);
    }

    /// Pairs of queries and keys that are all earlier.
    fn tile(&mut self, queries: Range<usize>, keys: Range<usize>) {
        if queries.is_empty() || keys.is_empty() {
            return;
        }
        let (at, tops_at) = (self.done, self.plan.tops.len());
        let tile = Tile { queries: queries.clone(), keys: keys.clone(), at, tops_at };
        let weights = &mut self.plan.weights[at..][..tile.len()];
        for (query, row) in queries.clone().zip(weights.chunks_exact_mut(keys.len())) {
            self.given.copy(self.plan.time, query, keys.clone(), row);
        }
        self.plan.tops.resize(tops_at + queries.len(), 0.0);
        let mut widest = 0.0;
        weigh(weights, keys.len(), &mut self.plan.tops[tops_at..], &mut widest);
        if widest <= WIDEST {
            self.done += tile.len();
            return self.plan.products.push(tile);
        }
        self.plan.tops.truncate(tops_at);
        if queries.len() <= LEAF && keys.len() <= LEAF {
            return self.single(queries, keys);
        }
        let halves = |range: Range<usize>| match range.len() > LEAF {
            true => {
                let middle = range.start + range.len().next_power_of_two() / 2;
                [range.start..middle, middle..range.end]
            }
            false => [range.clone(), range.end..range.end],
        };
        for queries in halves(queries) {
            for keys in halves(keys.clone()) {
                self.tile(queries.clone(), keys);
            }
        }
    }

    fn single(&mut self, queries: Range<usize>, keys: Range<usize>) {
        let at = self.plan.biases.len();
        for query in queries.clone() {
            let row = self.plan.biases.len();
            self.plan.biases.resize(row + keys.len(), 0.0);
            let seen = keys.start..keys.end.min(query + 1);
            let to = &mut self.plan.biases[row..][..seen.len()];
            self.given.copy(self.plan.time, query, seen, to);
        }
        self.plan.single.push(Tile { queries, keys, at, tops_at: 0 });
    }
}

vectorised! {
    /// Exponentials of biases over the largest of each row, in their place; what the largest are, and the widest
    /// range of a row. Where that is too wide for a product, the biases stay.
    fn weigh<'a, S>(
        simd;
        biases: &'a mut [f32],
        width: usize,
        tops: &'a mut [f32],
        widest: &'a mut f32,
    ) {
        for (row, top) in biases.chunks_exact(width).zip(tops.iter_mut()) {
            let mut least = simd.splat_f32s(f32::INFINITY);
            let (whole, rest) = S::as_simd_f32s(row);
            for biases in whole {
                least = simd.min_f32s(least, *biases);
            }
            let least = rest.iter().fold(simd.reduce_min_f32s(least), |a, b| a.min(*b));
            *top = max(simd, row);
            *widest = widest.max(*top - least);
        }
        if *widest > WIDEST {
            return;
        }
        for (row, top) in biases.chunks_exact_mut(width).zip(tops) {
            let top = simd.splat_f32s(*top);
            for_lanes!(S, simd, [], [bias of row], (exp(simd, simd.sub_f32s(bias, top)),));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of a query and a key up to it is met once, wherever biases are wide.
    #[test]
    fn a_plan_meets_every_pair_once() {
        for time in [1, 7, 8, 9, 33, 100] {
            for window in [None, Some(1), Some(5), Some(40), Some(200)] {
                let width = window.map_or(time, |window| time.min(window));
                for wide in [0.0, 30.0] {
                    let values: Vec<f32> =
                        (0..time * width).map(|i| if i % 37 == 5 { wide } else { 0.0 }).collect();
                    let plan = Plan::new(Biases { values: &values, window }, time);
                    let mut met = vec![0; time * time];
                    for tile in plan.products.iter().chain(&plan.single) {
                        for query in tile.queries.clone() {
                            let keys = tile.keys.clone().filter(|key| *key <= query);
                            keys.for_each(|key| met[query * time + key] += 1);
                        }
                    }
                    for Block { queries, far } in &plan.far {
                        let near = |query: usize| query + 1 - window.unwrap().min(query + 1);
                        assert!(*far <= near(queries.start), "{window:?} of {time}");
                        for query in queries.clone() {
                            (0..*far).for_each(|key| met[query * time + key] += 1);
                        }
                    }
                    for (query, row) in met.chunks(time).enumerate() {
                        let expected = |key| usize::from(key <= query);
                        assert!(row.iter().enumerate().all(|(key, met)| *met == expected(key)));
                    }
                    let whole = wide == 0.0 && time > LEAF && window != Some(1);
                    assert!(!plan.products.is_empty() || !whole, "{window:?} of {time}");
                }
            }
        }
    }
}
