//! Every operation on an adapter, a software one where there is no other, against the processor.

use super::{NORMS, attention_shape, gain, masks, normal, run_on};
use crate::device::{DeviceChoice, TrainDevice};
use crate::ops::*;
use burn::tensor::{Device, Tensor, TensorData};
use isoflop_model::Norm;

/// The first adapter.
fn adapter() -> Device {
    let device = TrainDevice::open(DeviceChoice::Wgpu(None)).expect("an adapter must be there");
    device.autodiff()
}

/// Output and gradients, against those on the processor.
fn compare<const O: usize>(
    what: &str,
    adapter: &Device,
    inputs: &[TensorData],
    op: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
) {
    let found = run_on(adapter, inputs, &op);
    let expected = run_on(&Device::flex().autodiff(), inputs, &op);
    for (part, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let scale = expected.iter().fold(0.1f32, |a, b| a.max(b.abs()));
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= 5e-5 * scale,
                "{what}, part {part} [{i}]: {found} against {expected}, scale {scale}"
            );
        }
    }
    let again = run_on(adapter, inputs, &op);
    assert_eq!(found[0], again[0], "{what}: the output of a second call");
    for (part, (found, again)) in found.iter().zip(&again).enumerate() {
        assert_eq!(found, again, "{what}: gradient {part} of a second call");
    }
}

#[test]
#[ignore = "needs an adapter"]
fn mlp() {
    let adapter = adapter();
    for (n, d, f) in [(1, 2, 8), (3, 17, 68), (66, 24, 96)] {
        let inputs = [
            normal(1, [n, d], 1.0),
            normal(2, [1, d], 1.0),
            normal(3, [d, f], 0.4),
            normal(4, [f, d], 0.4),
        ];
        for kind in NORMS {
            compare(&format!("{kind:?} {n}x{d}x{f}"), &adapter, &inputs, |x| {
                mlp_residual(kind, x[0].clone(), gain(&x[1]), x[2].clone(), x[3].clone())
            });
        }
    }
}

#[test]
#[ignore = "needs an adapter"]
fn attention() {
    let adapter = adapter();
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
                compare(&what, &adapter, &inputs, |x| {
                    let (x, g, w, o) = (&x[0], gain(&x[1]), &x[2], &x[3]);
                    attention_residual(
                        norm,
                        x.clone(),
                        g,
                        w.clone(),
                        o.clone(),
                        shape,
                        table.as_ref(),
                        starts.as_ref(),
                    )
                });
            }
        }
    }
}

#[test]
#[ignore = "needs an adapter"]
fn head() {
    let adapter = adapter();
    for (n, d, v, std) in [(1, 2, 2, 1.0), (5, 3, 23, 1.0), (65, 16, 300, 2.0)] {
        let inputs = [normal(4, [n, d], 1.0), normal(5, [1, d], 1.0), normal(6, [d, v], std)];
        let targets: Vec<i32> = (0..n).map(|row| (row * 31 % v) as i32).collect();
        for kind in NORMS {
            let what = format!("{kind:?} {n}x{d}x{v}");
            compare(&what, &adapter, &inputs, |x| {
                nats(kind, x[0].clone(), gain(&x[1]), x[2].clone(), &targets)
            });
            compare(&format!("mean {what}"), &adapter, &inputs, |x| {
                cross_entropy(kind, x[0].clone(), gain(&x[1]), x[2].clone(), &targets)
            });
        }
    }
}

#[test]
#[ignore = "needs an adapter"]
fn embeddings() {
    let adapter = adapter();
    let ids: Vec<i32> = (0..96).map(|i| i * i % 41).collect();
    for d in [1, 19, 64] {
        let tables = [normal(1, [41, d], 1.0), normal(2, [3, d], 1.0)];
        compare(&format!("with positions {d}"), &adapter, &tables, |x| {
            embedding(&ids, x[0].clone(), Some(x[1].clone()))
        });
        compare(&format!("without {d}"), &adapter, &tables[..1], |x| {
            embedding(&ids, x[0].clone(), None)
        });
    }
}
