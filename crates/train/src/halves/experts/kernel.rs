//! `x + shared(u) + sum over the chosen of gate expert(u)`, `u = norm(x)`. Tokens are gathered by expert, so
//! that each expert's products run over consecutive rows, and no expert does more than its tokens need.

use super::routes::Routes;
use super::rows::{dots, gather, scale, scatter};
use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::ops::kernels::{activation, norm, rows_per_block, transpose};
use crate::profile::part;
use isoflop_model::{Activation, Experts};

/// What goes in, of e experts and s that work on every token; w are the numbers that the activation takes
/// for f.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, router: `[d, e]`, up: `[e, d, w]`, down: `[e, f, d]`, shared: `[d, s w]` and
///   `[s f, d]`, balance: `[e]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) router: &'a [f32],
    pub(crate) up: &'a [f32],
    pub(crate) down: &'a [f32],
    pub(crate) shared: Option<(&'a [f32], &'a [f32])>,
    pub(crate) balance: Option<&'a [f32]>,
}

/// What an operation knows besides its inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) experts: Experts,
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
    /// Tokens of a window, over each of which loads are balanced by a loss.
    pub(crate) context: usize,
    /// Share of the step's tokens.
    pub(crate) share: f64,
}

/// What the backward pass needs of the forward one.
#[derive(Debug)]
pub(crate) struct Kept {
    /// `[n, 2]`
    norm: Buffer,
    /// `[n, e]`
    scores: Buffer,
    routes: Routes,
    /// Inputs of the activations by slot, `[n k, w]`.
    wide: Buffer,
    /// Those of the shared experts, `[s, n, w]`.
    shared: Buffer,
}

/// Numbers of a line of the nearest cache.
const LINE: usize = 16;

/// Lengths, by the letters of the inputs.
#[derive(Clone, Copy)]
struct Sizes {
    n: usize,
    d: usize,
    e: usize,
    k: usize,
    w: usize,
    f: usize,
    s: usize,
}

impl Sizes {
    fn of(options: &Options, inputs: &Inputs) -> Self {
        let Experts { experts: e, active: k, shared: s, .. } = options.experts;
        let d = inputs.gain.len();
        let (w, f) = (inputs.up.len() / (e * d), inputs.down.len() / (e * d));
        Sizes { n: inputs.x.len() / d, d, e, k, w, f, s }
    }
}

/// Routes of the tokens, and what was found on the way.
pub(crate) struct Routed {
    /// `norm(x)`, `[n, d]`.
    u: Buffer,
    /// `[n, 2]`
    norm: Buffer,
    /// `[n, e]`
    scores: Buffer,
    pub(crate) routes: Routes,
}

/// Finds the experts of each token.
pub(crate) fn route(options: &Options, inputs: &Inputs) -> Routed {
    let (d, e) = (inputs.gain.len(), options.experts.experts);
    let n = inputs.x.len() / d;
    let (mut u, mut kept) = (Buffer::stale(n * d), Buffer::stale(2 * n));
    part("norms", || norm::forward(inputs.x, inputs.gain, options.centre, &mut u, &mut kept));
    let mut scores = Buffer::stale(n * e);
    multiply(
        MatrixMut::new(&mut scores, n, e),
        Matrix::new(&u, n, d),
        Matrix::new(inputs.router, d, e),
    );
    let routes = part("routing", || Routes::of(&options.experts, &scores, inputs.balance));
    Routed { u, norm: kept, scores, routes }
}

/// Blocks of the slots of each expert: the expert, the first slot, and how many.
fn blocks(routes: &Routes, block: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let experts = routes.first.windows(2).enumerate();
    experts.flat_map(move |(expert, ends)| {
        let starts = (ends[0]..ends[1]).step_by(block);
        let end = ends[1];
        starts.map(move |first| (expert, first, block.min(end - first)))
    })
}

