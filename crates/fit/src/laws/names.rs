//! Laws by the names that people write.

use super::Law;
use crate::error::FitError;
use crate::output::Axis;

/// What stands in front of the E of a pinned law.
const PINNED: &str = "chinchilla-pinned";

/// Every law in the order in which lists show them: those of one variable along `axis`, and the pinned one
/// with an E that stands for any.
pub(super) fn every(axis: Axis) -> impl Iterator<Item = Law> {
    [
        Law::Power(axis),
        Law::PowerOffset(axis),
        Law::M3(axis),
        Law::M4(axis),
        Law::Broken(1, axis),
        Law::Broken(2, axis),
        Law::Broken(3, axis),
        Law::Chinchilla,
        Law::Tied,
        Law::Pinned(1.0),
        Law::OverTraining,
        Law::Kaplan { offset: false },
        Law::Kaplan { offset: true },
        Law::QFamily { offset: false },
        Law::QFamily { offset: true },
        Law::Coupled,
        Law::Farseer,
        Law::LearningCurve,
        Law::CriticalBatch,
        Law::DataConstrained,
        Law::HalfLife,
        Law::Routed,
        Law::Granularity,
        Law::Sparsity,
        Law::JointExperts,
    ]
    .into_iter()
}

impl Law {
    /// Names and one-line descriptions of all laws, in the order in which lists show them. X is N, D or C.
    pub fn list() -> impl Iterator<Item = (&'static str, &'static str)> {
        let entry = |law: Law| (law.facts().listed, law.facts().description);
        let mut all: Vec<_> = every(Axis::C).map(entry).collect();
        all.dedup();
        all.into_iter()
    }

    /// Reads a name of [`Law::list`]; a law of one variable needs its axis.
    ///
    /// # Errors
    /// Another name, a law of one variable without its axis, or an E that is no positive number.
    pub fn parse(name: &str, axis: Option<Axis>) -> Result<Self, FitError> {
        let tidy = name.trim().to_ascii_lowercase().replace('_', "-");
        if let Some(rest) = tidy.strip_prefix(PINNED) {
            return match rest.trim_start_matches(':').parse::<f64>() {
                Ok(e) if e.is_finite() && e > 0.0 => Ok(Law::Pinned(e)),
                _ => Err(FitError::PinnedWithoutE { name: name.to_owned() }),
            };
        }
        let is_named = |law: &Law| {
            let facts = law.facts();
            facts.name == tidy || facts.aliases.contains(&tidy.as_str())
        };
        let unknown = || FitError::UnknownLaw { name: name.to_owned(), close: most_like(name) };
        let law = every(axis.unwrap_or(Axis::C)).find(is_named).ok_or_else(unknown)?;
        match law.axis().is_some() && axis.is_none() {
            true => Err(FitError::AxisRequired { law: law.facts().name }),
            false => Ok(law),
        }
    }
}

/// The listed name that is closest to what was written, where one is close.
fn most_like(name: &str) -> Option<&'static str> {
    let tidy = name.to_ascii_lowercase();
    let all = Law::list().flat_map(|(names, _)| names.split(", "));
    // The shortest name wins among those that share as long a beginning.
    let shared = |other: &str| {
        let begin = tidy.chars().zip(other.chars()).take_while(|(a, b)| a == b);
        (begin.count(), usize::MAX - other.len())
    };
    all.max_by_key(|other| shared(other)).filter(|other| shared(other).0 >= 3)
}
