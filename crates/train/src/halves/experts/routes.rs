//! Which experts work on which tokens, with which factors; and the gradient of the scores.

use crate::ops::kernels::activation::sigmoid;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{exp, for_lanes, vectorised};
use isoflop_model::{Balance, Experts, Gate};

/// Number added to a sum of sigmoids, so that it can be divided by (DeepSeek-AI 2024).
pub(super) const LEAST_SUM: f32 = 1e-20;

/// Pairs of a token and an expert that works on it, k of each token. Ordered by expert, and among those of
/// one by token, a pair has a slot.
#[derive(Debug)]
pub(crate) struct Routes {
    /// Experts of each token in ascending order, `[n, k]`.
    pub(crate) chosen: Vec<u32>,
    /// Factor of each pair, `[n, k]`.
    pub(crate) gates: Buffer,
    /// Slot of each pair, `[n, k]`.
    pub(crate) slots: Vec<u32>,
    /// Pair of each slot, `token k + place among the experts of the token`.
    pub(crate) pairs: Vec<u32>,
    /// First slot of each expert, and the number of slots.
    pub(crate) first: Vec<usize>,
}

impl Routes {
    /// Routes of tokens with these scores, `[n, e]`, to which `balance`, `[e]`, is added for choosing alone.
    pub(crate) fn of(options: &Experts, scores: &[f32], balance: Option<&[f32]>) -> Self {
        let (e, k) = (options.experts, options.active);
        let chosen = choose(scores, balance, e, k);
        let mut first = vec![0; e + 1];
        for &expert in &chosen {
            first[expert as usize + 1] += 1;
        }
        for expert in 0..e {
            first[expert + 1] += first[expert];
        }
        let (mut next, mut pairs) = (first.clone(), vec![0; chosen.len()]);
        let place = |(pair, &expert): (usize, &u32)| {
            let slot = next[expert as usize];
            next[expert as usize] += 1;
            pairs[slot] = pair as u32;
            slot as u32
        };
        let slots = chosen.iter().enumerate().map(place).collect();
        let gates = gates(options, scores, &chosen);
        Routes { chosen, gates, slots, pairs, first }
    }

    /// Number of tokens of an expert.
    pub(crate) fn load(&self, expert: usize) -> usize {
        self.first[expert + 1] - self.first[expert]
    }

    /// What a step asks of a bias that balances: the load of each expert less the mean, times the number of
    /// experts. They are whole numbers, whose sums over the parts of a step are exact.
    pub(crate) fn imbalance(&self) -> Buffer {
        let experts = self.first.len() - 1;
        let mut all = Buffer::stale(experts);
        for (expert, imbalance) in all.iter_mut().enumerate() {
            let over = (experts * self.load(expert)) as i64 - self.chosen.len() as i64;
            *imbalance = over as f32;
        }
        all
    }

    /// The gradient of the scores, `[n, e]`, from that of the factors by slot, `[n k]`. Of a step that is
    /// balanced by a loss, that loss joins in, of as large a `share` of the step as these tokens are.
    pub(crate) fn backward(
        &self,
        options: &Experts,
        scores: &[f32],
        dgates: &[f32],
        (context, share): (usize, f64),
    ) -> Buffer {
        let (e, k) = (options.experts, options.active);
        let mut dscores = Buffer::zeros(scores.len());
        let mut shares = Buffer::stale(scores.len());
        softmax_or_sigmoid(options.gate, scores, e, &mut shares);
        let of_gates = self.chosen.chunks_exact(k).zip(self.slots.chunks_exact(k));
        let rows = dscores.chunks_exact_mut(e).zip(shares.chunks_exact(e));
        for (((chosen, slots), gates), (ds, p)) in
            of_gates.zip(self.gates.chunks_exact(k)).zip(rows)
        {
            let dgate = |j: usize| dgates[slots[j] as usize];
            let mean: f32 = (0..k).map(|j| gates[j] * dgate(j)).sum();
            if options.gate == Gate::Plain {
                ds.iter_mut().zip(p).for_each(|(ds, p)| *ds = -p * mean);
            }
            for j in 0..k {
                let i = chosen[j] as usize;
                ds[i] = gates[j] * (dgate(j) - mean) * slope(options.gate, p[i]);
            }
        }
        if options.balance == Balance::Loss && share > 0.0 {
            self.balance(options, &mut shares, (context, share), &mut dscores);
        }
        dscores
    }

