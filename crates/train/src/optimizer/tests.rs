//! Updates of one tensor against the composed ones, against plain computations in double precision, and against
//! PyTorch.

mod plain;
mod pytorch;

use super::*;
use burn::tensor::{Device, TensorData};
use isoflop_core::rng::{Purpose, normal_pair, stream};
use isoflop_model::Group;
use plain::Step;

const BOTH: [Operations; 2] = [Operations::Fused, Operations::Composed];

/// Numbers of the standard normal distribution.
fn normals(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = stream(seed, Purpose::Benchmark, 7);
    let pairs = std::iter::repeat_with(|| normal_pair(&mut rng)).flat_map(<[f64; 2]>::from);
    pairs.take(count).map(|number| number as f32).collect()
}

fn tensor(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex())
}

fn values(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

fn matrices<const D: usize>(dims: [usize; D]) -> TensorSpec {
    TensorSpec::matrices("w", Group::Mixer, dims, 1.0)
}

/// Tensors of every kind of split: square, wide, tall; side by side, below each other, a matrix an expert.
fn specs() -> Vec<TensorSpec> {
    vec![
        matrices([9, 9]).whole_map(),
        matrices([5, 21]).maps_beside([5, 9, 7]),
        matrices([21, 5]).maps_below([5, 16]),
        matrices([3, 7, 12]).maps_beside([4, 8]),
        matrices([2, 20, 6]).whole_map(),
        matrices([1, 6]).whole_map(),
    ]
}

fn update(kind: OptimizerKind, step: u64) -> Update {
    let constants = Constants::of(kind);
    Update { constants, rate: 0.02, decay: 0.1, scale: 0.7, step }
}

#[test]
fn every_optimizer_is_the_composed_one_and_leaves_shared_tensors_alone() {
    for kind in OptimizerKind::ALL {
        let bound = if kind == OptimizerKind::Muon { 1e-5 } else { 1e-6 };
        for spec in specs() {
            let start = tensor(&normals(1, spec.len() as usize));
            let mut states = BOTH.map(|operations| (operations, start.clone(), None));
            for step in 1..=4 {
                let grad = tensor(&normals(10 + step, spec.len() as usize));
                for (operations, param, kept) in &mut states {
                    let (new, means) = update(kind, step).apply(
                        *operations,
                        &spec,
                        param.clone(),
                        grad.clone(),
                        kept.take(),
                    );
                    (*param, *kept) = (new, Some(means));
                }
                let difference = (states[0].1.clone() - states[1].1.clone()).abs().max();
                let difference = difference.into_scalar::<f32>();
                assert!(difference < bound, "{kind:?} {:?}: {difference}", spec.dims);
            }
            assert_eq!(values(&start), normals(1, spec.len() as usize));
        }
    }
}

/// Steps from one set of weights with gradients that differ from step to step.
fn steps(operations: Operations, kind: OptimizerKind, spec: &TensorSpec, count: u64) -> Vec<f32> {
    let length = spec.len() as usize;
    let (mut param, mut kept) = (tensor(&normals(1, length)), None);
    for step in 1..=count {
        let grad = tensor(&normals(10 + step, length));
        let (new, means) = update(kind, step).apply(operations, spec, param, grad, kept);
        (param, kept) = (new, Some(means));
    }
    values(&param)
}

#[test]
fn whole_steps_of_muon_and_of_gradient_descent_are_the_plain_ones() {
    for spec in specs() {
        let length = spec.len() as usize;
        let double = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
        let mut muon = plain::Muon::new(double(normals(1, length)));
        let mut sgd = plain::Sgd::new(double(normals(1, length)));
        let how = Step { rate: 0.02, decay: 0.1, scale: 0.7 };
        for step in 1..=3 {
            let grad = double(normals(10 + step, length));
            muon.step(&spec.linear_maps(), &grad, &how);
            sgd.step(&grad, &how);
        }
        for (kind, expected) in [(OptimizerKind::Muon, muon.param), (OptimizerKind::Sgd, sgd.param)]
        {
            for operations in BOTH {
                let found = steps(operations, kind, &spec, 3);
                for (found, expected) in found.iter().zip(&expected) {
                    let miss = (f64::from(*found) - expected).abs();
                    assert!(miss < 2e-5, "{kind:?} {operations:?} {:?}: {miss}", spec.dims);
                }
            }
        }
    }
}

/// Where five steps take a singular value from 0.003 of the norm to the whole of it, by the polynomial itself.
const ABOUT_ONE: std::ops::Range<f64> = 0.68..1.21;

/// The step of Muon at a rate of 1 from weights of 0, over its scale: what a gradient becomes.
fn orthogonalised(operations: Operations, spec: &TensorSpec, grad: &[f32]) -> Vec<f64> {
    let update = Update { rate: 1.0, decay: 0.0, scale: 1.0, ..update(OptimizerKind::Muon, 1) };
    let zeros = tensor(&vec![0.0; grad.len()]);
    let (step, _) = update.apply(operations, spec, zeros, tensor(grad), None);
    let [map] = spec.linear_maps()[..] else { panic!("one map") };
    let scale = isoflop_core::optimizer::muon::scale(map.rows, map.columns);
    values(&step).into_iter().map(|number| -f64::from(number) / scale).collect()
}

#[test]
fn what_muon_makes_of_a_matrix_has_its_directions_and_singular_values_about_one() {
    for (rows, columns) in [(16, 64), (64, 16), (24, 40), (1, 9)] {
        let spec = matrices([rows, columns]).whole_map();
        let grad = normals(3, rows * columns);
        let double: Vec<f64> = grad.iter().copied().map(f64::from).collect();
        let expected = plain::newton_schulz(&double, rows, columns);
        for operations in BOTH {
            let found = orthogonalised(operations, &spec, &grad);
            let miss = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let miss = miss.fold(0.0, f64::max);
            assert!(miss < 1e-5, "{operations:?} {rows} x {columns}: {miss}");
            for value in plain::singular_values(&found, rows, columns) {
                assert!(ABOUT_ONE.contains(&value), "{rows} x {columns}: {value}");
            }
        }
        // Where directions are kept, the dot product with the gradient is a sum over singular values.
        let along: f64 = double.iter().zip(&expected).map(|(g, o)| g * o).sum();
        let singular: f64 = plain::singular_values(&double, rows, columns).iter().sum();
        assert!(ABOUT_ONE.contains(&(along / singular)), "{along} {singular}");
    }
}

#[test]
fn a_gradient_of_any_size_gives_the_same_step_and_none_gives_none() {
    let spec = matrices([6, 8]).whole_map();
    let grad = normals(5, 48);
    let times = |factor: f32| grad.iter().map(|g| g * factor).collect::<Vec<_>>();
    for operations in BOTH {
        let plain = orthogonalised(operations, &spec, &grad);
        for factor in [1e-4, 1e3] {
            let found = orthogonalised(operations, &spec, &times(factor));
            assert!(found.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-5), "{factor}");
        }
        for factor in [0.0, 1e-22] {
            let found = orthogonalised(operations, &spec, &times(factor));
            assert!(found.iter().all(|number| number.abs() < 1e-5), "{operations:?} {factor}");
        }
    }
}

