//! The numerical work of the model over plain slices: each operation forward, and backward by
//! hand. Nothing here knows Burn. Layouts are row by row unless said otherwise.

pub(super) mod adamw;
mod attention;
pub(super) mod attention_residual;
pub(super) mod buffer;
pub(super) mod embedding;
pub(super) mod head;
mod lanes;
pub(super) mod mlp_residual;
mod norm;
mod product;
mod tile;

pub(crate) use product::peak_product;

/// Rows of a block of which each holds `width` numbers: few enough for it to stay in the
/// second-level cache, enough for a product over them to run at full speed.
fn rows_per_block(width: usize, rows: usize) -> usize {
    const NUMBERS: usize = 1 << 18;
    (NUMBERS / width).clamp(512, 1024).min(rows.max(1))
}

/// Rows of logits of a block: fewer where the vocabulary is large.
fn rows_of_logits(vocab: usize, rows: usize) -> usize {
    const NUMBERS: usize = 1 << 20;
    rows_per_block(vocab, rows).min((NUMBERS / vocab).max(64))
}

/// Writes the transpose of `[rows, columns]`, `stride` and `to_stride` apart, in squares that the
/// nearest cache holds.
#[inline(always)]
fn transpose(
    from: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
    to: &mut [f32],
    to_stride: usize,
) {
    const SIDE: usize = 16;
    for first in (0..columns).step_by(SIDE) {
        let last = columns.min(first + SIDE);
        for r in 0..rows {
            let line = &from[r * stride + first..r * stride + last];
            for (c, value) in line.iter().enumerate() {
                to[(first + c) * to_stride + r] = *value;
            }
        }
    }
}
