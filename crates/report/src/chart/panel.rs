//! One set of axes with marks on it. Every mark of data is recorded as it is drawn, so that the
//! CSV beside a figure holds exactly what the figure shows.

mod axes;
mod note;

pub(crate) use axes::{Frame, HEIGHT, Labels, LossAxis};
pub(crate) use note::{NoteLine, Trend};

use crate::chart::canvas::{Canvas, Group, Medium, TENTHS};
use crate::chart::marker::{Glyph, draw, drawn, line_style};
use crate::chart::scale::Scale;
use crate::chart::ticks::Style;
use crate::text::three_digits;
use crate::theme::Tone;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::{PathElement, Polygon};
use plotters::prelude::DrawingArea;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, TextStyle};

const SMALL: f64 = 11.0;
/// Opacity of a band.
const BAND: f64 = 0.14;
/// From one line of a note to the next.
const LEADING: f64 = 15.0;

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) tone: Tone,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    pub(crate) dash: &'static str,
}

/// One mark as drawn, in the units of its axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drawn {
    pub(crate) panel: &'static str,
    /// `run`, `fitted point`, `fit`, `curve`, `minimum`, ...
    pub(crate) mark: &'static str,
    pub(crate) series: String,
    pub(crate) label: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Ends of an interval on the axis that the panel says.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

/// Whose mark it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) mark: &'static str,
    pub(crate) series: &'a str,
    pub(crate) label: &'a str,
}

/// One set of axes.
pub(crate) struct Panel {
    pub(crate) labels: Labels,
    pub(crate) rows: Vec<Drawn>,
    pub(crate) frame: Frame,
    /// The equation in its note where losses are shown in bits per byte.
    pub(crate) formula_in_bits: Option<String>,
    canvas: Canvas,
    root: DrawingArea<Canvas, Shift>,
    plot: DrawingArea<Canvas, Cartesian2d<Scale, Scale>>,
    x: Scale,
    y: Scale,
    /// Where data has been drawn, CSS pixels: what a note must not cover.
    taken: Vec<(f64, f64)>,
}

impl Panel {
    pub(crate) fn new(labels: Labels, x: Scale, y: Scale) -> Panel {
        // Powers of ten are the widest of ticks.
        let left = match labels.y_style {
            Style::Power => 66.0,
            _ => Frame::default().left,
        };
        let frame = Frame { left, ..Frame::default() };
        Panel::framed(labels, x, y, frame)
    }

    pub(crate) fn framed(labels: Labels, x: Scale, y: Scale, frame: Frame) -> Panel {
        let canvas = Canvas::new(frame.width, frame.height);
        let root = canvas.area();
        let place = (
            tenths(frame.left)..tenths(frame.width - frame.right),
            tenths(frame.height - frame.bottom)..tenths(frame.top),
        );
        let plot = root.apply_coord_spec(Cartesian2d::new(x, y, place));
        let panel = Panel {
            labels,
            frame,
            formula_in_bits: None,
            rows: Vec::new(),
            canvas,
            root,
            plot,
            x,
            y,
            taken: Vec::new(),
        };
        panel.axes();
        panel
    }

    /// Height of a note of so many lines as a share of the plot, to keep room for it.
    pub(crate) fn note_share(lines: usize) -> f64 {
        (lines as f64 * LEADING + 8.0) / (HEIGHT - 76.0)
    }

    pub(crate) fn body(&self, medium: Medium<'_>) -> String {
        self.canvas.body(medium)
    }

    fn open(&self, owner: Owner<'_>, title: &str) {
        self.canvas.open(Group {
            class: owner.mark,
            label: owner.label.to_owned(),
            series: owner.series.to_owned(),
            title: title.to_owned(),
        });
    }

