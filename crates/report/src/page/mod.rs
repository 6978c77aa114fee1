//! The page: one file, nothing fetched, readable without scripts.

mod fits;
mod method;
mod runs;
mod verdict;

use crate::figures::Figure;
use crate::text::escape;
use crate::theme::dark_rules;
use crate::view::View;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page.
pub(crate) fn html(view: &View<'_>, figures: &[Figure]) -> String {
    let report = view.report;
    let title = escape(report.title);
    let question = report
        .question
        .map(|q| format!("<p class=\"question\">{}</p>\n", escape(q)))
        .unwrap_or_default();
    let figure = |name: &str| figures.iter().find(|f| f.name == name).map(Figure::html);
    let section = |id: &str, heading: &str, body: Option<String>| match body {
        Some(body) => {
            format!(
                "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{body}</section>\n"
            )
        }
        None => String::new(),
    };
    let parametric = figure("parametric").unwrap_or_default();
    let fits = fits::tables(view).map(|tables| parametric + &tables);
    let dark = dark_rules();
    [
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{title}: scaling report</title>\n\
             <style>\n{STYLE}@media screen and (prefers-color-scheme:dark){{{dark}}}\n</style>\n\
             </head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n{question}"
        ),
        verdict::html(view),
        "</header>\n".to_owned(),
        section(
            "loss",
            "Loss against compute, data and parameters",
            figure("three-panels"),
        ),
        section("isoflop-curves", "IsoFLOP curves", figure("isoflop")),
        section("fits", "Fits", fits),
        section("curves", "Learning curves", figure("learning-curves")),
        section("runs", "Runs", runs::table(view)),
        section(
            "left-out",
            "Failed, diverged and excluded runs",
            Some(runs::left_out(view)),
        ),
        section("method", "Method", Some(method::method(view))),
        section("provenance", "Provenance", Some(method::provenance(view))),
        format!("</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"),
    ]
    .concat()
}

/// A table that scrolls inside its own box.
fn table(caption: &str, class: &str, head: &str, body: &str) -> String {
    format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n\
         <table class=\"{class}\">\n<caption>{caption}</caption>\n<thead>{head}</thead>\n\
         {body}</table>\n</div>\n"
    )
}

/// A list of warnings, or nothing.
fn warnings(list: &[String]) -> String {
    match list.is_empty() {
        true => String::new(),
        false => {
            let items: String = list
                .iter()
                .map(|w| format!("<li>{}</li>", escape(w)))
                .collect();
            format!("<ul class=\"warnings\">{items}</ul>")
        }
    }
}
