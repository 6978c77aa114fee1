//! The page: one file that fetches nothing and can be read without scripts.

mod approaches;
mod collapse;
mod compare;
mod data;
mod experts;
mod fits;
mod method;
mod parts;
mod positions;
mod runs;
mod standing;
mod texts;
mod verdict;

use crate::figures::Figure;
use crate::text::escape;
use crate::theme::{Tone, rules};
use crate::view::View;
use parts::section;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(
    include_str!("script/axes.js"),
    include_str!("script/panels.js"),
    include_str!("script/runs.js"),
    include_str!("script/table.js"),
    include_str!("script/page.js"),
);
/// Script that follows a sweep while it runs; pages that are written to a file do not have it.
const LIVE: &str = include_str!("script/live.js");

/// Whether the page stands alone or is served by `watch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    File,
    Live,
}

/// Sections in order: id, heading and the names of their figures.
const SECTIONS: [(&str, &str, &[&str]); 6] = [
    ("loss", "Loss against compute, data and parameters", &["three-panels", "time"]),
    ("optimum", "What is compute-optimal", &["isoflop", "optima", "plane"]),
    (
        "trust",
        "How far to trust it",
        &["sealed-forecasts", "forecast", "intervals", "profiles", "residuals", "residuals-by-law"],
    ),
    (
        "curves",
        "Learning curves",
        &["learning-curves", "collapse", "sample-efficiency", "runs-small"],
    ),
    ("context", "What the context is worth", &["positions", "window"]),
    (
        "factors",
        "What else moves the loss",
        &["axes", "experts", "shape", "learning-rate", "overfitting"],
    ),
];

/// Section that says why losses by position are missing.
const CONTEXT: &str = "context";

/// Figure that stands beside the words of a comparison.
const COMPARED: &str = "multiplier";

/// Names of all figures that a page can have.
pub(crate) fn figure_names() -> impl Iterator<Item = &'static str> {
    let named = SECTIONS.iter().flat_map(|(_, _, names)| names.iter().copied());
    named.chain([COMPARED])
}

/// Figures that a reader has to open.
const FOLDED: [&str; 1] = ["runs-small"];

/// The whole page as HTML.
pub(crate) fn html(view: &View<'_>, figures: &[Figure], delivery: Delivery) -> String {
    let report = view.report;
    let title = escape(report.title);
    let question = report
        .question
        .map(|q| format!("<p class=\"question\">{}</p>\n", escape(q)))
        .unwrap_or_default();
    let mut out = head(&title, delivery);
    out.push_str(&format!("<main>\n<header>\n<h1>{title}</h1>\n{question}"));
    out.push_str(&verdict::html(view));
    out.push_str("</header>\n");
    let numbering = view.numbering();
    for (k, (id, heading, names)) in SECTIONS.into_iter().enumerate() {
        let mut body = String::new();
        for name in names {
            let Some(figure) = figures.iter().find(|f| f.name == *name) else {
                body.push_str(&unscored(view, name));
                continue;
            };
            body.push_str(&match FOLDED.contains(name) {
                true => format!(
                    "<details><summary>{}</summary>\n{}</details>\n",
                    escape(&figure.title),
                    figure.body(&numbering)
                ),
                false => figure.html(&numbering),
            });
            body.push_str(&beneath(view, name));
        }
        if id == CONTEXT {
            body.push_str(&positions::refused(view));
        }
        let body = (!body.is_empty()).then_some(body);
        out.push_str(&section(id, heading, body));
        if k == 0 {
            let figure = figures.iter().find(|f| f.name == COMPARED);
            let drawn = figure.map(|f| f.html(&numbering)).unwrap_or_default();
            let body = compare::html(view).map(|words| words + &drawn);
            out.push_str(&section("comparison", "Comparison", body));
        }
        // The numbers come after the figures that show how far they can be trusted.
        if k == 2 {
            out.push_str(&section("fits", "Fits", fits::tables(view)));
        }
    }
    for (id, heading, body) in [
        ("runs", "Runs", runs::table(view)),
        ("texts", "Texts, and losses that need no model", texts::losses(view)),
        ("left-out", "Failed, diverged and excluded runs", Some(runs::left_out(view))),
        ("method", "Method", Some(method::method(view))),
        ("provenance", "Provenance", Some(method::provenance(view))),
    ] {
        out.push_str(&section(id, heading, body));
    }
    out.push_str(&format!(
        "</main>\n<script type=\"application/json\" id=\"data\">{}</script>\n\
         <script>\n{SCRIPT}{}</script>\n</body>\n</html>\n",
        data::json(view),
        if delivery == Delivery::Live { LIVE } else { "" },
    ));
    out
}

/// Tables that stand beneath a figure.
fn beneath(view: &View<'_>, figure: &str) -> String {
    match figure {
        "positions" => positions::table(view),
        "experts" => experts::table(view),
        "collapse" => collapse::table(view),
        _ => String::new(),
    }
}

/// What stands in the place of a figure that is missing.
fn unscored(view: &View<'_>, figure: &str) -> String {
    match figure {
        "collapse" => collapse::table(view),
        _ => String::new(),
    }
}

fn head(title: &str, delivery: Delivery) -> String {
    let (light, dark) = (rules(Tone::light), rules(Tone::dark));
    // Even if text were mistaken for markup, nothing could be fetched or sent.
    let connect = match delivery {
        Delivery::File => "",
        Delivery::Live => "; connect-src 'self'",
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:{connect}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}: scaling report</title>\n\
         <style>\n{STYLE}{light}\n@media screen and (prefers-color-scheme:dark){{{dark}}}\n</style>\n\
         </head>\n<body>\n"
    )
}
