//! The verdict on the page.

use crate::text::{escape, html_label};
use crate::verdict::{findings, footing, nothing};
use crate::view::View;

/// A line a finding, with intervals.
pub(crate) fn html(view: &View<'_>) -> String {
    let mut out = String::from("<div class=\"verdict\">\n");
    let mut found_any = false;
    for series in &view.series {
        let found = findings(view, series);
        if found.is_empty() {
            continue;
        }
        found_any = true;
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
    if !found_any {
        out.push_str(&format!("<p>{}</p>\n", nothing(view)));
    }
    let (parts, warnings) = footing(view);
    let warned = match warnings {
        0 => String::new(),
        1 => " \u{b7} <a href=\"#fits\">1 warning</a>".to_owned(),
        many => format!(" \u{b7} <a href=\"#fits\">{many} warnings</a>"),
    };
    out.push_str(&format!(
        "<p class=\"small\">{}{warned}</p>\n</div>\n",
        parts.join(" \u{b7} ")
    ));
    out
}
