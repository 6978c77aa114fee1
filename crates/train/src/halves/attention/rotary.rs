//! Rotary position (Su et al. 2021): pairs of dimensions turned by an angle that grows with the
//! position.

use std::sync::Arc;

/// Base of the frequencies (Su et al. 2021, section 3.3).
pub const ROPE_BASE: f64 = 10_000.0;

/// Cosines and sines of every position, `[k / 2][t]`: dimension i turns with dimension `i + k/2`.
#[derive(Clone, Debug)]
pub struct RotaryTable {
    /// t
    pub(crate) context: usize,
    pub(crate) cos_kt: Arc<[f32]>,
    pub(crate) sin_kt: Arc<[f32]>,
}

impl RotaryTable {
    /// Angle `p / 10000^(i / (k/2))` for position p and pair i.
    pub fn new(context: usize, d_head: usize) -> Self {
        let half = d_head / 2;
        let table = |f: fn(f64) -> f64| {
            let frequency = move |i: usize| ROPE_BASE.powf(-(i as f64) / half as f64);
            (0..half)
                .flat_map(|i| (0..context).map(move |p| f(p as f64 * frequency(i)) as f32))
                .collect()
        };
        RotaryTable { context, cos_kt: table(f64::cos), sin_kt: table(f64::sin) }
    }
}
