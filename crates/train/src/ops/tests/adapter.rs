//! Compares every operation on an adapter (a software one if there is no other) with the processor.

use super::{NORMS, gain, normal, run_on};
use crate::device::{DeviceChoice, TrainDevice};
use crate::ops::*;
use burn::tensor::{Device, Tensor, TensorData};

/// The first adapter.
pub(crate) fn adapter() -> Device {
    let device = TrainDevice::open(DeviceChoice::Wgpu(None)).expect("an adapter must be there");
    device.autodiff()
}

/// Compares output and gradients, composed on the adapter, with those of the fused operations on
/// the processor.
pub(crate) fn compare<const O: usize>(
    what: &str,
    adapter: &Device,
    inputs: &[TensorData],
    composed: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
    fused: impl Fn(Vec<Tensor<2>>) -> Tensor<O>,
) {
    let found = run_on(adapter, inputs, &composed);
    let expected = run_on(&Device::flex().autodiff(), inputs, &fused);
    for (part, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let scale = expected.iter().fold(0.1f32, |a, b| a.max(b.abs()));
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= 5e-5 * scale,
                "{what}, part {part} [{i}]: {found} against {expected}, scale {scale}"
            );
        }
    }
    let again = run_on(adapter, inputs, &composed);
    assert_eq!(found[0], again[0], "{what}: the output of a second call");
    for (part, (found, again)) in found.iter().zip(&again).enumerate() {
        assert_eq!(found, again, "{what}: gradient {part} of a second call");
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
            compare(
                &what,
                &adapter,
                &inputs,
                |x| composed::nats(kind, x[0].clone(), gain(&x[1]), x[2].clone(), &targets),
                |x| nats(kind, x[0].clone(), gain(&x[1]), x[2].clone(), &targets),
            );
            let mean = |x: Vec<Tensor<2>>| {
                let nats = composed::nats(kind, x[0].clone(), gain(&x[1]), x[2].clone(), &targets);
                composed::mean(nats)
            };
            compare(&format!("mean {what}"), &adapter, &inputs, mean, |x| {
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
        compare(
            &format!("with positions {d}"),
            &adapter,
            &tables,
            |x| composed::embedding(&ids, x[0].clone(), Some(x[1].clone())),
            |x| embedding(&ids, x[0].clone(), Some(x[1].clone())),
        );
        compare(
            &format!("without {d}"),
            &adapter,
            &tables[..1],
            |x| composed::embedding(&ids, x[0].clone(), None),
            |x| embedding(&ids, x[0].clone(), None),
        );
    }
}
