//! A plotters backend that writes SVG.
//!
//! plotters' own places every mark on whole pixels, cannot dash a line, gives its elements no
//! class, group or title, and aligns text by `ex`, which renderers read differently. Here a
//! plotters pixel is a tenth of a CSS pixel, a colour of the theme becomes a class that the page
//! can turn dark, and marks can be grouped under the run they show.

use crate::text::{escape, svg_label};
use crate::theme::{Tone, hex};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, VPos};
use plotters::style::{FontTransform, RGBColor};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use std::cell::RefCell;
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
    body: String,
    dash: &'static str,
    halo: bool,
}

impl Canvas {
    pub(crate) fn new(width: f64, height: f64) -> Canvas {
        Canvas {
            sheet: Rc::default(),
            size: (width, height),
        }
    }

    /// The whole sheet as a plotters area.
    pub(crate) fn area(&self) -> DrawingArea<Canvas, Shift> {
        self.clone().into_drawing_area()
    }

    /// What has been drawn: SVG elements without the `svg` around them.
    pub(crate) fn body(&self) -> String {
        self.sheet.borrow().body.clone()
    }

    /// Lines from here on are dashed; `""` for solid.
    pub(crate) fn dash(&self, pattern: &'static str) {
        self.sheet.borrow_mut().dash = pattern;
    }

    /// Text from here on has an outline of paper, for reading across lines.
    pub(crate) fn halo(&self, on: bool) {
        self.sheet.borrow_mut().halo = on;
    }

    /// Opens a group of marks. `run` names the run shown, `title` is its tooltip.
    pub(crate) fn open(&self, class: &str, run: Option<&str>, title: Option<&str>) {
        let body = &mut self.sheet.borrow_mut().body;
        push(body, format_args!("<g class=\"{}\"", escape(class)));
        if let Some(run) = run {
            push(body, format_args!(" data-run=\"{}\"", escape(run)));
        }
        body.push('>');
        if let Some(title) = title {
            push(body, format_args!("<title>{}</title>", escape(title)));
        }
    }

    pub(crate) fn close(&self) {
        self.sheet.borrow_mut().body.push_str("</g>\n");
    }

    fn path(&self, points: impl IntoIterator<Item = BackendCoord>, paint: &str, end: &str) {
        let sheet = &mut *self.sheet.borrow_mut();
        sheet.body.push_str("<path d=\"");
        let mut last = None;
        for (x, y) in points {
            match last {
                None => push(&mut sheet.body, format_args!("M{},{}", Px(x), Px(y))),
                // Relative steps are shorter: most of a page's bytes are learning curves.
                Some((px, py)) => push(
                    &mut sheet.body,
                    format_args!("l{},{}", Px(x - px), Px(y - py)),
                ),
            }
            last = Some((x, y));
        }
        push(&mut sheet.body, format_args!("{end}\" {paint}"));
        if !sheet.dash.is_empty() && end.is_empty() {
            push(
                &mut sheet.body,
                format_args!(" stroke-dasharray=\"{}\"", sheet.dash),
            );
        }
        sheet.body.push_str("/>\n");
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
    body.write_fmt(text)
        .expect("writing to a string does not fail");
}

fn color_of(color: BackendColor) -> (String, String, String) {
    let (r, g, b) = color.rgb;
    let class = Tone::of(color.rgb).map(Tone::class).unwrap_or_default();
    let opacity = match color.alpha < 1.0 {
        true => format!(" opacity=\"{}\"", (color.alpha * 100.0).round() / 100.0),
        false => String::new(),
    };
    (class, hex(RGBColor(r, g, b)), opacity)
}

fn stroked<S: BackendStyle>(style: &S) -> String {
    let (class, color, opacity) = color_of(style.color());
    let width = f64::from(style.stroke_width()) / TENTHS;
    format!(
        "class=\"l {class}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"{opacity}"
    )
}

fn filled<S: BackendStyle>(style: &S) -> String {
    let (class, color, opacity) = color_of(style.color());
    format!("class=\"f {class}\" fill=\"{color}\"{opacity}")
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
        self.path(
            [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)],
            &filled(&color),
            "Z",
        );
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
        self.path(
            path,
            &format!("{} stroke-linejoin=\"round\"", stroked(style)),
            "",
        );
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
            &mut self.sheet.borrow_mut().body,
            format_args!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{r}\" {paint}/>\n",
                Px(x),
                Px(y)
            ),
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
        let (class, color, _) = color_of(style.color());
        let sheet = &mut *self.sheet.borrow_mut();
        let (halo, outline) = match sheet.halo {
            true => (
                " h",
                format!(
                    " stroke=\"{}\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"",
                    hex(Tone::Paper.light())
                ),
            ),
            false => ("", String::new()),
        };
        push(
            &mut sheet.body,
            format_args!(
                "<text class=\"f {class}{halo}\" x=\"{x}\" y=\"{:.1}\" font-size=\"{size}\" \
                 text-anchor=\"{anchor}\" fill=\"{color}\"{outline}{turn}>{}</text>\n",
                y + drop,
                svg_label(text, size)
            ),
        );
        Ok(())
    }
}
