//! What the gated delta rule takes besides linear attention: keys of length 1, and what share of the difference
//! between its value and what its key reads a token writes.

use super::chunks::{Layout, Written};
use crate::ops::kernels::activation::sigmoid;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::heads::{find_roots, normalise, normalise_back};
use crate::ops::kernels::lanes::{for_lanes, vectorised};

/// The rule over a group of windows, as far as the backward pass needs it.
#[derive(Debug)]
pub(super) struct Rule {
    /// `[h][rows]`
    pub(super) shares: Buffer,
    /// Factors that keys are normalised by, `[h][rows]`.
    roots: Buffer,
    /// What tokens write, `[d]` rows a stride apart.
    pub(super) written: Buffer,
    heads: usize,
    rows: usize,
}

impl Rule {
    /// The shares and the lengths of keys; what is written is written by the chunks.
    pub(super) fn new(layout: &Layout, heads: usize, rows: usize, qkv: &[f32]) -> Self {
        let (mut shares, mut roots) = (Buffer::stale(heads * rows), Buffer::stale(heads * rows));
        for head in 0..heads {
            let of_head = head * rows..(head + 1) * rows;
            let keys = &qkv[layout.part_at(1) + layout.head_at(head)..];
            roots_of_keys(layout, keys, &mut roots[of_head.clone()]);
            let z = &qkv[layout.share_at(head)..][..rows];
            shares_of(z, &mut shares[of_head]);
        }
        // Chunks read whole vectors, beyond what has been written.
        let written = Buffer::zeros(layout.part_at(1));
        Rule { shares, roots, written, heads, rows }
    }

    /// Where the chunks leave what tokens write.
    pub(super) fn written(&mut self) -> Written<'_> {
        Written { shares: &self.shares, to: &mut self.written }
    }

    /// Keys of length 1, `[d]` rows a stride apart.
    pub(super) fn keys(&self, layout: &Layout, qkv: &[f32]) -> Buffer {
        let mut keys = Buffer::stale(layout.part_at(1));
        for head in 0..self.heads {
            let from = &qkv[layout.part_at(1) + layout.head_at(head)..];
            let roots = &self.roots[head * self.rows..][..self.rows];
            keys_of(layout, from, roots, &mut keys[layout.head_at(head)..]);
        }
        keys
    }

    /// Makes the gradient of keys of length 1 that of keys as the product gave them.
    pub(super) fn keys_back(&self, layout: &Layout, qkv: &[f32], dqkv: &mut [f32]) {
        let mut scratch = Buffer::stale(self.rows);
        for head in 0..self.heads {
            let at = layout.part_at(1) + layout.head_at(head);
            let roots = &self.roots[head * self.rows..][..self.rows];
            keys_back(layout, &qkv[at..], roots, &mut scratch, &mut dqkv[at..]);
        }
    }
}

/// The gain under which a root mean square of 1 is a length of 1.
fn gains(layout: &Layout) -> Vec<f32> {
    let width = layout.d_head();
    vec![(width as f32).sqrt().recip(); width]
}

vectorised! {
    /// `1 / (1 + exp(-z))`, 0 and 1 included where they are the nearest numbers.
    fn shares_of<'a, S>(simd; z: &'a [f32], shares: &'a mut [f32]) {
        for_lanes!(S, simd, [z in z], [share of shares], {
            let _ = share;
            (sigmoid(simd, z),)
        });
    }
}

vectorised! {
    /// Writes the factors that the keys of a head are normalised by.
    fn roots_of_keys<'a, S>(simd; layout: &'a Layout, keys: &'a [f32], roots: &'a mut [f32]) {
        find_roots(simd, keys, layout.stride(), (roots.len(), layout.d_head()), roots);
    }
}

vectorised! {
    /// Writes the keys of a head with length 1.
    fn keys_of<'a, S>(
        simd;
        layout: &'a Layout,
        keys: &'a [f32],
        roots: &'a [f32],
        to: &'a mut [f32],
    ) {
        normalise(simd, keys, layout.stride(), roots.len(), &gains(layout), roots, to);
    }
}

vectorised! {
    /// Makes the gradient of a head's keys of length 1 that of its keys.
    fn keys_back<'a, S>(
        simd;
        layout: &'a Layout,
        keys: &'a [f32],
        roots: &'a [f32],
        scratch: &'a mut [f32],
        gradients: &'a mut [f32],
    ) {
        let (gains, stride, rows) = (gains(layout), layout.stride(), roots.len());
        let of_gains = &mut vec![0.0; gains.len()];
        normalise_back(simd, keys, stride, rows, &gains, roots, scratch, gradients, of_gains);
    }
}
