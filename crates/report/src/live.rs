//! The page of a sweep that is still running, held in memory for `watch`.

use crate::chart::png;
use crate::error::ReportError;
use crate::figures;
use crate::page::{self, Delivery};
use crate::report::Report;
use crate::view::View;

/// A page that follows its sweep, and its figures.
#[derive(Clone, Debug)]
pub struct Live {
    /// The page as HTML.
    pub html: String,
    /// Figures as SVG and CSV, by name.
    figures: Vec<(&'static str, String, String)>,
}

impl Live {
    /// The page of the runs so far.
    pub fn of(report: &Report<'_>) -> Live {
        let view = View::of(report);
        let figures = figures::all(&view);
        Live {
            html: page::html(&view, &figures, Delivery::Live),
            figures: figures.iter().map(|f| (f.name, f.svg(), f.csv())).collect(),
        }
    }

    /// A figure file by its name, as the page links to it: its media type and content.
    ///
    /// # Errors
    /// A figure that cannot be rendered.
    pub fn file(&self, name: &str) -> Result<Option<(&'static str, Vec<u8>)>, ReportError> {
        let Some((stem, extension)) = name.rsplit_once('.') else {
            return Ok(None);
        };
        let Some((_, svg, csv)) = self.figures.iter().find(|f| f.0 == stem) else {
            return Ok(None);
        };
        Ok(match extension {
            "svg" => Some(("image/svg+xml", svg.clone().into_bytes())),
            "csv" => Some(("text/csv; charset=utf-8", csv.clone().into_bytes())),
            "png" => Some(("image/png", png::render(stem, svg)?)),
            _ => None,
        })
    }
}
