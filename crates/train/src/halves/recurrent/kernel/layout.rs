//! Where rows and gates stand: by window outside, by time within, padded to whole vectors.

use super::Inputs;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::padding::{pad, padded_width, unpad};
use crate::ops::kernels::transpose;

#[derive(Clone, Copy)]
pub(super) struct Layout {
    batch: usize,
    time: usize,
    pub(super) n: usize,
    pub(super) d: usize,
    pub(super) gates: usize,
    /// Numbers of a padded state or gate.
    pub(super) row: usize,
}

impl Layout {
    pub(super) fn of(inputs: &Inputs) -> Self {
        let d = inputs.gain.len();
        Layout {
            batch: inputs.batch,
            time: inputs.time,
            n: inputs.batch * inputs.time,
            d,
            gates: inputs.kind.gates(),
            row: padded_width(d),
        }
    }

    /// Pairs of a row by window and the same row by time.
    fn rows(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Layout { batch, time, .. } = *self;
        (0..batch).flat_map(move |b| (0..time).map(move |t| (b * time + t, t * batch + b)))
    }

    /// Rows by time of rows by window.
    pub(super) fn by_time(&self, rows: &[f32], width: usize) -> Buffer {
        let mut to = Buffer::stale(rows.len());
        for (window, time) in self.rows() {
            to[time * width..][..width].copy_from_slice(&rows[window * width..][..width]);
        }
        to
    }

    /// Rows by window of rows by time.
    pub(super) fn by_window(&self, rows: &[f32], width: usize) -> Buffer {
        let mut to = Buffer::stale(rows.len());
        for (window, time) in self.rows() {
            to[window * width..][..width].copy_from_slice(&rows[time * width..][..width]);
        }
        to
    }

    /// Padded rows by time of rows `[n, d]` by window.
    pub(super) fn padded_by_time(&self, rows: &[f32]) -> Buffer {
        let mut to = Buffer::zeros(self.n * self.row);
        for (window, time) in self.rows() {
            to[time * self.row..][..self.d].copy_from_slice(&rows[window * self.d..][..self.d]);
        }
        to
    }

    /// Adds rows by time, `width` apart, to rows `[n, d]` by window.
    pub(super) fn add_by_window(&self, rows: &[f32], width: usize, to: &mut [f32]) {
        for (window, time) in self.rows() {
            let to = &mut to[window * self.d..][..self.d];
            to.iter_mut().zip(&rows[time * width..]).for_each(|(to, from)| *to += from);
        }
    }

    /// Rows of gates, `[gates, d]` each, padded to `[gates, row]`.
    pub(super) fn padded(&self, from: &[f32]) -> Buffer {
        pad(from, self.d, self.row)
    }

    /// The reverse of [`Layout::padded`].
    pub(super) fn packed(&self, from: &[f32]) -> Buffer {
        unpad(from, self.d, self.row)
    }

    /// `[gates row, row]` of `[d, gates row]`.
    pub(super) fn transposed(&self, from: &[f32]) -> Buffer {
        let wide = self.gates * self.row;
        let mut to = Buffer::zeros(wide * self.row);
        transpose(from, wide, (self.d, wide), &mut to, self.row);
        to
    }

    /// Whether a document starts, for every row by time; none where no documents are told apart.
    pub(super) fn breaks(&self, starts: Option<&[u32]>) -> Vec<bool> {
        let Some(starts) = starts else { return Vec::new() };
        let mut breaks = vec![false; self.n];
        for (window, time) in self.rows() {
            breaks[time] = starts[window] as usize == window % self.time;
        }
        breaks
    }

    /// The state before each row by time: that of the row before, or 0.
    pub(super) fn before(&self, states: &[f32], breaks: &[bool]) -> Buffer {
        let numbers = self.batch * self.row;
        let mut before = Buffer::stale(states.len());
        before[..numbers].fill(0.0);
        before[numbers..].copy_from_slice(&states[..states.len() - numbers]);
        for (breaks, row) in breaks.iter().zip(before.chunks_exact_mut(self.row)) {
            if *breaks {
                row.fill(0.0);
            }
        }
        before
    }

    /// Sum of rows of gates.
    pub(super) fn sum_of_rows(&self, rows: &[f32]) -> Buffer {
        let mut sum = Buffer::zeros(self.gates * self.row);
        for row in rows.chunks_exact(sum.len()) {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        sum
    }
}
