//! A sheet of SVG: lines, areas, discs and text at positions in CSS pixels.
//!
//! A mark carries the class of its tone, which a style sheet paints light or dark, and stands in a
//! group that names the run it shows. Positions are written to a tenth of a pixel.

use crate::text::{escape, svg_label};
use crate::theme::Tone;
use std::collections::HashMap;
use std::fmt::Write as _;

/// A position: to the right and down, CSS pixels.
pub(crate) type Position = (f64, f64);

/// A sheet that is drawn on.
#[derive(Default)]
pub(crate) struct Canvas {
    items: Vec<Item>,
}

/// A part of a sheet, before it is known for whom the sheet is written.
enum Item {
    /// SVG elements, written out.
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
    /// Tooltip in a file.
    pub(crate) title: String,
}

/// Where a drawing is going.
#[derive(Clone, Copy)]
pub(crate) enum Medium<'a> {
    /// A file of its own: groups carry their tooltip.
    File,
    /// The page, whose script knows runs and series by number.
    Page(&'a Numbering<'a>),
}

/// Numbers by which the page's script knows runs and series.
#[derive(Default)]
pub(crate) struct Numbering<'a> {
    pub(crate) runs: HashMap<&'a str, usize>,
    /// Empty where all runs are of one series.
    pub(crate) series: HashMap<&'a str, usize>,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) tone: Tone,
    /// CSS pixels.
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    /// Lengths of dashes and gaps as SVG writes them; `""` for a solid line.
    pub(crate) dash: &'static str,
}

impl Stroke {
    /// A solid line.
    pub(crate) const fn solid(tone: Tone, width: f64) -> Stroke {
        Stroke { tone, width, opacity: 1.0, dash: "" }
    }
}

/// How text looks and where it stands by its position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lettering {
    /// CSS pixels.
    pub(crate) size: f64,
    pub(crate) tone: Tone,
    pub(crate) side: Side,
    pub(crate) edge: Edge,
    /// Whether an outline of paper sets the text off from lines behind it.
    pub(crate) halo: bool,
    /// Whether the text runs upwards.
    pub(crate) upward: bool,
}

/// The end of a text at its position.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Left,
    Center,
    Right,
}

/// The height of a text at its position.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edge {
    Top,
    Middle,
    Bottom,
}

impl Lettering {
    /// Text to the right of its position, centred on its height.
    pub(crate) const fn new(size: f64, tone: Tone) -> Lettering {
        let (side, edge) = (Side::Left, Edge::Middle);
        Lettering { size, tone, side, edge, halo: false, upward: false }
    }

    pub(crate) const fn at(self, side: Side, edge: Edge) -> Lettering {
        Lettering { side, edge, ..self }
    }

    pub(crate) const fn with_halo(self) -> Lettering {
        Lettering { halo: true, ..self }
    }

    pub(crate) const fn turned_upward(self) -> Lettering {
        Lettering { upward: true, ..self }
    }
}

impl Canvas {
    /// SVG elements of what has been drawn, without the `svg` around them.
    pub(crate) fn body(&self, medium: Medium<'_>) -> String {
        let mut body = String::new();
        for item in &self.items {
            match item {
                Item::Elements(elements) => body.push_str(elements),
                Item::Open(group) => group.write(&mut body, medium),
                Item::Close => body.push_str("</g>\n"),
            }
        }
        body
    }

    /// Opens a group of marks.
    pub(crate) fn open(&mut self, group: Group) {
        self.items.push(Item::Open(group));
    }

    pub(crate) fn close(&mut self) {
        self.items.push(Item::Close);
    }

    /// A line through positions.
    pub(crate) fn line(&mut self, through: &[Position], stroke: Stroke) {
        let dash = match stroke.dash {
            "" => String::new(),
            dash => format!(" stroke-dasharray=\"{dash}\""),
        };
        self.path(through, "", &format!("{}{dash}", stroked(stroke)));
    }

