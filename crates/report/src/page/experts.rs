//! Sizes of mixtures of experts, with and without their router.

use super::parts;
use crate::figures::mixtures;
use crate::text::escape;
use crate::view::View;
use isoflop_results::RunRow;

/// The table of the sizes behind the figure of experts, a row a model.
pub(super) fn table(view: &View<'_>) -> String {
    let mut models: Vec<&RunRow> = Vec::new();
    for run in mixtures(view).into_iter().flatten() {
        let of =
            |r: &RunRow| (r.d_model, r.n_layers, r.n_heads, r.experts, r.active_experts, r.n());
        if models.iter().all(|known| of(known) != of(run)) {
            models.push(run);
        }
    }
    models.sort_by_key(|run| (run.d_model, run.n_layers, run.experts, run.active_experts));
    let rows: String = models.iter().map(|run| row(run)).collect();
    let head = "<tr><th scope=\"col\">width x layers</th>\
                <th scope=\"col\" class=\"num\">experts</th>\
                <th scope=\"col\" class=\"num\">active</th>\
                <th scope=\"col\" class=\"num\">N used by a token</th>\
                <th scope=\"col\" class=\"num\">of it the router</th>\
                <th scope=\"col\" class=\"num\">N without the router</th>\
                <th scope=\"col\" class=\"num\">N present</th></tr>";
    parts::table(
        "Sizes of the mixtures, without embedding and head",
        "fits",
        head,
        &format!("<tbody>\n{rows}</tbody>\n"),
    )
}

fn row(run: &RunRow) -> String {
    let number = |value: u64| format!("<td class=\"num\">{value}</td>");
    let experts = run.experts.unwrap_or(0);
    let router = router(run);
    format!(
        "<tr><th scope=\"row\">{}</th>{}{}{}{}{}{}</tr>\n",
        escape(&format!("{}x{}", run.d_model, run.n_layers)),
        number(experts),
        number(run.active_experts.unwrap_or(0)),
        number(run.n()),
        number(router),
        number(run.n().saturating_sub(router)),
        number(run.n_non_embedding),
    )
}

/// Parameters of the routers of all layers: a score of each expert from the width.
fn router(run: &RunRow) -> u64 {
    run.experts.unwrap_or(0) * run.d_model * run.n_layers
}
