//! The size of a panel and the words around its plot.

use crate::chart::ticks::Style;

/// Width of a panel in CSS pixels: three panels fill a page, one fills a phone.
pub(crate) const WIDTH: f64 = 372.0;
pub(crate) const HEIGHT: f64 = 318.0;

/// A panel's size, and the room around its plot, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Default for Frame {
    fn default() -> Frame {
        Frame { width: WIDTH, height: HEIGHT, left: 52.0, right: 12.0, top: 30.0, bottom: 46.0 }
    }
}

/// Names of a panel and its axes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    /// Name of the panel in the CSV.
    pub(crate) key: &'static str,
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) x_style: Style,
    pub(crate) y_style: Style,
    /// Names of the rows of a scale of rows.
    pub(crate) rows: Vec<String>,
    /// The axis that shows losses in nats per token, which the page can show in bits per byte.
    pub(crate) loss: LossAxis,
}

/// Axes of a panel that show losses in nats per token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LossAxis {
    /// Neither axis.
    #[default]
    Neither,
    Y,
    Both,
}
