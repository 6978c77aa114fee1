//! A random Markov source. A state is the last symbols of the document; a document starts in a
//! state of its own, and may end after each symbol. Seen as one chain over states, in which the end
//! of a document leads back to the start, its entropy rate is the stationary mean of the rows'
//! entropies (Cover & Thomas 2006, theorem 4.2.4). With an order of 1 the preceding token alone
//! tells the state, so that no window is too short for a model to reach the entropy rate.

use super::{EntropyRate, MEAN_BYTES, binary_entropy};
use isoflop_core::rng::{Purpose, below, stream, uniform};
use rand_chacha::ChaCha8Rng;

/// First symbol; the others follow it in ASCII.
const FIRST: u8 = b'!';

/// Maximum number of states.
const MOST_STATES: u64 = 1 << 16;

/// Probability that a document ends after a symbol.
const END: f64 = 1.0 / MEAN_BYTES;

pub(super) struct Markov {
    symbols: usize,
    /// Symbols that may follow each state, with their probabilities.
    rows: Vec<Vec<(u8, f64)>>,
}

impl Markov {
    pub(super) fn new(symbols: u64, order: u64, branching: u64, seed: u64) -> Result<Self, String> {
        if !(2..=94).contains(&symbols) {
            return Err(format!("symbols = {symbols} does not lie between 2 and 94"));
        }
        if !(1..=symbols).contains(&branching) {
            return Err(format!(
                "branching = {branching} does not lie between 1 and {symbols}, the symbols"
            ));
        }
        let states = u32::try_from(order)
            .ok()
            .filter(|&order| order > 0)
            .and_then(|order| (symbols + 1).checked_pow(order))
            .filter(|&states| states <= MOST_STATES)
            .ok_or_else(|| {
                format!("order = {order} with {symbols} symbols: it must be 1 or more, and have at most {MOST_STATES} states")
            })?;
        let row = |state| {
            let mut rng = stream(seed, Purpose::Language, state);
            let mut left: Vec<u8> = (0..symbols as u8).collect();
            let chosen: Vec<u8> = (0..branching)
                .map(|_| left.swap_remove(below(&mut rng, left.len() as u64) as usize))
                .collect();
            // Exponential variates divided by their sum are uniform on the simplex.
            let weights: Vec<f64> =
                chosen.iter().map(|_| -(1.0 - uniform(&mut rng)).ln()).collect();
            let total: f64 = weights.iter().sum();
            chosen.into_iter().zip(weights.iter().map(|weight| weight / total)).collect()
        };
        Ok(Markov { symbols: symbols as usize, rows: (0..states).map(row).collect() })
    }

    /// The state before the first symbol. A number beyond the symbols stands in each of its places.
    fn start(&self) -> usize {
        self.rows.len() - 1
    }

    fn next(&self, state: usize, symbol: u8) -> usize {
        (state * (self.symbols + 1) + usize::from(symbol)) % self.rows.len()
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        let mut text = String::new();
        let mut state = self.start();
        loop {
            let mut left = uniform(rng);
            let row = &self.rows[state];
            let drawn = row.iter().find(|(_, p)| {
                left -= p;
                left < 0.0
            });
            let symbol = drawn.unwrap_or(&row[row.len() - 1]).0;
            text.push(char::from(FIRST + symbol));
            state = self.next(state, symbol);
            if uniform(rng) < END {
                return text;
            }
        }
    }

    /// Share of the tokens that follow each state.
    fn stationary(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.rows.len()];
        shares[self.start()] = 1.0;
        // Each round forgets a 256th of the distribution that it began with.
        for _ in 0..20_000 {
            let mut next = vec![0.0; shares.len()];
            for (state, (row, share)) in self.rows.iter().zip(&shares).enumerate() {
                if *share == 0.0 {
                    continue;
                }
                let end = if state == self.start() { 0.0 } else { END };
                next[self.start()] += share * end;
                for (symbol, p) in row {
                    next[self.next(state, *symbol)] += share * (1.0 - end) * p;
                }
            }
            let moved: f64 = shares.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
            shares = next;
            if moved < 1e-14 {
                break;
            }
        }
        shares
    }

    pub(super) fn entropy(&self) -> EntropyRate {
        let shares = self.stationary();
        let nats: f64 = self
            .rows
            .iter()
            .zip(&shares)
            .enumerate()
            .map(|(state, (row, share))| {
                let choice: f64 = row.iter().map(|(_, p)| -p * p.ln()).sum();
                match state == self.start() {
                    true => share * choice,
                    false => share * (binary_entropy(END) + (1.0 - END) * choice),
                }
            })
            .sum();
        // A document has one start and one separator, so their shares are equal.
        let separators = shares[self.start()];
        EntropyRate {
            nats_per_byte_token: nats,
            bits_per_byte: nats / std::f64::consts::LN_2 / (1.0 - separators),
        }
    }

    pub(super) fn nats(&self, document: &str) -> Option<f64> {
        let mut nats = -END.ln();
        let mut state = self.start();
        for (index, byte) in document.bytes().enumerate() {
            let symbol = byte.checked_sub(FIRST)?;
            let (_, p) = self.rows[state].iter().find(|(known, _)| *known == symbol)?;
            nats -= p.ln();
            if index > 0 {
                nats -= (-END).ln_1p();
            }
            state = self.next(state, symbol);
        }
        (!document.is_empty()).then_some(nats)
    }
}
