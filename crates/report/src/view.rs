//! The runs of a report in the order and groups that charts and tables need.

use crate::chart::{Marker, Numbering};
use crate::collapse::{self, Compared};
use crate::positions::ByPosition;
use crate::report::Report;
use crate::series::series_name;
use crate::text::{clip, sub};
use crate::theme::Tone;
use isoflop_core::Series;
use isoflop_fit::output::{Axis, Fit};
use isoflop_results::DataRecord;
use isoflop_results::{RunRow, Status};
use std::cell::OnceCell;
use std::collections::HashMap;

/// What a series is called where no one axis tells them apart.
const SERIES: &str = "series";

/// A report with its runs by outcome, size and series.
pub(crate) struct View<'a> {
    pub(crate) report: &'a Report<'a>,
    /// Finished runs with a test loss.
    pub(crate) finished: Vec<&'a RunRow>,
    /// Distinct `n_non_embedding`, ascending.
    pub(crate) sizes: Vec<u64>,
    /// Distinct series, in the order of their first runs.
    pub(crate) series: Vec<&'a str>,
    /// Bits per byte in a nat per token, by series. Filled where tokenizers differ: panels with several
    /// series then show losses in bits per byte.
    bits: HashMap<&'a str, f64>,
    by_id: HashMap<&'a str, &'a RunRow>,
    by_position: OnceCell<ByPosition<'a>>,
    collapse: OnceCell<Vec<Compared<'a>>>,
}

