//! What counting makes of so many tokens: the lowest loss of n-grams of any order by the train tokens that
//! they counted.

use crate::view::View;
use isoflop_results::{DataRecord, RunRow};

/// The lowest loss of an n-gram after so many tokens, in nats per token.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    tokens: f64,
    loss: f64,
}

/// The parts of a train text that n-grams counted, ascending: two at least.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    parts: Vec<Part>,
    /// Whether the last part is the whole train text, so that there is no more to count.
    is_whole: bool,
}

impl Counted {
    /// Nothing where a record has no parts, as those of earlier versions, or one alone.
    pub(crate) fn of(record: &DataRecord) -> Option<Counted> {
        let mut parts: Vec<Part> = Vec::new();
        for reference in record.references.iter().filter(|r| r.order().is_some()) {
            let Some(tokens) = reference.train_tokens.filter(|tokens| *tokens > 0) else {
                continue;
            };
            let part = Part { tokens: tokens as f64, loss: reference.test_loss };
            match parts.iter_mut().find(|known| known.tokens == part.tokens) {
                Some(known) => known.loss = known.loss.min(part.loss),
                None => parts.push(part),
            }
        }
        parts.retain(|part| part.loss.is_finite() && part.loss > 0.0);
        parts.sort_by(|a, b| a.tokens.total_cmp(&b.tokens));
        let is_whole = parts.last()?.tokens >= record.train_tokens as f64;
        (parts.len() > 1).then_some(Counted { parts, is_whole })
    }

    fn last(&self) -> Part {
        self.parts[self.parts.len() - 1]
    }

    /// The lowest loss after so many tokens, by ln L linear in ln D between the parts. After the whole text
    /// it stays; before the first part and after a last part that is not the whole text it is unknown.
    pub(crate) fn loss(&self, tokens: f64) -> Option<f64> {
        let next = self.parts.partition_point(|part| part.tokens < tokens);
        let after = match self.parts.get(next) {
            Some(after) => after,
            None => return self.is_whole.then_some(self.last().loss),
        };
        if after.tokens == tokens {
            return Some(after.loss);
        }
        let before = self.parts.get(next.checked_sub(1)?)?;
        let share = (tokens / before.tokens).ln() / (after.tokens / before.tokens).ln();
        Some(before.loss * (after.loss / before.loss).powf(share))
    }

    /// Points of the curve, tokens and loss, between two numbers of tokens, as far as the parts reach.
    pub(crate) fn between(&self, (from, to): (f64, f64)) -> Vec<(f64, f64)> {
        let (from, to) = (from.max(self.parts[0].tokens), to.min(self.last().tokens));
        if from >= to {
            return Vec::new();
        }
        let inside = |tokens: &f64| *tokens > from && *tokens < to;
        let mut at: Vec<f64> = self.parts.iter().map(|part| part.tokens).filter(inside).collect();
        at.extend((0..POINTS).map(|k| from * (to / from).powf(k as f64 / POINTS as f64)));
        at.push(to);
        at.sort_by(f64::total_cmp);
        at.into_iter().filter_map(|tokens| Some((tokens, self.loss(tokens)?))).collect()
    }
}

/// Points of a curve.
const POINTS: usize = 60;

/// How the runs of one size fare against n-grams that counted as many tokens as a run saw, repeats left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Lengths that were trained and are compared, in tokens.
    pub(crate) lengths: usize,
    /// Lengths whose best run has the lower loss.
    pub(crate) won: usize,
    /// The least length from which on all longer ones are won.
    pub(crate) from: Option<u64>,
    /// The longest length that is not won.
    pub(crate) lost: Option<u64>,
    pub(crate) longest: u64,
}

/// The standing of the runs of a series and size; none where there is nothing to compare.
pub(crate) fn standing(view: &View<'_>, series: &str, n: u64) -> Option<Standing> {
    let runs = view.finished.iter().filter(|run| run.series == series && run.n() == n);
    let mut lengths: Vec<(u64, bool)> = runs.filter_map(|run| wins(view, run)).collect();
    lengths.sort_unstable();
    // Of the runs of one length, the one that wins comes last.
    lengths.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 = if same { next.1 } else { kept.1 };
        same
    });
    let lost = lengths.iter().rposition(|(_, wins)| !wins);
    Some(Standing {
        lengths: lengths.len(),
        won: lengths.iter().filter(|(_, wins)| *wins).count(),
        from: lengths.get(lost.map_or(0, |at| at + 1)).map(|(tokens, _)| *tokens),
        lost: lost.map(|at| lengths[at].0),
        longest: lengths.last()?.0,
    })
}

/// The tokens of a run, and whether its loss is below that of counting as many.
fn wins(view: &View<'_>, run: &RunRow) -> Option<(u64, bool)> {
    let record = view.report.data.iter().find(|r| r.data_digest == run.data_digest)?;
    let counted = Counted::of(record)?.loss(run.unique_tokens as f64)?;
    Some((run.tokens, run.test_loss? < counted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use isoflop_results::data::ReferenceLoss;

    fn record(parts: &[(&str, Option<u64>, f64)]) -> DataRecord {
        let reference =
            |(name, train_tokens, test_loss): &(&str, Option<u64>, f64)| ReferenceLoss {
                name: (*name).to_owned(),
                train_tokens: *train_tokens,
                test_loss: *test_loss,
                test_loss_se: None,
                test_bpb: 1.0,
            };
        let references = parts.iter().map(reference).collect();
        DataRecord { train_tokens: 4000, references, ..DataRecord::default() }
    }

    #[test]
    fn the_best_order_counts_at_each_part_and_the_whole_text_is_no_part() {
        let found = Counted::of(&record(&[
            ("5-gram", None, 1.0),
            ("2-gram", Some(4000), 2.5),
            ("3-gram", Some(4000), 2.0),
            ("2-gram", Some(1000), 3.0),
            ("3-gram", Some(1000), 4.0),
        ]));
        let part = |tokens, loss| Part { tokens, loss };
        let found = found.unwrap();
        assert_eq!(found.parts, [part(1000.0, 3.0), part(4000.0, 2.0)]);
        // Half the way in ln D is half the way in ln L.
        assert!((found.loss(2000.0).unwrap() - 6f64.sqrt()).abs() < 1e-12);
        assert_eq!((found.loss(1000.0), found.loss(4000.0)), (Some(3.0), Some(2.0)));
        assert_eq!((found.loss(999.0), found.loss(1e9)), (None, Some(2.0)));
        let curve = found.between((2000.0, 1e9));
        assert_eq!((curve[0].0, curve[curve.len() - 1]), (2000.0, (4000.0, 2.0)));
        assert!(curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1));
        assert_eq!(
            (found.between((1.0, 1e9))[0], found.between((5e3, 1e9))),
            ((1000.0, 3.0), vec![])
        );
    }

    #[test]
    fn beyond_a_part_that_is_not_the_whole_text_nothing_is_known() {
        let parts = [("unigram", Some(500), 3.0), ("unigram", Some(1000), 2.9)];
        let found = Counted::of(&record(&parts)).unwrap();
        assert_eq!((found.loss(1000.0), found.loss(1001.0)), (Some(2.9), None));
    }

    #[test]
    fn a_record_without_parts_or_with_one_has_no_curve() {
        assert_eq!(Counted::of(&record(&[("5-gram", None, 1.0), ("unigram", None, 3.0)])), None);
        assert_eq!(Counted::of(&record(&[("5-gram", Some(4000), 1.0)])), None);
        assert_eq!(Counted::of(&record(&[])), None);
    }
}
