//! The fused half against the composed one, and against plain double precision.

use super::{AttentionShape, RotaryTable, Starts, attention_residual, composed, starts};
#[cfg(feature = "wgpu")]
use crate::ops::tests::adapter;
use crate::ops::tests::plain::{Rows, dot, norm, plus, times};
use crate::ops::tests::{composed as against_composed, differences, gain, normal};
#[cfg(feature = "wgpu")]
use burn::tensor::Tensor;
use isoflop_model::{Norm, Parametrization};

/// No documents, and documents of all lengths: some start at a window, some are a single token.
fn masks(shape: AttentionShape) -> [Option<Starts>; 2] {
    let ids: Vec<i32> =
        (0..(shape.batch * shape.time) as i32).map(|at| (at * at + at / 3) % 7).collect();
    [None, Some(starts(&ids, shape.time, 0))]
}

/// A shape of one parametrisation or the other: the scale of the scores differs between them where heads
/// are 4, 8 or 20 wide.
fn attention_shape(batch: usize, time: usize, heads: usize, d_head: usize) -> AttentionShape {
    let parametrization = match d_head.is_multiple_of(4) {
        true => Parametrization::Mup,
        false => Parametrization::Standard,
    };
    AttentionShape { batch, time, heads, parametrization }
}

/// Dimension i of a head turns with dimension `i + k/2` by `position / 10000^(2 i / k)`.
fn turned(x: &[f64], position: usize) -> Vec<f64> {
    let half = x.len() / 2;
    let mut turned = x.to_vec();
    for i in 0..half {
        let angle = position as f64 / 10_000f64.powf(i as f64 / half as f64);
        let (sin, cos) = angle.sin_cos();
        turned[i] = x[i] * cos - x[i + half] * sin;
        turned[i + half] = x[i + half] * cos + x[i] * sin;
    }
    turned
}

#[allow(clippy::too_many_arguments, reason = "as the operation")]
fn plain(
    kind: Norm,
    x: &Rows,
    gain: &[f64],
    qkv: &Rows,
    out: &Rows,
    shape: AttentionShape,
    rotary: bool,
    starts: Option<&Starts>,
) -> Rows {
    let d = gain.len();
    let k = d / shape.heads;
    let scale = match shape.parametrization {
        Parametrization::Standard => (k as f64).powf(-0.5),
        Parametrization::Mup => 4.0 / k as f64,
    };
    let parts = times(&norm(kind, x, gain), qkv);
    let mut mixed = vec![vec![0.0; d]; x.len()];
    for window in 0..shape.batch {
        for head in 0..shape.heads {
            let part = |part: usize, t: usize| {
                let from = part * d + head * k;
                let slice = &parts[window * shape.time + t][from..from + k];
                match rotary && part < 2 {
                    true => turned(slice, t),
                    false => slice.to_vec(),
                }
            };
            for t in 0..shape.time {
                let first = starts.map_or(0, |starts| starts[window * shape.time + t] as usize);
                let scores: Vec<f64> =
                    (first..=t).map(|j| dot(&part(0, t), &part(1, j)) * scale).collect();
                let top = scores.iter().fold(f64::MIN, |a, b| a.max(*b));
                let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
                for (j, score) in scores.iter().enumerate() {
                    let share = (score - top).exp() / total;
                    for (c, v) in part(2, first + j).iter().enumerate() {
                        mixed[window * shape.time + t][head * k + c] += share * v;
                    }
                }
            }
        }
    }
    plus(x, &times(&mixed, out))
}

#[test]
fn the_half_is_its_definition_and_its_gradients_are_differences() {
    for (batch, time, heads, k) in [(1, 1, 1, 2), (2, 5, 1, 6), (1, 19, 3, 2), (1, 35, 1, 4)] {
        let shape = attention_shape(batch, time, heads, k);
        let (n, d) = (batch * time, heads * k);
        // The second is large scores: a softmax that is almost a choice.
        for (kind, std) in [(Norm::Rms, 0.5), (Norm::Layer, 2.5)] {
            let inputs = [
                normal(5, [n, d], 1.0),
                normal(6, [1, d], 1.0),
                normal(7, [d, 3 * d], std),
                normal(8, [d, d], 0.5),
            ];
            for table in [None, Some(RotaryTable::new(time, k))] {
                let table = table.as_ref();
                for starts in masks(shape) {
                    let starts = starts.as_ref();
                    differences::compare(
                        &format!("{shape:?} {kind:?} {std} {} {starts:?}", table.is_some()),
                        &inputs,
                        |x| {
                            let (x, g, w, o) = (&x[0], gain(&x[1]), &x[2], &x[3]);
                            attention_residual(
                                kind,
                                x.clone(),
                                g,
                                w.clone(),
                                o.clone(),
                                shape,
                                table,
                                starts,
                            )
                        },
                        |x| {
                            let (x, g, w, o) = (&x[0], &x[1][0], &x[2], &x[3]);
                            plain(kind, x, g, w, o, shape, table.is_some(), starts)
                        },
                    );
                }
            }
        }
    }
}