    /// Lines that share no position, as one element: the ticks of an axis are most of a small panel.
    pub(crate) fn lines(&mut self, all: &[[Position; 2]], stroke: Stroke) {
        let data: String = all.iter().map(|ends| path_data(ends)).collect();
        self.add(format_args!("<path d=\"{data}\" {}/>\n", stroked(stroke)));
    }

    /// A solid line around corners.
    pub(crate) fn outline(&mut self, corners: &[Position], stroke: Stroke) {
        self.path(corners, "Z", &stroked(stroke));
    }

    /// The area between corners.
    pub(crate) fn area(&mut self, corners: &[Position], tone: Tone, opacity: f64) {
        self.path(corners, "Z", &filled(tone, opacity));
    }

    pub(crate) fn disc(&mut self, center: Position, radius: f64, tone: Tone) {
        self.round(center, radius, &filled(tone, 1.0));
    }

    pub(crate) fn circle(&mut self, center: Position, radius: f64, stroke: Stroke) {
        self.round(center, radius, &stroked(stroke));
    }

    pub(crate) fn text(&mut self, text: &str, (x, y): Position, lettering: Lettering) {
        let Lettering { size, tone, side, edge, halo, upward } = lettering;
        let anchor = match side {
            Side::Left => "start",
            Side::Center => "middle",
            Side::Right => "end",
        };
        // The baseline lies below the position by a share of the em: the ascender, or half of a capital.
        let drop = size
            * match edge {
                Edge::Top => 0.76,
                Edge::Middle => 0.35,
                Edge::Bottom => 0.0,
            };
        let (x, y) = (Tenths::of(x), Tenths::of(y));
        let turn = match upward {
            true => format!(" transform=\"rotate(270 {x} {y})\""),
            false => String::new(),
        };
        let baseline = y.px() + drop;
        self.add(format_args!(
            "<text class=\"f {}{}\" x=\"{x}\" y=\"{baseline:.1}\" font-size=\"{size}\" \
             text-anchor=\"{anchor}\"{turn}>{}</text>\n",
            tone.class(),
            if halo { " h" } else { "" },
            svg_label(text, size)
        ));
    }

    fn path(&mut self, through: &[Position], end: &str, paint: &str) {
        let data = path_data(through);
        self.add(format_args!("<path d=\"{data}{end}\" {paint}/>\n"));
    }

    fn round(&mut self, (x, y): Position, radius: f64, paint: &str) {
        let (x, y) = (Tenths::of(x), Tenths::of(y));
        self.add(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" {paint}/>\n"));
    }

    /// Adds elements to those since the last group was opened or closed.
    fn add(&mut self, elements: std::fmt::Arguments<'_>) {
        match self.items.last_mut() {
            Some(Item::Elements(text)) => push(text, elements),
            _ => self.items.push(Item::Elements(elements.to_string())),
        }
    }
}

impl Group {
    /// Marks without an owner: axes, notes.
    pub(crate) fn plain(class: &'static str) -> Group {
        Group { class, ..Group::default() }
    }

    fn write(&self, body: &mut String, medium: Medium<'_>) {
        body.push_str(&format!("<g class=\"{}\"", self.class));
        let Medium::Page(numbering) = medium else {
            body.push('>');
            if !self.title.is_empty() {
                body.push_str(&format!("<title>{}</title>", escape(&self.title)));
            }
            return;
        };
        if let Some(run) = numbering.runs.get(self.label.as_str()) {
            body.push_str(&format!(" data-r=\"{run}\""));
        } else if !self.title.is_empty() {
            body.push_str(&format!(" data-t=\"{}\"", escape(&self.title)));
        }
        if let Some(series) = numbering.series.get(self.series.as_str()) {
            body.push_str(&format!(" data-s=\"{series}\""));
        }
        body.push('>');
    }
}

/// A length in tenths of a CSS pixel, written in pixels.
#[derive(Clone, Copy)]
struct Tenths(i32);

impl Tenths {
    fn of(px: f64) -> Tenths {
        Tenths((px * 10.0).round() as i32)
    }

