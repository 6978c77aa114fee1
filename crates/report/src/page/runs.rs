//! The table of runs, and the list of runs that no fit saw.

use super::parts;
use crate::options::{self, Choice};
use crate::text::{escape, three_digits};
use crate::view::View;
use isoflop_core::units::{scientific, short};
use isoflop_results::{RunRow, Status};

/// The table of all runs, or nothing without runs.
pub(crate) fn table(view: &View<'_>) -> Option<String> {
    let runs = view.report.runs;
    if runs.is_empty() {
        return None;
    }
    let columns = columns(view);
    let head: String =
        columns.iter().map(|c| format!("<th scope=\"col\"{}>{}</th>", c.class(), c.name)).collect();
    let mut body = String::from("<tbody>\n");
    for (number, run) in runs.iter().enumerate() {
        body.push_str(&format!("<tr data-r=\"{number}\">"));
        for (k, column) in columns.iter().enumerate() {
            let cell = (column.cell)(run);
            let key = cell.key.map(|key| format!(" data-key=\"{key}\"")).unwrap_or_default();
            match k {
                0 => body.push_str(&format!("<th scope=\"row\">{}</th>", escape(&cell.text))),
                _ => body.push_str(&format!(
                    "<td{}{key}>{}</td>",
                    column.class(),
                    escape(&cell.text)
                )),
            }
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody>\n");
    Some(parts::table(
        &format!("All {} runs", runs.len()),
        "runs sortable",
        &format!("<tr>{head}</tr>"),
        &body,
    ))
}

struct PageCell {
    text: String,
    /// Number that the column is sorted by, where sorting by the text would be wrong.
    key: Option<f64>,
}

struct PageColumn<'a> {
    name: &'static str,
    numeric: bool,
    cell: Box<dyn Fn(&'a RunRow) -> PageCell + 'a>,
}

impl<'a> PageColumn<'a> {
    fn text(name: &'static str, cell: impl Fn(&'a RunRow) -> PageCell + 'a) -> Self {
        PageColumn { name, numeric: false, cell: Box::new(cell) }
    }

    fn numeric(name: &'static str, cell: impl Fn(&'a RunRow) -> PageCell + 'a) -> Self {
        PageColumn { numeric: true, ..PageColumn::text(name, cell) }
    }

    fn class(&self) -> &'static str {
        if self.numeric { " class=\"num\"" } else { "" }
    }
}

fn words(text: &str) -> PageCell {
    PageCell { text: text.to_owned(), key: None }
}

fn quantity(text: String, key: f64) -> PageCell {
    PageCell { text, key: Some(key) }
}

fn missing() -> PageCell {
    PageCell { text: "\u{2013}".to_owned(), key: None }
}