#[test]
fn queries_keys_and_values_are_orthogonalised_each_by_itself() {
    let spec = matrices([6, 14]).maps_beside([6, 4, 4]);
    let step = |grad: &[f32]| {
        let zeros = tensor(&[0.0; 84]);
        let update = update(OptimizerKind::Muon, 1);
        values(&update.apply(Operations::Fused, &spec, zeros, tensor(grad), None).0)
    };
    let grad = normals(6, 84);
    let mut other = grad.clone();
    for row in other.chunks_exact_mut(14) {
        row[..6].iter_mut().for_each(|number| *number *= -3.0);
        row[2] += 5.0;
    }
    let (before, after) = (step(&grad), step(&other));
    for (before, after) in before.chunks_exact(14).zip(after.chunks_exact(14)) {
        assert_eq!(before[6..], after[6..]);
        assert!(before[..6] != after[..6]);
    }
    let alone = matrices([6, 4]).whole_map();
    let keys: Vec<f32> = grad.chunks_exact(14).flat_map(|row| row[6..10].to_vec()).collect();
    let update = update(OptimizerKind::Muon, 1);
    let (found, _) =
        update.apply(Operations::Fused, &alone, tensor(&[0.0; 24]), tensor(&keys), None);
    let expected = before.chunks_exact(14).flat_map(|row| row[6..10].to_vec());
    assert_eq!(values(&found), Vec::from_iter(expected));
}
