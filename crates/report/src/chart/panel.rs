//! One set of axes with marks on it. Every mark of data is recorded as it is drawn, so that the
//! CSV beside a figure holds exactly what the figure shows.

mod note;

pub(crate) use note::{NoteLine, Trend};

use crate::chart::canvas::{Canvas, TENTHS};
use crate::chart::marker::{Glyph, draw, drawn, line_style};
use crate::chart::scale::Scale;
use crate::chart::ticks::Style;
use crate::theme::Tone;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::element::PathElement;
use plotters::prelude::DrawingArea;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontTransform, IntoFont, TextStyle};

/// CSS pixels; three of them make a page's width, one a phone's.
pub(crate) const WIDTH: f64 = 372.0;
pub(crate) const HEIGHT: f64 = 318.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 46.0;
const BODY: f64 = 12.0;
const SMALL: f64 = 11.0;
/// From one line of a note to the next.
const LEADING: f64 = 15.0;

/// What a panel and its axes are called.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    /// Its column in the CSV.
    pub(crate) key: &'static str,
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) x_style: Style,
    pub(crate) y_style: Style,
}

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
        let canvas = Canvas::new(WIDTH, HEIGHT);
        let root = canvas.area();
        let frame = (
            tenths(LEFT)..tenths(WIDTH - RIGHT),
            tenths(HEIGHT - BOTTOM)..tenths(TOP),
        );
        let plot = root.apply_coord_spec(Cartesian2d::new(x, y, frame));
        let panel = Panel {
            labels,
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
        (lines as f64 * LEADING + 8.0) / (HEIGHT - TOP - BOTTOM)
    }

    pub(crate) fn body(&self) -> String {
        self.canvas.body()
    }

    fn axes(&self) {
        let (x0, x1) = (LEFT, WIDTH - RIGHT);
        let (y0, y1) = (HEIGHT - BOTTOM, TOP);
        let (across, up) = (self.x.ticks(), self.y.ticks());
        self.canvas.open("axes", None, None);
        for v in &across.major {
            self.rule(self.px(*v), y0, self.px(*v), y1, Tone::Grid, 1.0);
        }
        for v in &up.major {
            self.rule(x0, self.py(*v), x1, self.py(*v), Tone::Grid, 1.0);
        }
        self.rule(x0, y0, x1, y0, Tone::Rule, 1.0);
        self.rule(x0, y0, x0, y1, Tone::Rule, 1.0);
        for (values, length) in [(&across.major, 5.0), (&across.minor, 3.0)] {
            for v in values {
                self.rule(self.px(*v), y0, self.px(*v), y0 + length, Tone::Rule, 1.0);
            }
        }
        for (values, length) in [(&up.major, 5.0), (&up.minor, 3.0)] {
            for v in values {
                self.rule(x0 - length, self.py(*v), x0, self.py(*v), Tone::Rule, 1.0);
            }
        }
        for v in &across.major {
            let label = self.labels.x_style.write(*v);
            self.write(
                &label,
                (self.px(*v), y0 + 8.0),
                SMALL,
                Tone::Ink,
                HPos::Center,
                VPos::Top,
            );
        }
        for v in &up.major {
            let label = self.labels.y_style.write(*v);
            self.write(
                &label,
                (x0 - 8.0, self.py(*v)),
                SMALL,
                Tone::Ink,
                HPos::Right,
                VPos::Center,
            );
        }
        self.write(
            &self.labels.title,
            (x0, 14.0),
            13.0,
            Tone::Ink,
            HPos::Left,
            VPos::Center,
        );
        let middle = ((x0 + x1) / 2.0, HEIGHT - 11.0);
        self.write(
            &self.labels.x,
            middle,
            BODY,
            Tone::Ink,
            HPos::Center,
            VPos::Center,
        );
        let style = ("sans-serif", BODY * TENTHS)
            .into_font()
            .transform(FontTransform::Rotate270)
            .color(&Tone::Ink.light())
            .pos(Pos::new(HPos::Center, VPos::Center));
        let beside = (tenths(11.0), tenths((y0 + y1) / 2.0));
        drawn(self.root.draw_text(&self.labels.y, &style, beside));
        self.canvas.close();
    }

    /// A line through data. Points outside the axes or not finite break it.
    pub(crate) fn line(&mut self, owner: Owner<'_>, points: &[(f64, f64)], stroke: Stroke) {
        let run = (owner.mark == "curve").then_some(owner.label);
        self.canvas.open(owner.mark, run, None);
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

    /// A point of data.
    pub(crate) fn point(&mut self, owner: Owner<'_>, at: (f64, f64), glyph: Glyph, title: &str) {
        if !self.x.holds(at.0) || !self.y.holds(at.1) {
            return;
        }
        let run = matches!(owner.mark, "run" | "residual").then_some(owner.label);
        self.canvas
            .open(owner.mark, run, (!title.is_empty()).then_some(title));
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
        self.canvas.open(owner.mark, None, None);
        if let Some((low, high)) = ends {
            let scale = if across { self.x } else { self.y };
            let place = |v: f64| match across {
                true => (self.px(v), self.py(at.1)),
                false => (self.px(at.0), self.py(v)),
            };
            let (a, b) = (scale.bounds().0.max(low), scale.bounds().1.min(high));
            let bar = (place(a), place(b));
            self.rule(bar.0.0, bar.0.1, bar.1.0, bar.1.1, Tone::Ink, 1.4);
            let (dx, dy) = if across { (0.0, 3.5) } else { (3.5, 0.0) };
            // An end beyond the axis has no cap.
            for end in [low, high].into_iter().filter(|v| scale.holds(*v)) {
                let (x, y) = place(end);
                self.rule(x - dx, y - dy, x + dx, y + dy, Tone::Ink, 1.4);
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
        drawn(
            self.root
                .draw(&PathElement::new(ends, line_style(tone, width, 1.0))),
        );
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
    let style: TextStyle<'_> = ("sans-serif", size * TENTHS)
        .into_font()
        .color(&color)
        .pos(pos);
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