/// The output, and what to keep if asked.
pub(crate) fn forward(options: &Options, inputs: Inputs, keep: bool) -> (Buffer, Option<Kept>) {
    let Sizes { n, d, k, w, f, s, .. } = Sizes::of(options, &inputs);
    let Routed { u, norm: statistics, scores, routes } = route(options, &inputs);
    let kind = options.experts.activation();
    let block = rows_per_block(w, n * k);
    let slots = n * k;
    // A product of one row may be computed in another order than a row of a larger one, and how many tokens
    // an expert has depends on other tokens than the row's own: so there are always two rows, of which the
    // second is written over by the next block or is the spare one at the end.
    let mut mine = Buffer::stale((slots + 1) * d);
    part("routing", || gather(&u, d, k, &routes.pairs, None, &mut mine[..slots * d]));
    mine[slots * d..].fill(0.0);
    let mut wide = Buffer::stale(w * (1 + if keep { slots } else { block }));
    let mut active = Buffer::stale((block + 1) * f);
    let mut each = Buffer::stale((slots + 1) * d);
    for (expert, first, rows) in blocks(&routes, block) {
        let two = rows.max(2);
        let wide = &mut wide[if keep { first * w } else { 0 }..][..two * w];
        multiply(
            MatrixMut::new(wide, two, w),
            Matrix::new(&mine[first * d..], two, d),
            Matrix::new(&inputs.up[expert * d * w..], d, w),
        );
        part("activation", || activation::forward(kind, f, wide, &mut active[..two * f]));
        multiply(
            MatrixMut::new(&mut each[first * d..], two, d),
            Matrix::new(&active, two, f),
            Matrix::new(&inputs.down[expert * f * d..], f, d),
        );
    }
    let mut y = Buffer::copy_of(inputs.x);
    part("routing", || scatter(&each, d, &routes, &mut y));
    let mut kept = Kept { norm: statistics, scores, routes, wide, shared: Buffer::default() };
    if let Some(shared) = inputs.shared {
        kept.shared = Buffer::stale(w * if keep { s * n } else { block.min(n) });
        let sizes = Sizes::of(options, &inputs);
        shared_forward(kind, sizes, &u, shared, &mut kept.shared, keep, &mut y);
    }
    (y, keep.then_some(kept))
}

/// Adds what the shared experts give.
fn shared_forward(
    kind: Activation,
    Sizes { n, d, w, f, s, .. }: Sizes,
    u: &[f32],
    (up, down): (&[f32], &[f32]),
    kept: &mut [f32],
    keep: bool,
    y: &mut [f32],
) {
    let block = rows_per_block(w, n);
    let mut active = Buffer::stale(block * f);
    for expert in 0..s {
        let up = Matrix::strided(&up[expert * w..], d, w, s * w);
        let down = Matrix::new(&down[expert * f * d..], f, d);
        for first in (0..n).step_by(block) {
            let rows = block.min(n - first);
            let at = if keep { (expert * n + first) * w } else { 0 };
            let wide = &mut kept[at..][..rows * w];
            multiply(MatrixMut::new(wide, rows, w), Matrix::new(&u[first * d..], rows, d), up);
            part("activation", || activation::forward(kind, f, wide, &mut active[..rows * f]));
            multiply_add(
                MatrixMut::new(&mut y[first * d..], rows, d),
                Matrix::new(&active, rows, f),
                down,
            );
        }
    }
}

