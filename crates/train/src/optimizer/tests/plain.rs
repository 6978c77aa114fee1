//! Steps and singular values in double precision, written down plainly.

use isoflop_core::optimizer::{SGD_MOMENTUM, muon};
use isoflop_model::LinearMap;

/// How a step is taken.
pub(super) struct Step {
    pub(super) rate: f64,
    pub(super) decay: f64,
    /// Factor of the gradient.
    pub(super) scale: f64,
}

/// Muon on one tensor.
pub(super) struct Muon {
    pub(super) param: Vec<f64>,
    momentum: Vec<f64>,
}

/// Gradient descent on one tensor.
pub(super) struct Sgd {
    pub(super) param: Vec<f64>,
    momentum: Vec<f64>,
}

impl Muon {
    pub(super) fn new(param: Vec<f64>) -> Self {
        Muon { momentum: vec![0.0; param.len()], param }
    }

    pub(super) fn step(&mut self, maps: &[LinearMap], grad: &[f64], how: &Step) {
        let mut ahead = Vec::new();
        for (momentum, grad) in self.momentum.iter_mut().zip(grad) {
            let grad = grad * how.scale;
            *momentum = muon::MOMENTUM * *momentum + grad;
            ahead.push(muon::MOMENTUM * *momentum + grad);
        }
        for map in maps {
            let at = |i: usize, j: usize| map.start + i * map.stride + j;
            let places = (0..map.rows).flat_map(|i| (0..map.columns).map(move |j| at(i, j)));
            let places: Vec<usize> = places.collect();
            let whole: Vec<f64> = places.iter().map(|&place| ahead[place]).collect();
            let direction = newton_schulz(&whole, map.rows, map.columns);
            let scale = 0.2 * (map.rows.max(map.columns) as f64).sqrt();
            for (place, direction) in places.into_iter().zip(direction) {
                let param = &mut self.param[place];
                *param -= how.rate * (how.decay * *param + scale * direction);
            }
        }
    }
}

impl Sgd {
    pub(super) fn new(param: Vec<f64>) -> Self {
        Sgd { momentum: vec![0.0; param.len()], param }
    }

    pub(super) fn step(&mut self, grad: &[f64], how: &Step) {
        let both = self.param.iter_mut().zip(&mut self.momentum);
        for ((param, momentum), grad) in both.zip(grad) {
            *momentum = SGD_MOMENTUM * *momentum + grad * how.scale;
            *param -= how.rate * (how.decay * *param + *momentum);
        }
    }
}

/// `a b` for `[m, k]` and `[k, n]`.
fn product(a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)) -> Vec<f64> {
    let at = |i: usize, j: usize| (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
    (0..m * n).map(|place| at(place / n, place % n)).collect()
}

fn transposed(a: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|place| a[place % rows * columns + place / rows]).collect()
}

/// Five Newton-Schulz steps on a matrix as it stands.
pub(super) fn newton_schulz(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let norm = matrix.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut x: Vec<f64> = matrix.iter().map(|number| number / norm).collect();
    for _ in 0..5 {
        let gram = product(&x, &transposed(&x, rows, columns), (rows, columns, rows));
        let once = product(&gram, &x, (rows, rows, columns));
        let twice = product(&gram, &once, (rows, rows, columns));
        let terms = x.iter().zip(once).zip(twice);
        x = terms.map(|((x, y), z)| 3.4445 * x - 4.7750 * y + 2.0315 * z).collect();
    }
    x
}

/// Singular values by one-sided rotations (Hestenes 1958).
pub(super) fn singular_values(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    if rows > columns {
        return singular_values(&transposed(matrix, rows, columns), columns, rows);
    }
    let mut lines: Vec<Vec<f64>> = matrix.chunks(columns).map(<[f64]>::to_vec).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for _ in 0..30 {
        for i in 0..rows {
            for j in i + 1..rows {
                let (p, q, r) = (
                    dot(&lines[i], &lines[i]),
                    dot(&lines[j], &lines[j]),
                    dot(&lines[i], &lines[j]),
                );
                if r.abs() <= 1e-15 * (p * q).sqrt() {
                    continue;
                }
                let tau = (q - p) / (2.0 * r);
                let tangent = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
                let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
                let sine = cosine * tangent;
                let (before, from_j) = lines.split_at_mut(j);
                for (a, b) in before[i].iter_mut().zip(&mut from_j[0]) {
                    (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
                }
            }
        }
    }
    lines.iter().map(|line| dot(line, line).sqrt()).collect()
}
