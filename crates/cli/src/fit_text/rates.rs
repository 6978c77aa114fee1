//! Shows laws of learning rates and batches.

use super::of_series;
use crate::tables::{interval, number, table};
use isoflop_core::units::short;
use isoflop_fit::level_words;
use isoflop_fit::output::{
    BestLaw, Edge, Estimate, NotIdentified, Published, RateCell, Rates, RuleCost,
};
use isoflop_fit::rate::SMALLEST;

/// Number of warnings that are shown.
const SHOWN: usize = 2;

/// The law in few lines, the answer first.
pub(super) fn brief(rates: &Rates) -> String {
    let mut lines = answer(rates);
    let more = rates.warnings.len().saturating_sub(SHOWN);
    lines.extend(rates.warnings.iter().take(SHOWN).map(|warning| format!("  mind: {warning}")));
    if more > 0 {
        lines.push(format!("  mind: {more} more (--details)"));
    }
    lines.join("\n")
}

/// The law with every cell.
pub(super) fn details(rates: &Rates) -> String {
    let mut lines = answer(rates);
    lines.extend(
        rates
            .not_identified
            .iter()
            .map(|missing| format!("  hint: {}: {}", missing.parameter, missing.hint)),
    );
    lines.extend(rates.warnings.iter().map(|warning| format!("  mind: {warning}")));
    lines.push(String::new());
    lines.push(cells(rates));
    if !rates.batch_cells.is_empty() {
        lines.push(String::new());
        lines.push(batch_cells(rates));
    }
    for decay in rates.decays.iter().skip(1) {
        lines.push(format!(
            "a decay of {:.2} against {:.2}: {} nats at the best rate of each, {} pairs",
            decay.decay,
            rates.decays[0].decay,
            signed(&decay.difference),
            decay.pairs
        ));
    }
    lines.join("\n")
}

fn answer(rates: &Rates) -> Vec<String> {
    let of = of_series(&rates.series);
    let mut lines = Vec::new();
    match &rates.rate {
        Some(law) => {
            let b = law.b.map_or(String::new(), |b| format!(", batch {}", short(b)));
            lines.push(format!(
                "best learning rate{of}: {} at N = {}, D = {}{b}, decay {:.2}",
                interval(&law.at_centre),
                short(law.n),
                short(law.d),
                law.decay
            ));
            lines.push(format!(
                "  {}: {}",
                law.formula,
                parameters(law, &["a", "b", "p", "decay", "c"])
            ));
        }
        None => lines.push(format!("best learning rate{of}: no law")),
    }
    lines.push(batch_line(rates));
    if let Some(law) = &rates.batch_with_n {
        lines.push(format!("  with N: {}: {}", law.formula, parameters(law, &["q", "r", "k"])));
    }
    let missing = rates.not_identified.iter().map(|NotIdentified { parameter, reason, .. }| {
        format!("  not identified: {parameter}: {reason}")
    });
    lines.extend(missing);
    lines.extend(rates.rule.as_ref().map(|rule| rule_line(rule, &rates.cells)));
    lines.extend(published(rates));
    lines.extend(rates.rate.as_ref().map(|law| quality(rates, law)));
    lines
}

fn batch_line(rates: &Rates) -> String {
    match &rates.batch {
        Some(law) => format!(
            "best batch: {} tokens at D = {}\n  {}: {}",
            interval(&law.at_centre),
            short(law.d),
            law.formula,
            parameters(law, &["q", "k"])
        ),
        None if rates.batch_cells.is_empty() => {
            "best batch: not identified, it needs three batches at a size and token count"
                .to_owned()
        }
        None => "best batch: no law in D".to_owned(),
    }
}

fn parameters(law: &BestLaw, order: &[&str]) -> String {
    let one = |name: &&str| Some(format!("{name} = {}", interval(law.parameters.get(*name)?)));
    order.iter().filter_map(one).collect::<Vec<_>>().join("   ")
}

fn rule_line(rule: &RuleCost, cells: &[RateCell]) -> String {
    let at = cells.get(rule.worst_cell).map_or(String::new(), |cell| format!(" ({})", place(cell)));
    let by_law = match (rule.mean_by_law, rule.worst_by_law) {
        (Some(mean), Some(worst)) => format!("; by the law {mean:.3} and {worst:.3}"),
        _ => String::new(),
    };
    let outside = match rule.outside {
        0 => String::new(),
        outside => format!("; its rate lies outside those tried in {outside} more"),
    };
    format!(
        "  the rule of `auto` costs {:.3} nats against the best rate tried in the mean of {} cells, {:.3} at worst{at}{by_law}{outside}",
        rule.mean, rule.cells, rule.worst
    )
}

