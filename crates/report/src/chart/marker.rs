//! Marks at a point: markers of several outlines, rings around them, short lines.

use crate::chart::canvas::{Canvas, Position, Stroke};
use crate::theme::Tone;

/// Outline of the points of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Disc,
    Square,
    Triangle,
    Diamond,
    Cross,
    Pennant,
    Saltire,
    Bar,
}

impl Marker {
    /// Marker of the `k`-th series.
    pub(crate) fn of_series(k: usize) -> Marker {
        [
            Marker::Disc,
            Marker::Square,
            Marker::Triangle,
            Marker::Diamond,
            Marker::Cross,
            Marker::Pennant,
            Marker::Saltire,
            Marker::Bar,
        ][k % 8]
    }
}

/// A small drawing at a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Glyph {
    /// A filled marker: a run or an estimate.
    Point(Marker, Tone),
    /// An outline around a point that a fit used.
    Ring(Marker),
    /// A short line with these dashes, beside words about a line.
    Line(Tone, &'static str),
}

/// Length of a line beside words, CSS pixels.
const LINE: f64 = 13.0;

/// Half the width of a point, CSS pixels.
const HALF: f64 = 3.4;
/// Half the width of a ring around a point, CSS pixels.
const RING: f64 = 5.8;

/// Stroke of a ring.
const RING_LINE: Stroke = Stroke::solid(Tone::Ink, 1.3);

const SQUARE: [Position; 4] = [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)];
const TRIANGLE: [Position; 3] = [(0.0, -1.2), (1.1, 0.75), (-1.1, 0.75)];
const DIAMOND: [Position; 4] = [(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)];
const CROSS: [Position; 12] = [
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
const PENNANT: [Position; 3] = [(0.0, 1.2), (1.1, -0.75), (-1.1, -0.75)];
const BAR: [Position; 4] = [(-1.3, -0.45), (1.3, -0.45), (1.3, 0.45), (-1.3, 0.45)];

impl Marker {
    /// Corners about the middle, in half widths; none of a disc.
    fn corners(self) -> Vec<Position> {
        match self {
            Marker::Disc => Vec::new(),
            Marker::Square => SQUARE.into(),
            Marker::Triangle => TRIANGLE.into(),
            Marker::Diamond => DIAMOND.into(),
            Marker::Cross => CROSS.into(),
            Marker::Pennant => PENNANT.into(),
            // A saltire is the cross turned by an eighth.
            Marker::Saltire => CROSS.map(|(dx, dy)| ((dx - dy) * 0.8, (dx + dy) * 0.8)).into(),
            Marker::Bar => BAR.into(),
        }
    }
}

/// Draws a glyph at a position.
pub(crate) fn draw(canvas: &mut Canvas, (x, y): Position, glyph: Glyph) {
    let around = |marker: Marker, half: f64| -> Vec<Position> {
        // Rounding middle and corner apart gives a marker one outline wherever it stands.
        let shift = |v: f64, share: f64| tenths(v) + tenths(share * half);
        marker.corners().into_iter().map(|(dx, dy)| (shift(x, dx), shift(y, dy))).collect()
    };
    match glyph {
        Glyph::Point(Marker::Disc, tone) => canvas.disc((x, y), HALF, tone),
        Glyph::Point(marker, tone) => canvas.area(&around(marker, HALF), tone, 1.0),
        Glyph::Ring(Marker::Disc) => canvas.circle((x, y), RING, RING_LINE),
        Glyph::Ring(marker) => canvas.outline(&around(marker, RING), RING_LINE),
        Glyph::Line(tone, dash) => {
            let ends = [(x - LINE / 2.0, y), (x + LINE / 2.0, y)];
            canvas.line(&ends, Stroke { dash, ..Stroke::solid(tone, 1.8) });
        }
    }
}

fn tenths(px: f64) -> f64 {
    (px * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::canvas::Medium;

    #[test]
    fn a_marker_has_one_outline_wherever_it_stands() {
        for k in 0..8 {
            let steps = |at: Position| {
                let mut canvas = Canvas::default();
                draw(&mut canvas, at, Glyph::Point(Marker::of_series(k), Tone::Ink));
                let svg = canvas.body(Medium::File);
                // What follows the first position: steps of a path, the radius of a disc.
                let rest = svg.split_once(if k == 0 { " r=" } else { "l" });
                rest.map(|(_, rest)| rest.to_owned())
            };
            let still = steps((100.0, 50.0));
            assert!(still.is_some());
            for shift in [0.03, 0.049, 0.25, 0.5, 0.96] {
                assert_eq!(steps((100.0 + shift, 50.0 - shift)), still, "{k} {shift}");
            }
        }
    }
}
