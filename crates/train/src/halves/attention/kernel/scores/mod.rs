//! Attention over the pairs that queries and keys make, one head of one window at a time. Forward goes
//! by blocks of queries, backward by blocks of keys, and the block lies along the vectors: so neither
//! the softmax nor the sums over the other side ever run across a vector. A block walks what it sees
//! alone.

mod backward;
mod forward;
mod turn;

pub(super) use backward::{Given, backward};
pub(super) use forward::forward;

use super::sight::{Columns, Sight};
use crate::halves::attention::AttentionShape;
use crate::halves::attention::RotaryTable;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::for_lanes;
use pulp::Simd;

/// Where queries, keys and values lie: part 0, 1 or 2, in it head by head, in a head row by row, with
/// column `window * t + place` and rows `stride` apart.
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

    /// Heads of queries and of keys.
    pub(super) fn turned_heads(&self) -> usize {
        self.shape.heads + self.shape.kv_heads
    }

    /// Every head of queries of every window: window by window, so that what a block writes past the end
    /// of one the next one writes anew.
    fn heads(self) -> impl Iterator<Item = Head> {
        let AttentionShape { batch, time, heads, kv_heads, .. } = self.shape;
        let (sharing, turned) = (heads / kv_heads, self.turned_heads());
        (0..batch * heads).map(move |index| {
            let (window, head) = (index / heads, index % heads);
            let of_keys = heads + head / sharing;
            let of_window = |row: usize| row * self.d_head * self.stride + window * time;
            let root = |head: usize| (window * turned + head) * time;
            Head {
                index,
                window,
                opens: head.is_multiple_of(sharing),
                closes: (head + 1).is_multiple_of(sharing),
                starts: [head, of_keys, of_keys + kv_heads].map(of_window),
                roots: [head, of_keys].map(root),
            }
        })
    }
}

/// One head of queries of one window.
#[derive(Clone, Copy)]
struct Head {
    /// Among all of all windows.
    index: usize,
    window: usize,
    /// Whether it is the first or the last of those that share a head of keys.
    opens: bool,
    closes: bool,
    /// Where its queries, keys and values start.
    starts: [usize; 3],
    /// Where the factors of its queries and of its keys start.
    roots: [usize; 2],
}

/// What attention is besides its numbers.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// Of some windows.
    pub(super) layout: Layout,
    /// Of the whole batch, in which the first of these windows is `first_window`.
    pub(super) sight: &'a Sight<'a>,
    pub(super) first_window: usize,
    /// In the order of the places.
    pub(super) rotary: Option<&'a RotaryTable>,
    /// `[k]` each: of queries, of keys.
    pub(super) gains: Option<[&'a [f32]; 2]>,
}

/// Sizes of the scratch of one head.
#[derive(Clone, Copy)]
struct Room {
    /// Queries or keys of a block: two vectors.
    block: usize,
    /// Rows of keys, of which a block that starts at a place may be read whole: a whole number of blocks.
    time: usize,
    /// Gathered columns: a whole number of blocks.
    columns: usize,
    /// Width of rows over a head: a whole number of vectors.
    row: usize,
    /// Of the layout.
    stride: usize,
}

impl Room {
    fn new<S: Simd>(terms: &Terms) -> Self {
        let layout = terms.layout;
        let block = 2 * S::F32_LANES;
        assert!(block <= SLACK, "a block is read whole");
        // Only the last of several sequences can start between blocks.
        let past = if terms.sight.sequences.len() > 1 { block } else { 0 };
        let columns = terms.sight.columns.as_ref().map_or(0, |columns| columns.places.len());
        Room {
            block,
            time: (layout.shape.time + past).next_multiple_of(block),
            columns: columns.next_multiple_of(block),
            row: layout.d_head.next_multiple_of(S::F32_LANES),
            stride: layout.stride,
        }
    }

    /// Room for the columns of a head.
    fn gathered(&self, terms: &Terms) -> Buffer {
        Buffer::zeros(terms.layout.d_head * self.columns)
    }
}

/// Copies the columns of a head of keys or values side by side.
///
/// # Shapes
/// - head: `[k][t]`, rows `stride` apart; gathered: `[k][columns]`, rows `to_stride` apart
fn gather(columns: &Columns, head: &[f32], stride: usize, gathered: &mut [f32], to_stride: usize) {
    for (from, to) in head.chunks(stride).zip(gathered.chunks_exact_mut(to_stride)) {
        for (&place, to) in columns.places.iter().zip(to) {
            *to = from[place];
        }
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
