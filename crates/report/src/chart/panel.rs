//! A panel: one set of axes with marks on it. Every mark of data is recorded as it is drawn, so that
//! the CSV beside a figure holds exactly what the figure shows.

mod axes;
pub(crate) mod note;

use crate::chart::canvas::{Canvas, Group, Medium, Position, Stroke};
use crate::chart::frame::{Frame, HEIGHT, Labels};
use crate::chart::marker::{Glyph, draw};
use crate::chart::scale::Scale;
use crate::chart::ticks::Style;
use crate::text::three_digits;
use crate::theme::Tone;

const SMALL: f64 = 11.0;
/// Opacity of a band.
const BAND: f64 = 0.14;
/// Lines fainter than this may lie under a note.
const FAINTEST: f64 = 0.4;
/// Distance from one line of a note to the next, CSS pixels.
const LEADING: f64 = 15.0;

/// One mark as drawn, in the units of its axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MarkRow {
    pub(crate) panel: &'static str,
    /// Kind of mark: `run`, `fitted point`, `fit`, `curve`, `minimum`, ...
    pub(crate) mark: &'static str,
    pub(crate) series: String,
    pub(crate) label: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Ends of an interval on the axis that the panel says.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

/// What a mark shows, and of which series and run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) mark: &'static str,
    pub(crate) series: &'a str,
    pub(crate) label: &'a str,
}

/// One set of axes.
pub(crate) struct Panel {
    pub(crate) labels: Labels,
    pub(crate) rows: Vec<MarkRow>,
    pub(crate) frame: Frame,
    /// Equation that the note has where losses are shown in bits per byte.
    pub(crate) formula_in_bits: Option<String>,
    canvas: Canvas,
    x: Scale,
    y: Scale,
    /// Positions of data that a note should not cover.
    taken: Vec<(f64, f64)>,
}

impl Panel {
    pub(crate) fn new(labels: Labels, x: Scale, y: Scale) -> Panel {
        // Powers of ten are the widest labels of ticks.
        let left = match labels.y_style {
            Style::Power => 66.0,
            _ => Frame::default().left,
        };
        let frame = Frame { left, ..Frame::default() };
        Panel::framed(labels, x, y, frame)
    }

    pub(crate) fn framed(labels: Labels, x: Scale, y: Scale, frame: Frame) -> Panel {
        let mut panel = Panel {
            labels,
            frame,
            formula_in_bits: None,
            rows: Vec::new(),
            canvas: Canvas::default(),
            x,
            y,
            taken: Vec::new(),
        };
        panel.axes();
        panel
    }

    /// Share of the height of a plot that a note of so many lines takes.
    pub(crate) fn note_share(lines: usize) -> f64 {
        (lines as f64 * LEADING + 8.0) / (HEIGHT - 76.0)
    }

    pub(crate) fn body(&self, medium: Medium<'_>) -> String {
        self.canvas.body(medium)
    }

    fn open(&mut self, owner: Owner<'_>, title: &str) {
        self.canvas.open(Group {
            class: owner.mark,
            label: owner.label.to_owned(),
            series: owner.series.to_owned(),
            title: title.to_owned(),
        });
    }

    /// Draws the area between two lines over the same x, `(x, low, middle, high)`, cut at the axes. The
    /// middle is recorded, not drawn.
    pub(crate) fn band(&mut self, owner: Owner<'_>, edges: &[(f64, f64, f64, f64)], tone: Tone) {
        let (x, (bottom, top)) = (self.x, self.y.bounds());
        let edges: Vec<_> = edges
            .iter()
            .filter(|e| x.holds(e.0) && e.1.is_finite() && e.3.is_finite())
            .copied()
            .collect();
        if edges.len() < 2 {
            return;
        }
        self.open(owner, "");
        let lower = edges.iter().map(|e| (e.0, e.1.clamp(bottom, top)));
        let upper = edges.iter().rev().map(|e| (e.0, e.3.clamp(bottom, top)));
        let corners: Vec<Position> = lower.chain(upper).map(|at| self.at(at)).collect();
        self.canvas.area(&corners, tone, BAND);
        self.canvas.close();
        for (x, low, middle, high) in edges {
            self.rows.push(row(&self.labels, owner, (x, middle), Some((low, high))));
        }
    }

