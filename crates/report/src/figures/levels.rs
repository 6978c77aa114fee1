//! Losses that need no model: the entropy of a language, which no model beats, and references such as
//! `5-gram`. They are drawn across a panel where the data keeps at least half of it.

use super::marks::{GUIDE, thread};
use crate::chart::{Owner, Panel, Stroke};
use crate::text::clip;
use crate::theme::Tone;
use crate::view::View;
use isoflop_results::data::ReferenceLoss;

/// A loss that does not depend on size, tokens or compute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level<'a> {
    /// The series of its text; empty where several series share the text.
    pub(crate) series: &'a str,
    pub(crate) label: String,
    /// Order of an n-gram.
    pub(crate) order: Option<u32>,
    /// Nats per token.
    pub(crate) loss: f64,
    /// Factor from nats per token to the unit that all series share.
    unit: f64,
    /// Whether the loss is the entropy.
    pub(crate) floor: bool,
}

/// Most texts whose levels are drawn: those of more would hide the runs.
const MOST_TEXTS: usize = 3;

/// Levels of the texts that finished runs were scored on: of one text all, of a few texts the entropies.
pub(crate) fn levels<'a>(view: &View<'a>) -> Vec<Level<'a>> {
    chosen(view, ReferenceLoss::is_level)
}

/// [`levels`] with the references that `keep` takes.
fn chosen<'a>(view: &View<'a>, keep: fn(&ReferenceLoss) -> bool) -> Vec<Level<'a>> {
    let texts = view.texts();
    let mut all = Vec::new();
    for text in texts.iter().filter(|_| texts.len() <= MOST_TEXTS) {
        let of = match texts.len() {
            1 => String::new(),
            _ => format!(", {}", clip(&view.series_name(text.series), 20)),
        };
        let level = |name: &str, loss: f64, floor: bool| Level {
            series: text.series,
            label: format!("{name}{of}"),
            order: None,
            loss,
            unit: text.unit,
            floor,
        };
        let entropy = text.record.entropy;
        all.extend(entropy.map(|rate| level("entropy", rate.nats_per_token, true)));
        // The loss of the source itself is the entropy again, with noise.
        let alone = texts.len() == 1;
        let references = text.record.references.iter();
        let references = references.filter(|r| alone && keep(r) && r.name != "source");
        let named = |r: &ReferenceLoss| level(&r.name, r.test_loss, false);
        all.extend(references.map(|r| Level { order: r.order(), ..named(r) }));
    }
    all
}

/// Levels as [`levels`] gives them, in the unit that all series share.
pub(crate) fn in_unit<'a>(view: &View<'a>) -> Vec<Level<'a>> {
    shared(levels(view))
}

/// Every reference over the whole train text, n-grams of all orders among them, in the unit that all series
/// share.
pub(crate) fn references_in_unit<'a>(view: &View<'a>) -> Vec<Level<'a>> {
    shared(chosen(view, ReferenceLoss::is_whole))
}

fn shared(mut levels: Vec<Level<'_>>) -> Vec<Level<'_>> {
    levels.iter_mut().for_each(|level| level.loss *= level.unit);
    levels
}

/// Levels that stretch an axis over these losses to no more than twice its length. `measure` is the
/// logarithm or nothing, as the axis has it.
pub(crate) fn near<'a>(
    levels: Vec<Level<'a>>,
    losses: impl Iterator<Item = f64>,
    measure: fn(f64) -> f64,
) -> Vec<Level<'a>> {
    let (low, high) = losses.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| {
        (low.min(measure(loss)), high.max(measure(loss)))
    });
    let span = high - low;
    let holds = |level: &Level<'a>| match measure(level.loss) {
        at if level.floor => at >= low - span && at <= high,
        // A reference below every run is what a reader must see.
        at => at >= low - span && at <= high + 0.25 * span,
    };
    levels.into_iter().filter(|level| holds(level)).collect()
}

/// Draws levels across the panel, each named at its left end.
pub(crate) fn draw(panel: &mut Panel, levels: &[Level<'_>]) {
    const FLOOR: Stroke = Stroke { dash: "7 2", ..thread(Tone::Ink, 1.4, 0.9) };
    for level in levels {
        let mark = if level.floor { "entropy" } else { "reference" };
        let owner = Owner { mark, series: level.series, label: &level.label };
        let stroke = if level.floor { FLOOR } else { GUIDE };
        panel.level(owner, level.loss, stroke);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_far_from_the_data_is_left_to_the_table() {
        let level = |loss: f64, floor: bool| Level {
            series: "",
            label: String::new(),
            order: None,
            loss,
            unit: 1.0,
            floor,
        };
        let kept = |level: Level<'static>| {
            let losses = [2.0, 4.0].into_iter();
            near(vec![level], losses, f64::ln).len() == 1
        };
        assert!(kept(level(1.01, true)) && !kept(level(0.99, true)));
        assert!(kept(level(4.7, false)) && !kept(level(4.8, false)));
        assert!(kept(level(2.1, false)) && kept(level(1.9, false)) && !kept(level(0.9, false)));
    }
}
