//! Gathers rows of the token table and adds rows of the position table.

use super::buffer::Buffer;
use super::lanes::{for_lanes, vectorised};

/// Inputs of the embedding.
///
/// # Shapes
/// - ids: `[n]`, each below v; token: `[v, d]`; position: `[t, d]`, where row i of the output
///   has position `i mod t`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) ids: &'a [i32],
    pub(crate) token: &'a [f32],
    pub(crate) position: Option<&'a [f32]>,
    /// Width d of a row.
    pub(crate) width: usize,
}

/// Output `[n, d]` of the embedding: `token[id] + position[i mod t]`.
pub(crate) fn forward(inputs: Inputs) -> Buffer {
    let width = inputs.width;
    let mut y = Buffer::stale(inputs.ids.len() * width);
    for (&id, row) in inputs.ids.iter().zip(y.chunks_exact_mut(width)) {
        row.copy_from_slice(&inputs.token[id as usize * width..][..width]);
    }
    if let Some(position) = inputs.position {
        for window in y.chunks_mut(position.len()) {
            accumulate(&position[..window.len()], window);
        }
    }
    y
}

/// Gradients of the token table and of the position table.
pub(crate) fn backward(inputs: Inputs, dy: &[f32]) -> (Buffer, Option<Buffer>) {
    let width = inputs.width;
    let mut dtoken = Buffer::zeros(inputs.token.len());
    scatter(inputs.ids, dy, width, &mut dtoken);
    let dposition = inputs.position.map(|position| {
        let mut dposition = Buffer::zeros(position.len());
        for window in dy.chunks(position.len()) {
            accumulate(window, &mut dposition[..window.len()]);
        }
        dposition
    });
    (dtoken, dposition)
}

vectorised! {
    /// Adds one slice to another: `y += x`.
    fn accumulate<'a, S>(simd; x: &'a [f32], y: &'a mut [f32]) {
        for_lanes!(S, simd, [x in x], [y of y], (simd.add_f32s(y, x),));
    }
}

vectorised! {
    /// Adds each row to the table row that its id names: `table[id] += row`.
    fn scatter<'a, S>(simd; ids: &'a [i32], rows: &'a [f32], width: usize, table: &'a mut [f32]) {
        for (&id, row) in ids.iter().zip(rows.chunks_exact(width)) {
            let to = &mut table[id as usize * width..][..width];
            for_lanes!(S, simd, [x in row], [y of to], (simd.add_f32s(y, x),));
        }
    }
}