fn columns<'a>(view: &'a View<'_>) -> Vec<PageColumn<'a>> {
    let mut columns = vec![PageColumn::text("run", |r| words(&r.run_id))];
    if view.many_series() {
        let name = |r: &'a RunRow| words(&view.series_name(&r.series));
        columns.push(PageColumn::text("series", name));
    }
    columns.extend([
        PageColumn::text("status", |r| words(&r.status.to_string())),
        PageColumn::numeric("N non-emb.", |r| quantity(short(r.n() as f64), r.n() as f64)),
        PageColumn::numeric("D tokens", |r| quantity(short(r.tokens as f64), r.tokens as f64)),
        PageColumn::numeric("C exact (FLOPs)", |r| quantity(scientific(r.c_exact), r.c_exact)),
        PageColumn::numeric("test loss (nats per token)", |r| {
            match (r.test_loss, r.test_loss_se) {
                (Some(loss), Some(se)) => quantity(format!("{loss:.3} \u{b1} {se:.3}"), loss),
                (Some(loss), None) => quantity(format!("{loss:.3}"), loss),
                (None, _) => missing(),
            }
        }),
        PageColumn::numeric("bits per byte", |r| {
            r.test_bpb.map_or_else(missing, |bpb| quantity(format!("{bpb:.3}"), bpb))
        }),
        PageColumn::numeric("train loss (nats per token)", |r| {
            r.train_loss.map_or_else(missing, |loss| quantity(format!("{loss:.3}"), loss))
        }),
        PageColumn::numeric("tokens per param", |r| {
            quantity(short(r.tokens_per_param), r.tokens_per_param)
        }),
        PageColumn::numeric("epochs (\u{25b2} above one)", |r| {
            let flag = if r.epochs > 1.0 { " \u{25b2}" } else { "" };
            quantity(format!("{}{flag}", three_digits(r.epochs)), r.epochs)
        }),
    ]);
    if view.report.runs.iter().any(|r| r.size != shape(r)) {
        columns.push(PageColumn::text("size", |r| words(&r.size)));
    }
    columns.push(PageColumn::text("width x layers x heads", |r| quantity(shape(r), r.n() as f64)));
    columns.extend(of_options(view));
    columns.extend([
        PageColumn::numeric("learning rate", |r| {
            quantity(scientific(r.learning_rate), r.learning_rate)
        }),
        PageColumn::numeric("seed", |r| quantity(r.seed.to_string(), r.seed as f64)),
        PageColumn::numeric("wall time (s)", |r| {
            quantity(format!("{:.0}", r.wall_time_s), r.wall_time_s)
        }),
        PageColumn::numeric("tokens/s", |r| quantity(short(r.tokens_per_s), r.tokens_per_s)),
        PageColumn::numeric("GFLOP/s", |r| {
            quantity(format!("{:.1}", r.flops_per_s / 1e9), r.flops_per_s)
        }),
    ]);
    columns
}

/// Options that some run has at another value than the default, and the load of experts.
fn of_options<'a>(view: &'a View<'_>) -> Vec<PageColumn<'a>> {
    let runs = view.report.runs;
    let column = |choice: Choice| {
        PageColumn::text(choice.name, move |r| match (choice.value)(r) {
            Some(value) => PageCell { key: value.parse().ok(), text: value },
            None => missing(),
        })
    };
    let mut columns: Vec<PageColumn<'a>> =
        options::used(runs.iter()).into_iter().map(column).collect();
    if runs.iter().any(|r| r.load.is_some()) {
        columns.push(PageColumn::numeric("load", |r| {
            r.load.map_or_else(missing, |load| quantity(format!("{load:.2}"), load))
        }));
    }
    columns
}

/// The shape of a model as a sweep file writes it.
fn shape(run: &RunRow) -> String {
    let heads = run.n_heads.map_or(String::new(), |heads| format!("x{heads}"));
    format!("{}x{}{heads}", run.d_model, run.n_layers)
}

/// The table of runs that are missing from the fits, with the reason of each.
pub(crate) fn left_out(view: &View<'_>) -> String {
    let mut rows = String::new();
    let mut add = |label: &str, what: &str, why: &str| {
        rows.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td>{what}</td><td>{}</td></tr>\n",
            escape(label),
            escape(why)
        ));
    };
    let excluded = &view.report.fits.excluded;
    let ended_badly = |r: &&RunRow| r.status != Status::Finished;
    for run in view.report.runs.iter().filter(ended_badly) {
        let step = run.diverged_step.map(|s| format!("at step {s}"));
        let why: Vec<&str> = step.as_deref().into_iter().chain(run.message.as_deref()).collect();
        add(&run.run_id, &run.status.to_string(), &why.join(": "));
    }
    for row in excluded {
        let told = view.run(&row.label).is_some_and(|r| r.status != Status::Finished);
        if !told {
            add(&row.label, "excluded", &row.reason);
        }
    }
    if rows.is_empty() {
        return "<p>None: every run finished and every finished run was fitted.</p>\n".to_owned();
    }
    let head = "<tr><th scope=\"col\">run</th><th scope=\"col\">what</th>\
                <th scope=\"col\">why</th></tr>";
    parts::table("Runs that no fit saw", "why", head, &format!("<tbody>\n{rows}</tbody>\n"))
}