    fn px(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

impl std::fmt::Display for Tenths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.px())
    }
}

/// What draws a line through positions, in relative steps, which are shorter: most of a page's bytes are learning
/// curves.
fn path_data(through: &[Position]) -> String {
    let mut data = String::new();
    let mut last = None;
    for (x, y) in through.iter().map(|(x, y)| (Tenths::of(*x), Tenths::of(*y))) {
        match last {
            None => push(&mut data, format_args!("M{x},{y}")),
            Some((Tenths(px), Tenths(py))) => {
                push(&mut data, format_args!("l{},{}", Tenths(x.0 - px), Tenths(y.0 - py)));
            }
        }
        last = Some((x, y));
    }
    data
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a string does not fail");
}

fn stroked(Stroke { tone, width, opacity, .. }: Stroke) -> String {
    format!("class=\"l {}\" stroke-width=\"{width}\"{}", tone.class(), share("stroke", opacity))
}

fn filled(tone: Tone, opacity: f64) -> String {
    format!("class=\"f {}\"{}", tone.class(), share("fill", opacity))
}

/// Opacity as an attribute of the stroke or the fill: opacity of the whole element would cost a
/// renderer a layer for each.
fn share(of: &str, opacity: f64) -> String {
    match opacity < 1.0 {
        true => format!(" {of}-opacity=\"{}\"", (opacity * 100.0).round() / 100.0),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(draw: impl FnOnce(&mut Canvas)) -> String {
        let mut canvas = Canvas::default();
        draw(&mut canvas);
        canvas.body(Medium::File)
    }

    #[test]
    fn a_line_is_written_in_relative_steps_that_end_where_its_positions_do() {
        let stroke = Stroke { opacity: 0.5, dash: "3 2", ..Stroke::solid(Tone::Size(3), 1.25) };
        // Each step is under a twentieth of a pixel: rounded by themselves all would be nothing.
        let through: Vec<Position> = (0..=30).map(|k| (f64::from(k) * 0.04, 7.0)).collect();
        let line = drawn(|canvas| canvas.line(&through, stroke));
        assert!(line.starts_with("<path d=\"M0,7l0,0l0.1,0"), "{line}");
        let end = "\" class=\"l s3\" stroke-width=\"1.25\" stroke-opacity=\"0.5\" stroke-dasharray=\"3 2\"/>\n";
        assert!(line.ends_with(end), "{line}");
        let steps = line.split('l').skip(1).filter_map(|step| step.split(',').next());
        let sum: f64 = steps.filter_map(|dx| dx.parse::<f64>().ok()).sum();
        assert!((sum - 1.2).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn every_tone_paints_by_its_class_and_never_by_a_colour() {
        for tone in Tone::all() {
            let class = tone.class();
            let marks = drawn(|canvas| {
                canvas.disc((1.0, 2.0), 3.4, tone);
                canvas.area(&[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)], tone, 1.0);
                canvas.text("a", (0.0, 0.0), Lettering::new(10.0, tone));
            });
            assert_eq!(marks.matches(&format!("class=\"f {class}\"")).count(), 3, "{marks}");
            assert!(!marks.contains("fill=") && !marks.contains('#'), "{marks}");
        }
    }

    #[test]
    fn a_group_names_its_run_by_tooltip_in_a_file_and_by_number_on_the_page() {
        let mut canvas = Canvas::default();
        let (label, series, title) = ("a".to_owned(), "s".to_owned(), "run <a>".to_owned());
        canvas.open(Group { class: "run", label, series, title });
        canvas.close();
        let file = canvas.body(Medium::File);
        assert_eq!(file, "<g class=\"run\"><title>run &lt;a&gt;</title></g>\n");
        let runs = HashMap::from([("b", 0), ("a", 1)]);
        let numbering = Numbering { runs, series: HashMap::new() };
        assert_eq!(canvas.body(Medium::Page(&numbering)), "<g class=\"run\" data-r=\"1\"></g>\n");
    }
}
