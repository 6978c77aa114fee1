//! Which earlier tokens a token attends to.

use serde::{Deserialize, Serialize};

/// Which of the tokens up to itself a token attends to. Every reach holds the token itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// All of them.
    #[default]
    All,
    /// The last so many, itself among them (Beltagy et al. 2020).
    Window(usize),
    /// Every so many back from itself (Child et al. 2019).
    Strided(usize),
    /// Tokens of its own block, and the last columns of every earlier block (Child et al. 2019).
    Fixed {
        /// Tokens of a block.
        block: usize,
        /// Last tokens of a block that later blocks attend to.
        columns: usize,
    },
}

impl Reach {
    /// Whether the token at `query` attends to the one at `key`, both counted from the start of the window.
    pub fn sees(self, query: usize, key: usize) -> bool {
        key <= query
            && match self {
                Reach::All => true,
                Reach::Window(window) => query - key < window,
                Reach::Strided(stride) => (query - key).is_multiple_of(stride),
                Reach::Fixed { block, columns } => {
                    query / block == key / block || key % block >= block - columns
                }
            }
    }

    /// Pairs of a query and a key in a window of so many tokens.
    pub fn pairs(self, tokens: usize) -> f64 {
        let t = tokens as f64;
        let triangle = |n: f64| n * (n + 1.0) / 2.0;
        // Whole steps of a stride or blocks, pairs of two of them, and what is left over.
        let split = |step: usize| {
            let (whole, rest) = ((tokens / step) as f64, (tokens % step) as f64);
            (step as f64, whole, rest, whole * (whole - 1.0) / 2.0)
        };
        match self {
            Reach::All => triangle(t),
            Reach::Window(window) => {
                let w = window.min(tokens) as f64;
                w * t - w * (w - 1.0) / 2.0
            }
            Reach::Strided(stride) => {
                let (s, q, r, pairs) = split(stride);
                t + s * pairs + q * r
            }
            Reach::Fixed { block, columns } => {
                let (s, q, r, pairs) = split(block);
                q * triangle(s) + triangle(r) + columns as f64 * (s * pairs + q * r)
            }
        }
    }

    /// The same reach by its simplest name in windows of so many tokens: equal models are one run.
    #[must_use]
    pub fn simplest(self, tokens: usize) -> Self {
        match self {
            Reach::Window(window) if window >= tokens => Reach::All,
            Reach::Strided(1) => Reach::All,
            Reach::Fixed { block, columns } if block >= tokens || columns == block => Reach::All,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_those_that_a_walk_over_the_window_meets() {
        for tokens in [1, 2, 7, 17, 32, 33, 100] {
            let mut all = vec![Reach::All];
            for size in [1, 2, 3, 5, 8, 17, 100, 101] {
                all.extend([Reach::Window(size), Reach::Strided(size)]);
                for columns in (1..=size).step_by(2) {
                    all.push(Reach::Fixed { block: size, columns });
                }
            }
            for reach in all {
                let met = (0..tokens).flat_map(|query| (0..tokens).map(move |key| (query, key)));
                let met = met.filter(|&(query, key)| reach.sees(query, key)).count();
                assert_eq!(reach.pairs(tokens), met as f64, "{reach:?} of {tokens}");
                let simplest = reach.simplest(tokens);
                for query in 0..tokens {
                    for key in 0..tokens {
                        assert_eq!(reach.sees(query, key), simplest.sees(query, key), "{reach:?}");
                    }
                }
            }
        }
    }
}
