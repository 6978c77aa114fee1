//! A figure: a row of panels under one legend, as a file and as a part of the page.

use super::csv;
use crate::chart::{Legend, Medium, Numbering, Panel};
use crate::text::{escape, plain};
use crate::theme::{Tone, hex, rules};

/// Fonts of a figure: Ubuntu, or the reader's own sans-serif where that is missing.
const FONT: &str = "Ubuntu, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";

/// A figure.
pub(crate) struct Figure {
    /// The name of its files without an extension.
    pub(crate) name: &'static str,
    /// Words for what the figure shows.
    pub(crate) title: String,
    /// Sentences on how to read the figure.
    pub(crate) caption: String,
    pub(crate) legend: Legend,
    pub(crate) panels: Vec<Panel>,
}

/// Width of a page's row of panels.
const ROW: f64 = 1136.0;
const MARGIN: f64 = 10.0;
const GUTTER: f64 = 10.0;

impl Figure {
    /// The number of panels side by side. Four stand better as two by two.
    fn columns(&self) -> usize {
        let (count, width) = (self.panels.len(), self.panels[0].frame.width);
        let fit = (((ROW + GUTTER) / (width + GUTTER)) as usize).max(1);
        match count {
            4 if fit == 3 => 2,
            count => count.clamp(1, fit),
        }
    }

    /// The SVG of the figure as a file of its own.
    pub(crate) fn svg(&self) -> String {
        let columns = self.columns();
        let (mut places, mut y) = (Vec::new(), 0.0);
        let mut inner = 0.0f64;
        for row in self.panels.chunks(columns) {
            let mut x = 0.0;
            for panel in row {
                places.push((x, y, panel));
                x += panel.frame.width + GUTTER;
            }
            inner = inner.max(x - GUTTER);
            y += row.iter().map(|p| p.frame.height).fold(0.0, f64::max) + GUTTER;
        }
        let (legend, strip) = self.legend.strip(inner);
        let top = MARGIN + strip + if strip > 0.0 { 6.0 } else { 0.0 };
        let (width, height) = (inner + 2.0 * MARGIN, top + y - GUTTER + MARGIN);
        let name = self.name;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{name}-title\" \
             aria-describedby=\"{name}-desc\" font-family=\"{FONT}\">\n\
             <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-desc\">{}</desc>\n\
             <style>{}</style>\n<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n\
             <g transform=\"translate({MARGIN} {MARGIN})\">\n{legend}</g>\n",
            escape(&self.title),
            escape(&self.caption),
            rules(Tone::light),
            hex(Tone::Paper.light()),
        );
        for (x, y, panel) in places {
            let (x, y, body) = (MARGIN + x, top + y, panel.body(Medium::File));
            out.push_str(&format!("<g transform=\"translate({x} {y})\">\n{body}</g>\n"));
        }
        out.push_str("</svg>\n");
        out
    }

    /// The figure in the page, under its title.
    pub(crate) fn html(&self, numbering: &Numbering<'_>) -> String {
        let title = escape(&self.title);
        self.titled(&format!("<h3>{title}</h3>\n"), numbering)
    }

    /// The figure in the page, where its title stands already.
    pub(crate) fn body(&self, numbering: &Numbering<'_>) -> String {
        self.titled("", numbering)
    }

    fn titled(&self, title: &str, numbering: &Numbering<'_>) -> String {
        let name = self.name;
        let mut out = format!(
            "<figure id=\"{name}\">\n{title}{}<div class=\"panels{}\" \
             style=\"--columns:{};--width:{}px\">\n",
            self.legend.html(),
            // Rows with names and numbers beside them would be too small to read on a phone.
            if self.panels[0].frame.width > 480.0 { " wide" } else { "" },
            self.columns(),
            self.panels[0].frame.width
        );
        for (k, panel) in self.panels.iter().enumerate() {
            let id = format!("{name}-{k}");
            let labels = &panel.labels;
            let about = match labels.y.is_empty() {
                true => format!("{}: {}", labels.title, labels.x),
                false => format!("{}: {} against {}", labels.title, labels.y, labels.x),
            };
            out.push_str(&format!(
                "<svg class=\"panel\" viewBox=\"0 0 {} {}\" role=\"img\" \
                 aria-labelledby=\"{id}\"{}><title id=\"{id}\">{}</title>\n{}</svg>\n",
                panel.frame.width,
                panel.frame.height,
                panel.axes_data(),
                escape(&plain(&about)),
                panel.body(Medium::Page(numbering))
            ));
        }
        let files = format!(
            " <span class=\"files\"><a href=\"figures/{name}.svg\">SVG</a> \
             <a href=\"figures/{name}.png\">PNG</a> <a href=\"figures/{name}.csv\">CSV</a></span>"
        );
        out.push_str(&format!(
            "</div>\n<figcaption>{}{files}</figcaption>\n</figure>\n",
            escape(&self.caption)
        ));
        out
    }

    /// The marks of the figure as CSV.
    pub(crate) fn csv(&self) -> String {
        csv::write(self.panels.iter().flat_map(|panel| &panel.rows))
    }
}
