//! Many series against the best of them, as a table.

use super::parts::table;
use crate::comparison::{Against, Compared, Factor, Measure, Ranked, Standing};
use crate::text::{clip, escape, factor, fixed, with_interval};
use crate::view::View;

/// The table of the ranking, a row a series, and how to read it.
pub(super) fn html(view: &View<'_>, ranked: &Ranked<'_>) -> String {
    let best = ranked.standing.best();
    let name = |series: &str| escape(&clip(&view.series_name(series), 60));
    let unit = if view.by_bytes() { "bits per byte" } else { "nats per token" };
    let with_products = has_products(ranked);
    let products = match with_products {
        true => {
            "<th scope=\"col\" class=\"num\">compute with the optimizer, by law</th>\
             <th scope=\"col\" class=\"num\">measured</th>"
        }
        false => "",
    };
    let head = format!(
        "<tr><th scope=\"col\">series</th><th scope=\"col\" class=\"num\">test loss ({unit})</th>\
         <th scope=\"col\" class=\"num\">above the best</th><th scope=\"col\">verdict</th>\
         <th scope=\"col\" class=\"num\">compute for equal loss, by law</th>\
         <th scope=\"col\" class=\"num\">measured</th>{products}\
         <th scope=\"col\" class=\"num\">seconds for equal loss, by law</th>\
         <th scope=\"col\" class=\"num\">measured</th></tr>"
    );
    let first = format!(
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">\u{2013}</td><td>best</td>{}</tr>\n",
        name(best.series),
        fixed(best.loss, 3),
        "<td class=\"num\">1</td>".repeat(if with_products { 6 } else { 4 }),
    );
    let row = |other: &Against<'_>| row(&name(other.place.series), other, with_products);
    let rows: String = ranked.others.iter().map(row).collect();
    let Standing { measure, amount, .. } = ranked.standing;
    let caption = format!("Series at {}", measure.amount(amount));
    let (these, logarithm) = match measure {
        Measure::Compute => ("at this compute", "ln C"),
        Measure::Tokens => ("of so many tokens", "ln D"),
    };
    format!(
        "{}{}<p class=\"small\">Losses are those of the best runs {these}, means over seeds, with {logarithm} linear \
         in ln L between two runs. Brackets of differences are {level}\u{a0}% intervals by the noise between seeds, \
         pooled over all series; where there are no seeds, the verdict is that of the factor by law. Factors are \
         over {}, at the largest cost at which both have measured the loss; measured ones are read off the best \
         runs without an interval. The best is chosen by its loss, and no interval is widened for the number of \
         series.</p>\n",
        table(&caption, "fits", &head, &format!("<tbody>\n{first}{rows}</tbody>\n")),
        by_amount(view, ranked),
        name(best.series),
        level = view.level(),
    )
}

/// Losses at every amount looked at, a column each, with what is not told apart from the best; nothing where
/// there is one such amount.
fn by_amount(view: &View<'_>, ranked: &Ranked<'_>) -> String {
    let all = || ranked.earlier.iter().chain([&ranked.standing]);
    if ranked.earlier.is_empty() {
        return String::new();
    }
    let seeds = ranked.standing.has_noise();
    let columns: String = all()
        .map(|standing| {
            let amount = standing.measure.amount(standing.amount);
            format!("<th scope=\"col\" class=\"num\">{amount}</th>")
        })
        .collect();
    let head = format!("<tr><th scope=\"col\">series</th>{columns}</tr>");
    let rows: String = ranked
        .standing
        .places
        .iter()
        .map(|row| {
            let cells: String = all()
                .filter_map(|standing| {
                    let place = standing.places.iter().find(|place| place.series == row.series)?;
                    let loss = fixed(place.loss, 3);
                    let cell = match (
                        place.series == standing.best().series,
                        standing.tells_apart(*place),
                    ) {
                        (true, _) => format!("<strong>{loss}</strong>"),
                        (false, false) if seeds => format!("\u{2248} {loss}"),
                        (false, _) => loss,
                    };
                    Some(format!("<td class=\"num\">{cell}</td>"))
                })
                .collect();
            let name = escape(&clip(&view.series_name(row.series), 60));
            format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>\n")
        })
        .collect();
    let caption = match seeds {
        true => "Test loss by cost; bold: the best; \u{2248}: not told apart from it",
        false => "Test loss by cost; bold: the best",
    };
    table(caption, "fits", &head, &format!("<tbody>\n{rows}</tbody>\n"))
}

/// Whether any comparison counts the products of the optimizer.
fn has_products(ranked: &Ranked<'_>) -> bool {
    let mut pairs = ranked.others.iter().filter_map(|other| other.pair.as_ref());
    pairs.any(|pair| pair.all_products.is_some())
}

fn row(name: &str, other: &Against<'_>, with_products: bool) -> String {
    let pair = other.pair.as_ref();
    let cells = |compared: Option<&Compared<'_>>| {
        let by_law = compared.and_then(|c| c.by_law.as_ref()).map(|found| found.last().estimate);
        let by_law = by_law.and_then(|e| e.licensed()).map(|e| with_interval(e.get()));
        let measured = compared.and_then(|c| measured(c.measured.as_ref()?));
        [by_law, measured].map(|cell| {
            format!("<td class=\"num\">{}</td>", cell.unwrap_or_else(|| "\u{2013}".to_owned()))
        })
    };
    let products = match with_products {
        true => cells(pair.and_then(|pair| pair.all_products.as_ref())).concat(),
        false => String::new(),
    };
    format!(
        "<tr><th scope=\"row\">{name}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td>{}{products}{}</tr>\n",
        fixed(other.place.loss, 3),
        other.above_words(),
        other.told.words(),
        cells(pair.map(|pair| &pair.compute)).concat(),
        cells(pair.and_then(|pair| pair.seconds.as_ref())).concat(),
    )
}

/// A factor read off the runs, or its bound.
fn measured(found: &Factor) -> Option<String> {
    Some(match found {
        Factor::Reached { at_lowest, .. } => factor(*at_lowest.get()),
        Factor::Below { factor: bound, .. } => format!("below {}", factor(*bound.get())),
        Factor::Above { factor: bound, .. } => format!("above {}", factor(*bound.get())),
    })
}
