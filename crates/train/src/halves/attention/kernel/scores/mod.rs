//! Causal attention over the lower triangle, one head of one window at a time. Forward goes by
//! blocks of queries, backward by blocks of keys, and the block lies along the vectors: so neither
//! the softmax nor the sums over the other side ever run across a vector.

mod backward;
mod forward;

pub(super) use backward::backward;
pub(super) use forward::forward;

use crate::halves::attention::AttentionShape;
use crate::halves::attention::RotaryTable;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::for_lanes;
use pulp::Simd;

/// Where queries, keys and values lie: row `part * d + head * k + c`, column `window * t + token`,
/// rows `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) shape: AttentionShape,
    pub(super) d_head: usize,
    stride: usize,
}

/// Columns after the last token: a block that starts at a token may be read and written whole.
const SLACK: usize = 32;

impl Layout {
    pub(super) fn new(shape: AttentionShape, d_head: usize) -> Self {
        Layout {
            shape,
            d_head,
            // The slack also keeps rows from falling on the same lines of the cache where their
            // length is a power of two.
            stride: shape.batch * shape.time + SLACK,
        }
    }

    /// From one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    fn width(&self) -> usize {
        self.shape.heads * self.d_head
    }

    /// Start of a head's rows of one window, of part 0, 1 or 2.
    fn at(&self, part: usize, head: usize, window: usize) -> usize {
        (part * self.width() + head * self.d_head) * self.stride + window * self.shape.time
    }
}

/// Sizes of the scratch of one head.
#[derive(Clone, Copy)]
struct Room {
    /// Queries or keys of a block: two vectors.
    block: usize,
    /// Rows of scores: a whole number of blocks.
    time: usize,
    /// Width of rows over a head: a whole number of vectors.
    row: usize,
    /// Of the layout.
    stride: usize,
}

impl Room {
    fn new<S: Simd>(layout: &Layout) -> Self {
        let block = 2 * S::F32_LANES;
        assert!(block <= SLACK, "a block is read whole");
        Room {
            block,
            time: layout.shape.time.next_multiple_of(block),
            row: layout.d_head.next_multiple_of(S::F32_LANES),
            stride: layout.stride,
        }
    }
}

/// Turns dimension i of `[k][t]` with dimension `i + k/2` and scales; back with `direction` -1.
#[inline(always)]
fn rotate<S: Simd>(
    simd: S,
    x: &mut [f32],
    stride: usize,
    (time, d_head): (usize, usize),
    table: Option<&RotaryTable>,
    direction: f32,
    scale: f32,
) {
    let factor = simd.splat_f32s(scale);
    let Some(table) = table else {
        for c in 0..d_head {
            let row = &mut x[c * stride..c * stride + time];
            for_lanes!(S, simd, [], [x of row], (simd.mul_f32s(x, factor),));
        }
        return;
    };
    let half = d_head / 2;
    let context = table.context;
    let sign = simd.splat_f32s(direction);
    let (first, second) = x.split_at_mut(half * stride);
    for i in 0..half {
        let a = &mut first[i * stride..i * stride + time];
        let b = &mut second[i * stride..i * stride + time];
        let cos = &table.cos_kt[i * context..i * context + time];
        let sin = &table.sin_kt[i * context..i * context + time];
        for_lanes!(S, simd, [cos in cos, sin in sin], [a of a, b of b], {
            let cos = simd.mul_f32s(cos, factor);
            let sin = simd.mul_f32s(simd.mul_f32s(sin, sign), factor);
            let minus = simd.neg_f32s(sin);
            (
                simd.mul_add_e_f32s(b, minus, simd.mul_f32s(a, cos)),
                simd.mul_add_e_f32s(a, sin, simd.mul_f32s(b, cos)),
            )
        });
    }
}

/// Which cells of a square block are past the diagonal: 1 there, else 0.
fn future(block: usize, past: fn(row: usize, lane: usize) -> bool) -> Buffer {
    let mut cells = Buffer::zeros(block * block);
    for (i, cell) in cells.iter_mut().enumerate() {
        *cell = f32::from(past(i / block, i % block));
    }
    cells
}

/// Sets the cells that `future` marks, whatever they held. As many rows as `cells` has.
#[inline(always)]
fn mask<S: Simd>(simd: S, future: &[f32], cells: &mut [f32], value: f32) {
    let (none, value) = (simd.splat_f32s(0.5), simd.splat_f32s(value));
    for_lanes!(S, simd, [future in &future[..cells.len()]], [cell of cells], {
        (simd.select_f32s(simd.less_than_f32s(future, none), cell, value),)
    });
}
