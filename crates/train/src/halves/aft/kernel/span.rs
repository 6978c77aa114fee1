//! How rows fall into windows and documents.

use std::ops::Range;

/// Windows whose rows lie one after another.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    /// Tokens of a window.
    pub(super) time: usize,
    /// Numbers of a padded row.
    pub(super) row: usize,
    /// Where the document of each row starts in its window.
    pub(super) starts: Option<&'a [u32]>,
    /// The first window.
    pub(super) first: usize,
    /// Windows.
    pub(super) windows: usize,
}

impl Span<'_> {
    /// Whether nothing before a row counts for it.
    pub(super) fn begins(&self, at: usize) -> bool {
        let place = at % self.time;
        self.starts.map_or(place == 0, |starts| starts[at] as usize == place)
    }

    /// The row of a token, its window counted from the first.
    pub(super) fn row_of(&self, window: usize, token: usize) -> usize {
        (self.first + window) * self.time + token
    }

    /// Where the document of a token starts in its window.
    pub(super) fn start(&self, window: usize, token: usize) -> usize {
        self.starts.map_or(0, |starts| starts[self.row_of(window, token)] as usize)
    }

    /// The keys, of some that stand before all of the queries, that a query sees, and how many of the queries
    /// see them: the first ones, all of them from one document. With a mask of documents a span is one window.
    pub(super) fn visible(
        &self,
        queries: &Range<usize>,
        keys: &Range<usize>,
    ) -> (Range<usize>, usize) {
        if self.starts.is_none() {
            return (keys.clone(), queries.len());
        }
        let first = self.start(0, queries.start).max(keys.start);
        let sees = |query: &usize| self.start(0, *query) < keys.end;
        (first.min(keys.end)..keys.end, queries.clone().take_while(sees).count())
    }
}
