//! How the rows of a batch lie, for attention.

use crate::halves::Place;
use isoflop_model::{Parametrization, Reach};
use std::sync::Arc;

/// How the rows of a flat `[n, d]` split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Windows.
    pub batch: usize,
    /// Tokens a window.
    pub time: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values, each shared by `heads / kv_heads` of queries.
    pub kv_heads: usize,
    /// What a token attends to.
    pub reach: Reach,
    /// Says what scores are scaled by.
    pub parametrization: Parametrization,
}

impl AttentionShape {
    /// Of a layer of a model whose mixer is attention.
    pub(super) fn at(place: &Place<'_>) -> Self {
        let (model, heads) = (place.model, place.model.shape.n_heads);
        let options = model.mixer.attention().copied().unwrap_or_default();
        AttentionShape {
            batch: place.batch,
            time: model.context,
            heads,
            kv_heads: options.kv_heads(heads),
            reach: options.reach_of(place.layer),
            parametrization: model.parametrization,
        }
    }
}

/// The place in its window where the document of each token of a batch starts: the token attends to none
/// before.
pub type Starts = Arc<[u32]>;

/// Where documents start, for windows of token ids. A separator is the last token of its document.
pub fn starts(ids: &[i32], time: usize, separator: u32) -> Starts {
    let windows = ids.chunks(time).flat_map(|window| {
        window.iter().enumerate().scan(0, move |start, (at, id)| {
            let of_this = *start;
            if *id == separator as i32 {
                *start = at as u32 + 1;
            }
            Some(of_this)
        })
    });
    windows.collect()
}
