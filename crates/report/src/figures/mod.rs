//! The figures of a report. Each is a row of panels under one legend, written as one SVG, one
//! PNG and one CSV, and set into the page panel by panel so that a phone stacks them.

mod axes;
mod csv;
mod efficiency;
mod forecast;
mod forest;
mod groups;
mod isoflop;
mod learning_curves;
mod learning_rates;
pub(crate) mod levels;
pub(crate) mod marks;
mod multiples;
mod multiplier;
mod optima;
mod overfitting;
mod panel_words;
mod plane;
mod profiles;
mod residuals;
mod shapes;
pub(crate) mod surface;
mod thin;
mod three_panels;

pub(crate) use three_panels::laws;

use crate::chart::{Glyph, Key, Legend, LossAxis, Marker, Medium, Numbering, Panel};
use crate::text::{clip, escape, plain};
use crate::theme::{Tone, hex, rules};
use crate::view::View;
use isoflop_core::units::short;
use isoflop_results::RunRow;

/// The reader's own sans-serif where Ubuntu is missing.
pub(crate) const FONT: &str = "Ubuntu, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";

/// A figure.
pub(crate) struct Figure {
    /// Its file name without an extension.
    pub(crate) name: &'static str,
    /// What it shows, in a few words.
    pub(crate) title: String,
    /// How to read it.
    pub(crate) caption: String,
    pub(crate) legend: Legend,
    pub(crate) panels: Vec<Panel>,
}

/// Losses as axes name them.
pub(crate) const LOSS: &str = "test loss (nats per token)";

/// What an axis of losses is called, given in nats per token.
pub(crate) fn loss_label(view: &View<'_>, nats: &str) -> String {
    match view.by_bytes() {
        true => nats.replace("nats per token", "bits per byte"),
        false => nats.to_owned(),
    }
}

/// Whether the page can show an axis of losses in bits per byte: not where it does already.
fn loss_axis(view: &View<'_>) -> LossAxis {
    match view.by_bytes() {
        true => LossAxis::Neither,
        false => LossAxis::Y,
    }
}

/// Every figure that the report's runs and fits have something for.
pub(crate) fn all(view: &View<'_>) -> Vec<Figure> {
    let optional: [fn(&View<'_>) -> Option<Figure>; 16] = [
        isoflop::figure,
        optima::figure,
        plane::figure,
        multiplier::figure,
        residuals::figure,
        residuals::by_law,
        profiles::figure,
        forecast::figure,
        forest::figure,
        learning_curves::figure,
        efficiency::figure,
        overfitting::figure,
        shapes::figure,
        learning_rates::figure,
        axes::figure,
        multiples::figure,
    ];
    // Runs that all ended without a loss leave nothing to draw but their curves.
    let lost = view.finished.is_empty() && !view.report.runs.is_empty();
    let mut figures = Vec::new();
    if !lost {
        figures.push(three_panels::figure(view));
    }
    figures.extend(optional.iter().filter_map(|draw| draw(view)));
    figures
}

/// Width of a page's row of panels.
const ROW: f64 = 1136.0;
const MARGIN: f64 = 10.0;
const GUTTER: f64 = 10.0;

impl Figure {
    /// Panels side by side. Four stand better as two by two.
    fn columns(&self) -> usize {
        let (count, width) = (self.panels.len(), self.panels[0].frame.width);
        let fit = (((ROW + GUTTER) / (width + GUTTER)) as usize).max(1);
        match count {
            4 if fit == 3 => 2,
            count => count.clamp(1, fit),
        }
    }

    /// The whole figure as a file.
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
            // Rows with names and numbers beside them are too small at a phone's width.
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

    /// What is drawn, as a table.
    pub(crate) fn csv(&self) -> String {
        csv::write(self.panels.iter().flat_map(|panel| &panel.rows))
    }
}

/// More sizes than this and a legend names some of them only.
const MANY_SIZES: usize = 12;

/// Colours of the sizes and, where there are several series, their markers.
fn size_legend(view: &View<'_>) -> Legend {
    let mut legend = Legend::default();
    let count = view.sizes.len();
    legend.add(Key::Heading, "N");
    let stride = count.div_ceil(MANY_SIZES).max(1);
    for (rank, n) in view.sizes.iter().enumerate() {
        if rank % stride == 0 || rank + 1 == count {
            let dot = Glyph::Point(Marker::Disc, Tone::size(rank, count));
            legend.add_size(Key::Glyph(dot), short(*n as f64), *n);
        }
    }
    series_legend(view, &mut legend);
    legend
}

/// Markers of several series.
fn series_legend(view: &View<'_>, legend: &mut Legend) {
    if view.many_series() {
        legend.add(Key::Heading, "series");
        for series in &view.series {
            let mark = Glyph::Point(view.marker(series), Tone::Muted);
            legend.add(Key::Glyph(mark), clip(&view.series_name(series), 40));
        }
    }
}

/// The tooltip of a run.
fn run_title(run: &RunRow) -> String {
    let mut text = format!(
        "{}\nN {} \u{b7} D {} tokens \u{b7} C {} FLOPs",
        run.run_id,
        short(run.n_non_embedding as f64),
        short(run.tokens as f64),
        isoflop_core::units::scientific(run.c_exact),
    );
    if let Some(loss) = run.test_loss {
        text.push_str(&format!("\ntest loss {loss:.4} nats per token"));
    }
    text
}

/// Text cut into lines at spaces.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