fn place(cell: &RateCell) -> String {
    format!("N {}, D {}, batch {}", short(cell.n), short(cell.d), short(cell.batch))
}

/// What published rules say at the centre of these runs, and which exponents they share with them.
fn published(rates: &Rates) -> Option<String> {
    let law = rates.rate.as_ref()?;
    let said: Vec<String> = rates.published.iter().filter_map(one_rule).collect();
    let below = SMALLEST / law.n;
    let mut lines: Vec<String> =
        said.into_iter().map(|said| format!("  published: {said}")).collect();
    lines.push(format!(
        "  none of these rules was fitted below 60M parameters, {} times this N",
        short(below)
    ));
    (lines.len() > 1).then(|| lines.join("\n"))
}

fn one_rule(rule: &Published) -> Option<String> {
    let asks = match (rule.rate, rule.batch) {
        (Some(rate), Some(batch)) => {
            vec![format!("a rate of {} and {} tokens a step there", number(rate), short(batch))]
        }
        _ => Vec::new(),
    };
    let exponents = rule.inside.iter().map(|(name, inside)| {
        let value = rule.exponents.get(name).copied().unwrap_or_default();
        format!("{name} = {value} {} the interval", if *inside { "inside" } else { "outside" })
    });
    let said: Vec<String> = asks.into_iter().chain(exponents).collect();
    (!said.is_empty()).then(|| format!("{}: {}", rule.rule, said.join(", ")))
}

fn quality(rates: &Rates, law: &BestLaw) -> String {
    let noise = rates.noise.map_or(String::new(), |noise| format!(" (between seeds {noise:.4})"));
    let diverged = match rates.diverged {
        0 => String::new(),
        count => format!(", {count} diverged"),
    };
    format!(
        "  fit: {} rows{diverged}, {} cells with the best rate inside, {} at an end; off by {:.4} nats root mean square{noise}; \
         {} intervals: jackknives over {} cells and {} trunks",
        rates.rows,
        law.inside,
        law.censored,
        law.spread,
        level_words(),
        law.units,
        law.trunks
    )
}

fn signed(estimate: &Estimate) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{:+.4} [{low:+.4}, {high:+.4}]", estimate.value),
        _ => format!("{:+.4}", estimate.value),
    }
}

fn end(edge: Option<Edge>) -> String {
    match edge {
        Some(Edge::Low) => "below those tried".to_owned(),
        Some(Edge::High) => "above those tried".to_owned(),
        None => "no bottom".to_owned(),
    }
}

fn cells(rates: &Rates) -> String {
    let rows: Vec<Vec<String>> = rates
        .cells
        .iter()
        .map(|cell| {
            let cost = |cost: Option<f64>| cost.map_or(String::new(), |cost| format!("{cost:.4}"));
            vec![
                short(cell.n),
                short(cell.d),
                short(cell.batch),
                format!("{:.2}", cell.decay),
                cell.losses.len().to_string(),
                cell.best.as_ref().map_or_else(|| end(cell.edge), interval),
                cell.by_law.map_or(String::new(), number),
                cell.rule.map_or(String::new(), number),
                cost(cell.rule_cost),
                cost(cell.rule_cost_by_law),
            ]
        })
        .collect();
    table(
        &[
            "N",
            "D",
            "batch",
            "decay",
            "rates",
            "best rate",
            "by the law",
            "auto",
            "costs",
            "by the law",
        ],
        &rows,
    )
}

fn batch_cells(rates: &Rates) -> String {
    let rows: Vec<Vec<String>> = rates
        .batch_cells
        .iter()
        .map(|cell| {
            let losses: Vec<String> = cell
                .losses
                .iter()
                .map(|(batch, loss)| format!("{}: {loss:.4}", short(*batch)))
                .collect();
            vec![
                short(cell.n),
                short(cell.d),
                format!("{:.2}", cell.decay),
                cell.best.map_or_else(|| end(cell.edge), short),
                losses.join("  "),
            ]
        })
        .collect();
    table(&["N", "D", "decay", "best batch", "loss at the best rate of each batch"], &rows)
}
