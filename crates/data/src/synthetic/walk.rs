//! A random walk on a random regular graph. The graph is the union of random cycles through all nodes, so that
//! it is connected and every node has the same number of edges. An edge is taken with probability in
//! proportion to its weight: all alike, or by a Zipf law, and then the strengths of the nodes are spread widely
//! as well. Such a walk is reversible: a node's share of the steps is its strength, the weights of its edges,
//! over that of all nodes, and the entropy rate is the mean entropy of a step under these shares (Cover &
//! Thomas 2006, section 4.3). A document starts in a node drawn by the shares.
//!
//! A walk whose edges are alike takes each equally often: what there is to be learnt has no power law in it
//! (Barkeshli et al. 2026, On the origin of neural scaling laws).

use super::patterns::SYMBOLS;
use super::{EntropyRate, KnownExponents, MEAN_BYTES, binary_entropy, entropy_of};
use isoflop_core::rng::{Permutation, Purpose, stream, uniform};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

/// Maximum number of nodes.
const MOST_NODES: u64 = 1 << 16;

/// Maximum number of edges of a node.
const MOST_EDGES: u64 = 64;

/// Indices of the streams that names and the ranks of edges are drawn from; those before them draw cycles.
const NAMES: u64 = 1 << 32;
const RANKS: u64 = NAMES + 1;

pub(super) struct Walk {
    /// Name of every node; all have the same length.
    names: Vec<String>,
    /// Node of every name.
    places: FxHashMap<String, usize>,
    /// Nodes that a step from each node leads to, with their probabilities.
    steps: Vec<Vec<(usize, f64)>>,
    /// Share of the steps that start from each node.
    shares: Vec<f64>,
    /// Cumulative sums of `shares`.
    upto: Vec<f64>,
    /// `a` of the Zipf law of the weights.
    exponent: Option<f64>,
    /// Bytes of a name.
    length: usize,
    /// Probability that a document ends after a node.
    end: f64,
}

impl Walk {
    pub(super) fn new(
        nodes: u64,
        degree: u64,
        exponent: Option<f64>,
        seed: u64,
    ) -> Result<Self, String> {
        if !(3..=MOST_NODES).contains(&nodes) {
            return Err(format!("nodes = {nodes} does not lie between 3 and {MOST_NODES}"));
        }
        if !(2..=MOST_EDGES).contains(&degree) || degree % 2 == 1 {
            return Err(format!(
                "degree = {degree} is no even number between 2 and {MOST_EDGES}: the graph is made of cycles, and each gives a node two edges"
            ));
        }
        if let Some(a) = exponent.filter(|a| !(*a > -1.0 && *a <= 8.0)) {
            return Err(format!("exponent = {a} does not lie between -1 and 8"));
        }
        let steps = edges(nodes, degree / 2, exponent, seed);
        let strengths: Vec<f64> =
            steps.iter().map(|edges| edges.iter().map(|(_, weight)| weight).sum()).collect();
        let total: f64 = strengths.iter().sum();
        let shares: Vec<f64> = strengths.iter().map(|strength| strength / total).collect();
        let upto = shares
            .iter()
            .scan(0.0, |sum, share| {
                *sum += share;
                Some(*sum)
            })
            .collect();
        let steps = steps.into_iter().zip(&strengths).map(|(edges, strength)| {
            edges.into_iter().map(|(to, weight)| (to, weight / strength)).collect()
        });
        let names = names(nodes, seed);
        Ok(Walk {
            places: names.iter().cloned().zip(0..).collect(),
            length: names[0].len(),
            end: names[0].len() as f64 / MEAN_BYTES,
            names,
            steps: steps.collect(),
            shares,
            upto,
            exponent,
        })
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        let place = uniform(rng);
        let mut node = self.upto.partition_point(|&sum| sum <= place).min(self.names.len() - 1);
        let mut text = String::new();
        loop {
            text.push_str(&self.names[node]);
            if uniform(rng) < self.end {
                return text;
            }
            let mut left = uniform(rng);
            let edges = &self.steps[node];
            let drawn = edges.iter().find(|(_, p)| {
                left -= p;
                left < 0.0
            });
            node = drawn.unwrap_or(&edges[edges.len() - 1]).0;
        }
    }

    /// Entropy rate: of a node the choice to end, and that of a step or, where a document starts, of the first
    /// node. A node takes its length in byte tokens, plus a separator where the document ends.
    pub(super) fn entropy(&self) -> EntropyRate {
        let step = |edges: &[(usize, f64)]| entropy_of(edges.iter().map(|(_, p)| *p));
        let of_steps: f64 =
            self.steps.iter().zip(&self.shares).map(|(edges, share)| share * step(edges)).sum();
        let of_starts = entropy_of(self.shares.iter().copied());
        let nats = self.end * of_starts + (1.0 - self.end) * of_steps + binary_entropy(self.end);
        EntropyRate {
            nats_per_byte_token: nats / (self.length as f64 + self.end),
            bits_per_byte: nats / std::f64::consts::LN_2 / self.length as f64,
        }
    }