    /// Draws a line through data. Points that are not finite or lie outside the axes break the line.
    pub(crate) fn line(&mut self, owner: Owner<'_>, points: &[(f64, f64)], stroke: Stroke) {
        self.open(owner, "");
        let (x, y) = (self.x, self.y);
        let inside = |p: &(f64, f64)| x.holds(p.0) && y.holds(p.1);
        for piece in points.split(|p| !inside(p)).filter(|piece| piece.len() > 1) {
            let through: Vec<Position> = piece.iter().map(|at| self.at(*at)).collect();
            self.canvas.line(&through, stroke);
            for point in piece {
                self.rows.push(row(&self.labels, owner, *point, None));
            }
            if stroke.opacity > FAINTEST {
                self.take_line(piece);
            }
        }
        self.canvas.close();
    }

    /// Draws a line across the panel at one height, named above its left end.
    pub(crate) fn level(&mut self, owner: Owner<'_>, y: f64, stroke: Stroke) {
        if !self.y.holds(y) {
            return;
        }
        let (from, to) = self.x.bounds();
        self.line(owner, &[(from, y), (to, y)], stroke);
        self.name_level(owner, y);
    }

    /// Draws a point of data.
    pub(crate) fn point(&mut self, owner: Owner<'_>, at: (f64, f64), glyph: Glyph, title: &str) {
        if !self.x.holds(at.0) || !self.y.holds(at.1) {
            return;
        }
        self.open(owner, title);
        let place = self.at(at);
        draw(&mut self.canvas, place, glyph);
        self.canvas.close();
        self.rows.push(row(&self.labels, owner, at, None));
        self.taken.push(place);
    }

    /// Draws a point with an interval in x (`across`) or in y.
    pub(crate) fn estimate(
        &mut self,
        owner: Owner<'_>,
        at: (f64, f64),
        ends: Option<(f64, f64)>,
        across: bool,
        glyph: Glyph,
    ) {
        if !self.x.holds(at.0) || !self.y.holds(at.1) {
            return;
        }
        let title = match ends {
            Some((low, high)) => format!(
                "{}: {} [{}, {}]",
                owner.label,
                three_digits(if across { at.0 } else { at.1 }),
                three_digits(low),
                three_digits(high)
            ),
            None => owner.label.to_owned(),
        };
        self.open(owner, &title);
        let tone = match glyph {
            Glyph::Point(_, tone) => tone,
            Glyph::Ring(_) | Glyph::Line(..) => Tone::Ink,
        };
        if let Some((low, high)) = ends {
            let scale = if across { self.x } else { self.y };
            let end = |v: f64| if across { (v, at.1) } else { (at.0, v) };
            let (a, b) = (scale.bounds().0.max(low), scale.bounds().1.min(high));
            let bar = [self.at(end(a)), self.at(end(b))];
            self.canvas.line(&bar, Stroke::solid(tone, 1.4));
            let (dx, dy) = if across { (0.0, 3.5) } else { (3.5, 0.0) };
            // An end beyond the axis has no cap.
            for v in [low, high].into_iter().filter(|v| scale.holds(*v)) {
                let (x, y) = self.at(end(v));
                let cap = [(x - dx, y - dy), (x + dx, y + dy)];
                self.canvas.line(&cap, Stroke::solid(tone, 1.4));
            }
            self.taken.extend(bar);
        }
        let place = self.at(at);
        draw(&mut self.canvas, place, glyph);
        self.canvas.close();
        self.rows.push(row(&self.labels, owner, at, ends));
        self.taken.push(place);
    }

    fn px(&self, x: f64) -> f64 {
        let Frame { width, left, right, .. } = self.frame;
        self.x.place(x, (left, width - right))
    }

    fn py(&self, y: f64) -> f64 {
        let Frame { height, top, bottom, .. } = self.frame;
        self.y.place(y, (height - bottom, top))
    }

    /// Position of a point of data.
    fn at(&self, (x, y): (f64, f64)) -> Position {
        (self.px(x), self.py(y))
    }
}

fn row(labels: &Labels, owner: Owner<'_>, (x, y): (f64, f64), ends: Option<(f64, f64)>) -> MarkRow {
    MarkRow {
        panel: labels.key,
        mark: owner.mark,
        series: owner.series.to_owned(),
        label: owner.label.to_owned(),
        x,
        y,
        low: ends.map(|e| e.0),
        high: ends.map(|e| e.1),
    }
}
