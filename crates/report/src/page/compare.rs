//! Series side by side on the page.

use super::parts::table;
use super::{standing, verdict};
use crate::comparison::{pairs, ranked, sentences};
use crate::text::{clip, escape, with_interval};
use crate::view::View;
use isoflop_fit::output::Estimate;

/// Sentences and a table that compare series, or nothing with one series.
pub(super) fn html(view: &View<'_>) -> Option<String> {
    let pairs = pairs(view);
    if pairs.is_empty() {
        return None;
    }
    let said: String =
        sentences(view).iter().map(|s| format!("<li>{}</li>\n", escape(s))).collect();
    let mut rows = String::new();
    for pair in pairs.iter().filter(|pair| !pair.exponents.is_empty()) {
        let name = |series| escape(&clip(&view.series_name(series), 60));
        rows.push_str(&format!(
            "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"4\">{} against {}</th></tr>\n",
            name(pair.other),
            name(pair.base)
        ));
        for d in &pair.exponents {
            rows.push_str(&format!(
                "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td>\
                 <td class=\"num\">{}</td></tr>\n",
                escape(d.name),
                cell(&d.base),
                cell(&d.other),
                // Exponents that are not identified have no difference.
                d.less.licensed().map_or_else(|| "\u{2013}".to_owned(), |less| cell(less.get())),
            ));
        }
        rows.push_str("</tbody>\n");
    }
    let base = escape(&clip(&view.series_name(pairs[0].base), 40));
    let head = format!(
        "<tr><th scope=\"col\">exponent</th><th scope=\"col\" class=\"num\">{base}</th>\
         <th scope=\"col\" class=\"num\">the other</th>\
         <th scope=\"col\" class=\"num\">difference</th></tr>"
    );
    let table = match rows.is_empty() {
        true => String::new(),
        false => table("Exponents side by side", "fits", &head, &rows),
    };
    let (standing, findings) = match ranked(view) {
        Some(ranked) => {
            let findings = verdict::by_series(view);
            let findings =
                format!("<h3>Series by series</h3>\n<div class=\"findings\">\n{findings}</div>\n");
            (standing::html(view, &ranked), findings)
        }
        None => (String::new(), String::new()),
    };
    Some(format!("{standing}<ul>\n{said}</ul>\n{table}{findings}"))
}

fn cell(e: &Estimate) -> String {
    match e.identified {
        true => with_interval(e),
        false => format!("{} (not identified)", with_interval(e)),
    }
}
