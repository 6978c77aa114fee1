//! Drawing: scales and ticks, a canvas that writes SVG, panels with axes.

pub(crate) mod canvas;
pub(crate) mod legend;
pub(crate) mod marker;
pub(crate) mod panel;
pub(crate) mod png;
pub(crate) mod scale;
pub(crate) mod ticks;

pub(crate) use canvas::{Medium, Numbering, Stroke};
pub(crate) use legend::{Key, Legend};
pub(crate) use marker::{Glyph, Marker};
pub(crate) use panel::{Frame, Labels, LossAxis, MarkRow, NoteLine, Owner, Panel, Trend};
pub(crate) use scale::Scale;
pub(crate) use ticks::Style;
