//! The half in double precision, written as its definition reads.

use super::Form;
use crate::halves::attention::AttentionShape;
use crate::ops::NORM_EPSILON;
use crate::ops::tests::plain::{Rows, dot, norm, plus, times};
use isoflop_model::Parametrization;

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

/// A query or a key as scores take it, at its position.
fn prepared(form: &Form, x: &[f64], gain: Option<&Rows>, position: usize) -> Vec<f64> {
    let mut x = x.to_vec();
    if let Some(gain) = gain {
        let root = (dot(&x, &x) / x.len() as f64 + NORM_EPSILON).sqrt();
        x = x.iter().zip(&gain[0]).map(|(x, gain)| x / root * gain).collect();
    }
    match form.rotary {
        Some(_) => turned(&x, position),
        None => x,
    }
}

/// `x + attention(norm(x) qkv) out` of the inputs of a form.
pub(super) fn half(form: &Form, inputs: &[Rows]) -> Rows {
    let AttentionShape { batch, time, heads, kv_heads, parametrization, .. } = form.shape;
    let (x, k) = (&inputs[0], form.d_head);
    let scale = match parametrization {
        Parametrization::Standard => (k as f64).powf(-0.5),
        Parametrization::Mup => 4.0 / k as f64,
    };
    let parts = times(&norm(form.norm, x, &inputs[1][0]), &inputs[2]);
    let mut mixed = vec![vec![0.0; heads * k]; x.len()];
    for window in 0..batch {
        for head in 0..heads {
            let group = head / (heads / kv_heads);
            let part = |head: usize, t: usize| &parts[window * time + t][head * k..][..k];
            let query = |t: usize| prepared(form, part(head, t), inputs.get(4), t);
            let keys: Rows = (0..time)
                .map(|t| prepared(form, part(heads + group, t), inputs.get(5), t))
                .collect();
            for t in 0..time {
                let seen: Vec<usize> = (0..time).filter(|j| form.sees(window, t, *j)).collect();
                let query = query(t);
                let scores: Vec<f64> =
                    seen.iter().map(|&j| dot(&query, &keys[j]) * scale).collect();
                let top = scores.iter().fold(f64::MIN, |a, b| a.max(*b));
                let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
                for (score, &j) in scores.iter().zip(&seen) {
                    let share = (score - top).exp() / total;
                    let value = part(heads + kv_heads + group, j);
                    let to = &mut mixed[window * time + t][head * k..];
                    to.iter_mut().zip(value).for_each(|(to, v)| *to += share * v);
                }
            }
        }
    }
    plus(x, &times(&mixed, &inputs[3]))
}
