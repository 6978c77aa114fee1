//! A plotters backend that writes SVG.
//!
//! plotters' own places every mark on whole pixels, cannot dash a line, gives its elements no
//! class, group or title, and aligns text by `ex`, which renderers read differently. Here a
//! plotters pixel is a tenth of a CSS pixel, a colour of the theme becomes a class that a style
//! sheet paints light or dark, and marks are grouped under the run that they show.

use crate::text::{escape, svg_label};
use crate::theme::Tone;
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea};
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::rc::Rc;

/// plotters pixels in a CSS pixel.
pub(crate) const TENTHS: f64 = 10.0;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// A sheet of SVG. Clones write on the same sheet.
#[derive(Clone)]
pub(crate) struct Canvas {
    sheet: Rc<RefCell<Sheet>>,
    /// CSS pixels.
    size: (f64, f64),
}

#[derive(Default)]
struct Sheet {
    items: Vec<Item>,
    dash: &'static str,
    halo: bool,
}

/// What has been drawn, before it is known for whom.
enum Item {
    /// Elements, written out.
    Elements(String),
    Open(Group),
    Close,
}

/// Marks that belong together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) class: &'static str,
    /// Run id, or any label.
    pub(crate) label: String,
    pub(crate) series: String,
    /// Tooltip of a file.
    pub(crate) title: String,
}

/// Where a drawing is going.
#[derive(Clone, Copy)]
pub(crate) enum Medium<'a> {
    /// A file of its own: groups carry their tooltip.
    File,
    /// The page, whose script knows runs and series by number.
    Page(&'a Numbers<'a>),
}

/// Runs and series by number.
#[derive(Default)]
pub(crate) struct Numbers<'a> {
    pub(crate) runs: HashMap<&'a str, usize>,
    /// Empty where there is one series alone.
    pub(crate) series: HashMap<&'a str, usize>,
}

impl Canvas {
    pub(crate) fn new(width: f64, height: f64) -> Canvas {
        Canvas { sheet: Rc::default(), size: (width, height) }
    }

    /// The whole sheet as a plotters area.
    pub(crate) fn area(&self) -> DrawingArea<Canvas, Shift> {
        self.clone().into_drawing_area()
    }

    /// What has been drawn: SVG elements without the `svg` around them.
    pub(crate) fn body(&self, medium: Medium<'_>) -> String {
        let mut body = String::new();
        for item in &self.sheet.borrow().items {
            match item {
                Item::Elements(elements) => body.push_str(elements),
                Item::Open(group) => group.write(&mut body, medium),
                Item::Close => body.push_str("</g>\n"),
            }
        }
        body
    }

    /// Lines from here on are dashed; `""` for solid.
    pub(crate) fn dash(&self, pattern: &'static str) {
        self.sheet.borrow_mut().dash = pattern;
    }

    /// Text from here on has an outline of paper, for reading across lines.
    pub(crate) fn halo(&self, on: bool) {
        self.sheet.borrow_mut().halo = on;
    }

    /// Opens a group of marks.
    pub(crate) fn open(&self, group: Group) {
        self.sheet.borrow_mut().items.push(Item::Open(group));
    }

    pub(crate) fn close(&self) {
        self.sheet.borrow_mut().items.push(Item::Close);
    }

    fn path(&self, points: impl IntoIterator<Item = BackendCoord>, paint: &str, end: &str) {
        let sheet = &mut *self.sheet.borrow_mut();
        let dash = sheet.dash;
        let body = sheet.elements();
        body.push_str("<path d=\"");
        let mut last = None;
        for (x, y) in points {
            match last {
                None => push(body, format_args!("M{},{}", Px(x), Px(y))),
                // Relative steps are shorter: most of a page's bytes are learning curves.
                Some((px, py)) => push(body, format_args!("l{},{}", Px(x - px), Px(y - py))),
            }
            last = Some((x, y));
        }
        push(body, format_args!("{end}\" {paint}"));
        if !dash.is_empty() && end.is_empty() {
            push(body, format_args!(" stroke-dasharray=\"{dash}\""));
        }
        body.push_str("/>\n");
    }
}

impl Sheet {
    /// The text to add elements to.
    fn elements(&mut self) -> &mut String {
        if !matches!(self.items.last(), Some(Item::Elements(_))) {
            self.items.push(Item::Elements(String::new()));
        }
        match self.items.last_mut() {
            Some(Item::Elements(text)) => text,
            _ => unreachable!("pushed above"),
        }
    }
}

