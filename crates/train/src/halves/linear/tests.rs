//! The half against the plain recurrence in double precision and its differences, over every length of chunk.

use super::{Form, Tensors, composed, fused};
use crate::halves::attention::starts;
use crate::ops::tests::plain::{Rows, dot, norm, plus, times};
use crate::ops::tests::{NORMS, differences, gain, normal, run};
use burn::tensor::{Tensor, TensorData};
use isoflop_model::Norm;

/// The half as docs/models.md says it, token by token.
fn plain(form: &Form, inputs: &[Rows]) -> Rows {
    let [x, gain, qkv, rate, bias, mixed_gain, out] = inputs else { panic!("seven inputs") };
    let (d, k) = (gain[0].len(), gain[0].len() / form.heads);
    let parts = times(&norm(form.norm, x, &gain[0]), qkv);
    let mut mixed = vec![vec![0.0; d]; x.len()];
    for head in 0..form.heads {
        let mut state = vec![vec![0.0; k]; k];
        for (row, part) in parts.iter().enumerate() {
            let start = form.starts.as_ref().map_or(0, |starts| starts[row] as usize);
            let z = part[3 * d + head] + bias[0][head];
            let forgets = rate[0][head].exp() * (z.max(0.0) + (-z.abs()).exp().ln_1p());
            let factor = if row % form.time == start { 0.0 } else { (-forgets).exp() };
            let of = |which: usize| part[which * d + head * k..][..k].to_vec();
            let (mut key, mut value) = (of(1), of(2));
            state.iter_mut().flatten().for_each(|cell| *cell *= factor);
            if form.delta {
                let length = (dot(&key, &key) + 1e-5 * k as f64).sqrt();
                key.iter_mut().for_each(|key| *key /= length);
                let share = 1.0 / (1.0 + (-part[3 * d + form.heads + head]).exp());
                let read = times(&vec![key.clone()], &state);
                value
                    .iter_mut()
                    .zip(&read[0])
                    .for_each(|(value, read)| *value = share * (*value - read));
            }
            for (line, key) in state.iter_mut().zip(&key) {
                line.iter_mut().zip(&value).for_each(|(cell, value)| *cell += key * value);
            }
            let read = times(&vec![of(0)], &state);
            mixed[row][head * k..][..k].copy_from_slice(&read[0]);
        }
    }
    plus(x, &times(&norm(Norm::Rms, &mixed, &mixed_gain[0]), out))
}

fn inputs(rows: usize, heads: usize, k: usize, delta: bool) -> Vec<TensorData> {
    let d = heads * k;
    let width = 3 * d + heads * (1 + usize::from(delta));
    vec![
        normal(1, [rows, d], 1.0),
        normal(2, [1, d], 1.0),
        normal(3, [d, width], 0.7),
        normal(4, [1, heads], 0.5),
        normal(5, [1, heads], 1.0),
        normal(6, [1, d], 1.0),
        normal(8, [d, d], 0.5),
    ]
}

fn tensors(inputs: Vec<Tensor<2>>) -> Tensors {
    Tensors {
        x_nd: inputs[0].clone(),
        gain_d: gain(&inputs[1]),
        qkv_dw: inputs[2].clone(),
        rate_h: gain(&inputs[3]),
        bias_h: gain(&inputs[4]),
        mixed_gain_d: gain(&inputs[5]),
        out_dd: inputs[6].clone(),
    }
}

fn ids(count: usize) -> Vec<i32> {
    (0..count as i32).map(|at| (at * at + at / 3) % 4).collect()
}

#[test]
fn the_half_is_its_recurrence_and_its_gradients_are_differences() {
    for (batch, time, heads, k, chunk) in
        [(1, 1, 1, 2, 32), (2, 5, 2, 3, 2), (1, 33, 1, 4, 32), (2, 19, 3, 2, 7), (1, 6, 1, 17, 4)]
    {
        for (masked, delta) in [(false, false), (true, false), (false, true), (true, true)] {
            let norm = NORMS[usize::from(masked)];
            let starts = masked.then(|| starts(&ids(batch * time), time, 0));
            let form = Form { norm, batch, time, heads, chunk, delta, starts };
            let (inputs, what) = (inputs(batch * time, heads, k, delta), format!("{form:?} {k}"));
            let on_kernel = |x| fused::residual(tensors(x), form.clone());
            differences::compare(&what, &inputs, on_kernel, |x| plain(&form, x));
            let all_pairs = |x| composed::residual(tensors(x), &form);
            differences::compare(&what, &inputs, all_pairs, |x| plain(&form, x));
        }
    }
}

