//! Filters train documents by bounds on numbers that a person can recompute.

use isoflop_core::data::{Quality, Real};
use rustc_hash::FxHashSet;

/// Numbers that are measured of a text.
struct Measures;

impl Measures {
    /// Share of the characters that are neither letters nor digits nor white space.
    fn symbols(text: &str) -> f64 {
        let (mut symbols, mut all) = (0usize, 0usize);
        for c in text.chars() {
            all += 1;
            symbols += usize::from(!c.is_alphanumeric() && !c.is_whitespace());
        }
        symbols as f64 / all.max(1) as f64
    }

    /// Bytes after compression with zstd at level 1, divided by bytes of text.
    fn compressed(text: &str) -> f64 {
        let packed =
            zstd::bulk::compress(text.as_bytes(), 1).map_or(text.len(), |packed| packed.len());
        packed as f64 / text.len().max(1) as f64
    }

    /// Share of the non-blank lines that equal an earlier line.
    fn repeated_lines(text: &str) -> f64 {
        let mut seen = FxHashSet::default();
        let (mut repeated, mut all) = (0usize, 0usize);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            all += 1;
            repeated += usize::from(!seen.insert(line));
        }
        repeated as f64 / all.max(1) as f64
    }
}

/// Whether a document is within the bounds. Only numbers that have a bound are measured.
pub(crate) fn keeps(quality: &Quality, text: &str) -> bool {
    let bytes = text.len() as u64;
    let within = |least: Option<Real>, most: Option<Real>, measure: fn(&str) -> f64| {
        if least.is_none() && most.is_none() {
            return true;
        }
        let value = measure(text);
        least.is_none_or(|least| value >= least.0) && most.is_none_or(|most| value <= most.0)
    };
    quality.min_bytes.is_none_or(|least| bytes >= least)
        && quality.max_bytes.is_none_or(|most| bytes <= most)
        && within(None, quality.max_symbols, Measures::symbols)
        && within(None, quality.max_repeated_lines, Measures::repeated_lines)
        && within(quality.min_compressed, quality.max_compressed, Measures::compressed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROSE: &str = "The quick brown fox jumps over the lazy dog, and then it goes home to sleep.\n\
        A second line says something else: that rivers run to the sea, mostly downhill.\n\
        The third one is about the weather, which was fine on Tuesday and poor on Sunday.\n";

    #[test]
    fn each_bound_tells_its_own_kind_of_text_from_prose() {
        let standard = Quality::standard();
        assert!(keeps(&standard, PROSE));
        assert!(!keeps(&standard, "short"));
        assert!(!keeps(
            &Quality { max_symbols: Some(Real(0.4)), ..Quality::default() },
            "{{<>}} == a != (b);"
        ));
        assert!(!keeps(
            &Quality { max_repeated_lines: Some(Real(0.3)), ..Quality::default() },
            "one\ntwo\none\n one\n"
        ));
        let compressed = |least, most| Quality {
            min_compressed: Some(Real(least)),
            max_compressed: Some(Real(most)),
            ..Quality::default()
        };
        assert!(!keeps(&compressed(0.2, 1.0), &"the same again ".repeat(100)));
        assert!(!keeps(&compressed(0.0, 0.5), PROSE));
        assert!(keeps(&Quality::default(), ""));
    }

    #[test]
    fn measures_are_what_they_say() {
        assert_eq!(Measures::symbols("ab, é!"), 2.0 / 6.0);
        assert_eq!(Measures::repeated_lines("a\n\nb\na\na\n"), 0.5);
    }
}
