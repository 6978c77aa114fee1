//! What happens to a head of queries or keys `[k][t]` before scores: normalisation and position, and
//! both back for gradients. Tokens lie along the vectors.

use super::{Head, Room, Terms};
use crate::halves::attention::RotaryTable;
use crate::ops::NORM_EPSILON;
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::lanes::{dot, for_lanes};
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

/// Writes to `roots` the reciprocal of the root mean square of each token's numbers.
#[inline(always)]
fn find_roots<S: Simd>(
    simd: S,
    x: &[f32],
    stride: usize,
    (time, d_head): (usize, usize),
    roots: &mut [f32],
) {
    roots.fill(0.0);
    for c in 0..d_head {
        let row = &x[c * stride..c * stride + time];
        for_lanes!(S, simd, [x in row], [sum of &mut *roots], (simd.mul_add_e_f32s(x, x, sum),));
    }
    let one = simd.splat_f32s(1.0);
    let (width, epsilon) = (simd.splat_f32s(d_head as f32), simd.splat_f32s(NORM_EPSILON as f32));
    for_lanes!(S, simd, [], [root of roots], {
        let mean = simd.div_f32s(root, width);
        (simd.div_f32s(one, simd.sqrt_f32s(simd.add_f32s(mean, epsilon))),)
    });
}

/// Writes `to = x root gain`.
#[inline(always)]
fn normalise<S: Simd>(
    simd: S,
    x: &[f32],
    stride: usize,
    time: usize,
    gain: &[f32],
    roots: &[f32],
    to: &mut [f32],
) {
    for (c, gain) in gain.iter().enumerate() {
        let gain = simd.splat_f32s(*gain);
        let row = c * stride..c * stride + time;
        for_lanes!(S, simd, [x in &x[row.clone()], root in roots], [to of &mut to[row]], {
            let _ = to;
            (simd.mul_f32s(simd.mul_f32s(x, root), gain),)
        });
    }
}

/// Makes the gradient of what [`normalise`] gave the gradient of what it was given: `root (u - h
/// mean(u h))` with `u = dy gain` and `h = x root`. Adds that of the gain to `dgain`. The numbers of
/// `along` are overwritten.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
fn normalise_back<S: Simd>(
    simd: S,
    x: &[f32],
    stride: usize,
    time: usize,
    gain: &[f32],
    roots: &[f32],
    along: &mut [f32],
    dy: &mut [f32],
    dgain: &mut [f32],
) {
    along.fill(0.0);
    for (c, gain) in gain.iter().enumerate() {
        let gain = simd.splat_f32s(*gain);
        let row = c * stride..c * stride + time;
        let (x, dy) = (&x[row.clone()], &dy[row]);
        for_lanes!(S, simd, [x in x, dy in dy], [sum of &mut *along], {
            (simd.mul_add_e_f32s(simd.mul_f32s(dy, gain), x, sum),)
        });
    }
    // Of u x the sum, it becomes minus the factor of x: root^2 mean(u x).
    let width = simd.splat_f32s(-(gain.len() as f32).recip());
    for_lanes!(S, simd, [root in roots], [sum of &mut *along], {
        (simd.mul_f32s(simd.mul_f32s(sum, width), simd.mul_f32s(root, root)),)
    });
    for (c, (gain, dgain)) in gain.iter().zip(dgain).enumerate() {
        let gain = simd.splat_f32s(*gain);
        let row = c * stride..c * stride + time;
        let (x, dy) = (&x[row.clone()], &mut dy[row]);
        // First dy root, whose product with x is the gradient of the gain.
        for_lanes!(S, simd, [root in roots], [dy of &mut *dy], (simd.mul_f32s(dy, root),));
        *dgain += dot(simd, dy, x);
        for_lanes!(S, simd, [x in x, root in roots, along in &*along], [dy of dy], {
            let rest = simd.mul_f32s(simd.mul_f32s(x, along), root);
            (simd.mul_add_e_f32s(dy, gain, rest),)
        });
    }
}
