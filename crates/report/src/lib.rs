//! The report of a sweep: figures as a paper prints them and one self-contained page.
//!
//! - [`write`] writes a report into a folder: the page, and each figure as SVG, PNG and CSV.
//! - [`html`] makes the page alone, [`Live`] the page of a sweep that still runs.
//! - [`terminal`] makes the text for a terminal, [`vega_lite`] a specification to be restyled.
//! - [`merge`] makes one report of several sweeps.
//!
//! A report shows the runs and fits that it is given; it reads no file, and fits nothing but loss by position
//! (`positions`). `view` puts
//! the runs in order, `figures` draws them on the panels of `chart`, `verdict` and `comparison` put
//! findings into words, and `page` sets all of it into HTML.

mod best_loss;
mod chart;
mod collapse;
mod comparison;
mod counted;
mod error;
mod figures;
mod files;
mod frontier;
mod live;
mod merge;
mod of_text;
mod options;
mod page;
mod positions;
mod power_laws;
mod replicates;
mod report;
mod seconds;
mod series;
mod summary;
mod terminal;
mod text;
mod theme;
mod vega;
mod verdict;
mod view;

pub use error::ReportError;
pub use live::Live;
pub use merge::{SweepResults, merge};
pub use of_text::of_text;
pub use report::{Fact, Provenance, Report, ScoredForecast};
pub use series::series_name;

use files::Contents;
use isoflop_results::file::write_beside;
use std::path::{Path, PathBuf};
use view::View;

/// The page alone. Its links to figure files work once [`write`] has been called.
pub fn html(report: &Report<'_>) -> String {
    let view = View::of(report);
    page::html(&view, &figures::all(&view), page::Delivery::File)
}

/// The verdict and a chart of characters, for a terminal of so many columns.
pub fn terminal(report: &Report<'_>, width: usize) -> String {
    terminal::text(&View::of(report), width)
}

/// The short answer at the end of a sweep: at most thirteen lines of at most so many characters.
pub fn summary(report: &Report<'_>, width: usize) -> String {
    summary::text(&View::of(report), width)
}

/// The three panels as a Vega-Lite specification that holds its data.
pub fn vega_lite(report: &Report<'_>) -> serde_json::Value {
    vega::specification(&View::of(report))
}

/// Writes `index.html` and `figures/NAME.{svg,png,csv}` into a folder and returns the paths. Each file
/// is written beside its place and renamed into it, the page last. Figures of an earlier report that
/// this one lacks are removed.
///
/// # Errors
/// A file that cannot be written, or a figure that cannot be rendered.
pub fn write(report: &Report<'_>, out_dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let view = View::of(report);
    let figures = figures::all(&view);
    let folder = out_dir.join("figures");
    let contents: Vec<Contents> = figures
        .iter()
        .map(|figure| Contents { name: figure.name, svg: figure.svg(), csv: figure.csv() })
        .collect();
    let mut written = Vec::new();
    for paths in files::place_figures(&contents, &folder) {
        written.extend(paths?);
    }
    files::clear_figures(&folder, page::figure_names(), &written)?;
    let index = out_dir.join("index.html");
    write_beside(&index, page::html(&view, &figures, page::Delivery::File).as_bytes())?;
    written.push(index);
    Ok(written)
}
