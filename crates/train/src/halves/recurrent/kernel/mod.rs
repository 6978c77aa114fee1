//! `x + h` with the state `h` of a recurrent network. Rows stand by time, all windows of a time side by
//! side; products with the input are made in one piece before the recurrence, and those of the backward
//! pass after it. Rows of a gate or a state are padded to whole vectors, and in the padding all is 0 that a
//! product meets.

mod gru;
mod layout;
mod lstm;
mod minimal;
mod plain;

use crate::ops::kernels::buffer::Buffer;
use crate::ops::kernels::norm;
use crate::ops::kernels::product::{Matrix, MatrixMut, multiply, multiply_add};
use crate::profile::part;
use isoflop_model::Recurrent;
use layout::Layout;
use pulp::Simd;

/// What goes in; w is d for every gate and candidate.
///
/// # Shapes
/// - x: `[n, d]`, gain: `[d]`, input, recurrent: `[d, w]`, bias, recurrent_bias: `[w]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) kind: Recurrent,
    pub(crate) x: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) input: &'a [f32],
    pub(crate) recurrent: Option<&'a [f32]>,
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) recurrent_bias: Option<&'a [f32]>,
    /// Layer rather than RMS normalisation.
    pub(crate) centre: bool,
    pub(crate) batch: usize,
    pub(crate) time: usize,
    /// `[n]`, where the document of each token starts in its window.
    pub(crate) starts: Option<&'a [u32]>,
}

/// What the backward pass needs of the forward one, rows by time.
#[derive(Debug)]
pub(crate) struct Kept {
    /// `[n, 2]`, rows by window.
    norm: Buffer,
    /// Gates, or what the input gives for them, `[n, gates, row]`; nothing of a plain network.
    gates: Buffer,
    /// States, `[n, row]`.
    states: Buffer,
    /// Cells of an LSTM, what the state gives to the candidate of a GRU: `[n, row]`.
    beside: Buffer,
}

/// What a recurrence is besides its numbers.
#[derive(Clone, Copy)]
struct Steps<'a> {
    batch: usize,
    time: usize,
    /// Numbers of a padded state.
    row: usize,
    /// `[d, gates row]`, padded.
    recurrent: &'a [f32],
    /// `[gates row, row]`, its transpose.
    transposed: &'a [f32],
    /// Rows, by time, at which a document starts: the state before is 0.
    breaks: &'a [bool],
}

impl Steps<'_> {
    /// Zeroes rows of a time at which a document starts.
    #[inline(always)]
    fn forget(&self, t: usize, rows: &mut [f32]) {
        let breaks = self.breaks.iter().skip(t * self.batch);
        for (breaks, row) in breaks.zip(rows.chunks_mut(self.row)) {
            if *breaks {
                row.fill(0.0);
            }
        }
    }

    /// The numbers of a time, of rows by time.
    fn at(&self, t: usize, width: usize) -> std::ops::Range<usize> {
        let numbers = self.batch * width;
        t * numbers..(t + 1) * numbers
    }
}

/// `s (1 - s)`, the slope of a sigmoid whose value is s.
#[inline(always)]
fn sigmoid_slope<S: Simd>(simd: S, s: S::f32s) -> S::f32s {
    simd.mul_f32s(s, simd.sub_f32s(simd.splat_f32s(1.0), s))
}

/// `1 - y^2`, the slope of a hyperbolic tangent whose value is y.
#[inline(always)]
fn tanh_slope<S: Simd>(simd: S, y: S::f32s) -> S::f32s {
    simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(y, y))
}

/// The output, and what to keep if asked.
pub(crate) fn forward(inputs: Inputs, keep: bool) -> (Buffer, Option<Kept>) {
    let layout = Layout::of(&inputs);
    let Layout { n, d, gates, row, .. } = layout;
    let has_beside = matches!(inputs.kind, Recurrent::Lstm | Recurrent::Gru);
    let mut kept = Kept {
        norm: Buffer::stale(2 * n),
        gates: Buffer::stale(n * gates * row),
        states: Buffer::stale(n * row),
        beside: Buffer::stale(if has_beside { n * row } else { 0 }),
    };
    let mut normed = Buffer::stale(n * d);
    let statistics = &mut kept.norm;
    part("norms", || norm::forward(inputs.x, inputs.gain, inputs.centre, &mut normed, statistics));
    let normed = layout.by_time(&normed, d);
    let input = layout.padded(inputs.input);
    let driven = MatrixMut::new(&mut kept.gates, n, gates * row);
    let (normed, input) = (Matrix::new(&normed, n, d), Matrix::new(&input, d, gates * row));
    multiply(driven, normed, input);
    let bias = inputs.bias.map(|bias| layout.padded(bias));
    let turned_bias = inputs.recurrent_bias.map(|bias| layout.padded(bias));
    let recurrent = inputs.recurrent.map(|recurrent| layout.padded(recurrent));
    let breaks = layout.breaks(inputs.starts);
    let steps = Steps {
        batch: inputs.batch,
        time: inputs.time,
        row,
        recurrent: recurrent.as_deref().unwrap_or(&[]),
        transposed: &[],
        breaks: &breaks,
    };
    let (bias, turned_bias) =
        (bias.as_deref().unwrap_or(&[]), turned_bias.as_deref().unwrap_or(&[]));
    let Kept { gates, states, beside, .. } = &mut kept;
    part("recurrence", || match inputs.kind {
        Recurrent::Lstm => lstm::forward(steps, bias, gates, states, beside),
        Recurrent::Gru => gru::forward(steps, [bias, turned_bias], gates, states, beside),
        Recurrent::Mingru => minimal::gru_forward(steps, gates, states),
        Recurrent::Minlstm => minimal::lstm_forward(steps, gates, states),
        Recurrent::Rnn => plain::forward(steps, bias, gates, states),
    });
    if inputs.kind == Recurrent::Rnn {
        kept.gates = Buffer::stale(0);
    }
    let mut y = Buffer::copy_of(inputs.x);
    layout.add_by_window(&kept.states, row, &mut y);
    (y, keep.then_some(kept))
}