/// Heads of which one forgets nothing, one all but `exp(-30)` and one everything at every token.
#[test]
fn heads_that_forget_nothing_or_nearly_everything_are_right() {
    let (time, heads, k) = (21, 3, 3);
    let starts = Some(starts(&ids(time), time, 0));
    for (starts, chunk, delta) in [
        (None, 8, false),
        (starts.clone(), 8, false),
        (None, 21, false),
        (None, 8, true),
        (starts, 8, true),
    ] {
        let form = Form { norm: Norm::Rms, batch: 1, time, heads, chunk, delta, starts };
        let mut inputs = inputs(time, heads, k, delta);
        inputs[3] = TensorData::new(vec![0.0f32; 3], [1, heads]);
        inputs[4] = TensorData::new(vec![-90.0f32, 30.0, 90.0], [1, heads]);
        let on_kernel = |x| fused::residual(tensors(x), form.clone());
        differences::compare(&format!("{form:?}"), &inputs, on_kernel, |x| plain(&form, x));
    }
}

#[test]
fn chunks_of_every_length_are_one_recurrence() {
    let (batch, time, heads, k) = (2, 67, 2, 8);
    let starts = Some(starts(&ids(batch * time), time, 1));
    for (starts, delta) in [(None, false), (starts.clone(), false), (None, true), (starts, true)] {
        let inputs = inputs(batch * time, heads, k, delta);
        let form = |chunk| {
            let starts = starts.clone();
            Form { norm: Norm::Rms, batch, time, heads, chunk, delta, starts }
        };
        let rows = |data: &TensorData| -> Rows {
            let values: Vec<f64> = data.iter::<f32>().map(f64::from).collect();
            crate::ops::tests::plain::rows(&values, data.shape()[1])
        };
        let exact = plain(&form(1), &inputs.iter().map(rows).collect::<Vec<_>>()).concat();
        let scale = exact.iter().fold(0.0f64, |top, y| top.max(y.abs()));
        let mut first: Option<Vec<Vec<f32>>> = None;
        for chunk in [1, 2, 15, 16, 17, 32, 33, 64, 67, 400] {
            let form = form(chunk);
            let found = run(&inputs, |x| fused::residual(tensors(x), form.clone()));
            for (found, exact) in found[0].iter().zip(&exact) {
                let error = (f64::from(*found) - exact).abs();
                assert!(error < 1e-5 * scale, "{chunk}: {found} against {exact}");
            }
            for (part, first) in found.iter().zip(first.get_or_insert_with(|| found.clone())) {
                let scale = first.iter().fold(0.1f32, |top, y| top.max(y.abs()));
                for (found, first) in part.iter().zip(first) {
                    assert!((*found - *first).abs() < 1e-5 * scale, "{chunk}: {found} {first}");
                }
            }
        }
    }
}

/// What is left of a key whose token has passed is `exp(-forgets)` for every token since.
#[test]
fn a_head_that_forgets_nothing_sums_values_by_the_likeness_of_keys() {
    let (time, heads, k) = (40, 1, 4);
    let form =
        Form { norm: Norm::Rms, batch: 1, time, heads, chunk: 16, delta: false, starts: None };
    let mut inputs = inputs(time, heads, k, false);
    inputs[4] = TensorData::new(vec![-90.0f32], [1, 1]);
    let found = run(&inputs, |x| fused::residual(tensors(x), form.clone())).remove(0);
    let rows = |at: usize| {
        let values: Vec<f64> = inputs[at].iter::<f32>().map(f64::from).collect();
        crate::ops::tests::plain::rows(&values, inputs[at].shape()[1])
    };
    let parts = times(&norm(Norm::Rms, &rows(0), &rows(1)[0]), &rows(2));
    let last = time - 1;
    let mut sum = vec![0.0; k];
    for part in &parts {
        let alike = dot(&parts[last][..k], &part[k..2 * k]);
        sum.iter_mut().zip(&part[2 * k..]).for_each(|(sum, value)| *sum += alike * value);
    }
    let mixed = norm(Norm::Rms, &vec![sum], &rows(5)[0]);
    let expected = plus(&vec![rows(0)[last].clone()], &times(&mixed, &rows(6)));
    for (found, expected) in found[last * k..].iter().zip(&expected[0]) {
        assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} against {expected}");
    }
}
