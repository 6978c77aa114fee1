//! Legends that several figures share.

use super::marks::series_tone;
use crate::chart::{Glyph, Key, Legend, Marker};
use crate::text::clip;
use crate::theme::Tone;
use crate::view::View;
use isoflop_core::units::short;

/// Most sizes that a legend names one by one.
const MANY_SIZES: usize = 12;

/// A legend of the colours of sizes and, where there are several series, of their markers.
pub(super) fn size_legend(view: &View<'_>) -> Legend {
    let mut legend = Legend::default();
    let count = view.sizes.len();
    legend.add(Key::Heading, "N");
    let stride = count.div_ceil(MANY_SIZES).max(1);
    for (rank, n) in view.sizes.iter().enumerate() {
        if rank % stride == 0 || rank + 1 == count {
            let dot = Glyph::Point(Marker::Disc, Tone::size(rank, count));
            legend.add_size(Key::Glyph(dot), short(*n as f64), *n);
        }
    }
    series_legend(view, &mut legend);
    legend
}

/// Adds the markers of series where there are several.
pub(super) fn series_legend(view: &View<'_>, legend: &mut Legend) {
    if view.many_series() {
        legend.add(Key::Heading, view.series_word());
        for series in &view.series {
            let mark = Glyph::Point(view.marker(series), series_tone(view, series, Tone::Muted));
            legend.add(Key::Glyph(mark), clip(&view.series_name(series), 40));
        }
    }
}
