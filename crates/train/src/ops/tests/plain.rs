//! The operations in double precision, written as their definitions read.

use crate::ops::NORM_EPSILON;
use isoflop_model::Norm;

/// A matrix as a list of rows.
pub(crate) type Rows = Vec<Vec<f64>>;

pub(crate) fn rows(values: &[f64], columns: usize) -> Rows {
    values.chunks(columns).map(<[f64]>::to_vec).collect()
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn times(a: &Rows, b: &Rows) -> Rows {
    let column = |j: usize| b.iter().map(|row| row[j]).collect::<Vec<_>>();
    let columns: Rows = (0..b[0].len()).map(column).collect();
    a.iter().map(|row| columns.iter().map(|column| dot(row, column)).collect()).collect()
}

pub(crate) fn plus(a: &Rows, b: &Rows) -> Rows {
    let sum = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
    a.iter().zip(b).map(sum).collect()
}

pub(crate) fn norm(kind: Norm, x: &Rows, gain: &[f64]) -> Rows {
    let one = |row: &Vec<f64>| {
        let d = row.len() as f64;
        let mean = match kind {
            Norm::Rms => 0.0,
            Norm::Layer => row.iter().sum::<f64>() / d,
        };
        let centred: Vec<f64> = row.iter().map(|x| x - mean).collect();
        let root = (dot(&centred, &centred) / d + NORM_EPSILON).sqrt();
        centred.iter().zip(gain).map(|(x, g)| x / root * g).collect()
    };
    x.iter().map(one).collect()
}

pub(crate) fn nats(kind: Norm, x: &Rows, gain: &[f64], head: &Rows, targets: &[i32]) -> Rows {
    let logits = times(&norm(kind, x, gain), head);
    let one = |(row, target): (&Vec<f64>, &i32)| {
        let top = row.iter().fold(f64::MIN, |a, b| a.max(*b));
        let total: f64 = row.iter().map(|x| (x - top).exp()).sum();
        vec![total.ln() + top - row[*target as usize]]
    };
    logits.iter().zip(targets).map(one).collect()
}

pub(crate) fn embedding(ids: &[i32], token: &Rows, position: &Rows) -> Rows {
    let row = |(i, id): (usize, &i32)| {
        let position = &position[i % position.len()];
        plus(&vec![token[*id as usize].clone()], &vec![position.clone()]).remove(0)
    };
    ids.iter().enumerate().map(row).collect()
}
