//! The verdict on the page.

use crate::comparison::{headlines, ranked};
use crate::text::{escape, html_label, sentence};
use crate::verdict::{findings, footing, is_lawless, nothing, warned};
use crate::view::View;
use isoflop_fit::output::{Place, Warned};

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
    out.push_str(&to_act_on(view));
    out.push_str(&format!("<p class=\"small\">{}</p>\n</div>\n", footing(view).join(" \u{b7} ")));
    out
}

/// What there is to act on, a line a problem; places are folded where there are several.
fn to_act_on(view: &View<'_>) -> String {
    let items: String = warned(view).iter().map(item).collect();
    match items.is_empty() {
        true => String::new(),
        false => format!(
            "<p class=\"series\"><b>to act on</b></p>\n<ul class=\"warnings\" id=\"warnings\">\n{items}</ul>\n"
        ),
    }
}

fn item(warned: &Warned) -> String {
    let places: String = match warned.places.len() {
        0 | 1 => String::new(),
        _ => {
            let place = |place: &Place| {
                let of = escape(&place.of.join("; "));
                format!("<li><b>{of}</b>: {}</li>\n", escape(&place.text))
            };
            let places: String = warned.places.iter().map(place).collect();
            format!("<details><summary>where</summary>\n<ul>\n{places}</ul>\n</details>")
        }
    };
    format!("<li>{}{places}</li>\n", escape(&format!("{}.", sentence(&warned.to_string()))))
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
