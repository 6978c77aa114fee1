//! Every fitted number, with the notes on how it was made.

use super::approaches;
use super::parts::{of_series, table};
use crate::text::{escape, fixed, html_label, interval, sentence, three_digits, value};
use crate::view::{self, View, letter, place, window};
use isoflop_fit::output::{Estimate, Fit, Isoflop, Refusal, Remarks};

/// Tables of all fits, or nothing where no law was fitted or refused.
pub(crate) fn tables(view: &View<'_>) -> Option<String> {
    let fits = view.report.fits;
    let mut out = String::new();
    let level = view.level();
    let head = format!(
        "<tr><th scope=\"col\">parameter</th><th scope=\"col\" class=\"num\">estimate</th>\
         <th scope=\"col\" class=\"num\">{level} % interval</th>\
         <th scope=\"col\" class=\"num\">standard error</th><th scope=\"col\">identified</th></tr>"
    );
    let bodies: String = fits.fits.iter().map(|fit| law(view, fit)).collect();
    if !bodies.is_empty() {
        out.push_str(&table("Laws fitted", "fits", &head, &bodies));
    }
    let optima: String = fits.isoflop.iter().map(|i| optima(view, i)).collect();
    if !optima.is_empty() {
        let head = "<tr><th scope=\"col\">budget (FLOPs)</th><th scope=\"col\" class=\"num\">N*</th>\
                    <th scope=\"col\" class=\"num\">D* (tokens)</th>\
                    <th scope=\"col\" class=\"num\">loss (nats per token)</th>\
                    <th scope=\"col\">note</th></tr>";
        out.push_str(&table("IsoFLOP minima", "fits", head, &optima));
    }
    out.push_str(&approaches::tables(view));
    let judged: String = fits.fits.iter().map(|fit| held_out(view, fit)).collect();
    if !judged.is_empty() {
        let head = "<tr><th scope=\"col\">fitted on</th><th scope=\"col\">judged on</th>\
                    <th scope=\"col\" class=\"num\">rows</th>\
                    <th scope=\"col\" class=\"num\">rows held out</th>\
                    <th scope=\"col\" class=\"num\">their compute, over the largest fitted</th>\
                    <th scope=\"col\" class=\"num\">mean error of ln L (%)</th>\
                    <th scope=\"col\" class=\"num\">root mean square (%)</th>\
                    <th scope=\"col\" class=\"num\">inside their intervals</th></tr>";
        out.push_str(&table("Laws judged by runs held out", "fits", head, &judged));
    }
    out.push_str(&refused(view));
    (!out.is_empty()).then_some(out)
}

/// Laws that were not fitted, each reason once with the series that it holds for.
fn refused<'a>(view: &View<'a>) -> String {
    let mut groups: Vec<(&'a Refusal, Vec<&'a str>)> = Vec::new();
    for refusal in &view.report.fits.refused {
        let key = |r: &Refusal| (r.law.clone(), r.x, r.reason.clone(), r.hint.clone());
        match groups.iter_mut().find(|(known, _)| key(known) == key(refusal)) {
            Some((_, series)) => series.push(&refusal.series),
            None => groups.push((refusal, vec![refusal.series.as_str()])),
        }
    }
    let item = |(r, series): &(&'a Refusal, Vec<&'a str>)| {
        let x = r.x.map(|x| format!(" in {}", letter(x))).unwrap_or_default();
        let hint =
            r.hint.as_ref().map(|h| format!(" {}.", escape(&sentence(h)))).unwrap_or_default();
        let series: Vec<String> = series.iter().map(|series| of_series(view, series)).collect();
        format!(
            "<li><b>{}{x}</b>{}: {}.{hint}</li>\n",
            escape(&r.law),
            series.join(","),
            escape(r.reason.trim_end_matches('.'))
        )
    };
    let items: String = groups.iter().map(item).collect();
    match items.is_empty() {
        true => items,
        false => format!("<h3>Not fitted</h3>\n<ul>\n{items}</ul>\n"),
    }
}

/// Notes on method in a row of their own; nothing where there are none.
fn notes(remarks: &Remarks, columns: usize) -> String {
    let all: Vec<String> = remarks.notes().map(|note| format!("{}.", sentence(note))).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(
            "<tr class=\"notes\"><td colspan=\"{columns}\" class=\"small\">{}</td></tr>\n",
            escape(&all.join(" "))
        ),
    }
}

fn held_out<'a>(view: &View<'a>, fit: &'a Fit) -> String {
    let Some(validation) = &fit.validation else {
        return String::new();
    };
    let x = fit.x.map(|x| format!(" in {}", letter(x))).unwrap_or_default();
    let mut out = format!(
        "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"8\">{}{x}{}</th></tr>\n",
        escape(&fit.law),
        of_series(view, &fit.series),
    );
    for held in validation.windows.iter().chain(&validation.largest_size) {
        let inside = held
            .covered
            .map_or_else(|| "\u{2013}".to_owned(), |k| format!("{k} of {}", held.held_out));
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td>\
             <td class=\"num\">{:.3}</td><td class=\"num\">{:+.2}</td><td class=\"num\">{:.2}</td>\
             <td class=\"num\">{inside}</td></tr>\n",
            escape(&window(&held.window)),
            escape(&window(&held.judged)),
            held.rows,
            held.held_out,
            held.reach,
            held.mean_error * 100.0,
            held.rms_error * 100.0
        ));
    }
    if let Some(misfit) = validation.verdict() {
        out.push_str(&format!(
            "<tr><td colspan=\"8\"><b>Verdict:</b> {}.</td></tr>\n",
            escape(&misfit.sentence)
        ));
    }
    out.push_str("</tbody>\n");
    out
}

