//! The numerical work of the model over plain slices: the forward pass of each operation, and its
//! hand-written backward pass. Nothing here knows Burn. Matrices are stored row by row unless
//! stated otherwise.

pub(crate) mod activation;
pub(crate) mod adamw;
pub(crate) mod buffer;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod head;
pub(crate) mod heads;
pub(crate) mod lanes;
pub(crate) mod momentum;
pub(crate) mod muon;
pub(crate) mod norm;
pub(crate) mod padding;
pub(crate) mod product;
pub(crate) mod tile;

pub(crate) use product::peak_product;

/// Number of rows in a block whose rows hold `width` numbers. A block is small enough for the
/// second-level cache, and large enough for products over it to run at full speed.
pub(crate) fn rows_per_block(width: usize, rows: usize) -> usize {
    const NUMBERS: usize = 1 << 18;
    (NUMBERS / width).clamp(512, 1024).min(rows.max(1))
}

/// Number of rows in a block of logits, which is smaller for a large vocabulary.
pub(crate) fn rows_of_logits(vocab: usize, rows: usize) -> usize {
    const NUMBERS: usize = 1 << 20;
    rows_per_block(vocab, rows).min((NUMBERS / vocab).max(64))
}

/// Writes the transpose of a matrix `[rows, columns]`; `stride` and `to_stride` are the distances
/// between rows of the input and of the output. It works in squares of four, which the compiler
/// keeps in registers, within strips that fit into the nearest cache.
#[inline(always)]
pub(crate) fn transpose(
    from: &[f32],
    stride: usize,
    (rows, columns): (usize, usize),
    to: &mut [f32],
    to_stride: usize,
) {
    const SIDE: usize = 4;
    const STRIP: usize = 64;
    let square_rows = rows / SIDE * SIDE;
    for strip in (0..columns).step_by(STRIP) {
        let width = STRIP.min(columns - strip);
        for r in (0..square_rows).step_by(SIDE) {
            let line = |k: usize| &from[(r + k) * stride + strip..][..width];
            let lines = [line(0), line(1), line(2), line(3)];
            let squares = lines.map(|line| line.as_chunks::<SIDE>().0);
            for c in 0..width / SIDE {
                let square = squares.map(|line| line[c]);
                for k in 0..SIDE {
                    let at = (strip + c * SIDE + k) * to_stride + r;
                    to[at..at + SIDE].copy_from_slice(&square.map(|line| line[k]));
                }
            }
            for c in width / SIDE * SIDE..width {
                let at = (strip + c) * to_stride + r;
                to[at..at + SIDE].copy_from_slice(&lines.map(|line| line[c]));
            }
        }
    }
    for r in square_rows..rows {
        for c in 0..columns {
            to[c * to_stride + r] = from[r * stride + c];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_of_every_remainder() {
        for (rows, columns) in [(1, 1), (4, 4), (3, 9), (9, 3), (17, 67), (6, 130)] {
            let from: Vec<f32> = (0..rows * (columns + 2)).map(|i| i as f32).collect();
            let mut to = vec![-1.0; columns * (rows + 1)];
            transpose(&from, columns + 2, (rows, columns), &mut to, rows + 1);
            for r in 0..rows {
                for c in 0..columns {
                    assert_eq!(to[c * (rows + 1) + r], from[r * (columns + 2) + c]);
                }
            }
            assert!(to.chunks(rows + 1).all(|row| row[rows] == -1.0));
        }
    }
}
