//! Causal attention over the lower triangle, one head of one window at a time; rotary position
//! folded in. Time lies contiguous inside, so that every loop is long.

use super::Kernel;
use super::vector::{add_scaled, dot, exp, max, sum, vectorised};
use crate::ops::attention::AttentionShape;
use crate::ops::rotary::RotaryTable;

/// `softmax(q k^T / sqrt(k)) v`, token t over the tokens up to t.
#[derive(Debug)]
pub(crate) struct AttentionKernel {
    pub(crate) shape: AttentionShape,
    pub(crate) rotary: Option<RotaryTable>,
}

/// Queries, keys and values of one head, `[k][t]`, rotated; queries also scaled.
struct Head {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

/// Where one head of one window lies in `[n, 3 d]` and `[n, d]`.
#[derive(Clone, Copy)]
struct Place {
    first_row: usize,
    column: usize,
    width: usize,
    d_head: usize,
    time: usize,
}

impl AttentionKernel {
    fn places(&self, dims: &[usize]) -> impl Iterator<Item = Place> + use<> {
        let AttentionShape { batch, time, heads } = self.shape;
        let width = dims[1] / 3;
        let d_head = width / heads;
        (0..batch * heads).map(move |index| Place {
            first_row: index / heads * time,
            column: index % heads * d_head,
            width,
            d_head,
            time,
        })
    }
}

impl Place {
    fn scale(&self) -> f32 {
        (self.d_head as f32).sqrt().recip()
    }

    /// Reads part 0, 1 or 2 (queries, keys, values) transposed to `[k][t]`.
    #[inline(always)]
    fn read(&self, qkv: &[f32], part: usize, into: &mut [f32]) {
        for t in 0..self.time {
            let start = (self.first_row + t) * 3 * self.width + part * self.width + self.column;
            for (c, value) in qkv[start..start + self.d_head].iter().enumerate() {
                into[c * self.time + t] = *value;
            }
        }
    }

    /// Writes a part back from `[k][t]`.
    #[inline(always)]
    fn write(&self, from: &[f32], part: usize, qkv: &mut [f32]) {
        for t in 0..self.time {
            let start = (self.first_row + t) * 3 * self.width + part * self.width + self.column;
            for (c, value) in qkv[start..start + self.d_head].iter_mut().enumerate() {
                *value = from[c * self.time + t];
            }
        }
    }

    fn output(&self, t: usize) -> std::ops::Range<usize> {
        let start = (self.first_row + t) * self.width + self.column;
        start..start + self.d_head
    }
}

impl Head {
    fn new(place: &Place) -> Self {
        let zeros = || vec![0.0; place.d_head * place.time];
        Head {
            q: zeros(),
            k: zeros(),
            v: zeros(),
        }
    }

    #[inline(always)]
    fn load(&mut self, place: &Place, qkv: &[f32], rotary: Option<&RotaryTable>) {
        place.read(qkv, 0, &mut self.q);
        place.read(qkv, 1, &mut self.k);
        place.read(qkv, 2, &mut self.v);
        if let Some(table) = rotary {
            rotate(&mut self.q, table, 1.0);
            rotate(&mut self.k, table, 1.0);
        }
        let scale = place.scale();
        self.q.iter_mut().for_each(|q| *q *= scale);
    }

    /// `q_t . k_j` for every j up to t.
    #[inline(always)]
    fn scores(&self, place: &Place, t: usize, scores: &mut [f32]) {
        scores.fill(0.0);
        let columns = self
            .q
            .chunks_exact(place.time)
            .zip(self.k.chunks_exact(place.time));
        for (q, k) in columns {
            add_scaled(scores, q[t], &k[..=t]);
        }
    }

