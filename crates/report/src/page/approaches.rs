//! Exponents of the optimum by every approach, under both counts of compute side by side.

use super::parts::{of_series, table};
use crate::text::{escape, sentence, with_interval};
use crate::verdict::counting;
use crate::view::View;
use isoflop_fit::output::{Approach, Approaches, Estimate};

/// Tables of exponents, one a series, each with the reason why a and b do not add up to one; empty
/// without approaches.
pub(super) fn tables(view: &View<'_>) -> String {
    let sets = &view.report.fits.approaches;
    let bodies: String = sets.iter().map(|set| body(view, set)).collect();
    if bodies.is_empty() {
        return String::new();
    }
    let two = sets.iter().flat_map(|set| &set.approaches).any(|a| a.six_nd.is_some());
    let counts = match two {
        true => {
            "<th scope=\"col\" class=\"num\">a, C exact</th><th scope=\"col\" class=\"num\">b, C exact</th>\
             <th scope=\"col\" class=\"num\">a, C = 6ND</th><th scope=\"col\" class=\"num\">b, C = 6ND</th>"
        }
        false => "<th scope=\"col\" class=\"num\">a</th><th scope=\"col\" class=\"num\">b</th>",
    };
    let head =
        format!("<tr><th scope=\"col\">approach</th>{counts}<th scope=\"col\">how</th></tr>");
    table("Exponents of the optimum", "fits", &head, &bodies)
}

fn body<'a>(view: &View<'a>, set: &'a Approaches) -> String {
    let two = set.approaches.iter().any(|a| a.six_nd.is_some());
    let span = if two { 6 } else { 4 };
    // The verdict gives the reason where it has the exponents.
    let unsaid = counting(view.report.fits, &set.series).is_none();
    let why = set
        .counting()
        .filter(|_| unsaid)
        .map(|words| format!("<br><span class=\"small\">The exponents {}.</span>", escape(&words)));
    let mut out = format!(
        "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{span}\">N* ~ C<sup>a</sup>, \
         D* ~ C<sup>b</sup>{}{}</th></tr>\n",
        of_series(view, &set.series),
        why.unwrap_or_default()
    );
    for approach in &set.approaches {
        out.push_str(&row(approach, two));
    }
    out.push_str("</tbody>\n");
    out
}

fn row(approach: &Approach, two: bool) -> String {
    let mut cells = vec![approach.n_exponent, approach.d_exponent];
    if two {
        // Exponents are the same where the two counts are one.
        let six = approach.six_nd;
        cells.push(six.map_or(approach.n_exponent, |six| Some(six.n_exponent)));
        cells.push(six.map_or(approach.d_exponent, |six| Some(six.d_exponent)));
    }
    let cells: String = cells.iter().map(cell).collect();
    format!(
        "<tr><th scope=\"row\">{}</th>{cells}<td>{}</td></tr>\n",
        escape(&approach.name),
        escape(&words(approach))
    )
}

/// What an approach does, and the notes on how it came out.
fn words(approach: &Approach) -> String {
    let notes = approach.remarks.notes().map(|note| format!(". {}", sentence(note)));
    format!("{}{}", approach.words, notes.collect::<String>())
}

fn cell(found: &Option<Estimate>) -> String {
    let text = match found {
        Some(e) if e.identified => with_interval(e),
        Some(_) => "not identified".to_owned(),
        None => "\u{2013}".to_owned(),
    };
    format!("<td class=\"num\">{text}</td>")
}
