//! The half against plain double precision and its differences, with keys that no exponential holds.

mod pairs;

use super::{Form, Tensors, composed, fused};
use crate::halves::attention::starts;
use crate::ops::tests::plain::{Rows, norm, plus, times};
use crate::ops::tests::{NORMS, differences, gain, normal, run};
use burn::tensor::{Tensor, TensorData};
use isoflop_model::Norm;

/// The half as docs/models.md says it.
fn plain(form: &Form, inputs: &[Rows]) -> Rows {
    let [x, gain, qkv, out, biases @ ..] = inputs else { panic!("four inputs or five") };
    let bias = |query: usize, key: usize| match (biases, form.window) {
        ([], _) => 0.0,
        ([biases, ..], None) => biases[query][key],
        ([biases, ..], Some(window)) if query - key < window => biases[query][query - key],
        _ => 0.0,
    };
    let d = gain[0].len();
    let parts = times(&norm(form.norm, x, &gain[0]), qkv);
    let mixed = |(row, part): (usize, &Vec<f64>)| {
        let place = row % form.time;
        let start = form.starts.as_ref().map_or(0, |starts| starts[row] as usize);
        let seen = &parts[row - (place - start)..=row];
        let channel = |c: usize| {
            let along = (start..=place).zip(seen).map(|(key, part)| part[d + c] + bias(place, key));
            let along: Vec<f64> = along.collect();
            let top = along.iter().fold(f64::MIN, |top, along| top.max(*along));
            let weights: Vec<f64> = along.iter().map(|along| (along - top).exp()).collect();
            let sum: f64 =
                weights.iter().zip(seen).map(|(weight, part)| weight * part[2 * d + c]).sum();
            sum / weights.iter().sum::<f64>() / (1.0 + (-part[c]).exp())
        };
        (0..d).map(channel).collect()
    };
    let mixed: Rows = parts.iter().enumerate().map(mixed).collect();
    plus(x, &times(&mixed, out))
}

fn inputs(rows: usize, d: usize) -> Vec<TensorData> {
    let gains = normal(2, [1, d], 1.0);
    vec![normal(1, [rows, d], 1.0), gains, normal(3, [d, 3 * d], 0.7), normal(4, [d, d], 0.5)]
}

fn tensors(inputs: Vec<Tensor<2>>) -> Tensors {
    Tensors {
        x_nd: inputs[0].clone(),
        gain_d: gain(&inputs[1]),
        qkv_dw: inputs[2].clone(),
        out_dd: inputs[3].clone(),
        biases_ts: inputs.get(4).cloned(),
    }
}

#[test]
fn the_half_is_its_definition_and_its_gradients_are_differences() {
    for (batch, time, d) in [(1, 1, 2), (2, 5, 3), (1, 33, 4), (3, 3, 17)] {
        let ids: Vec<i32> = (0..(batch * time) as i32).map(|at| (at * at + at / 3) % 4).collect();
        for (norm, masked) in NORMS.into_iter().zip([false, true]) {
            let starts = masked.then(|| starts(&ids, time, 0));
            let form = Form { norm, batch, time, window: None, starts };
            let (inputs, what) = (inputs(batch * time, d), format!("{form:?} {d}"));
            let on_kernel = |x| fused::residual(tensors(x), form.clone());
            differences::compare(&what, &inputs, on_kernel, |x| plain(&form, x));
            let loop_of = |x| composed::residual(tensors(x), &form);
            differences::compare(&what, &inputs, loop_of, |x| plain(&form, x));
        }
    }
}

/// Inputs whose keys in three channels rise to 400, fall to -400 and jump.
fn steep(time: usize, d: usize) -> Vec<TensorData> {
    let mut inputs = inputs(time, d);
    // Of three channels of the stream, the first rises, the second falls and the third jumps; keys are large
    // multiples of them.
    let stream = |at: usize| {
        let along = at as f32 / (time - 1) as f32 * 2.0 - 1.0;
        [along, -along, if at % 7 == 3 { 1.0 } else { -0.2 }]
    };
    let x: Vec<f32> = (0..time).flat_map(stream).collect();
    inputs[0] = TensorData::new(x, [time, d]);
    inputs[1] = TensorData::ones::<f32, _>([1, d]);
    let mut qkv: Vec<f32> = inputs[2].iter::<f32>().collect();
    for c in 0..d {
        for from in 0..d {
            qkv[from * 3 * d + d + c] = if from == c { 350.0 } else { 0.0 };
        }
    }
    inputs[2] = TensorData::new(qkv, [d, 3 * d]);
    inputs
}

/// Keys that rise to 400, that fall to -400, and that jump, which `exp` of none holds.
#[test]
fn keys_of_400_leave_the_output_and_its_gradients_right() {
    let (time, d) = (40, 3);
    let form = Form { norm: Norm::Layer, batch: 1, time, window: None, starts: None };
    let inputs = steep(time, d);
    // A key of 400 in single precision is right to 3e-5, and so is its weight.
    let on_kernel = |x| fused::residual(tensors(x), form.clone());
    differences::compare_within(2e-4, "keys of 400", &inputs, on_kernel, |x| plain(&form, x));
}

#[test]
fn equal_keys_give_the_plain_mean() {
    let (time, d) = (9, 2);
    let form = Form { norm: Norm::Rms, batch: 1, time, window: None, starts: None };
    let mut inputs = inputs(time, d);
    let mut qkv = vec![0.0f32; d * 3 * d];
    qkv[2 * d] = 1.0;
    qkv[3 * d + 2 * d + 1] = 1.0;
    inputs[2] = TensorData::new(qkv, [d, 3 * d]);
    inputs[3] = TensorData::new(vec![1.0f32, 0.0, 0.0, 1.0], [d, d]);
    let rows = |at: usize, width| {
        let values: Vec<f64> = inputs[at].iter::<f32>().map(f64::from).collect();
        crate::ops::tests::plain::rows(&values, width)
    };
    let (x, gain) = (rows(0, d), rows(1, d));
    let values = norm(Norm::Rms, &x, &gain[0]);
    let found = run(&inputs, |x| fused::residual(tensors(x), form.clone())).remove(0);
    for t in 0..time {
        for c in 0..d {
            let mean = (0..=t).map(|s| values[s][c]).sum::<f64>() / (t + 1) as f64;
            let expected = x[t][c] + 0.5 * mean;
            assert!((f64::from(found[t * d + c]) - expected).abs() < 1e-5, "{t}, {c}");
        }
    }
}
