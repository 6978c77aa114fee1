//! A random walk on a random directed graph. The graph is the union of random cycles through all nodes, so that
//! it is connected, and every node has the same number of edges out and in. A step takes the edge of the k-th
//! cycle with a probability that is the same for all or in proportion to `k^-(1 + a)`. Either way a node gets as
//! much as it gives, every node has the same share of the steps, and the entropy rate is the mean entropy of a
//! step (Cover & Thomas 2006, theorem 4.2.4). A document starts in any node.
//!
//! A walk whose edges are alike takes each equally often: what there is to be learnt has no power law in it
//! (Barkeshli et al. 2026, On the origin of neural scaling laws). With Zipf weights a learner knows of each node
//! the edges that it has seen.

use super::patterns::SYMBOLS;
use super::{EntropyRate, KnownExponents, MEAN_BYTES, binary_entropy, entropy_of};
use isoflop_core::rng::{Permutation, Purpose, below, stream, uniform};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

/// Maximum number of nodes.
const MOST_NODES: u64 = 1 << 16;

/// Maximum number of edges in all.
const MOST_EDGES: u64 = 1 << 22;

/// Index of the stream that names are drawn from; those before it draw cycles.
const NAMES: u64 = 1 << 32;

pub(super) struct Walk {
    /// Name of every node; all have the same length.
    names: Vec<String>,
    /// Node of every name.
    places: FxHashMap<String, usize>,
    /// Nodes that a step from each node leads to, with their probabilities.
    steps: Vec<Vec<(usize, f64)>>,
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
        let most = (nodes - 1).min(MOST_EDGES / nodes);
        if !(1..=most).contains(&degree) {
            return Err(format!(
                "degree = {degree} does not lie between 1 and {most}, which {nodes} nodes can have"
            ));
        }
        if let Some(a) = exponent.filter(|a| !(*a > -1.0 && *a <= 8.0)) {
            return Err(format!("exponent = {a} does not lie between -1 and 8"));
        }
        let names = names(nodes, seed);
        Ok(Walk {
            places: names.iter().cloned().zip(0..).collect(),
            length: names[0].len(),
            end: names[0].len() as f64 / MEAN_BYTES,
            names,
            steps: steps(nodes, degree, exponent, seed),
            exponent,
        })
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        let mut node = below(rng, self.names.len() as u64) as usize;
        let mut text = String::new();
        loop {
            text.push_str(&self.names[node]);
            if uniform(rng) < self.end {
                return text;
            }
            let mut left = uniform(rng);
            let steps = &self.steps[node];
            let drawn = steps.iter().find(|(_, p)| {
                left -= p;
                left < 0.0
            });
            node = drawn.unwrap_or(&steps[steps.len() - 1]).0;
        }
    }

    /// Entropy rate: of a node the choice to end, and that of a step or, where a document starts, of the first
    /// node. A node takes its length in byte tokens, plus a separator where the document ends.
    pub(super) fn entropy(&self) -> EntropyRate {
        let step = |steps: &Vec<(usize, f64)>| entropy_of(steps.iter().map(|(_, p)| *p));
        let nodes = self.names.len() as f64;
        let of_steps = self.steps.iter().map(step).sum::<f64>() / nodes;
        let nats = self.end * nodes.ln() + (1.0 - self.end) * of_steps + binary_entropy(self.end);
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
            nats += match before {
                None => (self.names.len() as f64).ln(),
                Some(before) => {
                    let (_, p) = self.steps[before].iter().find(|(to, _)| *to == node)?;
                    -p.ln() - (-self.end).ln_1p()
                }
            };
            before = Some(node);
        }
        Some(nats)
    }
}

/// Nodes that steps from each node lead to, with their probabilities. Where cycles share an edge, it has the sum
/// of both.
fn steps(nodes: u64, degree: u64, exponent: Option<f64>, seed: u64) -> Vec<Vec<(usize, f64)>> {
    let weight = |k: u64| exponent.map_or(1.0, |a| (k as f64).powf(-1.0 - a));
    let total: f64 = (1..=degree).map(weight).sum();
    let mut steps: Vec<Vec<(usize, f64)>> = vec![Vec::new(); nodes as usize];
    for cycle in 0..degree {
        let p = weight(cycle + 1) / total;
        let order = Permutation::new(nodes, &mut stream(seed, Purpose::Language, cycle));
        for place in 0..nodes {
            let (from, to) = (order.at(place) as usize, order.at((place + 1) % nodes) as usize);
            match steps[from].iter_mut().find(|(known, _)| *known == to) {
                Some((_, known)) => *known += p,
                None => steps[from].push((to, p)),
            }
        }
    }
    steps
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

    #[test]
    fn every_node_gets_as_much_as_it_gives() {
        let walk = Walk::new(300, 6, Some(0.3), 1).unwrap();
        let mut next = vec![0.0; 300];
        for steps in &walk.steps {
            assert!((steps.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-12);
            steps.iter().for_each(|(to, p)| next[*to] += p);
        }
        assert!(next.iter().all(|share| (share - 1.0).abs() < 1e-12));
        assert_eq!(walk.length, 2);
    }

    /// In a large graph few edges belong to two cycles, and a step has the entropy of its law.
    #[test]
    fn a_step_costs_the_entropy_of_the_law_of_its_edges() {
        let end = 3.0 / 256.0;
        let expected = |step: f64| {
            let nats = end * 5000f64.ln() + (1.0 - end) * step + binary_entropy(end);
            nats / (3.0 + end)
        };
        let alike = Walk::new(5000, 4, None, 2).unwrap();
        let rate = alike.entropy().nats_per_byte_token;
        assert!((rate - expected(4f64.ln())).abs() < 2e-3 * rate);
        assert_eq!((alike.exponents(), alike.length), (None, 3));
        let weights: Vec<f64> = (1..=20).map(|k| f64::from(k).powf(-2.0)).collect();
        let total: f64 = weights.iter().sum();
        let step = weights.iter().map(|w| -w / total * (w / total).ln()).sum();
        let zipf = Walk::new(5000, 20, Some(1.0), 2).unwrap();
        let rate = zipf.entropy().nats_per_byte_token;
        assert!((rate - expected(step)).abs() < 2e-3 * rate);
        let known = zipf.exponents().unwrap();
        assert_eq!((known.alpha, known.beta), (Some(1.0), Some(0.5)));
    }

    #[test]
    fn a_walk_on_one_cycle_costs_its_start_and_its_ends() {
        let walk = Walk::new(50, 1, None, 3).unwrap();
        let node = 7;
        let two = format!("{}{}", walk.names[node], walk.names[walk.steps[node][0].0]);
        let end: f64 = 1.0 / 256.0;
        let expected = 50f64.ln() - end.ln() - (1.0 - end).ln();
        assert!((walk.nats(&two).unwrap() - expected).abs() < 1e-12);
        assert_eq!(walk.nats(&walk.names[node].repeat(2)), None);
    }
}
