//! The score of each series whose learning curves were laid on one another.

use super::parts;
use crate::collapse::{Compared, chance};
use crate::text::{escape, fixed};
use crate::view::View;
use isoflop_fit::collapse::Collapse;

/// The table of scores, and which series have none; empty where no curve compares.
pub(super) fn table(view: &View<'_>) -> String {
    let (scored, unscored): (Vec<&Compared<'_>>, Vec<&Compared<'_>>) =
        view.collapse().iter().partition(|compared| compared.score.is_ok());
    let rows: String = scored.iter().map(|compared| row(view, compared)).collect();
    let mut out = String::new();
    if !rows.is_empty() {
        let head = "<tr><th scope=\"col\">series</th>\
                    <th scope=\"col\" class=\"num\">runs compared, of finished</th>\
                    <th scope=\"col\" class=\"num\">scatter of the fall (%)</th>\
                    <th scope=\"col\" class=\"num\">between seeds (%)</th>\
                    <th scope=\"col\">farthest from the others</th></tr>";
        let body = format!("<tbody>\n{rows}</tbody>\n");
        out.push_str(&parts::table(
            "Fall of the loss over the decay of the rate",
            "fits",
            head,
            &body,
        ));
    }
    out.push_str(&without(view, &unscored));
    out
}

/// A sentence on series without a score.
fn without(view: &View<'_>, unscored: &[&Compared<'_>]) -> String {
    let one = |compared: &&Compared<'_>| {
        let few = compared.score.as_ref().err()?;
        Some(format!("{} ({} of {})", view.series_name(compared.series), few.rows, few.needed))
    };
    let all: Vec<String> = unscored.iter().filter_map(one).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(
            "<p class=\"small\">Too few learning curves compare for a score of how they fall on one another, of those that \
             would tell a run that is off from curvature in N and D: {}.</p>\n",
            escape(&all.join(", "))
        ),
    }
}

fn row(view: &View<'_>, compared: &Compared<'_>) -> String {
    let name = escape(&view.series_name(compared.series));
    let runs = format!("{} of {}", compared.curves.len(), compared.finished);
    let cells = compared.score.as_ref().map(scored).unwrap_or_default();
    format!("<tr><th scope=\"row\">{name}</th><td class=\"num\">{runs}</td>{cells}</tr>\n")
}

fn scored(score: &Collapse) -> String {
    let seeds = score.noise.map_or_else(
        || "\u{2013}".to_owned(),
        |noise| {
            let plural = if noise.degrees == 1 { "" } else { "s" };
            format!(
                "{} <span class=\"aside\">({} degree{plural} of freedom)</span>",
                fixed(100.0 * noise.sd, 1),
                noise.degrees
            )
        },
    );
    let farthest = score.places.iter().max_by(|a, b| {
        (a.is_off, a.t.abs())
            .partial_cmp(&(b.is_off, b.t.abs()))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let farthest = farthest.map_or_else(String::new, |place| {
        let name = escape(&place.labels.join(", "));
        let shift = 100.0 * (place.shift.exp() - 1.0);
        let verdict = if place.is_off { "off" } else { "within scatter" };
        format!(
            "{name}: {shift:+.0} %, t = {:.1}, chance {}: {verdict}",
            place.t,
            chance(place.chance)
        )
    });
    format!(
        "<td class=\"num\">{}</td><td class=\"num\">{seeds}</td><td>{farthest}</td>",
        fixed(100.0 * score.spread, 1)
    )
}
