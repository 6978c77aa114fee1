//! The fused half against the composed one, and against plain double precision.

use super::{composed, mlp_residual};
#[cfg(feature = "wgpu")]
use crate::ops::tests::adapter;
use crate::ops::tests::plain::{Rows, norm, plus, times};
use crate::ops::tests::{NORMS, composed as against_composed, differences, gain, normal};
use burn::tensor::{Tensor, TensorData};
use isoflop_model::{Activation, Norm};

/// By the series 26.2.11 of Abramowitz & Stegun 1964, far enough for `|x| < 6`.
fn normal_cdf(x: f64) -> f64 {
    let (mut term, mut total) = (x, x);
    for k in 1..120 {
        term *= x * x / f64::from(2 * k + 1);
        total += term;
    }
    0.5 + total * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

fn plain(
    kind: Norm,
    activation: Activation,
    x: &Rows,
    gain: &[f64],
    up: &Rows,
    down: &Rows,
) -> Rows {
    let wide = times(&norm(kind, x, gain), up);
    plus(x, &times(&activated(activation, &wide), down))
}

/// What stands between the matrices.
pub(in crate::halves) fn activated(activation: Activation, wide: &Rows) -> Rows {
    let one = |row: &Vec<f64>| match activation {
        Activation::Gelu => row.iter().map(|x| x * normal_cdf(*x)).collect(),
        Activation::Relu2 => row.iter().map(|x| x.max(0.0).powi(2)).collect(),
        Activation::Swiglu => {
            let (gate, value) = row.split_at(row.len() / 2);
            gate.iter().zip(value).map(|(a, b)| a / (1.0 + (-a).exp()) * b).collect()
        }
    };
    wide.iter().map(one).collect()
}

const GELU: Activation = Activation::Gelu;
const ACTIVATIONS: [Activation; 3] = [Activation::Gelu, Activation::Swiglu, Activation::Relu2];

#[test]
fn the_half_is_its_definition_and_its_gradients_are_differences() {
    for (n, d, f) in [(1, 2, 8), (3, 17, 20)] {
        for activation in ACTIVATIONS {
            let inputs = [
                normal(1, [n, d], 1.0),
                normal(2, [1, d], 1.0),
                normal(3, [d, activation.inputs() * f], 0.4),
                normal(4, [f, d], 0.4),
            ];
            for kind in NORMS {
                differences::compare(
                    &format!("{kind:?} {activation:?} {n}x{d}x{f}"),
                    &inputs,
                    |x| {
                        let (up, down) = (x[2].clone(), x[3].clone());
                        mlp_residual(kind, activation, x[0].clone(), gain(&x[1]), up, down)
                    },
                    |x| plain(kind, activation, &x[0], &x[1][0], &x[2], &x[3]),
                );
            }
        }
    }
}

#[test]
fn mlp_is_the_composed_one() {
    for (n, d, f, std) in [(1, 2, 8, 1.0), (3, 17, 68, 1.0), (5, 64, 256, 20.0), (2100, 8, 32, 0.1)]
    {
        for activation in ACTIVATIONS {
            let inputs = [
                normal(1, [n, d], std),
                normal(2, [1, d], 1.0),
                normal(3, [d, activation.inputs() * f], 0.5),
                normal(4, [f, d], 0.5),
            ];
            for norm in NORMS {
                let parts =
                    |x: &[Tensor<2>]| (x[0].clone(), gain(&x[1]), x[2].clone(), x[3].clone());
                against_composed::compare(
                    &format!("{norm:?} {activation:?} {n}x{d}x{f}"),
                    &inputs,
                    |x| {
                        let (x, gain, up, down) = parts(&x);
                        mlp_residual(norm, activation, x, gain, up, down)
                    },
                    |x| {
                        let (x, gain, up, down) = parts(&x);
                        composed::mlp_residual(norm, activation, x, gain, up, down)
                    },
                );
            }
        }
    }
}

#[test]
fn equal_numbers_in_a_row_are_normalised_as_by_the_composed_one() {
    let inputs = [
        TensorData::new(vec![0.5f32; 3 * 7], [3, 7]),
        normal(2, [1, 7], 1.0),
        normal(3, [7, 28], 0.5),
        normal(4, [28, 7], 0.5),
    ];
    for norm in NORMS {
        against_composed::compare(
            &format!("{norm:?}"),
            &inputs,
            |x| mlp_residual(norm, GELU, x[0].clone(), gain(&x[1]), x[2].clone(), x[3].clone()),
            |x| {
                let (up, down) = (x[2].clone(), x[3].clone());
                composed::mlp_residual(norm, GELU, x[0].clone(), gain(&x[1]), up, down)
            },
        );
    }
}

#[test]
#[cfg(feature = "wgpu")]
#[ignore = "needs an adapter"]
fn an_adapter_composes_what_the_processor_fuses() {
    let adapter = adapter::adapter();
    for (n, d, f) in [(1, 2, 8), (3, 17, 68), (66, 24, 96)] {
        let inputs = [
            normal(1, [n, d], 1.0),
            normal(2, [1, d], 1.0),
            normal(3, [d, f], 0.4),
            normal(4, [f, d], 0.4),
        ];
        for kind in NORMS {
            let parts = |x: &[Tensor<2>]| (x[0].clone(), gain(&x[1]), x[2].clone(), x[3].clone());
            adapter::compare(
                &format!("{kind:?} {n}x{d}x{f}"),
                &adapter,
                &inputs,
                |x| {
                    let (x, gain, up, down) = parts(&x);
                    composed::mlp_residual(kind, GELU, x, gain, up, down)
                },
                |x| {
                    let (x, gain, up, down) = parts(&x);
                    mlp_residual(kind, GELU, x, gain, up, down)
                },
            );
        }
    }
}
