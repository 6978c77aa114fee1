//! A matrix product on paper.

use crate::tensor::Group;

/// A product of the forward pass of one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product {
    /// Where it is counted.
    pub group: Group,
    /// Multiply-adds of one window.
    pub multiply_adds: f64,
}

impl Product {
    /// Every one of `tokens` times a matrix `[inputs, outputs]`.
    pub fn of_matrix(group: Group, tokens: usize, [inputs, outputs]: [usize; 2]) -> Self {
        let multiply_adds = tokens as f64 * inputs as f64 * outputs as f64;
        Product { group, multiply_adds }
    }

    /// Scores or weighted sums: `width` multiply-adds a pair.
    pub fn of_pairs(group: Group, pairs: f64, width: usize) -> Self {
        Product { group, multiply_adds: width as f64 * pairs }
    }

    /// So many of it: layers, experts.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Product { multiply_adds: self.multiply_adds * count as f64, ..self }
    }
}
