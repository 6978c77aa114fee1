//! Measures how strongly two tokens of a document are correlated, by the distance between them.
//!
//! The strength at a distance is the largest singular value of the covariance `P(x, y) - P(x) P(y)` of the two
//! tokens (Cagnetta et al. 2026, Deriving neural scaling laws from the statistics of natural language, whose
//! text is one stream; here both tokens lie in one document). That of a sample is too large, since the noise of
//! its entries has a largest singular value of its own. So the two singular vectors are found in one half of
//! the text and the strength along them is measured in the other: noise of the one half is none in the other,
//! and the strength of independent tokens is zero on average. Where the vectors are found badly the strength is
//! too small.

use crate::ngrams::stretches;
use crate::tokens::Tokens;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Strength of the correlation of two tokens at a distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Number of tokens from one to the other.
    pub distance: usize,
    /// Largest singular value of the covariance.
    pub strength: f64,
    /// Standard error over groups of stretches of the text.
    pub standard_error: f64,
}

/// Distances between 1 and the last: each up to 8, and then four for each doubling.
const DISTANCES: [usize; 28] = [
    1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160,
    192, 224, 256,
];

/// Maximum train tokens that are looked at; of a longer text, evenly spread stretches are used.
const MOST_TOKENS: usize = 1 << 23;

/// Minimum train tokens; below them nothing is measured.
const FEWEST_TOKENS: usize = 1 << 15;

/// Minimum pairs of tokens at a distance; where a text has fewer, longer distances are not measured.
const FEWEST_PAIRS: u64 = 1 << 14;

/// Maximum distinct tokens; of more, the commonest are used.
const MOST_TYPES: usize = 512;

/// Groups that standard errors come from; those of even number are one half of the text.
const GROUPS: usize = 16;

/// Tokens that belong to one group before the next follows.
const BLOCK: usize = 1 << 11;

/// Steps towards the singular vectors.
const STEPS: usize = 40;

/// Strengths by distance; nothing for a text that is too short. `step` gets the work done and the whole of it.
pub(crate) fn correlations(
    train: &Tokens,
    separator: u32,
    vocab_size: usize,
    step: &dyn Fn(u64, u64),
) -> Vec<Correlation> {
    if train.len() < FEWEST_TOKENS {
        return Vec::new();
    }
    let text = Text::of(train, separator, vocab_size);
    let mut found = Vec::new();
    let total = (text.kinds.len() * DISTANCES.len()) as u64;
    for (index, distance) in DISTANCES.into_iter().enumerate() {
        let Some(correlation) = text.correlation(distance) else {
            break;
        };
        found.push(correlation);
        step((text.kinds.len() * (index + 1)) as u64, total);
    }
    step(total, total);
    found
}

/// Tokens as small numbers.
struct Text {
    /// Number of each token among those kept; `types` for every other.
    kinds: Vec<u16>,
    /// Tokens that follow each in its document, as far as the longest distance.
    room: Vec<u16>,
    /// Number of distinct tokens kept.
    types: usize,
}

impl Text {
    fn of(train: &Tokens, separator: u32, vocab_size: usize) -> Self {
        let mut ids: Vec<u32> = Vec::new();
        let mut room: Vec<u16> = Vec::new();
        for stretch in stretches(train.len(), MOST_TOKENS) {
            let from = ids.len();
            ids.extend(train.ids(stretch));
            room.resize(ids.len(), 0);
            let mut after: u16 = 0;
            for at in (from..ids.len()).rev() {
                // A separator belongs to no document, and pairs do not cross it.
                room[at] = if ids[at] == separator { 0 } else { after };
                after = if ids[at] == separator { 0 } else { after.saturating_add(1) };
            }
        }
        let mut counts = vec![0u64; vocab_size];
        ids.iter().for_each(|&id| counts[id as usize] += 1);
        counts[separator as usize] = 0;
        let mut order: Vec<usize> = (0..vocab_size).filter(|&id| counts[id] > 0).collect();
        order.sort_by_key(|&id| (std::cmp::Reverse(counts[id]), id));
        order.truncate(MOST_TYPES);
        let types = order.len();
        let mut kind_of = vec![types as u16; vocab_size];
        order.iter().zip(0..).for_each(|(&id, kind)| kind_of[id] = kind);
        let kinds = ids.iter().map(|&id| kind_of[id as usize]).collect();
        Text { kinds, room, types }
    }