    /// Writes gradients of what [`Head::load`] read.
    #[inline(always)]
    fn store(&mut self, place: &Place, dqkv: &mut [f32], rotary: Option<&RotaryTable>) {
        let scale = place.scale();
        self.q.iter_mut().for_each(|q| *q *= scale);
        if let Some(table) = rotary {
            rotate(&mut self.q, table, -1.0);
            rotate(&mut self.k, table, -1.0);
        }
        place.write(&self.q, 0, dqkv);
        place.write(&self.k, 1, dqkv);
        place.write(&self.v, 2, dqkv);
    }
}

/// Turns dimension i with dimension i + k/2 of `[k][t]`; back with `direction` -1.
#[inline(always)]
fn rotate(x: &mut [f32], table: &RotaryTable, direction: f32) {
    let (first, second) = x.split_at_mut(x.len() / 2);
    let angles = table.cos_kt.iter().zip(&*table.sin_kt);
    for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(angles) {
        let sin = sin * direction;
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

impl Kernel for AttentionKernel {
    /// `[n, 3 d]` to `[n, d]`.
    fn output_dims(&self, input: &[usize]) -> Vec<usize> {
        vec![input[0], input[1] / 3]
    }

    /// Keeps the log of each softmax's denominator.
    fn forward(&self, qkv: &[f32], dims: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let mut out = vec![0.0; dims[0] * dims[1] / 3];
        let mut denominators = Vec::with_capacity(dims[0] * self.shape.heads);
        forward(self, dims, qkv, &mut out, &mut denominators);
        (out, denominators)
    }

    fn backward(
        &self,
        qkv: &[f32],
        out: &[f32],
        denominators: &[f32],
        dout: &[f32],
        dims: &[usize],
    ) -> Vec<f32> {
        let mut dqkv = vec![0.0; qkv.len()];
        backward(self, dims, qkv, out, denominators, dout, &mut dqkv);
        dqkv
    }
}

vectorised! {
    fn forward<'a>(
        kernel: &'a AttentionKernel,
        dims: &'a [usize],
        qkv: &'a [f32],
        out: &'a mut [f32],
        denominators: &'a mut Vec<f32>,
    ) {
        let mut scores = vec![0.0f32; kernel.shape.time];
        let mut head: Option<Head> = None;
        for place in kernel.places(dims) {
            let head = head.get_or_insert_with(|| Head::new(&place));
            head.load(&place, qkv, kernel.rotary.as_ref());
            for t in 0..place.time {
                let shares = &mut scores[..=t];
                head.scores(&place, t, shares);
                let top = max(shares);
                shares.iter_mut().for_each(|score| *score = exp(*score - top));
                let total = sum(shares);
                let scale = total.recip();
                let row = &mut out[place.output(t)];
                for (value, v) in row.iter_mut().zip(head.v.chunks_exact(place.time)) {
                    *value = dot(shares, &v[..=t]) * scale;
                }
                denominators.push(top + total.ln());
            }
        }
    }
}

vectorised! {
    #[allow(clippy::too_many_arguments, reason = "the slices of one pass")]
    fn backward<'a>(
        kernel: &'a AttentionKernel,
        dims: &'a [usize],
        qkv: &'a [f32],
        out: &'a [f32],
        denominators: &'a [f32],
        dout: &'a [f32],
        dqkv: &'a mut [f32],
    ) {
        let time = kernel.shape.time;
        let (mut shares, mut slopes) = (vec![0.0f32; time], vec![0.0f32; time]);
        let mut heads: Option<(Head, Head)> = None;
        for (index, place) in kernel.places(dims).enumerate() {
            let (head, grad) = heads.get_or_insert_with(|| (Head::new(&place), Head::new(&place)));
            head.load(&place, qkv, kernel.rotary.as_ref());
            grad.k.fill(0.0);
            grad.v.fill(0.0);
            for t in 0..time {
                let (shares, slopes) = (&mut shares[..=t], &mut slopes[..=t]);
                let denominator = denominators[index * time + t];
                let (dout, out) = (&dout[place.output(t)], &out[place.output(t)]);
                head.scores(&place, t, shares);
                shares.iter_mut().for_each(|score| *score = exp(*score - denominator));
                slopes.fill(0.0);
                for (v, weight) in head.v.chunks_exact(time).zip(dout) {
                    add_scaled(slopes, *weight, &v[..=t]);
                }
                let mean: f32 = out.iter().zip(dout).map(|(o, d)| o * d).sum();
                for (slope, share) in slopes.iter_mut().zip(&*shares) {
                    *slope = share * (*slope - mean);
                }
                for (c, dout) in dout.iter().enumerate() {
                    let row = c * time;
                    grad.q[row + t] = dot(slopes, &head.k[row..=row + t]);
                    add_scaled(&mut grad.k[row..=row + t], head.q[row + t], slopes);
                    add_scaled(&mut grad.v[row..=row + t], *dout, shares);
                }
            }
            grad.store(&place, dqkv, kernel.rotary.as_ref());
        }
    }
}
