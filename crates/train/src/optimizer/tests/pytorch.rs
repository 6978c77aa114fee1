//! Steps of Muon against those of PyTorch, whose numbers `pytorch.py` made: of a step written from its
//! documentation in double precision, and of its own optimizer, which orthogonalises in 16 bits.

use super::{BOTH, matrices, tensor, update, values};
use crate::optimizer::Update;
use isoflop_core::OptimizerKind;
use serde::Deserialize;

/// Three steps on one matrix, `[inputs, outputs]`, row by row.
#[derive(Deserialize)]
struct Case {
    rows: usize,
    columns: usize,
    start: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    documented: Vec<f64>,
    optimizer: Vec<f64>,
}

#[derive(Deserialize)]
struct Cases {
    rate: f64,
    weight_decay: f64,
    cases: Vec<Case>,
}

#[test]
fn steps_of_muon_are_those_of_pytorch() {
    let Cases { rate, weight_decay, cases } =
        serde_json::from_str(include_str!("pytorch.json")).expect("numbers of pytorch.py");
    assert_eq!(cases.len(), 3);
    for case in &cases {
        let spec = matrices([case.rows, case.columns]).whole_map();
        for operations in BOTH {
            let (mut param, mut kept) = (tensor(&case.start), None);
            for (step, grad) in (1..).zip(&case.gradients) {
                let update = Update {
                    rate,
                    decay: weight_decay,
                    scale: 1.0,
                    ..update(OptimizerKind::Muon, step)
                };
                let (new, means) = update.apply(operations, &spec, param, tensor(grad), kept);
                (param, kept) = (new, Some(means));
            }
            let worst = |expected: &[f64]| {
                let misses = values(&param).into_iter().zip(expected);
                misses
                    .map(|(found, expected)| (f64::from(found) - expected).abs())
                    .fold(0.0, f64::max)
            };
            let what = format!("{operations:?} {} x {}", case.rows, case.columns);
            assert!(worst(&case.documented) < 1e-5, "{what}: {}", worst(&case.documented));
            // A step moves a number by about 0.01, of which 16 bits leave two digits.
            assert!(worst(&case.optimizer) < 2e-3, "{what}: {}", worst(&case.optimizer));
        }
    }
}
