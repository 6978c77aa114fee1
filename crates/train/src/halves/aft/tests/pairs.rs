//! The forms with biases of pairs.

use super::{Form, inputs, plain, steep, tensors};
use crate::halves::aft::{composed, fused, pairs};
use crate::halves::attention::starts;
use crate::ops::tests::{NORMS, differences, normal, plain::Rows, run};
use burn::tensor::TensorData;
use isoflop_model::Norm;

/// Columns of the biases.
fn width(form: &Form) -> usize {
    form.window.map_or(form.time, |window| window.min(form.time))
}

fn with_biases(mut inputs: Vec<TensorData>, form: &Form, std: f64) -> Vec<TensorData> {
    inputs.push(normal(5, [form.time, width(form)], std));
    inputs
}

fn ids(count: usize) -> Vec<i32> {
    (0..count as i32).map(|at| (at * at + at / 3) % 19).collect()
}

/// Shapes with a block of one token up to several blocks; biases that a product takes and some that are too far
/// apart for one.
#[test]
fn the_half_is_its_definition_and_its_gradients_are_differences() {
    for (batch, time, d, window) in [
        (1, 1, 2, None),
        (1, 1, 3, Some(4)),
        (2, 5, 3, None),
        (1, 33, 4, None),
        (3, 11, 17, None),
        (2, 9, 3, Some(1)),
        (3, 21, 2, Some(5)),
        (1, 50, 2, Some(7)),
    ] {
        for (std, (norm, masked)) in
            [0.7, 14.0].into_iter().zip(NORMS.into_iter().zip([true, false]))
        {
            let starts = masked.then(|| starts(&ids(batch * time), time, 0));
            let form = Form { norm, batch, time, window, starts };
            let inputs = with_biases(inputs(batch * time, d), &form, std);
            let what = format!("{form:?} {d}");
            let on_kernel = |x| fused::residual(tensors(x), form.clone());
            differences::compare(&what, &inputs, on_kernel, |x| plain(&form, x));
            let of_products = |x| pairs::residual(tensors(x), &form);
            differences::compare(&what, &inputs, of_products, |x| plain(&form, x));
        }
    }
}

/// Keys that no exponential holds, with biases of 20 up and down and with small ones.
#[test]
fn keys_of_400_and_biases_of_20_leave_the_output_and_its_gradients_right() {
    let (time, d) = (40, 3);
    for (window, large) in [(None, 20.0), (None, 1.0), (Some(6), 20.0), (Some(6), 1.0)] {
        let form = Form { norm: Norm::Layer, batch: 1, time, window, starts: None };
        let mut inputs = steep(time, d);
        let bias =
            |at: usize| if at.is_multiple_of(3) { large } else { -large * (at % 5) as f32 / 4.0 };
        let biases: Vec<f32> = (0..time * width(&form)).map(bias).collect();
        inputs.push(TensorData::new(biases, [time, width(&form)]));
        // A key of 400 in single precision is right to 3e-5, and so is its weight.
        let on_kernel = |x| fused::residual(tensors(x), form.clone());
        differences::compare_within(2e-4, "keys of 400", &inputs, on_kernel, |x| plain(&form, x));
        let of_products = |x| pairs::residual(tensors(x), &form);
        differences::compare_within(2e-4, "keys of 400", &inputs, of_products, |x| plain(&form, x));
    }
}

/// Biases of 50 up and down decide against keys of 50: the largest key has no weight, and one that is 70 below
/// has all of it.
#[test]
fn biases_of_50_decide_against_keys_that_differ_by_70() {
    let (time, d) = (24, 1);
    let form = Form { norm: Norm::Rms, batch: 1, time, window: None, starts: None };
    let stream: Vec<f32> = (0..time).map(|at| if at == 2 { 1.0 } else { -1.0 }).collect();
    // Keys are 35 and -35, values the sign of the stream.
    let qkv = TensorData::new(vec![0.0f32, 35.0, 1.0], [1, 3]);
    let one = || TensorData::ones::<f32, _>([1, 1]);
    let bias = |at: usize| match at % time {
        2 => -50.0,
        5 => 50.0f32,
        _ => 0.0,
    };
    let biases: Vec<f32> = (0..time * time).map(bias).collect();
    let biases = TensorData::new(biases, [time, time]);
    let inputs = vec![TensorData::new(stream, [time, d]), one(), qkv, one(), biases];
    let on_kernel = |x| fused::residual(tensors(x), form.clone());
    differences::compare("biases of 50", &inputs, on_kernel, |x| plain(&form, x));
    let last = run(&inputs, on_kernel).remove(0)[time - 1];
    assert!((last - -1.5).abs() < 1e-5, "half of a value of -1, beside the stream: {last}");
}

