//! Marks: points of several shapes, rings, and the strokes of lines.

use crate::chart::canvas::{Canvas, TENTHS};
use crate::theme::Tone;
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::DrawingArea;
use plotters::style::{Color, ShapeStyle};

/// Shape of a series' points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
    Cross,
    Pennant,
    Saltire,
    Bar,
}

impl Shape {
    /// Of the `k`-th series.
    pub(crate) fn of_series(k: usize) -> Shape {
        [
            Shape::Disc,
            Shape::Square,
            Shape::Triangle,
            Shape::Diamond,
            Shape::Cross,
            Shape::Pennant,
            Shape::Saltire,
            Shape::Bar,
        ][k % 8]
    }
}

/// What is drawn at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Glyph {
    /// A run or an estimate.
    Point(Shape, Tone),
    /// A point that a fit saw.
    Ring(Shape),
    /// A line of this dash, beside words about it.
    Line(Tone, &'static str),
}

/// Length of a line beside words.
const LINE: f64 = 13.0;

/// Half the width of a point, CSS pixels.
const HALF: f64 = 3.4;
/// Half the width of a ring around it.
const RING: f64 = 5.8;

/// Draws a glyph at a position in plotters pixels.
pub(crate) fn draw(area: &DrawingArea<Canvas, Shift>, (x, y): (i32, i32), glyph: Glyph) {
    let at = |half: f64, corners: &[(f64, f64)]| -> Vec<(i32, i32)> {
        let shift = |v: i32, share: f64| v + (share * half * TENTHS).round() as i32;
        corners.iter().map(|(dx, dy)| (shift(x, *dx), shift(y, *dy))).collect()
    };
    let (shape, half, style) = match glyph {
        Glyph::Point(shape, tone) => (shape, HALF, tone.light().filled()),
        Glyph::Line(tone, _) => {
            let reach = (LINE / 2.0 * TENTHS) as i32;
            let ends = vec![(x - reach, y), (x + reach, y)];
            drawn(area.draw(&PathElement::new(ends, line_style(tone, 1.8, 1.0))));
            return;
        }
        Glyph::Ring(shape) => (shape, RING, line_style(Tone::Ink, 1.3, 1.0)),
    };
    const SQUARE: [(f64, f64); 4] = [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)];
    const TRIANGLE: [(f64, f64); 3] = [(0.0, -1.2), (1.1, 0.75), (-1.1, 0.75)];
    const DIAMOND: [(f64, f64); 4] = [(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)];
    const CROSS: [(f64, f64); 12] = [
        (-1.0, -0.35),
        (-0.35, -0.35),
        (-0.35, -1.0),
        (0.35, -1.0),
        (0.35, -0.35),
        (1.0, -0.35),
        (1.0, 0.35),
        (0.35, 0.35),
        (0.35, 1.0),
        (-0.35, 1.0),
        (-0.35, 0.35),
        (-1.0, 0.35),
    ];
    const PENNANT: [(f64, f64); 3] = [(0.0, 1.2), (1.1, -0.75), (-1.1, -0.75)];
    const BAR: [(f64, f64); 4] = [(-1.3, -0.45), (1.3, -0.45), (1.3, 0.45), (-1.3, 0.45)];
    // The cross turned by an eighth.
    let saltire = CROSS.map(|(dx, dy)| ((dx - dy) * 0.8, (dx + dy) * 0.8));
    let corners: &[(f64, f64)] = match shape {
        Shape::Disc => {
            drawn(area.draw(&Circle::new((x, y), (half * TENTHS) as i32, style)));
            return;
        }
        Shape::Square => &SQUARE,
        Shape::Triangle => &TRIANGLE,
        Shape::Diamond => &DIAMOND,
        Shape::Cross => &CROSS,
        Shape::Pennant => &PENNANT,
        Shape::Saltire => &saltire,
        Shape::Bar => &BAR,
    };
    let mut corners = at(half, corners);
    match style.filled {
        true => drawn(area.draw(&Polygon::new(corners, style))),
        false => {
            corners.push(corners[0]);
            drawn(area.draw(&PathElement::new(corners, style)));
        }
    }
}

/// A stroke of `width` CSS pixels.
pub(crate) fn line_style(tone: Tone, width: f64, opacity: f64) -> ShapeStyle {
    tone.light().mix(opacity).stroke_width((width * TENTHS).round() as u32)
}

/// The canvas is a string and areas are used one at a time.
pub(crate) fn drawn<E: std::fmt::Debug>(result: Result<(), E>) {
    result.expect("drawing on a string does not fail");
}