impl<'a> View<'a> {
    pub(crate) fn of(report: &'a Report<'a>) -> View<'a> {
        let drawable = |r: &&RunRow| {
            r.status == Status::Finished && r.test_loss.is_some_and(|l| l.is_finite() && l > 0.0)
        };
        let mut sizes: Vec<u64> = report.runs.iter().map(|r| r.n()).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let mut series: Vec<&str> = Vec::new();
        let named = report.runs.iter().map(|r| r.series.as_str());
        let fitted = report.fits.fits.iter().map(|f| f.series.as_str());
        for name in named.chain(fitted) {
            if !series.contains(&name) {
                series.push(name);
            }
        }
        let finished: Vec<&RunRow> = report.runs.iter().filter(drawable).collect();
        View {
            report,
            bits: bits_of_series(&finished),
            finished,
            sizes,
            series,
            by_id: report.runs.iter().map(|r| (r.run_id.as_str(), r)).collect(),
            by_position: OnceCell::new(),
            collapse: OnceCell::new(),
        }
    }

    pub(crate) fn run(&self, id: &str) -> Option<&'a RunRow> {
        self.by_id.get(id).copied()
    }

    /// Learning curves on one another, series by series.
    pub(crate) fn collapse(&self) -> &[Compared<'a>] {
        self.collapse.get_or_init(|| collapse::of_series(self))
    }

    /// Losses by position, fitted when first asked for.
    pub(crate) fn by_position(&self) -> &ByPosition<'a> {
        self.by_position.get_or_init(|| ByPosition::of(self))
    }

    /// The texts that finished runs were scored on, as far as they are known, in the order of the runs.
    pub(crate) fn texts(&self) -> Vec<ScoredText<'a>> {
        let mut texts: Vec<ScoredText<'a>> = Vec::new();
        for run in &self.finished {
            let digest = run.data_digest.as_str();
            match texts.iter_mut().find(|t| t.record.data_digest == digest) {
                Some(text) if run.series != text.series => text.series = "",
                Some(_) => {}
                None => {
                    let record = self.report.data.iter().find(|r| r.data_digest == digest);
                    let series = run.series.as_str();
                    let unit = self.shared_unit(series);
                    texts.extend(record.map(|record| ScoredText { series, record, unit }));
                }
            }
        }
        texts
    }

    /// Colour of a size.
    pub(crate) fn tone(&self, run: &RunRow) -> Tone {
        let rank = self.sizes.partition_point(|n| *n < run.n());
        Tone::size(rank, self.sizes.len())
    }

    /// Marker of a series.
    pub(crate) fn marker(&self, series: &str) -> Marker {
        Marker::of_series(self.series_rank(series))
    }

    pub(crate) fn series_rank(&self, series: &str) -> usize {
        self.series.iter().position(|s| *s == series).unwrap_or(0)
    }

    /// A series as a reader tells it from the others: `rust-docs, bytes` of
    /// `data.corpus=rust-docs, data.tokenizer=bytes`, where all series have these keys; values that all
    /// share are left out.
    pub(crate) fn series_name(&self, series: &str) -> String {
        match series {
            "" => "all runs".to_owned(),
            named => series_name(named, &self.series),
        }
    }

    /// The name of a series beside others that differ in another axis.
    pub(crate) fn name_without(&self, series: &str, axis: &str) -> String {
        let without = |series: &str| Series::parse(series).without(axis).as_str().to_owned();
        let all: Vec<String> = self.series.iter().map(|series| without(series)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        series_name(&without(series), &all)
    }

    /// What tells the series apart, in a word: `family` where they differ in `model.family` alone.
    pub(crate) fn series_word(&self) -> String {
        let all: Vec<Series> = self.series.iter().map(|series| Series::parse(series)).collect();
        let key = |series: &Series, k: usize| series.pairs().get(k).map(|pair| pair.0.clone());
        let value = |series: &Series, k: usize| series.pairs().get(k).map(|pair| pair.1.clone());
        let Some(first) = all.first() else {
            return SERIES.to_owned();
        };
        let keys = first.pairs().len();
        let alike = all
            .iter()
            .all(|s| s.pairs().len() == keys && (0..keys).all(|k| key(s, k) == key(first, k)));
        let differs: Vec<usize> =
            (0..keys).filter(|k| all.iter().any(|s| value(s, *k) != value(first, *k))).collect();
        match (alike, differs.as_slice()) {
            (true, [k]) => {
                let key = key(first, *k).unwrap_or_default();
                clip(key.rsplit('.').next().unwrap_or(SERIES), 24)
            }
            _ => SERIES.to_owned(),
        }
    }

    /// Numbers by which the page's script knows runs and series.
    pub(crate) fn numbering(&self) -> Numbering<'a> {
        let runs = self.report.runs.iter().enumerate();
        let series = self.series.iter().enumerate();
        Numbering {
            runs: runs.map(|(k, run)| (run.run_id.as_str(), k)).collect(),
            series: match self.many_series() {
                true => series.map(|(k, name)| (*name, k)).collect(),
                false => HashMap::new(),
            },
        }
    }

    /// Bits per byte in a nat per token, where a run has both.
    pub(crate) fn bits_per_nat(run: &RunRow) -> Option<f64> {
        let share = run.test_bpb? / run.test_loss?;
        (share.is_finite() && share > 0.0).then_some(share)
    }

    /// Whether losses of different tokenizers stand side by side.
    pub(crate) fn by_bytes(&self) -> bool {
        !self.bits.is_empty()
    }

    /// Factor from nats per token of a series to the unit that all series share.
    pub(crate) fn shared_unit(&self, series: &str) -> f64 {
        self.bits.get(series).copied().unwrap_or(1.0)
    }

    /// Fits of a law that has all variables, one a series.
    pub(crate) fn surfaces(&self, law: &str) -> Vec<&'a Fit> {
        let fits = self.report.fits.fits.iter();
        fits.filter(|f| f.law == law && f.x.is_none() && !f.data.is_empty()).collect()
    }

    /// Level of confidence of the intervals, in per cent.
    pub(crate) fn level(&self) -> f64 {
        (100.0 * self.report.fits.level).round()
    }

    /// Whether there is more than one series.
    pub(crate) fn many_series(&self) -> bool {
        self.series.len() > 1
    }
}

/// A text that runs were scored on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScoredText<'a> {
    /// The series of its runs; empty where several share it.
    pub(crate) series: &'a str,
    pub(crate) record: &'a DataRecord,
    /// Factor from nats per token to the unit that all series share.
    pub(crate) unit: f64,
}

/// N of a run in the count that a fit names.
pub(crate) fn n_of(run: &RunRow, kind: &str) -> f64 {
    match kind {
        "n_total" => run.n_total as f64,
        "n_active" => run.n_active as f64,
        _ => run.n() as f64,
    }
}

