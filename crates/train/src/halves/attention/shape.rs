//! How the rows of a batch lie, for attention.

use isoflop_model::Parametrization;
use std::sync::Arc;

/// How the rows of a flat `[n, d]` split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Windows.
    pub batch: usize,
    /// Tokens a window.
    pub time: usize,
    /// Heads.
    pub heads: usize,
    /// Says what scores are scaled by.
    pub parametrization: Parametrization,
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
