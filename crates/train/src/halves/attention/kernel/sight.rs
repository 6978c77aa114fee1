//! Which keys the queries of a batch see, as the kernel walks them.
//!
//! Attention takes the tokens of a window in places, which are the tokens in their order but under a
//! stride: there the tokens that see one another stand side by side. The places split into sequences,
//! within which each query sees the keys up to its own place, from a first one on. Under fixed blocks
//! it also sees columns, which are gathered from the blocks before its own.

use crate::halves::attention::{AttentionShape, RotaryTable};
use crate::ops::kernels::buffer::Buffer;
use isoflop_model::Reach;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// What the queries of some windows see.
#[derive(Clone, Debug)]
pub(super) struct Sight<'a> {
    /// Tokens of a window.
    time: usize,
    /// Token of each place of a window, where it is another than the place.
    order: Option<Arc<[usize]>>,
    /// Places of a window, in sequences.
    pub(super) sequences: Arc<[Range<usize>]>,
    /// For each query, the first place of its sequence that it sees, counted from the start of the
    /// sequence; absent where all see all up to themselves.
    pub(super) first: Option<Cow<'a, [u32]>>,
    pub(super) columns: Option<Columns<'a>>,
}

/// Columns that later blocks see.
#[derive(Clone, Debug)]
pub(super) struct Columns<'a> {
    /// Place of each column.
    pub(super) places: Arc<[usize]>,
    /// First column that each query sees.
    pub(super) from: Cow<'a, [u32]>,
    /// Columns before the first that each query no longer sees.
    pub(super) to: Cow<'a, [u32]>,
}

impl<'a> Sight<'a> {
    /// What a reach leaves of windows, with `starts` of the document of each token alone.
    pub(super) fn new(shape: AttentionShape, starts: Option<&'a [u32]>) -> Self {
        let AttentionShape { batch, time, reach, .. } = shape;
        let whole = Sight {
            time,
            order: None,
            sequences: std::iter::once(0..time).collect(),
            first: starts.map(Cow::Borrowed),
            columns: None,
        };
        // For each query, a number made of its token and of the start of its document.
        let each = |of: &dyn Fn(usize, usize) -> usize| -> Cow<'a, [u32]> {
            let start = |at: usize| starts.map_or(0, |starts| starts[at] as usize);
            (0..batch * time).map(|at| of(at % time, start(at)) as u32).collect()
        };
        match reach {
            Reach::All => whole,
            Reach::Window(window) => {
                let first = each(&|token, start| start.max((token + 1).saturating_sub(window)));
                Sight { first: Some(first), ..whole }
            }
            Reach::Strided(stride) => whole.strided(stride, starts),
            Reach::Fixed { block, columns } => {
                let first = each(&|token, start| start.max(token / block * block));
                // Columns of the blocks before this token's block, and those before this token.
                let of_blocks = move |token: usize| token / block * columns;
                let before = move |token: usize| {
                    of_blocks(token) + (token % block).saturating_sub(block - columns)
                };
                let place =
                    |column: usize| column / columns * block + block - columns + column % columns;
                let places: Arc<[usize]> = (0..of_blocks(time - 1)).map(place).collect();
                let columns = (!places.is_empty()).then(|| Columns {
                    places,
                    from: each(&|_, start| before(start)),
                    to: each(&|token, _| of_blocks(token)),
                });
                Sight { first: Some(first), columns, ..whole }
            }
        }
    }

    /// Every so many tokens side by side: each of these sequences is causal as a whole window is.
    fn strided(self, stride: usize, starts: Option<&[u32]>) -> Self {
        let time = self.time;
        let stride = stride.min(time);
        let order: Arc<[usize]> =
            (0..stride).flat_map(|from| (from..time).step_by(stride)).collect();
        let mut end = 0;
        let sequences = (0..stride).map(|from| {
            let start = end;
            end += (time - from).div_ceil(stride);
            start..end
        });
        let sequences = sequences.collect();
        let first = starts.map(|starts| {
            let in_window = |window: &[u32]| -> Vec<u32> {
                let first = |&token: &usize| {
                    (window[token] as usize).saturating_sub(token % stride).div_ceil(stride) as u32
                };
                order.iter().map(first).collect()
            };
            starts.chunks(time).flat_map(in_window).collect()
        });
        Sight { order: Some(order), sequences, first, ..self }
    }

    /// Whether places are others than tokens.
    pub(super) fn reorders(&self) -> bool {
        self.order.is_some()
    }

    /// First place that each query of a window sees.
    pub(super) fn first_of(&self, window: usize) -> Option<&[u32]> {
        let first = self.first.as_ref()?;
        Some(&first[window * self.time..][..self.time])
    }

    /// The table with the positions in the order of the places.
    pub(super) fn ordered_table<'t>(
        &self,
        table: Option<&'t RotaryTable>,
    ) -> Option<Cow<'t, RotaryTable>> {
        let table = table?;
        let Some(order) = &self.order else {
            return Some(Cow::Borrowed(table));
        };
        let ordered = |values: &[f32]| {
            values
                .chunks(table.context)
                .flat_map(|row| order.iter().map(|&token| row[token]))
                .collect()
        };
        Some(Cow::Owned(RotaryTable {
            context: self.time,
            cos_kt: ordered(&table.cos_kt),
            sin_kt: ordered(&table.sin_kt),
        }))
    }

    /// Rows of whole windows in the order of the places, where it is not that of the tokens.
    ///
    /// # Shapes
    /// - rows, output: `[n, width]`
    pub(super) fn ordered(&self, rows: &[f32], width: usize) -> Option<Buffer> {
        let order = self.order.as_ref()?;
        let mut ordered = Buffer::stale(rows.len());
        let windows = rows.chunks_exact(self.time * width);
        for (from, to) in windows.zip(ordered.chunks_exact_mut(self.time * width)) {
            for (&token, to) in order.iter().zip(to.chunks_exact_mut(width)) {
                to.copy_from_slice(&from[token * width..][..width]);
            }
        }
        Some(ordered)
    }

    /// Rows that [`Sight::ordered`] put into the order of the places, back in that of the tokens.
    pub(super) fn restored(&self, rows: Buffer, width: usize) -> Buffer {
        let Some(order) = &self.order else {
            return rows;
        };
        let mut restored = Buffer::stale(rows.len());
        let windows = rows.chunks_exact(self.time * width);
        for (from, to) in windows.zip(restored.chunks_exact_mut(self.time * width)) {
            for (&token, from) in order.iter().zip(from.chunks_exact(width)) {
                to[token * width..][..width].copy_from_slice(from);
            }
        }
        restored
    }
}

