//! The report of a sweep: figures as a paper prints them (SVG, PNG, CSV) and one self-contained
//! page. It reads what it is given and fits nothing.

mod chart;
mod comparison;
mod error;
mod figures;
mod files;
mod live;
mod merge;
mod page;
mod series;
mod terminal;
mod text;
mod theme;
mod vega;
mod verdict;
mod view;

pub use error::ReportError;
pub use live::Live;
pub use merge::{Sweep, merge};
pub use series::series_name;

use isoflop_fit::output::Fits;
use isoflop_results::DataRecord;
use isoflop_results::{Curve, RunRow};
use std::path::{Path, PathBuf};
use view::View;

/// Everything a report says.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Heading of the page, usually the sweep's name.
    pub title: &'a str,
    /// The sweep's question.
    pub question: Option<&'a str>,
    /// Every run, finished or not.
    pub runs: &'a [RunRow],
    /// Learning curves; those of unknown runs are left out.
    pub curves: &'a [Curve],
    /// Trials of the stage that chose the learning rates; empty without one.
    pub tuning: &'a [RunRow],
    /// The fits to draw.
    pub fits: &'a Fits,
    /// What is known of each text: reference losses, entropy. May be empty.
    pub data: &'a [DataRecord],
    /// What a reader needs to check or repeat the work.
    pub provenance: Provenance,
}

/// What the runs themselves do not say about where they come from. Versions, devices, corpora and
/// digests are read off the runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Commands that reproduce the report, in order.
    pub commands: Vec<String>,
    /// When the page was made, as text.
    pub generated: Option<String>,
    /// Further lines: kind of plan, overlap of test with train text, and the like.
    pub facts: Vec<Fact>,
}

/// A line of provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub label: String,
    /// What it says.
    pub value: String,
}

/// The page alone. Its links to figure files hold once [`write`] has been called.
pub fn html(report: &Report<'_>) -> String {
    let view = View::of(report);
    page::html(&view, &figures::all(&view), page::Kind::File)
}

/// The verdict and a chart of characters, for a terminal of so many columns.
pub fn terminal(report: &Report<'_>, width: usize) -> String {
    terminal::text(&View::of(report), width)
}

/// The three panels as a Vega-Lite specification that holds its data.
pub fn vega_lite(report: &Report<'_>) -> serde_json::Value {
    vega::specification(&View::of(report))
}

/// Writes `index.html` and `figures/NAME.{svg,png,csv}` into a folder, each beside its place and
/// renamed into it, the page last. Figures of an earlier report that this one lacks are removed. Returns
/// the paths written.
///
/// # Errors
/// A file that cannot be written, or a figure that cannot be rendered.
pub fn write(report: &Report<'_>, out_dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let view = View::of(report);
    let figures = figures::all(&view);
    let folder = out_dir.join("figures");
    let drawn: Vec<Drawn> = figures
        .iter()
        .map(|figure| Drawn { name: figure.name, svg: figure.svg(), csv: figure.csv() })
        .collect();
    let mut written = Vec::new();
    for paths in place_all(&drawn, &folder) {
        written.extend(paths?);
    }
    files::clear_others(&folder, &written)?;
    let index = out_dir.join("index.html");
    files::place(&index, page::html(&view, &figures, page::Kind::File).as_bytes())?;
    written.push(index);
    Ok(written)
}

/// A figure as its files hold it.
struct Drawn {
    name: &'static str,
    svg: String,
    csv: String,
}

impl Drawn {
    fn place(&self, folder: &Path) -> Result<[PathBuf; 3], ReportError> {
        let png = chart::png::render(self.name, &self.svg)?;
        let path = |extension| folder.join(self.name).with_extension(extension);
        let paths = ["svg", "png", "csv"].map(path);
        let contents = [self.svg.as_bytes(), &png, self.csv.as_bytes()];
        for (path, content) in paths.iter().zip(contents) {
            files::place(path, content)?;
        }
        Ok(paths)
    }
}

/// Renders and writes figures on every core, in their order.
fn place_all(drawn: &[Drawn], folder: &Path) -> Vec<Result<[PathBuf; 3], ReportError>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = drawn.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = drawn
            .chunks(share)
            .map(|part| {
                let place = move |figure: &Drawn| figure.place(folder);
                scope.spawn(move || part.iter().map(place).collect::<Vec<_>>())
            })
            .collect();
        let done = parts.into_iter().map(|part| match part.join() {
            Ok(results) => results,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.flatten().collect()
    })
}