    /// Number of pairs of kinds at a distance whose first token lies in a group.
    fn pairs(&self, distance: usize, group: usize) -> Table {
        let side = self.types + 1;
        let mut counts = vec![0u32; side * side];
        let starts = (group * BLOCK..self.kinds.len()).step_by(GROUPS * BLOCK);
        for at in starts.flat_map(|start| start..self.kinds.len().min(start + BLOCK)) {
            if usize::from(self.room[at]) >= distance {
                let (x, y) = (self.kinds[at], self.kinds[at + distance]);
                counts[usize::from(x) * side + usize::from(y)] += 1;
            }
        }
        Table { side, counts }
    }

    fn correlation(&self, distance: usize) -> Option<Correlation> {
        let groups: Vec<Table> =
            (0..GROUPS).into_par_iter().map(|group| self.pairs(distance, group)).collect();
        let totals: Vec<u64> = groups.iter().map(Table::total).collect();
        if totals.iter().sum::<u64>() < FEWEST_PAIRS || totals.contains(&0) {
            return None;
        }
        let covariances: Vec<Square> = groups.par_iter().map(covariance).collect();
        let vectors = [0, 1].map(|half| top(&half_of(&covariances, half)));
        let strengths: Vec<f64> = covariances
            .iter()
            .enumerate()
            .map(|(group, covariance)| {
                let (left, right) = &vectors[(group + 1) % 2];
                dot(left, &covariance.times(right))
            })
            .collect();
        let count = GROUPS as f64;
        let strength = strengths.iter().sum::<f64>() / count;
        let squares: f64 = strengths.iter().map(|s| (s - strength).powi(2)).sum();
        let standard_error = (squares / (count - 1.0) / count).sqrt();
        Some(Correlation { distance, strength, standard_error })
    }
}

/// Counts of pairs, the last row and column for tokens that are not kept.
struct Table {
    side: usize,
    counts: Vec<u32>,
}

impl Table {
    fn total(&self) -> u64 {
        self.counts.iter().map(|&count| u64::from(count)).sum()
    }
}

/// A square matrix by rows.
#[derive(Clone)]
struct Square {
    side: usize,
    entries: Vec<f64>,
}

impl Square {
    fn times(&self, vector: &[f64]) -> Vec<f64> {
        self.entries.chunks(self.side).map(|row| dot(row, vector)).collect()
    }

    /// The transpose times a vector.
    fn times_from_left(&self, vector: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.side];
        for (row, x) in self.entries.chunks(self.side).zip(vector) {
            row.iter().zip(&mut out).for_each(|(entry, out)| *out += entry * x);
        }
        out
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Covariance of a group about its own frequencies. About those of all groups, what one half has too much of the
/// other has too little of, and the strength of independent tokens would be below zero.
fn covariance(table: &Table) -> Square {
    let full = table.side;
    let side = full - 1;
    let total = table.total() as f64;
    let (mut first, mut second) = (vec![0.0; full], vec![0.0; full]);
    for (index, &count) in table.counts.iter().enumerate() {
        let share = f64::from(count) / total;
        first[index / full] += share;
        second[index % full] += share;
    }
    let entry = |index: usize| {
        let (row, column) = (index / side, index % side);
        f64::from(table.counts[row * full + column]) / total - first[row] * second[column]
    };
    Square { side, entries: (0..side * side).map(entry).collect() }
}

/// Mean of the covariances of one half of the groups.
fn half_of(covariances: &[Square], half: usize) -> Square {
    let mut mean = Square { side: covariances[0].side, entries: Vec::new() };
    mean.entries.resize(mean.side * mean.side, 0.0);
    let share = 2.0 / covariances.len() as f64;
    for covariance in covariances.iter().skip(half).step_by(2) {
        let entries = mean.entries.iter_mut().zip(&covariance.entries);
        entries.for_each(|(mean, entry)| *mean += share * entry);
    }
    mean
}

/// The singular vectors of the largest singular value, by steps of the power method from the longest row.
fn top(covariance: &Square) -> (Vec<f64>, Vec<f64>) {
    let rows = covariance.entries.chunks(covariance.side);
    let longest = rows.max_by(|a, b| dot(a, a).total_cmp(&dot(b, b)));
    let mut right = unit(longest.expect("a text has a token").to_vec());
    let mut left = unit(covariance.times(&right));
    for _ in 0..STEPS {
        right = unit(covariance.times_from_left(&left));
        left = unit(covariance.times(&right));
    }
    (left, right)
}

fn unit(vector: Vec<f64>) -> Vec<f64> {
    let length = dot(&vector, &vector).sqrt();
    match length > 0.0 {
        true => vector.iter().map(|x| x / length).collect(),
        false => vector,
    }
}

#[cfg(test)]
mod tests;