/// Gradients of the inputs, in their order, from that of the output, `[n, d]`.
pub(crate) fn backward(options: &Options, inputs: Inputs, kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
    let sizes = Sizes::of(options, &inputs);
    let Sizes { n, d, e, .. } = sizes;
    let kind = options.experts.activation();
    let mut u = Buffer::stale(n * d);
    part("norms", || norm::again(inputs.x, inputs.gain, &kept.norm, &mut u));
    let Each { du: each, dup, ddown, dgates } = experts_backward(kind, sizes, inputs, kept, &u, dy);
    let dscores = part("routing, backward", || {
        let windows = (options.context, options.share);
        kept.routes.backward(&options.experts, &kept.scores, &dgates, windows)
    });
    let dscores = Matrix::new(&dscores, n, e);
    let (mut drouter, mut du) = (Buffer::stale(d * e), Buffer::stale(n * d));
    multiply(MatrixMut::new(&mut drouter, d, e), Matrix::new(&u, n, d).t(), dscores);
    let router = Matrix::new(inputs.router, d, e);
    multiply(MatrixMut::new(&mut du, n, d), dscores, router.t());
    part("routing, backward", || scatter(&each, d, &kept.routes, &mut du));
    let shared = inputs
        .shared
        .map(|shared| shared_backward(kind, sizes, &u, shared, &kept.shared, dy, &mut du));
    let (mut dx, mut dgain) = (Buffer::copy_of(dy), Buffer::zeros(d));
    part("norms, backward", || {
        norm::backward(inputs.x, inputs.gain, options.centre, &kept.norm, &du, &mut dx, &mut dgain)
    });
    let mut all = vec![dx, dgain, drouter, dup, ddown];
    all.extend(shared.into_iter().flatten());
    all.extend(inputs.balance.map(|_| kept.routes.imbalance()));
    all
}

/// Gradients of the experts, with those of their inputs and of their factors by slot.
struct Each {
    /// `[n k, d]`, each still to be multiplied by its factor.
    du: Buffer,
    dup: Buffer,
    ddown: Buffer,
    dgates: Buffer,
}

/// With `a = act(h)`, `h = u up` and `y = g a down` of a pair, the gradient of `g` is the sum over
/// `(dy down^T) a`. The factor joins the rows of d numbers, `g u` and `g dy`, of which there are fewer than of h.
fn experts_backward(
    kind: Activation,
    Sizes { n, d, e, k, w, f, .. }: Sizes,
    inputs: Inputs,
    kept: &Kept,
    u: &[f32],
    dy: &[f32],
) -> Each {
    let (slots, routes) = (n * k, &kept.routes);
    let block = rows_per_block(w, slots);
    let mut all = Each {
        du: Buffer::stale(slots * d),
        dup: Buffer::stale(e * d * w),
        ddown: Buffer::stale(e * f * d),
        dgates: Buffer::stale(slots),
    };
    let (mut mine, mut dmine) = (Buffer::stale(block * d), Buffer::stale(block * d));
    let (mut active, mut dactive) = (Buffer::stale(block * f), Buffer::stale(block * f));
    let mut dwide = Buffer::stale(if w == f { 0 } else { block * w });
    // Rows a power of two apart would share a few lines of the nearest cache.
    let (d_apart, f_apart) = (d + LINE, f + LINE);
    let (mut up_t, mut down_t) = (Buffer::stale(w * d_apart), Buffer::stale(d * f_apart));
    for expert in (0..e).filter(|expert| routes.load(*expert) == 0) {
        all.dup[expert * d * w..][..d * w].fill(0.0);
        all.ddown[expert * f * d..][..f * d].fill(0.0);
    }
    for (expert, first, rows) in blocks(routes, block) {
        let begins = first == routes.first[expert];
        if begins {
            part("transposes", || {
                transpose(&inputs.up[expert * d * w..], w, (d, w), &mut up_t, d_apart);
                transpose(&inputs.down[expert * f * d..], d, (f, d), &mut down_t, f_apart);
            });
        }
        let pairs = &routes.pairs[first..][..rows];
        let (mine, dmine) = (&mut mine[..rows * d], &mut dmine[..rows * d]);
        part("routing, backward", || {
            gather(u, d, k, pairs, Some(&routes.gates), mine);
            gather(dy, d, k, pairs, None, dmine);
        });
        let (active, dactive) = (&mut active[..rows * f], &mut dactive[..rows * f]);
        let dwide = if w == f { &mut [][..] } else { &mut dwide[..rows * w] };
        let to = MatrixMut::new(dactive, rows, f);
        multiply(to, Matrix::new(dmine, rows, d), Matrix::strided(&down_t, d, f, f_apart));
        let wide = &kept.wide[first * w..][..rows * w];
        let dgates = &mut all.dgates[first..][..rows];
        part("activation, backward", || {
            activate_backward(kind, f, wide, active, dactive, dwide, dgates);
            scale(dmine, d, pairs, &routes.gates);
        });
        let (mine, dmine) = (Matrix::new(mine, rows, d), Matrix::new(dmine, rows, d));
        let dwide = Matrix::new(if w == f { dactive } else { dwide }, rows, w);
        let join = if begins { multiply } else { multiply_add };
        let ddown = &mut all.ddown[expert * f * d..];
        join(MatrixMut::new(ddown, f, d), Matrix::new(active, rows, f).t(), dmine);
        join(MatrixMut::new(&mut all.dup[expert * d * w..], d, w), mine.t(), dwide);
        let du = MatrixMut::new(&mut all.du[first * d..], rows, d);
        multiply(du, dwide, Matrix::strided(&up_t, w, d, d_apart));
    }
    all
}

