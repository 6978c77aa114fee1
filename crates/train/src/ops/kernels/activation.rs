//! What stands between the matrices of a feed-forward network, and its slope.
//!
//! Rows of the input hold as many numbers as rows of the output, but for `swiglu`: there a row holds
//! those that open, then those that are let through.

use super::lanes::{exp, for_lanes, gelu, vectorised};
use isoflop_model::Activation;
use pulp::Simd;

/// Computes the activation.
///
/// # Shapes
/// - wide: `[n, inputs f]`, active: `[n, f]`
pub(crate) fn forward(kind: Activation, f: usize, wide: &[f32], active: &mut [f32]) {
    match kind {
        Activation::Gelu => gelu_forward(wide, active),
        Activation::Relu2 => relu2_forward(wide, active),
        Activation::Swiglu => {
            for (wide, active) in wide.chunks_exact(2 * f).zip(active.chunks_exact_mut(f)) {
                let (gate, value) = wide.split_at(f);
                swiglu_forward(gate, value, active);
            }
        }
    }
}

/// Computes the activation anew, and the gradient of its input from that of its output.
///
/// # Shapes
/// - wide, dwide: `[n, inputs f]`; active, dactive: `[n, f]`. Where the activation takes one number,
///   `dactive` becomes the gradient of the input and `dwide` is empty.
pub(crate) fn backward(
    kind: Activation,
    f: usize,
    wide: &[f32],
    active: &mut [f32],
    dactive: &mut [f32],
    dwide: &mut [f32],
) {
    match kind {
        Activation::Gelu => gelu_backward(wide, active, dactive),
        Activation::Relu2 => relu2_backward(wide, active, dactive),
        Activation::Swiglu => {
            let rows = wide.chunks_exact(2 * f).zip(dwide.chunks_exact_mut(2 * f));
            let narrow = active.chunks_exact_mut(f).zip(dactive.chunks_exact(f));
            for ((wide, dwide), (active, dactive)) in rows.zip(narrow) {
                let (gate, value) = wide.split_at(f);
                let (dgate, dvalue) = dwide.split_at_mut(f);
                swiglu_backward(gate, value, dactive, active, dgate, dvalue);
            }
        }
    }
}

/// Computes `1 / (1 + exp(-x))` by an exponential that neither overflows nor leaves the normal range.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let small = exp(simd, simd.neg_f32s(simd.abs_f32s(x)));
    let inverse = simd.div_f32s(one, simd.add_f32s(one, small));
    let negative = simd.less_than_f32s(x, simd.splat_f32s(0.0));
    simd.select_f32s(negative, simd.mul_f32s(small, inverse), inverse)
}

/// Computes the hyperbolic tangent, `2 sigmoid(2 x) - 1`, within 2e-7.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let s = sigmoid(simd, simd.add_f32s(x, x));
    simd.sub_f32s(simd.add_f32s(s, s), simd.splat_f32s(1.0))
}

/// Computes `max(x, 0)`, which of NaN is NaN.
#[inline(always)]
fn relu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_f32s(x, zero), zero, x)
}

vectorised! {
    /// `y = gelu(x)`
    fn gelu_forward<'a, S>(simd; x: &'a [f32], y: &'a mut [f32]) {
        for_lanes!(S, simd, [x in x], [y of y], {
            let _ = y;
            (gelu(simd, x).0,)
        });
    }
}

vectorised! {
    /// `y = gelu(x)`, and `dx *= gelu'(x)`.
    fn gelu_backward<'a, S>(simd; x: &'a [f32], y: &'a mut [f32], dx: &'a mut [f32]) {
        for_lanes!(S, simd, [x in x], [y of y, dx of dx], {
            let _ = y;
            let (value, slope) = gelu(simd, x);
            (value, simd.mul_f32s(dx, slope))
        });
    }
}

vectorised! {
    /// `y = max(x, 0)^2`
    fn relu2_forward<'a, S>(simd; x: &'a [f32], y: &'a mut [f32]) {
        for_lanes!(S, simd, [x in x], [y of y], {
            let _ = y;
            let x = relu(simd, x);
            (simd.mul_f32s(x, x),)
        });
    }
}

vectorised! {
    /// `y = max(x, 0)^2`, and `dx *= 2 max(x, 0)`.
    fn relu2_backward<'a, S>(simd; x: &'a [f32], y: &'a mut [f32], dx: &'a mut [f32]) {
        for_lanes!(S, simd, [x in x], [y of y, dx of dx], {
            let _ = y;
            let x = relu(simd, x);
            (simd.mul_f32s(x, x), simd.mul_f32s(dx, simd.add_f32s(x, x)))
        });
    }
}

vectorised! {
    /// `y = a sigmoid(a) b`
    fn swiglu_forward<'a, S>(simd; a: &'a [f32], b: &'a [f32], y: &'a mut [f32]) {
        for_lanes!(S, simd, [a in a, b in b], [y of y], {
            let _ = y;
            (simd.mul_f32s(simd.mul_f32s(a, sigmoid(simd, a)), b),)
        });
    }
}

vectorised! {
    /// `y = a s b` with `s = sigmoid(a)`, `da = dy b s (1 + a (1 - s))`, `db = dy a s`.
    fn swiglu_backward<'a, S>(
        simd;
        a: &'a [f32],
        b: &'a [f32],
        dy: &'a [f32],
        y: &'a mut [f32],
        da: &'a mut [f32],
        db: &'a mut [f32],
    ) {
        let one = simd.splat_f32s(1.0);
        for_lanes!(S, simd, [a in a, b in b, dy in dy], [y of y, da of da, db of db], {
            let _ = (y, da, db);
            let s = sigmoid(simd, a);
            let open = simd.mul_f32s(a, s);
            let slope = simd.mul_f32s(s, simd.mul_add_e_f32s(a, simd.sub_f32s(one, s), one));
            (
                simd.mul_f32s(open, b),
                simd.mul_f32s(simd.mul_f32s(dy, b), slope),
                simd.mul_f32s(dy, open),
            )
        });
    }
}
