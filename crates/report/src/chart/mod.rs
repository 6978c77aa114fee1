//! Drawing: scales and ticks, a canvas that writes SVG, panels with axes.

pub(crate) mod canvas;
pub(crate) mod frame;
pub(crate) mod legend;
pub(crate) mod marker;
pub(crate) mod panel;
pub(crate) mod png;
pub(crate) mod scale;
pub(crate) mod ticks;

pub(crate) use canvas::{Medium, Numbering, Stroke};
pub(crate) use frame::{Frame, Labels, LossAxis};
pub(crate) use legend::{Key, Legend};
pub(crate) use marker::{Glyph, Marker};
pub(crate) use panel::note::{NoteLine, Trend};
pub(crate) use panel::{MarkRow, Owner, Panel};
pub(crate) use scale::Scale;
pub(crate) use ticks::Style;
