//! What colours, shapes and lines mean, once for a figure.

use crate::chart::canvas::{Canvas, Group, Medium, TENTHS};
use crate::chart::marker::{Glyph, draw, drawn, line_style};
use crate::chart::panel::{Stroke, write_text};
use crate::text::{escape, label_len};
use crate::theme::Tone;
use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const SIZE: f64 = 11.5;
const ROW: f64 = 20.0;
/// Mean width of a character in ems.
const CHARACTER: f64 = 0.47;
const KEY: f64 = 20.0;
const GAP: f64 = 16.0;

/// The key of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// No key: a heading of the entries that follow.
    Heading,
    Glyph(Glyph),
    Line(Stroke),
}

/// One key with its meaning.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) text: String,
    /// The size it stands for, which the page isolates by it.
    pub(crate) size: Option<u64>,
}

/// All of a figure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Legend(pub(crate) Vec<Entry>);

impl Legend {
    pub(crate) fn add(&mut self, key: Key, text: impl Into<String>) {
        self.0.push(Entry { key, text: text.into(), size: None });
    }

    pub(crate) fn add_size(&mut self, key: Key, text: impl Into<String>, size: u64) {
        let (text, size) = (text.into(), Some(size));
        self.0.push(Entry { key, text, size });
    }

    /// A strip for a figure file: its SVG elements and its height.
    pub(crate) fn strip(&self, width: f64) -> (String, f64) {
        let mut places = Vec::new();
        let (mut x, mut y) = (0.0, ROW / 2.0);
        for entry in &self.0 {
            let indent = if matches!(entry.key, Key::Heading) { 0.0 } else { KEY };
            let length = indent + label_len(&entry.text) * CHARACTER * SIZE;
            if x > 0.0 && x + length > width {
                (x, y) = (0.0, y + ROW);
            }
            places.push((entry, x, y, indent));
            x += length + GAP;
        }
        let height = if self.0.is_empty() { 0.0 } else { y + ROW / 2.0 };
        let canvas = Canvas::new(width, height.max(1.0));
        canvas.open(Group::plain("legend"));
        for (entry, x, y, indent) in places {
            draw_key(&canvas, entry.key, x, y);
            let tone = if indent == 0.0 { Tone::Muted } else { Tone::Ink };
            let left = Pos::new(HPos::Left, VPos::Center);
            write_text(&canvas.area(), &entry.text, (x + indent, y), SIZE, tone, left);
        }
        canvas.close();
        (canvas.body(Medium::File), height)
    }

    /// A list for the page, which breaks its lines itself.
    pub(crate) fn html(&self) -> String {
        let mut out = String::from("<ul class=\"legend\">");
        for entry in &self.0 {
            let text = escape(&entry.text);
            if matches!(entry.key, Key::Heading) {
                out.push_str(&format!("<li class=\"heading\">{text}</li>"));
                continue;
            }
            let canvas = Canvas::new(KEY, 14.0);
            draw_key(&canvas, entry.key, 0.0, 7.0);
            let size = entry.size.map(|n| format!(" data-n=\"{n}\""));
            let size = size.unwrap_or_default();
            out.push_str(&format!(
                "<li{size}><svg width=\"20\" height=\"14\" aria-hidden=\"true\">{}</svg>{text}</li>",
                canvas.body(Medium::File)
            ));
        }
        out.push_str("</ul>\n");
        out
    }
}

fn draw_key(canvas: &Canvas, key: Key, x: f64, y: f64) {
    let at = |x: f64, y: f64| ((x * TENTHS).round() as i32, (y * TENTHS).round() as i32);
    let area = canvas.area();
    match key {
        Key::Heading => {}
        Key::Glyph(glyph) => draw(&area, at(x + 9.0, y), glyph),
        Key::Line(Stroke { tone, width, opacity, dash }) => {
            canvas.dash(dash);
            let style = line_style(tone, width, opacity);
            drawn(area.draw(&PathElement::new(vec![at(x, y), at(x + 16.0, y)], style)));
            canvas.dash("");
        }
    }
}