/// The definition in double precision without differences, for windows that would take long with them.
fn against_definition(form: &Form, d: usize, std: f64) {
    let inputs = with_biases(inputs(form.batch * form.time, d), form, std);
    let rows = |data: &TensorData| -> Rows {
        let values: Vec<f64> = data.iter::<f32>().map(f64::from).collect();
        crate::ops::tests::plain::rows(&values, data.shape()[1])
    };
    let expected = plain(form, &inputs.iter().map(rows).collect::<Vec<_>>()).concat();
    let kernel = run(&inputs, |x| fused::residual(tensors(x), form.clone()));
    let products = run(&inputs, |x| pairs::residual(tensors(x), form));
    for (at, expected) in expected.iter().enumerate() {
        assert!((f64::from(kernel[0][at]) - expected).abs() < 3e-5, "{form:?} {d} [{at}]");
    }
    for (part, (kernel, products)) in kernel.iter().zip(&products).enumerate() {
        let scale = products.iter().fold(0.1f32, |a, b| a.max(b.abs()));
        for (at, (kernel, products)) in kernel.iter().zip(products).enumerate() {
            let apart = (kernel - products).abs();
            assert!(apart < 5e-5 * scale, "{form:?} {d}, {part} [{at}]: {kernel} {products}");
        }
    }
}

#[test]
fn long_windows_and_many_of_them_are_the_definition() {
    for (batch, time, d, window) in
        [(9, 70, 40, None), (9, 70, 40, Some(12)), (2, 300, 3, Some(33)), (2, 200, 5, None)]
    {
        for masked in [false, true] {
            let starts = masked.then(|| starts(&ids(batch * time), time, 0));
            let form = Form { norm: Norm::Rms, batch, time, window, starts };
            against_definition(&form, d, 1.0);
        }
    }
}

#[test]
fn a_window_of_all_tokens_is_the_full_form_to_the_bit() {
    let (batch, time, d) = (2, 37, 5);
    let full = Form { norm: Norm::Rms, batch, time, window: None, starts: None };
    let inputs = with_biases(inputs(batch * time, d), &full, 1.0);
    let square: Vec<f32> = inputs[4].iter::<f32>().collect();
    let expected = run(&inputs, |x| fused::residual(tensors(x), full.clone()));
    for window in [time, time + 9] {
        let local = Form { window: Some(window), ..full.clone() };
        let back = |query: usize, back: usize| match back <= query {
            true => square[query * time + query - back],
            false => 7.0,
        };
        let band = (0..time).flat_map(|query| (0..time).map(move |b| back(query, b)));
        let mut inputs = inputs.clone();
        inputs[4] = TensorData::new(band.collect::<Vec<f32>>(), [time, time]);
        let found = run(&inputs, |x| fused::residual(tensors(x), local.clone()));
        assert_eq!(found[..5], expected[..5]);
        for query in 0..time {
            for key in 0..time {
                let slope = match key <= query {
                    true => found[5][query * time + query - key],
                    false => 0.0,
                };
                assert_eq!(slope, expected[5][query * time + key], "{query}, {key}");
            }
        }
    }
}

#[test]
fn biases_of_zero_are_the_simple_form() {
    for (batch, time, d, window) in [(3, 50, 7, None), (3, 50, 7, Some(4)), (2, 50, 20, Some(16))] {
        for masked in [false, true] {
            let starts = masked.then(|| starts(&ids(batch * time), time, 0));
            let form = Form { norm: Norm::Layer, batch, time, window, starts };
            let simple = inputs(batch * time, d);
            let expected = run(&simple, |x| fused::residual(tensors(x), form.clone()));
            let composed = run(&simple, |x| composed::residual(tensors(x), &form));
            let with_zeros = with_biases(simple, &form, 0.0);
            let found = run(&with_zeros, |x| fused::residual(tensors(x), form.clone()));
            for (part, expected) in expected.iter().enumerate() {
                let scale = expected.iter().fold(0.1f32, |a, b| a.max(b.abs()));
                let rows = expected.iter().zip(&composed[part]).zip(&found[part]);
                for ((expected, composed), found) in rows {
                    assert!((found - expected).abs() < 1e-5 * scale, "{form:?}, part {part}");
                    assert!((composed - expected).abs() < 3e-5 * scale, "{form:?}, part {part}");
                }
            }
        }
    }
}

/// A later token, and the documents that it begins or ends, change no earlier output by a bit.
#[test]
fn a_later_token_changes_no_bit_of_an_earlier_output() {
    let (batch, time, d) = (2, 90, 5);
    for (window, std) in [(None, 1.0), (None, 14.0), (Some(9), 1.0), (Some(40), 1.0)] {
        for at in [1, 8, 31, 32, 47, 64, 88] {
            for masked in [false, true] {
                let ids = ids(batch * time);
                let form = |ids: &[i32]| {
                    let starts = masked.then(|| starts(ids, time, 0));
                    Form { norm: Norm::Rms, batch, time, window, starts }
                };
                let output = |scale: f32, ids: &[i32]| {
                    let form = form(ids);
                    let mut inputs = with_biases(inputs(batch * time, d), &form, std);
                    let mut x: Vec<f32> = inputs[0].iter::<f32>().collect();
                    x[at * d..][..d].iter_mut().for_each(|x| *x = *x * scale + scale - 1.0);
                    inputs[0] = TensorData::new(x, [batch * time, d]);
                    run(&inputs, |x| fused::residual(tensors(x), form.clone())).remove(0)
                };
                let before = output(1.0, &ids);
                let mut others = ids.clone();
                others[at] = if others[at] == 0 { 1 } else { 0 };
                let after = output(40.0, &others);
                assert_eq!(before[..at * d], after[..at * d], "{window:?} {at} {masked}");
                assert_ne!(before[at * d..][..d], after[at * d..][..d], "{window:?} {at}");
                assert_eq!(before[time * d..], after[time * d..], "the other window");
            }
        }
    }
}
