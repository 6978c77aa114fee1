//! Legends: what the colours, markers and lines of a figure mean.

use crate::chart::canvas::{Canvas, Group, Lettering, Medium, Stroke};
use crate::chart::marker::{Glyph, draw};
use crate::text::{escape, label_len};
use crate::theme::Tone;

const SIZE: f64 = 11.5;
const ROW: f64 = 20.0;
/// Mean width of a character in ems.
const CHARACTER: f64 = 0.47;
const KEY: f64 = 20.0;
const GAP: f64 = 16.0;

/// The key of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// No key, for the heading of the entries that follow.
    Heading,
    Glyph(Glyph),
    Line(Stroke),
}

/// One key with its meaning.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) text: String,
    /// Size that the entry stands for; the page isolates the runs of that size.
    pub(crate) size: Option<u64>,
}

/// The legend of a figure.
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

    /// The legend as a strip of a figure file: SVG elements and height.
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
        let mut canvas = Canvas::default();
        canvas.open(Group::plain("legend"));
        for (entry, x, y, indent) in places {
            draw_key(&mut canvas, entry.key, x, y);
            let tone = if indent == 0.0 { Tone::Muted } else { Tone::Ink };
            canvas.text(&entry.text, (x + indent, y), Lettering::new(SIZE, tone));
        }
        canvas.close();
        (canvas.body(Medium::File), height)
    }

    /// The legend as a list of the page, which breaks its lines itself.
    pub(crate) fn html(&self) -> String {
        let mut out = String::from("<ul class=\"legend\">");
        for entry in &self.0 {
            let text = escape(&entry.text);
            if matches!(entry.key, Key::Heading) {
                out.push_str(&format!("<li class=\"heading\">{text}</li>"));
                continue;
            }
            let mut canvas = Canvas::default();
            draw_key(&mut canvas, entry.key, 0.0, 7.0);
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

fn draw_key(canvas: &mut Canvas, key: Key, x: f64, y: f64) {
    match key {
        Key::Heading => {}
        Key::Glyph(glyph) => draw(canvas, (x + 9.0, y), glyph),
        Key::Line(stroke) => canvas.line(&[(x, y), (x + 16.0, y)], stroke),
    }
}
