//! What happens to a head of queries or keys `[k][t]` before scores: normalisation and position, and
//! both back for gradients. Tokens lie along the vectors.

use super::{Head, Room, Terms};
use crate::halves::attention::RotaryTable;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::heads::{find_roots, normalise, normalise_back};
use crate::ops::kernels::lanes::for_lanes;
use pulp::Simd;

/// A head of queries and one of keys as scores take them, apart from the others where they are
/// normalised: the gradients of the norm need what it was given.
pub(super) struct Turned {
    q: Buffer,
    k: Buffer,
}

impl Turned {
    pub(super) fn new(terms: &Terms, room: &Room) -> Self {
        let head = || Buffer::stale(terms.gains.map_or(0, |_| terms.layout.d_head * room.stride));
        Turned { q: head(), k: head() }
    }

    /// Turns a head, and the keys that it is the first to see; writes their factors with gains.
    #[inline(always)]
    pub(super) fn turn<S: Simd>(
        &mut self,
        simd: S,
        terms: &Terms,
        head: Head,
        qkv: &mut [f32],
        roots: &mut [f32],
    ) {
        let layout = &terms.layout;
        let (stride, sizes) = (layout.stride, (layout.shape.time, layout.d_head));
        let [q_at, k_at, _] = head.starts;
        if terms.gains.is_some() {
            for (at, root) in
                head.starts.into_iter().zip(head.roots).take(1 + usize::from(head.opens))
            {
                find_roots(simd, &qkv[at..], stride, sizes, &mut roots[root..][..sizes.0]);
            }
            return self.again(simd, terms, head, qkv, roots);
        }
        let scale = layout.shape.parametrization.score_scale(layout.d_head);
        rotate(simd, &mut qkv[q_at..], stride, sizes, terms.rotary, 1.0, scale);
        if terms.rotary.is_some() && head.opens {
            rotate(simd, &mut qkv[k_at..], stride, sizes, terms.rotary, 1.0, 1.0);
        }
    }

    /// Turns them anew for gradients: without gains the numbers are as [`Turned::turn`] left them.
    #[inline(always)]
    pub(super) fn again<S: Simd>(
        &mut self,
        simd: S,
        terms: &Terms,
        head: Head,
        qkv: &[f32],
        roots: &[f32],
    ) {
        let Some([q_gain, k_gain]) = terms.gains else {
            return;
        };
        let layout = &terms.layout;
        let (stride, sizes) = (layout.stride, (layout.shape.time, layout.d_head));
        let [q_at, k_at, _] = head.starts;
        let [q_roots, k_roots] = head.roots.map(|root| &roots[root..][..sizes.0]);
        let scale = layout.shape.parametrization.score_scale(layout.d_head);
        normalise(simd, &qkv[q_at..], stride, sizes.0, q_gain, q_roots, &mut self.q);
        rotate(simd, &mut self.q, stride, sizes, terms.rotary, 1.0, scale);
        if head.opens {
            normalise(simd, &qkv[k_at..], stride, sizes.0, k_gain, k_roots, &mut self.k);
            if terms.rotary.is_some() {
                rotate(simd, &mut self.k, stride, sizes, terms.rotary, 1.0, 1.0);
            }
        }
    }

    /// `[k][t]` each: queries and keys, turned.
    pub(super) fn of<'a>(&'a self, terms: &Terms, head: Head, qkv: &'a [f32]) -> [&'a [f32]; 2] {
        let [q_at, k_at, _] = head.starts;
        match terms.gains {
            Some(_) => [&self.q, &self.k],
            None => [&qkv[q_at..], &qkv[k_at..]],
        }
    }
}

/// Makes the gradients of turned queries those of queries, and likewise of the keys that no later head
/// sees; adds those of the gains to `dgains`. The numbers of `along` are overwritten.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
pub(super) fn back<S: Simd>(
    simd: S,
    terms: &Terms,
    head: Head,
    qkv: &[f32],
    roots: &[f32],
    along: &mut [f32],
    dqkv: &mut [f32],
    dgains: &mut [f32],
) {
    let layout = &terms.layout;
    let (stride, sizes) = (layout.stride, (layout.shape.time, layout.d_head));
    let time = sizes.0;
    let [q_at, k_at, _] = head.starts;
    let [q_roots, k_roots] = head.roots.map(|root| root..root + time);
    let (dq_gain, dk_gain) = dgains.split_at_mut(dgains.len() / 2);
    let scale = layout.shape.parametrization.score_scale(layout.d_head);
    let dq = &mut dqkv[q_at..];
    rotate(simd, dq, stride, sizes, terms.rotary, -1.0, scale);
    if let Some([gain, _]) = terms.gains {
        let (x, roots) = (&qkv[q_at..], &roots[q_roots]);
        normalise_back(simd, x, stride, time, gain, roots, along, dq, dq_gain);
    }
    if !head.closes {
        return;
    }
    let dk = &mut dqkv[k_at..];
    if terms.rotary.is_some() {
        rotate(simd, dk, stride, sizes, terms.rotary, -1.0, 1.0);
    }
    if let Some([_, gain]) = terms.gains {
        let (x, roots) = (&qkv[k_at..], &roots[k_roots]);
        normalise_back(simd, x, stride, time, gain, roots, along, dk, dk_gain);
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