fn law<'a>(view: &View<'a>, fit: &'a Fit) -> String {
    let x = fit.x.map(|x| format!(" in {}", letter(x))).unwrap_or_default();
    let mut out = format!(
        "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"5\">{}{x}{} \
         <span class=\"formula\">{}</span><br><span class=\"small\">{}</span></th></tr>\n",
        escape(&fit.law),
        of_series(view, &fit.series),
        escape(&fit.formula),
        details(fit)
    );
    let mut parameters: Vec<(&String, &Estimate)> = fit.parameters.iter().collect();
    parameters.sort_by_key(|(name, _)| place(name));
    for (name, e) in parameters {
        out.push_str(&parameter(&symbol(name), e));
    }
    if let Some(floor) = &fit.known_floor {
        out.push_str(&format!(
            "<tr><td colspan=\"5\">Entropy known: {}.</td></tr>\n",
            escape(&floor.to_string())
        ));
    }
    out.push_str(&notes(&fit.remarks, 5));
    out.push_str("</tbody>\n");
    out
}

fn details(fit: &Fit) -> String {
    let dropped = match fit.dropped {
        0 => String::new(),
        k => format!(", {k} dropped"),
    };
    let delta = fit.objective.delta.map(|d| format!(" (delta {d})")).unwrap_or_default();
    let basins = match fit.basins.len() {
        1 => "1 basin".to_owned(),
        k => format!("{k} basins"),
    };
    let c = fit.c_kind.as_ref().map(|c| format!(", C is {}", escape(c))).unwrap_or_default();
    let mut text = format!(
        "{}, {} rows{dropped}. N is {}{c}. {} {}{delta} = {}; {basins}, {} of {} starts agreed.",
        escape(&fit.points),
        fit.rows,
        escape(&fit.n_kind),
        escape(&fit.objective.reduction),
        escape(&fit.objective.kind),
        three_digits(fit.objective.value),
        fit.starts_agreed,
        fit.starts_tried,
    );
    if let Some(row) = fit.influence.first() {
        text.push_str(&format!(
            " Most influential: without {}, {} is {} ({:+} %).",
            escape(&row.label),
            symbol(&row.parameter),
            three_digits(row.without),
            (1000.0 * row.relative_change).round() / 10.0
        ));
    }
    text
}

fn parameter(name: &str, e: &Estimate) -> String {
    let se = e.standard_error.map_or_else(|| "\u{2013}".to_owned(), three_digits);
    format!(
        "<tr><th scope=\"row\">{name}</th><td class=\"num\">{}</td><td class=\"num\">{}</td>\
         <td class=\"num\">{se}</td><td>{}</td></tr>\n",
        value(e),
        interval(e).unwrap_or_else(|| "\u{2013}".to_owned()),
        if e.identified { "yes" } else { "<b>no</b>" }
    )
}

fn symbol(name: &str) -> String {
    match name {
        "n_exponent" => "a (N* ~ C<sup>a</sup> under C = 6ND)".to_owned(),
        "d_exponent" => "b (D* ~ C<sup>b</sup> under C = 6ND)".to_owned(),
        other => html_label(&view::symbol(other)),
    }
}

fn optima<'a>(view: &View<'a>, isoflop: &'a Isoflop) -> String {
    let exponent = |name: &str, e: &Option<Estimate>| match e {
        Some(e) if e.identified => {
            format!("{name} = {} {}", value(e), interval(e).unwrap_or_default())
        }
        Some(_) => format!("{name} is not identified"),
        None => format!("{name}: too few minima"),
    };
    let sets = &view.report.fits.approaches;
    // The table of approaches has the exponents of approach 2.
    let exponents = match sets.iter().any(|set| set.series == isoflop.series) {
        true => String::new(),
        false => format!(
            "N* ~ C<sup>a</sup>, D* ~ C<sup>b</sup>: {}; {}. ",
            exponent("a", &isoflop.n_exponent),
            exponent("b", &isoflop.d_exponent)
        ),
    };
    let mut out = format!(
        "<tbody>\n<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"5\">{} \
         <span class=\"small\">{exponents}N is {}, C exact.</span></th></tr>\n",
        of_series(view, &isoflop.series),
        escape(&isoflop.n_kind)
    );
    for budget in &isoflop.budgets {
        let scale = |e: &Estimate| {
            let range = match (e.low, e.high) {
                (Some(low), Some(high)) => format!(
                    " <span class=\"aside\">[{}, {}]</span>",
                    isoflop_core::units::short(low),
                    isoflop_core::units::short(high)
                ),
                _ => String::new(),
            };
            format!("{}{range}", isoflop_core::units::short(e.value))
        };
        let cells = match &budget.minimum {
            Some(m) => {
                let range = interval(&m.loss).unwrap_or_default();
                let loss = fixed(m.loss.value, 3);
                format!(
                    "<td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{loss} \
                     <span class=\"aside\">{range}</span></td>",
                    scale(&m.n_opt),
                    scale(&m.d_opt)
                )
            }
            None => "<td class=\"num\">\u{2013}</td>".repeat(3),
        };
        out.push_str(&format!(
            "<tr><th scope=\"row\">{}</th>{cells}<td>{}</td></tr>\n",
            isoflop_core::units::scientific(budget.flops_budget),
            escape(budget.note.as_deref().unwrap_or(""))
        ));
    }
    out.push_str(&notes(&isoflop.remarks, 5));
    out.push_str("</tbody>\n");
    out
}
