//! The half against plain double precision and its differences, and what a gate does at its ends.

use super::{Form, Tensors, composed, fused};
use crate::halves::attention::starts;
use crate::ops::tests::plain::{Rows, norm, times};
use crate::ops::tests::{NORMS, differences, gain, normal, run};
use burn::tensor::{Tensor, TensorData};
use isoflop_model::{Norm, Recurrent};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn positive(x: f64) -> f64 {
    if x < 0.0 { sigmoid(x) } else { x + 0.5 }
}

/// One number of the next state, and of an LSTM's cell, from what input and state give to its gates.
fn next(kind: Recurrent, x: &[f64], y: &[f64], h: f64, cell: f64) -> [f64; 2] {
    match kind {
        Recurrent::Rnn => [(x[0] + y[0]).tanh(), 0.0],
        Recurrent::Lstm => {
            let z: Vec<f64> = x.iter().zip(y).map(|(x, y)| x + y).collect();
            let cell = sigmoid(z[1]) * cell + sigmoid(z[0]) * z[2].tanh();
            [sigmoid(z[3]) * cell.tanh(), cell]
        }
        Recurrent::Gru => {
            let (r, z) = (sigmoid(x[0] + y[0]), sigmoid(x[1] + y[1]));
            [(1.0 - z) * (x[2] + r * y[2]).tanh() + z * h, 0.0]
        }
        Recurrent::Mingru => {
            let z = sigmoid(x[0]);
            [(1.0 - z) * h + z * positive(x[1]), 0.0]
        }
        Recurrent::Minlstm => {
            let (f, i) = (sigmoid(x[0]), sigmoid(x[1]));
            [(f * h + i * positive(x[2])) / (f + i), 0.0]
        }
    }
}

/// The half as docs/models.md says it, of inputs in the order of the model's list.
fn plain(form: &Form, inputs: &[Rows]) -> Rows {
    let (x, gain, kind) = (&inputs[0], &inputs[1][0], form.kind);
    let (d, gates) = (gain.len(), kind.gates());
    let driven = times(&norm(form.norm, x, gain), &inputs[2]);
    let vector = |at: usize| inputs.get(at).map_or(vec![0.0; gates * d], |bias| bias[0].clone());
    let (bias, turned_bias) = (vector(4), vector(5));
    let (mut h, mut cell) = (vec![0.0; d], vec![0.0; d]);
    let mut all = Vec::new();
    for (row, driven) in driven.iter().enumerate() {
        let place = row % form.time;
        if form.starts.as_ref().map_or(place == 0, |starts| starts[row] as usize == place) {
            (h, cell) = (vec![0.0; d], vec![0.0; d]);
        }
        let turned = match inputs.get(3) {
            Some(recurrent) => times(&vec![h.clone()], recurrent).remove(0),
            None => vec![0.0; gates * d],
        };
        let part = |from: &[f64], bias: &[f64], c: usize| -> Vec<f64> {
            (0..gates).map(|gate| from[gate * d + c] + bias[gate * d + c]).collect()
        };
        let both: Vec<[f64; 2]> = (0..d)
            .map(|c| {
                let (x, y) = (part(driven, &bias, c), part(&turned, &turned_bias, c));
                next(kind, &x, &y, h[c], cell[c])
            })
            .collect();
        h = both.iter().map(|both| both[0]).collect();
        cell = both.iter().map(|both| both[1]).collect();
        all.push(x[row].iter().zip(&h).map(|(x, h)| x + h).collect());
    }
    all
}

/// Random inputs of a kind; those of gates vary by `std`.
fn inputs(kind: Recurrent, rows: usize, d: usize, std: f64) -> Vec<TensorData> {
    let wide = kind.gates() * d;
    let mut all =
        vec![normal(1, [rows, d], 1.0), normal(2, [1, d], 1.0), normal(3, [d, wide], std)];
    if kind.turns_its_state() {
        all.extend([normal(4, [d, wide], 0.7), normal(5, [1, wide], 0.3)]);
    }
    if kind == Recurrent::Gru {
        all.push(normal(6, [1, wide], 0.3));
    }
    all
}

fn tensors(inputs: Vec<Tensor<2>>) -> Tensors {
    let matrix = |at: usize| inputs.get(at).cloned();
    Tensors {
        x_nd: inputs[0].clone(),
        gain_d: gain(&inputs[1]),
        input_dw: inputs[2].clone(),
        recurrent_dw: matrix(3),
        bias_w: inputs.get(4).map(gain),
        recurrent_bias_w: inputs.get(5).map(gain),
    }
}

fn form(kind: Recurrent, batch: usize, time: usize) -> Form {
    Form { kind, norm: Norm::Rms, batch, time, starts: None }
}