impl Columns<'_> {
    /// First column that each query of a window sees, and the first that it no longer sees.
    pub(super) fn of(&self, window: usize, time: usize) -> [&[u32]; 2] {
        [&self.from, &self.to].map(|all| &all[window * time..][..time])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_model::Parametrization;

    /// Tokens that a token of the only window sees, by walking places and columns.
    fn seen(sight: &Sight, token: usize) -> Vec<usize> {
        let of_place = |place: usize| sight.order.as_ref().map_or(place, |order| order[place]);
        let place = (0..sight.time).find(|place| of_place(*place) == token).unwrap();
        let sequence = sight.sequences.iter().find(|places| places.contains(&place)).unwrap();
        let first = sight.first_of(0).map_or(0, |first| first[place] as usize);
        let mut seen: Vec<usize> = (sequence.start + first..=place).map(of_place).collect();
        if let Some(columns) = &sight.columns {
            let [from, to] = columns.of(0, sight.time).map(|bounds| bounds[place] as usize);
            seen.extend(columns.places.iter().take(to).skip(from));
        }
        seen.sort_unstable();
        seen
    }

    #[test]
    fn a_walk_meets_what_a_reach_sees_and_nothing_twice() {
        let parametrization = Parametrization::Standard;
        for time in [1, 2, 16, 17, 33] {
            let documents: Vec<u32> = (0..time as u32).map(|token| token / 7 * 7).collect();
            let mut reaches = vec![Reach::All];
            for size in [1, 2, 3, 5, 16, 40] {
                reaches.extend([Reach::Window(size), Reach::Strided(size)]);
                let fixed = |columns| Reach::Fixed { block: size, columns };
                reaches.extend((1..=size.min(6)).map(fixed));
            }
            for reach in reaches {
                let (heads, kv_heads) = (1, 1);
                let shape =
                    AttentionShape { batch: 1, time, heads, kv_heads, reach, parametrization };
                for starts in [None, Some(&documents[..])] {
                    let sight = Sight::new(shape, starts);
                    for token in 0..time {
                        let start = starts.map_or(0, |starts| starts[token] as usize);
                        let expected: Vec<usize> =
                            (start..=token).filter(|&key| reach.sees(token, key)).collect();
                        assert_eq!(seen(&sight, token), expected, "{reach:?} {time} {token}");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_and_turns_go_into_the_order_of_places_and_rows_back() {
        let shape = AttentionShape {
            batch: 2,
            time: 5,
            heads: 1,
            kv_heads: 1,
            reach: Reach::Strided(2),
            parametrization: Parametrization::Standard,
        };
        let sight = Sight::new(shape, None);
        let rows: Vec<f32> = (0..20).map(|number| number as f32).collect();
        let ordered = sight.ordered(&rows, 2).unwrap();
        assert_eq!(ordered[..10], [0.0, 1.0, 4.0, 5.0, 8.0, 9.0, 2.0, 3.0, 6.0, 7.0]);
        assert_eq!(ordered[10..12], [10.0, 11.0]);
        assert_eq!(sight.restored(ordered, 2)[..], rows[..]);
        let table = RotaryTable::new(7, 4);
        let turned = sight.ordered_table(Some(&table)).unwrap();
        let order = [0, 2, 4, 1, 3];
        for (place, token) in order.into_iter().enumerate() {
            for pair in 0..2 {
                assert_eq!(turned.cos_kt[pair * 5 + place], table.cos_kt[pair * 7 + token]);
                assert_eq!(turned.sin_kt[pair * 5 + place], table.sin_kt[pair * 7 + token]);
            }
        }
    }
}
