//! Drawing: scales and ticks, a canvas that writes SVG, panels with axes.

pub(crate) mod canvas;
pub(crate) mod legend;
pub(crate) mod marker;
pub(crate) mod panel;
pub(crate) mod png;
pub(crate) mod scale;
pub(crate) mod ticks;

pub(crate) use canvas::{Medium, Numbers};
pub(crate) use legend::{Key, Legend};
pub(crate) use marker::{Glyph, Shape};
pub(crate) use panel::{Drawn, Frame, Labels, LossAxis, NoteLine, Owner, Panel, Stroke, Trend};
pub(crate) use scale::Scale;
pub(crate) use ticks::Style;