/// [`activation::backward`], with the sum over each row's activations times their gradients. It takes a few
/// rows at a time, whose gradients it puts aside in the nearest cache.
fn activate_backward(
    kind: Activation,
    f: usize,
    wide: &[f32],
    active: &mut [f32],
    dactive: &mut [f32],
    dwide: &mut [f32],
    sums: &mut [f32],
) {
    const ROWS: usize = 8;
    let (inputs, mut aside) = (wide.len() / active.len(), Buffer::stale(ROWS * f));
    for (strip, sums) in sums.chunks_mut(ROWS).enumerate() {
        let (from, count) = (strip * ROWS * f, sums.len() * f);
        let (active, dactive) = (&mut active[from..][..count], &mut dactive[from..][..count]);
        let dwide = match inputs {
            1 => &mut [][..],
            _ => &mut dwide[inputs * from..][..inputs * count],
        };
        aside[..count].copy_from_slice(dactive);
        let wide = &wide[inputs * from..][..inputs * count];
        activation::backward(kind, f, wide, active, dactive, dwide);
        dots(&aside[..count], active, f, sums);
    }
}

/// Gradients of the shared experts, whose part in that of u is added.
fn shared_backward(
    kind: Activation,
    Sizes { n, d, w, f, s, .. }: Sizes,
    u: &[f32],
    (up, down): (&[f32], &[f32]),
    kept: &[f32],
    dy: &[f32],
    du: &mut [f32],
) -> [Buffer; 2] {
    let block = rows_per_block(w, n);
    let (mut dup, mut ddown) = (Buffer::zeros(d * s * w), Buffer::zeros(s * f * d));
    let (mut active, mut dactive) = (Buffer::stale(block * f), Buffer::stale(block * f));
    let mut dwide = Buffer::stale(if w == f { 0 } else { block * w });
    for expert in 0..s {
        let up = Matrix::strided(&up[expert * w..], d, w, s * w);
        let down = Matrix::new(&down[expert * f * d..], f, d);
        for first in (0..n).step_by(block) {
            let rows = block.min(n - first);
            let dy = Matrix::new(&dy[first * d..], rows, d);
            let (active, dactive) = (&mut active[..rows * f], &mut dactive[..rows * f]);
            let dwide = if w == f { &mut [][..] } else { &mut dwide[..rows * w] };
            multiply(MatrixMut::new(dactive, rows, f), dy, down.t());
            let wide = &kept[(expert * n + first) * w..][..rows * w];
            part("activation, backward", || {
                activation::backward(kind, f, wide, active, dactive, dwide)
            });
            let dwide = Matrix::new(if w == f { dactive } else { dwide }, rows, w);
            let ddown = &mut ddown[expert * f * d..];
            multiply_add(MatrixMut::new(ddown, f, d), Matrix::new(active, rows, f).t(), dy);
            let u = Matrix::new(&u[first * d..], rows, d);
            let dup = &mut dup[expert * w..];
            multiply_add(MatrixMut::strided(dup, d, w, s * w), u.t(), dwide);
            multiply_add(MatrixMut::new(&mut du[first * d..], rows, d), dwide, up.t());
        }
    }
    [dup, ddown]
}
