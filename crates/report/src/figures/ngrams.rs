//! What counting makes of so many tokens, a line in panels that have tokens across.

use crate::chart::{Key, Legend, Owner, Panel, Scale, Stroke};
use crate::counted::Counted;
use crate::theme::Tone;
use crate::view::View;

const COUNTED: Stroke = Stroke { tone: Tone::Ink, width: 1.3, opacity: 0.85, dash: "6 2 1.5 2" };

/// Name of the line.
const NAME: &str = "best n-gram";

/// Draws the line as far as the axes hold it, where all runs are scored on one text whose parts n-grams have
/// counted.
pub(super) fn draw(view: &View<'_>, panel: &mut Panel, (x, y): (Scale, Scale)) {
    let texts = view.texts();
    let [text] = texts.as_slice() else {
        return;
    };
    let Some(counted) = Counted::of(text.record) else {
        return;
    };
    let line = counted.between(x.bounds()).into_iter();
    let line = line.map(|(tokens, loss)| (tokens, loss * text.unit));
    let inside: Vec<_> = line.filter(|(_, loss)| y.holds(*loss)).collect();
    if inside.len() < 2 {
        return;
    }
    panel.line(Owner { mark: "n-gram", series: "", label: NAME }, &inside, COUNTED);
}

/// Adds the line to the legend where a panel has it, and a sentence on it to the caption.
pub(super) fn explain(panels: &[Panel], legend: &mut Legend, caption: &mut String) {
    if !panels.iter().flat_map(|panel| &panel.rows).any(|row| row.label == NAME) {
        return;
    }
    legend.add(Key::Line(COUNTED), format!("{NAME} over D tokens"));
    caption.push_str(
        " The dash-dotted line is what counting makes of D tokens: the lowest loss of n-grams of any order on the \
         test text after D tokens of the train text, in pieces that are drawn from all of it, each once.",
    );
}