/// C of a run in FLOPs, in the count that a fit names.
pub(crate) fn c_of(run: &RunRow, kind: Option<&str>) -> f64 {
    match kind {
        Some("c_6nd") => run.c_6nd,
        _ => run.c_exact,
    }
}

/// The name of a count of N in words.
pub(crate) fn n_words(kind: &str) -> String {
    match kind {
        "n_non_embedding" => "non-embedding parameters".to_owned(),
        "n_total" => "total parameters".to_owned(),
        "n_active" => "active parameters".to_owned(),
        other => other.to_owned(),
    }
}

/// The words of a window; those of a window of one budget are shortened: `C 1.5e11` for
/// `C 1.5e11 to 1.5e11`.
pub(crate) fn window(words: &str) -> String {
    let ends = words.split_once(" to ");
    let same = ends.filter(|(from, to)| from.rsplit(' ').next() == Some(*to));
    same.map_or(words, |(from, _)| from).to_owned()
}

/// The letter of an axis.
pub(crate) fn letter(axis: Axis) -> &'static str {
    match axis {
        Axis::N => "N",
        Axis::D => "D",
        Axis::C => "C",
    }
}

/// Place of a parameter in the order in which papers list them; the last place for those of other laws.
pub(crate) fn place(name: &str) -> usize {
    const ORDER: [&str; 11] = [
        "E",
        "A",
        "B",
        "alpha",
        "beta",
        "N_c",
        "D_c",
        "alpha_N",
        "alpha_D",
        "n_exponent",
        "d_exponent",
    ];
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

/// The symbol that papers use for a parameter.
pub(crate) fn symbol(name: &str) -> String {
    match name {
        "alpha" => "\u{3b1}".to_owned(),
        "beta" => "\u{3b2}".to_owned(),
        "gamma" => "\u{3b3}".to_owned(),
        "n_exponent" => "a".to_owned(),
        "d_exponent" => "b".to_owned(),
        other => match other.split_once('_') {
            Some(("alpha", at)) => format!("\u{3b1}{}", sub(at)),
            Some((letter, at)) => format!("{letter}{}", sub(at)),
            None => other.to_owned(),
        },
    }
}

/// Bits per byte in a nat per token, by series; empty where there is one tokenizer alone, or where a
/// series has no bits per byte.
fn bits_of_series<'a>(finished: &[&'a RunRow]) -> HashMap<&'a str, f64> {
    let mut bits = HashMap::new();
    let first = finished.first().map(|run| run.tokenizer.as_str());
    if finished.iter().all(|run| Some(run.tokenizer.as_str()) == first) {
        return bits;
    }
    for run in finished {
        match View::bits_per_nat(run) {
            Some(share) => bits.entry(run.series.as_str()).or_insert(share),
            None => return HashMap::new(),
        };
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Provenance;
    use isoflop_fit::output::Fits;

    #[test]
    fn series_are_told_apart_by_what_differs() {
        let name = |all: Vec<&'static str>, k: usize| {
            let fits = Fits { level: 0.9, ..Fits::default() };
            let provenance = Provenance::default();
            let report = Report {
                title: "",
                question: None,
                runs: &[],
                curves: &[],
                positions: &[],
                tuning: &[],
                fits: &fits,
                forecasts: &[],
                data: &[],
                provenance,
            };
            let view = View { series: all.clone(), ..View::of(&report) };
            view.series_name(all[k])
        };
        assert_eq!(name(vec!["data.corpus=rust-docs", "data.corpus=rust-code"], 1), "rust-code");
        assert_eq!(name(vec!["a=1, b=2", "a=1, b=20"], 0), "b 2");
        assert_eq!(name(vec!["a=1, b=2", "a=3, b=2", "a=1, b=4"], 0), "a 1, b 2");
        assert_eq!(name(vec!["a=1, b=2", "c=1"], 0), "a=1, b=2");
        assert_eq!(name(vec!["corpus=日本", "corpus=日産"], 0), "日本");
        assert_eq!(name(vec!["", "a=1"], 0), "all runs");
        assert_eq!(name(vec!["a=1"], 0), "a=1");
    }
}
