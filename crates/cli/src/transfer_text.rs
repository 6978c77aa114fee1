//! Words what `check transfer` found.

use crate::tables::{interval, table};
use isoflop_core::units::short;
use isoflop_fit::output::Edge;
use isoflop_fit::rate::{TOLERANCE, Transfer, TransferValue, TransferVerdict};
use isoflop_fit::{LEVEL, level_words};
use isoflop_lab::transfer::{Direction, Question, Transferred};
use serde_json::{Value, json};

/// The directions with their verdicts first, then every value.
pub(crate) fn as_text(question: &Question, found: &Transferred) -> String {
    let verdicts: Vec<String> =
        found.found.iter().map(|(direction, transfer)| verdict(*direction, transfer)).collect();
    let rows: Vec<Vec<String>> = found
        .found
        .iter()
        .flat_map(|(direction, transfer)| {
            transfer.values.iter().map(|value| row(*direction, value))
        })
        .collect();
    let best = format!("best rate / rule's [{}]", level_words());
    let header = ["", "value", &best, "cost of the rule (nats)", "lowest loss"];
    let mut blocks = vec![format!(
        "the rule of learning rates about {} ({} parameters) on {}: {} tokens, {} a step, rate {}, {} seeds",
        question.size,
        short(found.n),
        question.text,
        short(question.tokens),
        found.batch,
        found.rate,
        question.seeds
    )];
    if !rows.is_empty() {
        blocks.push(verdicts.join("\n"));
        blocks.push(table(&header, &rows));
        blocks.push(format!(
            "a direction passes where the interval of the exponent, with which the best multiple of the rule's rate \
             moves with the value, lies within {TOLERANCE} of zero"
        ));
    }
    blocks.join("\n\n")
}

/// The same for programs.
pub(crate) fn as_json(question: &Question, found: &Transferred) -> Value {
    let directions = found.found.iter().map(|(direction, transfer)| {
        json!({ "direction": direction.name(), "unit": direction.unit(), "transfer": transfer })
    });
    json!({
        "level": LEVEL,
        "size": question.size,
        "n": found.n,
        "text": question.text.to_string(),
        "tokens": question.tokens,
        "batch_tokens": found.batch,
        "rate_of_rule": found.rate,
        "seeds": question.seeds,
        "tolerance": TOLERANCE,
        "passes": found.outcome.is_none() && found.failed == 0 && found.passes(),
        "complete": found.outcome.is_none() && found.failed == 0,
        "directions": directions.collect::<Vec<_>>(),
    })
}

fn verdict(direction: Direction, transfer: &Transfer) -> String {
    let name = format!("{:<9}", direction.name());
    let factor = transfer.per_doubling.as_ref().map(|factor| {
        format!(
            "the best rate over the rule's moves by a factor of {} per doubling",
            interval(factor)
        )
    });
    let factor = factor.unwrap_or_else(|| "no factor per doubling".to_owned());
    match transfer.verdict {
        TransferVerdict::Transfers => format!("{name}transfers: {factor}"),
        TransferVerdict::DoesNot => format!("{name}does not transfer: {factor}"),
        TransferVerdict::NotIdentified => {
            format!("{name}not identified: {}; {factor}", transfer.reason)
        }
    }
}

fn row(direction: Direction, value: &TransferValue) -> Vec<String> {
    let best = match (&value.best, value.edge) {
        (Some(best), _) => interval(best),
        (None, Some(Edge::Low)) => "below the multiples tried".to_owned(),
        (None, Some(Edge::High)) => "above the multiples tried".to_owned(),
        (None, None) => "no bottom".to_owned(),
    };
    let lowest = value.losses.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    vec![
        direction.name().to_owned(),
        format!("{} {}", short(value.value), direction.unit()),
        best,
        value.cost.map_or(String::new(), |cost| format!("{cost:.4}")),
        format!("{lowest:.4}"),
    ]
}
