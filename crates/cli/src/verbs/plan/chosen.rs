//! What a plan chooses by itself: sizes, and runs that make a quantity known better.

use isoflop_core::units::{scientific, significant};
use isoflop_lab::path::{Path, Step};
use isoflop_lab::price::Priced;
use isoflop_lab::stages::in_words;
use isoflop_lab::words::{clock, span};
use isoflop_sweep::Plan;
use isoflop_sweep::plan::{BudgetSizes, Round};

/// Steps of a path that are shown.
const SHOWN: usize = 5;

/// A line for each budget whose sizes are chosen; nothing where the sweep file names the sizes.
pub(super) fn sizes(plan: &Plan) -> String {
    if plan.sizes().is_empty() {
        return String::new();
    }
    let line = |sizes: &BudgetSizes| match sizes.waits {
        true => format!(
            "\n  {} (as it is expected; placed when the others have ended)",
            in_words(sizes)
        ),
        false => format!("\n  {}", in_words(sizes)),
    };
    format!("\nsizes:{}", plan.sizes().iter().map(line).collect::<String>())
}

/// A line for each round of added runs.
pub(super) fn rounds(plan: &Plan) -> String {
    let line = |round: &Round| {
        let runs: Vec<&str> = round.runs.iter().filter_map(|run| run.id.as_deref()).collect();
        let was = match round.width {
            Some(width) => format!("its interval was {} wide", significant(width, 2)),
            None => "it was not identified".to_owned(),
        };
        format!(
            "\nadded for {}: {}; {was}, {} asked for and {} expected",
            round.target,
            runs.join(" "),
            round.wanted,
            significant(round.expected, 2)
        )
    };
    plan.rounds().iter().map(line).collect()
}

/// How narrow the interval of the plan's aim is expected to become.
pub(super) fn paths(priced: &Priced) -> String {
    let seconds_per_flop = priced.all.finish / priced.plan.flops().0;
    priced.paths.iter().map(|path| one_path(path, seconds_per_flop)).collect()
}

fn one_path(path: &Path, seconds_per_flop: f64) -> String {
    let of = match path.series.as_str() {
        "" => String::new(),
        series => format!(" ({series})"),
    };
    let law = match path.fitted {
        true => "under the law fitted so far",
        false => "under a law like that of bytes of rust-docs",
    };
    let mut text = format!(
        "\nuntil the interval of {}{of} is {} wide; expected {law}: {} after these runs",
        path.target,
        path.wanted,
        significant(path.width, 2)
    );
    for step in shown(&path.steps) {
        let time = clock(span(step.flops * seconds_per_flop));
        text.push_str(&format!(
            "\n  {} after {} more of {} FLOPs, about {time}",
            significant(step.width, 2),
            step.runs,
            scientific(step.flops)
        ));
    }
    let last = path.steps.last().map_or(path.width, |step| step.width);
    if last > path.wanted {
        text.push_str("\n  more runs than `until` adds without a --deadline would be needed");
    }
    text
}

/// Some of the steps, the last among them.
fn shown(steps: &[Step]) -> Vec<&Step> {
    let count = steps.len();
    let every = count.div_ceil(SHOWN).max(1);
    steps
        .iter()
        .enumerate()
        .filter(|(k, _)| (count - 1 - k).is_multiple_of(every))
        .map(|(_, s)| s)
        .collect()
}
