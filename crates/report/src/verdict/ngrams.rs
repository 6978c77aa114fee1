//! From how many tokens on a model beats counting, in a sentence.

use crate::counted::{Standing, standing};
use crate::view::View;
use isoflop_core::units::short;

/// A sentence on the smallest and the best size of a series beside n-grams that counted as many tokens; nothing
/// where no n-gram has counted parts of the text, or where another series has the best run of all.
pub(super) fn beaten(view: &View<'_>, series: &str) -> Option<String> {
    let losses = view.finished.iter().filter_map(|run| run.test_loss.map(|loss| (loss, run)));
    let (_, best) = losses.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
    if best.series != series {
        return None;
    }
    let runs = || view.finished.iter().filter(|run| run.series == series);
    let smallest = runs().map(|run| run.n()).min()?;
    let loss = |n: u64| {
        let losses = runs().filter(move |run| run.n() == n).filter_map(|run| run.test_loss);
        losses.fold(f64::INFINITY, f64::min)
    };
    let best = runs().map(|run| run.n()).min_by(|a, b| loss(*a).total_cmp(&loss(*b)))?;
    let told = |n: u64| standing(view, series, n).map(|found| when(&found));
    let name = |n: u64| format!("model ({} parameters)", short(n as f64));
    let also = if best == smallest { ", the best as well," } else { "" };
    let first = told(smallest).map(|when| {
        let name = name(smallest);
        format!(
            "The smallest {name}{also} beats the best n-gram over as many tokens of the text {when}"
        )
    });
    let second = told(best).filter(|_| best != smallest);
    match (first, second) {
        (Some(first), Some(when)) => Some(format!("{first}; the best {} {when}.", name(best))),
        (Some(first), None) => Some(format!("{first}.")),
        (None, Some(when)) => {
            let name = name(best);
            Some(format!(
                "The best {name} beats the best n-gram over as many tokens of the text {when}."
            ))
        }
        (None, None) => None,
    }
}

/// When a size beats counting, of the lengths that were trained.
fn when(found: &Standing) -> String {
    let Standing { lengths, won, from, lost, longest } = *found;
    match (from, lost) {
        (Some(from), None) if lengths == 1 => {
            format!("at the one length trained, {} tokens", short(from as f64))
        }
        (Some(from), None) => {
            format!("at each of {lengths} lengths trained, from {} tokens on", short(from as f64))
        }
        (Some(from), Some(lost)) => {
            format!("from {} tokens on, not yet at {}", short(from as f64), short(lost as f64))
        }
        (None, _) if won > 0 => format!(
            "at {won} of {lengths} lengths trained, not at the longest, {} tokens",
            short(longest as f64)
        ),
        (None, _) => format!("at no length trained, up to {} tokens", short(longest as f64)),
    }
}