    /// The area between two lines over the same x, `(x, low, middle, high)`, cut at the axes. The
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
        let corners: Vec<(f64, f64)> = lower.chain(upper).collect();
        let style = tone.light().mix(BAND).filled();
        drawn(self.plot.draw(&Polygon::new(corners, style)));
        self.canvas.close();
        for (x, low, middle, high) in edges {
            self.rows.push(row(&self.labels, owner, (x, middle), Some((low, high))));
        }
    }

    /// A line through data. Points outside the axes or not finite break it.
    pub(crate) fn line(&mut self, owner: Owner<'_>, points: &[(f64, f64)], stroke: Stroke) {
        self.open(owner, "");
        self.canvas.dash(stroke.dash);
        let (x, y) = (self.x, self.y);
        let inside = |p: &(f64, f64)| x.holds(p.0) && y.holds(p.1);
        for piece in points.split(|p| !inside(p)).filter(|piece| piece.len() > 1) {
            let style = line_style(stroke.tone, stroke.width, stroke.opacity);
            drawn(self.plot.draw(&PathElement::new(piece.to_vec(), style)));
            for point in piece {
                self.rows.push(row(&self.labels, owner, *point, None));
            }
            if stroke.opacity > note::FAINTEST {
                self.take_line(piece);
            }
        }
        self.canvas.dash("");
        self.canvas.close();
    }

    /// A line from end to end at one height, named above its left end.
    pub(crate) fn level(&mut self, owner: Owner<'_>, y: f64, stroke: Stroke) {
        if !self.y.holds(y) {
            return;
        }
        let (from, to) = self.x.bounds();
        self.line(owner, &[(from, y), (to, y)], stroke);
        self.name_level(owner, y);
    }

    /// A point of data.
    pub(crate) fn point(&mut self, owner: Owner<'_>, at: (f64, f64), glyph: Glyph, title: &str) {
        if !self.x.holds(at.0) || !self.y.holds(at.1) {
            return;
        }
        self.open(owner, title);
        draw(&self.root, self.plot.map_coordinate(&at), glyph);
        self.canvas.close();
        self.rows.push(row(&self.labels, owner, at, None));
        self.taken.push((self.px(at.0), self.py(at.1)));
    }

    /// A point with an interval in x (`across`) or in y.
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
            let place = |v: f64| match across {
                true => (self.px(v), self.py(at.1)),
                false => (self.px(at.0), self.py(v)),
            };
            let (a, b) = (scale.bounds().0.max(low), scale.bounds().1.min(high));
            let bar = (place(a), place(b));
            self.rule(bar.0.0, bar.0.1, bar.1.0, bar.1.1, tone, 1.4);
            let (dx, dy) = if across { (0.0, 3.5) } else { (3.5, 0.0) };
            // An end beyond the axis has no cap.
            for end in [low, high].into_iter().filter(|v| scale.holds(*v)) {
                let (x, y) = place(end);
                self.rule(x - dx, y - dy, x + dx, y + dy, tone, 1.4);
            }
            self.taken.extend([bar.0, bar.1]);
        }
        draw(&self.root, self.plot.map_coordinate(&at), glyph);
        self.canvas.close();
        self.rows.push(row(&self.labels, owner, at, ends));
        self.taken.push((self.px(at.0), self.py(at.1)));
    }

    fn px(&self, x: f64) -> f64 {
        f64::from(self.plot.map_coordinate(&(x, self.y.bounds().0)).0) / TENTHS
    }

    fn py(&self, y: f64) -> f64 {
        f64::from(self.plot.map_coordinate(&(self.x.bounds().0, y)).1) / TENTHS
    }

    fn rule(&self, x0: f64, y0: f64, x1: f64, y1: f64, tone: Tone, width: f64) {
        let ends = vec![(tenths(x0), tenths(y0)), (tenths(x1), tenths(y1))];
        drawn(self.root.draw(&PathElement::new(ends, line_style(tone, width, 1.0))));
    }

    fn write(&self, text: &str, at: (f64, f64), size: f64, tone: Tone, h: HPos, v: VPos) {
        write_text(&self.root, text, at, size, tone, Pos::new(h, v));
    }
}

/// Text at a position in CSS pixels.
pub(crate) fn write_text(
    area: &DrawingArea<Canvas, Shift>,
    text: &str,
    (x, y): (f64, f64),
    size: f64,
    tone: Tone,
    pos: Pos,
) {
    let color = tone.light();
    let style: TextStyle<'_> = ("sans-serif", size * TENTHS).into_font().color(&color).pos(pos);
    drawn(area.draw_text(text, &style, (tenths(x), tenths(y))));
}

fn row(labels: &Labels, owner: Owner<'_>, (x, y): (f64, f64), ends: Option<(f64, f64)>) -> Drawn {
    Drawn {
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

fn tenths(px: f64) -> i32 {
    (px * TENTHS).round() as i32
}
