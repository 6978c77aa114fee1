//! The verdict on the page.

use crate::comparison::{headlines, ranked};
use crate::text::{escape, html_label};
use crate::verdict::{findings, footing, is_lawless, nothing, warned};
use crate::view::View;

/// The verdict as HTML, a line a finding.
pub(crate) fn html(view: &View<'_>) -> String {
    let mut out = String::from("<div class=\"verdict\">\n");
    if is_lawless(view) {
        out.push_str(&format!("<p>{}</p>\n", escape(&nothing(view))));
    }
    let compared = headlines(view);
    if !compared.is_empty() {
        out.push_str("<p class=\"series\"><b>compared</b></p>\n<ul>\n");
        for sentence in compared {
            out.push_str(&format!("<li>{}</li>\n", html_label(&sentence)));
        }
        out.push_str("</ul>\n");
    }
    // Findings of many series stand below their comparison.
    if ranked(view).is_none() {
        out.push_str(&by_series(view));
    }
    let warned = match warned(view).len() {
        0 => String::new(),
        1 => " \u{b7} <a href=\"#warnings\">1 warning</a>".to_owned(),
        many => format!(" \u{b7} <a href=\"#warnings\">{many} warnings</a>"),
    };
    out.push_str(&format!(
        "<p class=\"small\">{}{warned}</p>\n</div>\n",
        footing(view).join(" \u{b7} ")
    ));
    out
}

/// Findings, series by series.
pub(super) fn by_series(view: &View<'_>) -> String {
    let mut out = String::new();
    for series in &view.series {
        let found = findings(view, series);
        if found.is_empty() {
            continue;
        }
        if view.many_series() {
            let name = escape(&view.series_name(series));
            out.push_str(&format!("<p class=\"series\"><b>{name}</b></p>\n"));
        }
        out.push_str("<ul>\n");
        for finding in found {
            let text = html_label(&finding.text);
            let aside = match finding.aside.is_empty() {
                true => String::new(),
                false => format!(" <span class=\"aside\">({})</span>", escape(&finding.aside)),
            };
            out.push_str(&format!("<li>{text}{aside}</li>\n"));
        }
        out.push_str("</ul>\n");
    }
    out
}
