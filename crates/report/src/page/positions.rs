//! The curves by position as a table, and why some are missing.

use super::parts;
use crate::figures::line_name;
use crate::positions::{LITTLE, Line};
use crate::text::{escape, with_interval};
use crate::view::View;

/// The table of the curves `a + b p^-c`.
pub(super) fn table(view: &View<'_>) -> String {
    let rows: String = view.by_position().lines.iter().map(|line| row(view, line)).collect();
    let head = format!(
        "<tr><th scope=\"col\">line</th><th scope=\"col\" class=\"num\">context (tokens)</th>\
         <th scope=\"col\" class=\"num\">seeds</th>\
         <th scope=\"col\" class=\"num\">a (nats per token)</th>\
         <th scope=\"col\" class=\"num\">c</th>\
         <th scope=\"col\" class=\"num\">p from which a doubling gains less than {LITTLE} nats</th></tr>"
    );
    let table =
        parts::table("Curves by position", "fits", &head, &format!("<tbody>\n{rows}</tbody>\n"));
    format!(
        "{table}<p class=\"small\">The curve is a + b p<sup>\u{2212}c</sup>, fitted by least squares weighted by standard errors; brackets are {}\u{a0}% \
         intervals that take ranges of positions as independent, although all ranges share their documents.</p>\n",
        view.level()
    )
}

fn row(view: &View<'_>, line: &Line<'_>) -> String {
    let cells = match (&line.fit, line.law()) {
        (Err(reason), _) => format!("<td colspan=\"3\">not fitted: {}</td>", escape(reason)),
        (Ok(_), None) => "<td colspan=\"3\">not fitted</td>".to_owned(),
        (Ok(_), Some(law)) => {
            let number = |name: &str| match line.estimate(name).map(|e| e.licensed()) {
                Some(Some(e)) => with_interval(e.get()),
                Some(None) => "not identified".to_owned(),
                None => "\u{2013}".to_owned(),
            };
            format!(
                "<td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td>",
                number("E"),
                number("alpha"),
                line.little(&law, view.report.fits.level)
            )
        }
    };
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td>{cells}</tr>\n",
        escape(&line_name(view, line)),
        line.run.context,
        line.seeds
    )
}

/// Why losses by position are missing, in a paragraph; empty where none is.
pub(super) fn refused(view: &View<'_>) -> String {
    let reasons = &view.by_position().refused;
    match reasons.is_empty() {
        true => String::new(),
        false => {
            format!(
                "<p class=\"small\">No loss by position: {}.</p>\n",
                escape(&reasons.join("; "))
            )
        }
    }
}