impl Group {
    /// Without an owner: axes, notes.
    pub(crate) fn plain(class: &'static str) -> Group {
        Group { class, ..Group::default() }
    }

    fn write(&self, body: &mut String, medium: Medium<'_>) {
        push(body, format_args!("<g class=\"{}\"", self.class));
        let Medium::Page(numbers) = medium else {
            body.push('>');
            if !self.title.is_empty() {
                push(body, format_args!("<title>{}</title>", escape(&self.title)));
            }
            return;
        };
        if let Some(run) = numbers.runs.get(self.label.as_str()) {
            push(body, format_args!(" data-r=\"{run}\""));
        } else if !self.title.is_empty() {
            push(body, format_args!(" data-t=\"{}\"", escape(&self.title)));
        }
        if let Some(series) = numbers.series.get(self.series.as_str()) {
            push(body, format_args!(" data-s=\"{series}\""));
        }
        body.push('>');
    }
}

/// A length in tenths, written in CSS pixels.
struct Px(i32);

impl std::fmt::Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 % 10 {
            0 => write!(f, "{}", self.0 / 10),
            _ => write!(f, "{}", f64::from(self.0) / TENTHS),
        }
    }
}

fn push(body: &mut String, text: std::fmt::Arguments<'_>) {
    body.write_fmt(text).expect("writing to a string does not fail");
}

/// The class of a colour, and its opacity as an attribute of the stroke or the fill: opacity of the
/// whole element would cost a renderer a layer for each.
fn paint_of(color: BackendColor, of: &str) -> (String, String) {
    let class = Tone::of(color.rgb).map(Tone::class).unwrap_or_default();
    let opacity = match color.alpha < 1.0 {
        true => format!(" {of}-opacity=\"{}\"", (color.alpha * 100.0).round() / 100.0),
        false => String::new(),
    };
    (class, opacity)
}

fn stroked<S: BackendStyle>(style: &S) -> String {
    let (class, opacity) = paint_of(style.color(), "stroke");
    let width = f64::from(style.stroke_width()) / TENTHS;
    format!("class=\"l {class}\" stroke-width=\"{width}\"{opacity}")
}

fn filled<S: BackendStyle>(style: &S) -> String {
    let (class, opacity) = paint_of(style.color(), "fill");
    format!("class=\"f {class}\"{opacity}")
}

impl DrawingBackend for Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        ((self.size.0 * TENTHS) as u32, (self.size.1 * TENTHS) as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.path([(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], &filled(&color), "Z");
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.path([from, to], &stroked(style), "");
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let paint = if fill { filled(style) } else { stroked(style) };
        self.path([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], &paint, "Z");
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        match points.split_last() {
            Some((last, rest)) if rest.len() > 2 && rest[0] == *last => {
                self.path(rest.iter().copied(), &stroked(style), "Z");
            }
            _ => self.path(points, &stroked(style), ""),
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        self.path(corners, &filled(style), "Z");
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let paint = if fill { filled(style) } else { stroked(style) };
        let r = f64::from(radius) / TENTHS;
        push(
            self.sheet.borrow_mut().elements(),
            format_args!("<circle cx=\"{}\" cy=\"{}\" r=\"{r}\" {paint}/>\n", Px(x), Px(y)),
        );
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        (x, y): BackendCoord,
    ) -> Drawn {
        let size = style.size() / TENTHS;
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        // Shares of the em from the anchor down to the baseline: ascender, half of a capital.
        let drop = size
            * match style.anchor().v_pos {
                VPos::Top => 0.76,
                VPos::Center => 0.35,
                VPos::Bottom => 0.0,
            };
        let (x, y) = (f64::from(x) / TENTHS, f64::from(y) / TENTHS);
        let turn = match style.transform() {
            FontTransform::None => String::new(),
            FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            FontTransform::Rotate180 => format!(" transform=\"rotate(180 {x} {y})\""),
            FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
        };
        let (class, _) = paint_of(style.color(), "fill");
        let sheet = &mut *self.sheet.borrow_mut();
        let halo = if sheet.halo { " h" } else { "" };
        push(
            sheet.elements(),
            format_args!(
                "<text class=\"f {class}{halo}\" x=\"{x}\" y=\"{:.1}\" font-size=\"{size}\" \
                 text-anchor=\"{anchor}\"{turn}>{}</text>\n",
                y + drop,
                svg_label(text, size)
            ),
        );
        Ok(())
    }
}