    pub(super) fn exponents(&self) -> Option<KnownExponents> {
        KnownExponents::of_zipf(self.exponent?)
    }

    pub(super) fn nats(&self, document: &str) -> Option<f64> {
        let bytes = document.as_bytes();
        if bytes.is_empty() || !bytes.len().is_multiple_of(self.length) {
            return None;
        }
        let mut nats = -self.end.ln();
        let mut before: Option<usize> = None;
        for name in bytes.chunks(self.length) {
            let node = *self.places.get(std::str::from_utf8(name).ok()?)?;
            nats -= match before {
                None => self.shares[node].ln(),
                Some(before) => {
                    let (_, p) = self.steps[before].iter().find(|(to, _)| *to == node)?;
                    p.ln() + (-self.end).ln_1p()
                }
            };
            before = Some(node);
        }
        Some(nats)
    }
}

/// Nodes at the other ends of each node's edges, with the weights. Where cycles share an edge, it counts once
/// with the sum of its weights.
fn edges(nodes: u64, cycles: u64, exponent: Option<f64>, seed: u64) -> Vec<Vec<(usize, f64)>> {
    let ranks = Permutation::new(nodes * cycles, &mut stream(seed, Purpose::Language, RANKS));
    let mut edges: Vec<Vec<(usize, f64)>> = vec![Vec::new(); nodes as usize];
    for cycle in 0..cycles {
        let order = Permutation::new(nodes, &mut stream(seed, Purpose::Language, cycle));
        for place in 0..nodes {
            let (one, other) = (order.at(place) as usize, order.at((place + 1) % nodes) as usize);
            let rank = ranks.at(cycle * nodes + place) + 1;
            let weight = exponent.map_or(1.0, |a| (rank as f64).powf(-1.0 - a));
            for (from, to) in [(one, other), (other, one)] {
                match edges[from].iter_mut().find(|(known, _)| *known == to) {
                    Some((_, known)) => *known += weight,
                    None => edges[from].push((to, weight)),
                }
            }
        }
    }
    edges
}

/// Distinct names of the shortest length that has enough of them, drawn from all of that length.
fn names(nodes: u64, seed: u64) -> Vec<String> {
    let base = SYMBOLS.len() as u64;
    let length = (1..).find(|length| base.pow(*length) >= nodes).expect("64^11 holds any number");
    let order = Permutation::new(base.pow(length), &mut stream(seed, Purpose::Language, NAMES));
    let name = |node| {
        let mut left = order.at(node);
        let digit = |_| {
            let symbol = SYMBOLS[(left % base) as usize];
            left /= base;
            char::from(symbol)
        };
        (0..length).map(digit).collect()
    };
    (0..nodes).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A walk on one cycle, where no two edges are one, has the joint entropy of an edge and its direction less
    /// the entropy of a node.
    #[test]
    fn a_step_costs_the_entropy_of_an_edge_less_that_of_a_node() {
        let walk = Walk::new(50, 2, Some(0.5), 3).unwrap();
        let weights: Vec<f64> = (1..=50).map(|k| f64::from(k).powf(-1.5)).collect();
        let total: f64 = weights.iter().sum();
        let edge: f64 = weights.iter().map(|w| -w / total * (w / total).ln()).sum();
        let node: f64 = walk.shares.iter().map(|p| -p * p.ln()).sum();
        let step = 2f64.ln() + edge - node;
        let end = 1.0 / 256.0;
        let nats = end * node + (1.0 - end) * step + binary_entropy(end);
        assert!((walk.entropy().nats_per_byte_token - nats / (1.0 + end)).abs() < 1e-12);
        let total: f64 = walk.shares.iter().sum();
        assert!((total - 1.0).abs() < 1e-12);
    }

    #[test]
    fn shares_are_what_a_step_leaves_as_they_are() {
        let walk = Walk::new(300, 6, Some(0.3), 1).unwrap();
        let mut next = vec![0.0; 300];
        for (edges, share) in walk.steps.iter().zip(&walk.shares) {
            assert!((edges.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-12);
            edges.iter().for_each(|(to, p)| next[*to] += share * p);
        }
        assert!(next.iter().zip(&walk.shares).all(|(a, b)| (a - b).abs() < 1e-15));
        assert_eq!(walk.length, 2);
    }

    #[test]
    fn a_graph_of_equal_edges_has_steps_of_equal_cost_and_no_exponent() {
        // A large graph of two cycles has few edges twice.
        let walk = Walk::new(5000, 4, None, 2).unwrap();
        assert!(walk.steps.iter().filter(|edges| edges.len() == 4).count() > 4980);
        let nats = walk.nats(&walk.names[0]).unwrap();
        assert!((nats - (5000f64.ln() - (3.0 / 256.0f64).ln())).abs() < 1e-9);
        assert_eq!((walk.exponents(), walk.length), (None, 3));
        let zipf = Walk::new(10, 2, Some(1.0), 2).unwrap().exponents().unwrap();
        assert_eq!((zipf.alpha, zipf.beta), (Some(1.0), Some(0.5)));
    }
}