#[test]
fn every_kind_is_its_definition_and_its_gradients_are_differences() {
    for (batch, time, d) in [(1, 1, 2), (2, 5, 3), (1, 17, 4), (5, 3, 17)] {
        let ids: Vec<i32> = (0..(batch * time) as i32).map(|at| (at * at + at / 3) % 4).collect();
        for kind in Recurrent::ALL {
            for (norm, masked) in NORMS.into_iter().zip([false, true]) {
                let starts = masked.then(|| starts(&ids, time, 0));
                let form = Form { norm, starts, ..form(kind, batch, time) };
                let (inputs, what) = (inputs(kind, batch * time, d, 0.5), format!("{form:?} {d}"));
                let loop_of = |x| composed::residual(tensors(x), &form);
                // In a loop of one step the matrix of the state is not used, and has no gradient.
                if time > 1 || !kind.turns_its_state() {
                    differences::compare(&what, &inputs, loop_of, |x| plain(&form, x));
                }
                let on_kernel = |x| fused::residual(tensors(x), form.clone());
                differences::compare(&what, &inputs, on_kernel, |x| plain(&form, x));
            }
        }
    }
}

#[test]
fn gates_that_are_shut_or_wide_open_leave_gradients_finite_and_right() {
    for kind in Recurrent::ALL {
        let form = form(kind, 1, 4);
        let inputs = inputs(kind, 4, 3, 30.0);
        let what = format!("{kind:?} of wide gates");
        let on_kernel = |x| fused::residual(tensors(x), form.clone());
        // What goes into a gate is in the tens, and single precision has seven digits.
        differences::compare_within(5e-5, &what, &inputs, on_kernel, |x| plain(&form, x));
    }
}

/// The bias of a gate, with all matrices at 0.
fn biased(kind: Recurrent, d: usize, rows: usize, biases: &[f32]) -> Vec<TensorData> {
    let mut all = inputs(kind, rows, d, 0.5);
    let wide = kind.gates() * d;
    all[2] = TensorData::zeros::<f32, _>([d, wide]);
    all[3] = TensorData::zeros::<f32, _>([d, wide]);
    let bias: Vec<f32> = biases.iter().flat_map(|bias| vec![*bias; d]).collect();
    all[4] = TensorData::new(bias, [1, wide]);
    all
}

#[test]
fn an_lstm_whose_input_gate_is_shut_adds_nothing_and_one_that_never_forgets_counts() {
    let (time, d) = (6, 3);
    let form = form(Recurrent::Lstm, 1, time);
    let added = |biases: &[f32]| -> Vec<f32> {
        let inputs = biased(Recurrent::Lstm, d, time, biases);
        let x: Vec<f32> = inputs[0].iter::<f32>().collect();
        let y = run(&inputs, |x| fused::residual(tensors(x), form.clone())).remove(0);
        y.iter().zip(&x).map(|(y, x)| y - x).collect()
    };
    assert!(added(&[-70.0, 1.0, 2.0, 0.0]).iter().all(|h| *h == 0.0));
    // Input, forget and output gates are open and the candidate is tanh(0.1): the cell grows by it.
    for (at, h) in added(&[30.0, 30.0, 0.1, 30.0]).iter().enumerate() {
        let cell = 0.1f32.tanh() * (at / d + 1) as f32;
        assert!((h - cell.tanh()).abs() < 1e-6, "{at}: {h} against {}", cell.tanh());
    }
}

#[test]
fn with_one_token_an_lstm_is_a_gated_network_and_its_recurrent_matrix_has_no_gradient() {
    let (batch, d) = (4, 5);
    let form = form(Recurrent::Lstm, batch, 1);
    let inputs = inputs(Recurrent::Lstm, batch, d, 0.5);
    let by_hand = |x: Vec<Tensor<2>>| {
        use burn::tensor::activation::sigmoid;
        let u = crate::ops::composed::norm(Norm::Rms, x[0].clone(), gain(&x[1]));
        let z = u.matmul(x[2].clone()) + x[4].clone();
        let part = |at: usize| z.clone().narrow(1, at * d, d);
        let cell = sigmoid(part(0)) * part(2).tanh();
        let nothing = x[3].clone().sum() * 0.0;
        x[0].clone() + sigmoid(part(3)) * cell.tanh() + nothing.unsqueeze()
    };
    let on_kernel = run(&inputs, |x| fused::residual(tensors(x), form.clone()));
    let expected = run(&inputs, by_hand);
    for (found, expected) in on_kernel.concat().iter().zip(expected.concat()) {
        assert!((found - expected).abs() < 2e-6, "{found} against {expected}");
    }
    assert!(on_kernel[4].iter().all(|x| *x == 0.0));
}

#[test]
fn a_gru_that_keeps_everything_stays_at_zero() {
    let (time, d) = (5, 4);
    let form = form(Recurrent::Gru, 1, time);
    let inputs = biased(Recurrent::Gru, d, time, &[0.0, 70.0, 1.0]);
    let x: Vec<f32> = inputs[0].iter::<f32>().collect();
    let mut inputs = inputs;
    inputs[5] = TensorData::zeros::<f32, _>([1, 3 * d]);
    let y = run(&inputs, |x| fused::residual(tensors(x), form.clone())).remove(0);
    assert_eq!(y, x);
}
