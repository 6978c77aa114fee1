//! Where each series stops learning from what came before, in a sentence.

use crate::positions::{LITTLE, Line};
use crate::text::clip;
use crate::view::View;

/// Most series that the sentence names.
const NAMED: usize = 6;

/// From which position on a doubling gains little, for the largest size of every series with the longest
/// context; nothing with fewer than two such series.
pub(crate) fn learned(view: &View<'_>) -> Option<String> {
    let lines = &view.by_position().lines;
    let context = lines.iter().map(|line| line.run.context).max()?;
    let mut longest: Vec<&Line<'_>> = Vec::new();
    for line in lines.iter().filter(|line| line.run.context == context) {
        match longest.iter_mut().find(|known| known.run.series == line.run.series) {
            Some(known) if known.run.n() < line.run.n() => *known = line,
            Some(_) => {}
            None => longest.push(line),
        }
    }
    let level = view.report.fits.level;
    let told: Vec<String> = longest
        .iter()
        .filter_map(|line| {
            let from = line.little(&line.law()?, level);
            let name = view.name_without(&line.run.series, "data.context");
            Some(format!("{} ({from})", clip(&name, 60)))
        })
        .collect();
    let more = told.len().saturating_sub(NAMED);
    let named = told[..told.len() - more].join("; ");
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (told.len() > 1).then(|| {
        format!(
            "In windows of {context} tokens, by the curves over positions, a doubling of what came before gains less \
             than {LITTLE} nats per token from so many tokens on: {named}{more}."
        )
    })
}