/// Gradients of the inputs, in their order, from that of the output, `[n, d]`.
pub(crate) fn backward(inputs: Inputs, kept: &Kept, dy: &[f32]) -> Vec<Buffer> {
    let layout = Layout::of(&inputs);
    let Layout { n, d, gates, row, .. } = layout;
    let dstates = layout.padded_by_time(dy);
    let recurrent = inputs.recurrent.map(|recurrent| layout.padded(recurrent));
    let transposed = recurrent.as_deref().map(|recurrent| layout.transposed(recurrent));
    let breaks = layout.breaks(inputs.starts);
    let steps = Steps {
        batch: inputs.batch,
        time: inputs.time,
        row,
        recurrent: &[],
        transposed: transposed.as_deref().unwrap_or(&[]),
        breaks: &breaks,
    };
    let mut driven = Buffer::stale(n * gates * row);
    // What the state gives has a gradient of its own where its product is reset before it is added.
    let is_gru = inputs.kind == Recurrent::Gru;
    let mut turned = Buffer::stale(if is_gru { n * gates * row } else { 0 });
    let Kept { gates: kept_gates, states, beside, .. } = kept;
    part("recurrence, backward", || match inputs.kind {
        Recurrent::Lstm => lstm::backward(steps, kept_gates, beside, &dstates, &mut driven),
        Recurrent::Gru => {
            let gradients = [&mut driven[..], &mut turned[..]];
            gru::backward(steps, kept_gates, states, beside, &dstates, gradients);
        }
        Recurrent::Mingru => {
            minimal::gru_backward(steps, kept_gates, states, &dstates, &mut driven)
        }
        Recurrent::Minlstm => {
            minimal::lstm_backward(steps, kept_gates, states, &dstates, &mut driven)
        }
        Recurrent::Rnn => plain::backward(steps, states, &dstates, &mut driven),
    });
    let mut normed = Buffer::stale(n * d);
    part("norms", || norm::again(inputs.x, inputs.gain, &kept.norm, &mut normed));
    let normed = layout.by_time(&normed, d);
    let wide = gates * row;
    let mut dinput = Buffer::zeros(d * wide);
    let of_driven = Matrix::new(&driven, n, wide);
    multiply_add(MatrixMut::new(&mut dinput, d, wide), Matrix::new(&normed, n, d).t(), of_driven);
    let mut dnormed = normed;
    let input = layout.padded(inputs.input);
    multiply(MatrixMut::new(&mut dnormed, n, d), of_driven, Matrix::new(&input, d, wide).t());
    let dnormed = layout.by_window(&dnormed, d);
    let (mut dx, mut dgain) = (Buffer::copy_of(dy), Buffer::zeros(d));
    part("norms, backward", || {
        let (x, gain) = (inputs.x, inputs.gain);
        norm::backward(x, gain, inputs.centre, &kept.norm, &dnormed, &mut dx, &mut dgain)
    });
    let mut all = vec![dx, dgain, layout.packed(&dinput)];
    let turned = if is_gru { &turned } else { &driven };
    if inputs.recurrent.is_some() {
        let before = layout.before(states, &breaks);
        let mut drecurrent = Buffer::zeros(d * wide);
        let before = Matrix::strided(&before, n, d, row).t();
        let (to, of_turned) =
            (MatrixMut::new(&mut drecurrent, d, wide), Matrix::new(turned, n, wide));
        multiply_add(to, before, of_turned);
        all.push(layout.packed(&drecurrent));
    }
    let biases = [(inputs.bias, &driven), (inputs.recurrent_bias, turned)];
    let given = biases.into_iter().filter(|(bias, _)| bias.is_some());
    all.extend(given.map(|(_, gradient)| layout.packed(&layout.sum_of_rows(gradient))));
    all
}
