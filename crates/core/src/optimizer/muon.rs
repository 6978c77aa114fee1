//! Constants of Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") and the
//! work of its products. docs/optimizers.md has the whole step.

/// Share of the sum of gradients that a step keeps.
pub const MOMENTUM: f64 = 0.95;

/// Newton-Schulz steps.
pub const STEPS: usize = 5;

/// Coefficients of a Newton-Schulz step, `a X + b (X X^T) X + c (X X^T)^2 X`: chosen for the steepest slope at
/// 0, so that they take singular values to about 1 and not to 1 itself.
pub const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// A matrix is divided by its Frobenius norm or, where that is less, by this number.
pub const LEAST_NORM: f64 = 1e-7;

/// Factor on the orthogonalised matrix, `0.2 sqrt(max(rows, columns))`: its root mean square is then about that
/// of a step of AdamW, so that AdamW's rate and decay serve both (Liu et al. 2025, "Muon is scalable for LLM
/// training", section 2.2).
pub fn scale(rows: usize, columns: usize) -> f64 {
    0.2 * (rows.max(columns) as f64).sqrt()
}

/// FLOPs of the products that orthogonalise one matrix, a multiply-add as two. A step has three products: of the
/// matrix and its transpose, of the square of that, and with the matrix again; the matrix lies so that it has
/// no more rows than columns. Squares of side d take `30 d^3`, and a block of a transformer `300 d^3`.
pub fn flops(rows: usize, columns: usize) -> f64 {
    let (short, long) = (rows.min(columns) as f64, rows.max(columns) as f64);
    STEPS as f64 * (4.0 * short * short * long + 2.0 * short.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_a_transformer_takes_three_hundred_cubes() {
        let d = 24;
        let block = 4.0 * flops(d, d) + flops(d, 4 * d) + flops(4 * d, d);
        assert_eq!(block, 300.0 * (d as f64).powi(3));
    }
}
