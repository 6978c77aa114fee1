//! The operations as their definitions read, in double precision.

use crate::ops::{AttentionShape, NORM_EPSILON, Starts};
use isoflop_model::{Norm, Parametrization};

/// Rows of numbers.
pub(super) type Rows = Vec<Vec<f64>>;

pub(super) fn rows(values: &[f64], columns: usize) -> Rows {
    values.chunks(columns).map(<[f64]>::to_vec).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times(a: &Rows, b: &Rows) -> Rows {
    let column = |j: usize| b.iter().map(|row| row[j]).collect::<Vec<_>>();
    let columns: Rows = (0..b[0].len()).map(column).collect();
    a.iter().map(|row| columns.iter().map(|column| dot(row, column)).collect()).collect()
}

fn plus(a: &Rows, b: &Rows) -> Rows {
    let sum = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
    a.iter().zip(b).map(sum).collect()
}

fn norm(kind: Norm, x: &Rows, gain: &[f64]) -> Rows {
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

/// By the series 26.2.11 of Abramowitz & Stegun 1964, far enough for `|x| < 6`.
fn normal_cdf(x: f64) -> f64 {
    let (mut term, mut total) = (x, x);
    for k in 1..120 {
        term *= x * x / f64::from(2 * k + 1);
        total += term;
    }
    0.5 + total * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

pub(super) fn mlp_residual(kind: Norm, x: &Rows, gain: &[f64], up: &Rows, down: &Rows) -> Rows {
    let mut wide = times(&norm(kind, x, gain), up);
    for x in wide.iter_mut().flatten() {
        *x *= normal_cdf(*x);
    }
    plus(x, &times(&wide, down))
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
pub(super) fn attention_residual(
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

pub(super) fn nats(kind: Norm, x: &Rows, gain: &[f64], head: &Rows, targets: &[i32]) -> Rows {
    let logits = times(&norm(kind, x, gain), head);
    let one = |(row, target): (&Vec<f64>, &i32)| {
        let top = row.iter().fold(f64::MIN, |a, b| a.max(*b));
        let total: f64 = row.iter().map(|x| (x - top).exp()).sum();
        vec![total.ln() + top - row[*target as usize]]
    };
    logits.iter().zip(targets).map(one).collect()
}

pub(super) fn embedding(ids: &[i32], token: &Rows, position: &Rows) -> Rows {
    let row = |(i, id): (usize, &i32)| {
        let position = &position[i % position.len()];
        plus(&vec![token[*id as usize].clone()], &vec![position.clone()]).remove(0)
    };
    ids.iter().enumerate().map(row).collect()
}