    /// Adds the gradient of the loss that balances: of every window the number of experts times the sum of
    /// each expert's share of the pairs, which is constant, and its mean share of the scores.
    fn balance(
        &self,
        options: &Experts,
        shares: &mut [f32],
        (context, share): (usize, f64),
        dscores: &mut [f32],
    ) {
        let (e, k) = (options.experts, options.active);
        let tokens = self.chosen.len() / k;
        let scale = Experts::BALANCE_LOSS * e as f64 * share / tokens as f64;
        let mut pull = vec![0.0f32; e];
        let windows = shares.chunks_mut(context * e).zip(dscores.chunks_mut(context * e));
        for ((shares, dscores), chosen) in windows.zip(self.chosen.chunks(context * k)) {
            let mut counts = vec![0usize; e];
            chosen.iter().for_each(|expert| counts[*expert as usize] += 1);
            for (pull, count) in pull.iter_mut().zip(counts) {
                *pull = (scale * count as f64 / chosen.len() as f64) as f32;
            }
            for (a, ds) in shares.chunks_exact(e).zip(dscores.chunks_exact_mut(e)) {
                let whole = total(options.gate, a);
                let mean = a.iter().zip(&pull).map(|(a, c)| a / whole * c).sum::<f32>();
                for ((ds, a), c) in ds.iter_mut().zip(a).zip(&pull) {
                    *ds += a / whole * (c - mean) * slope(options.gate, *a);
                }
            }
        }
    }
}

/// What the shares of a token are divided by for the loss that balances: those of a softmax add up to 1.
fn total(gate: Gate, shares: &[f32]) -> f32 {
    match gate {
        Gate::Renorm | Gate::Plain => 1.0,
        Gate::Sigmoid => shares.iter().sum::<f32>() + LEAST_SUM,
    }
}

/// The slope of a sigmoid over the sigmoid, `1 - a`; of an exponential it is 1.
fn slope(gate: Gate, a: f32) -> f32 {
    match gate {
        Gate::Renorm | Gate::Plain => 1.0,
        Gate::Sigmoid => 1.0 - a,
    }
}

/// The k experts of largest score of each token, the first of equal ones, in ascending order.
fn choose(scores: &[f32], balance: Option<&[f32]>, e: usize, k: usize) -> Vec<u32> {
    let mut all = Vec::with_capacity(scores.len() / e * k);
    let mut ranked = vec![0.0f32; e];
    for scores in scores.chunks_exact(e) {
        ranked.copy_from_slice(scores);
        for (ranked, balance) in ranked.iter_mut().zip(balance.unwrap_or_default()) {
            *ranked += balance;
        }
        let from = all.len();
        for _ in 0..k {
            let open = (0..e).filter(|i| !all[from..].contains(&(*i as u32)));
            let best = open.reduce(|best, i| if ranked[i] > ranked[best] { i } else { best });
            all.push(best.expect("no more experts are chosen than there are") as u32);
        }
        all[from..].sort_unstable();
    }
    all
}

/// Factors of the chosen, `[n, k]`.
fn gates(options: &Experts, scores: &[f32], chosen: &[u32]) -> Buffer {
    let (e, k) = (options.experts, options.active);
    let mut gates = Buffer::stale(chosen.len());
    let pick = |gates: &mut [f32], from: &[f32]| {
        let rows = gates.chunks_exact_mut(k).zip(chosen.chunks_exact(k));
        for ((gates, chosen), from) in rows.zip(from.chunks_exact(e)) {
            gates.iter_mut().zip(chosen).for_each(|(gate, i)| *gate = from[*i as usize]);
        }
    };
    match options.gate {
        // Only the chosen ones are exponentiated: a bias may have chosen scores far below the largest.
        Gate::Renorm => {
            pick(&mut gates, scores);
            softmax(&mut gates, k);
        }
        Gate::Plain | Gate::Sigmoid => {
            let mut shares = Buffer::stale(scores.len());
            softmax_or_sigmoid(options.gate, scores, e, &mut shares);
            pick(&mut gates, &shares);
        }
    }
    if options.gate == Gate::Sigmoid {
        for gates in gates.chunks_exact_mut(k) {
            let sum = gates.iter().sum::<f32>() + LEAST_SUM;
            gates.iter_mut().for_each(|gate| *gate /= sum);
        }
    }
    gates
}

/// Softmax over all experts, or the sigmoid of each score.
fn softmax_or_sigmoid(gate: Gate, scores: &[f32], e: usize, shares: &mut [f32]) {
    shares.copy_from_slice(scores);
    match gate {
        Gate::Renorm | Gate::Plain => softmax(shares, e),
        Gate::Sigmoid => open(shares),
    }
}

/// Softmax of rows of `width`, in place.
fn softmax(x: &mut [f32], width: usize) {
    for row in x.chunks_exact_mut(width) {
        let largest = row.iter().fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
        row.iter_mut().for_each(|x| *x -= largest);
    }
    exponentiate(x);
    for row in x.chunks_exact_mut(width) {
        let inverse = 1.0 / row.iter().sum::<f32>();
        row.iter_mut().for_each(|x| *x *= inverse);
    }
}

vectorised! {
    /// `x = exp(x)`
    fn exponentiate<'a, S>(simd; x: &'a mut [f32]) {
        for_lanes!(S, simd, [], [x of x], (exp(simd, x),));
    }
}

vectorised! {
    /// `x = sigmoid(x)`
    fn open<'a, S>(simd; x: &'a mut [f32]) {
        for_lanes!(S, simd, [], [x of x], (sigmoid(simd, x),));
    }
}