#[test]
fn attention_is_the_composed_one() {
    for (batch, time, heads, d_head) in [
        (1, 1, 1, 2),
        (2, 7, 1, 6),
        (1, 33, 3, 10),
        (2, 16, 2, 16),
        (3, 67, 2, 8),
        (5, 32, 1, 34),
        (1, 131, 1, 20),
    ] {
        let shape = attention_shape(batch, time, heads, d_head);
        let (n, d) = (batch * time, heads * d_head);
        for std in [0.3, 2.0] {
            // Scores grow with the width and the square of this. Where they reach hundreds, rounding them
            // alone moves their exponentials by more than the bound, in another order on each processor.
            let std = std * (20.0 / d as f64).sqrt().min(1.0);
            let inputs = [
                normal(5, [n, d], 1.0),
                normal(6, [1, d], 1.0),
                normal(7, [d, 3 * d], std),
                normal(8, [d, d], 0.5),
            ];
            for (norm, table) in [
                (Norm::Rms, None),
                (Norm::Layer, Some(RotaryTable::new(time, d_head))),
                (Norm::Rms, Some(RotaryTable::new(time + 5, d_head))),
            ] {
                let table = table.as_ref();
                for starts in masks(shape) {
                    let starts = starts.as_ref();
                    against_composed::compare(
                        &format!("{shape:?} {norm:?} {std} {starts:?}"),
                        &inputs,
                        |x| {
                            let (x, g, w, o) = (&x[0], gain(&x[1]), &x[2], &x[3]);
                            attention_residual(
                                norm,
                                x.clone(),
                                g,
                                w.clone(),
                                o.clone(),
                                shape,
                                table,
                                starts,
                            )
                        },
                        |x| {
                            let (x, g, w, o) = (&x[0], gain(&x[1]), &x[2], &x[3]);
                            composed::attention_residual(
                                norm,
                                x.clone(),
                                g,
                                w.clone(),
                                o.clone(),
                                shape,
                                table,
                                starts,
                            )
                        },
                    );
                }
            }
        }
    }
}

#[test]
#[cfg(feature = "wgpu")]
#[ignore = "needs an adapter"]
fn an_adapter_composes_what_the_processor_fuses() {
    let adapter = adapter::adapter();
    for (batch, time, heads, k) in [(1, 1, 1, 2), (2, 5, 1, 6), (1, 33, 3, 10), (2, 67, 2, 8)] {
        let shape = attention_shape(batch, time, heads, k);
        let (n, d) = (batch * time, heads * k);
        let inputs = [
            normal(5, [n, d], 1.0),
            normal(6, [1, d], 1.0),
            normal(7, [d, 3 * d], 0.3),
            normal(8, [d, d], 0.5),
        ];
        for (norm, table) in [(Norm::Layer, None), (Norm::Rms, Some(RotaryTable::new(time, k)))] {
            for starts in masks(shape) {
                let what = format!("{shape:?} {norm:?} {} {starts:?}", table.is_some());
                let (table, starts) = (table.as_ref(), starts.as_ref());
                let parts =
                    |x: &[Tensor<2>]| (x[0].clone(), gain(&x[1]), x[2].clone(), x[3].clone());
                adapter::compare(
                    &what,
                    &adapter,
                    &inputs,
                    |x| {
                        let (x, gain, qkv, out) = parts(&x);
                        composed::attention_residual(norm, x, gain, qkv, out, shape, table, starts)
                    },
                    |x| {
                        let (x, gain, qkv, out) = parts(&x);
                        attention_residual(norm, x, gain, qkv, out, shape, table, starts)
                    },
                );
            }
        }
    }
}
