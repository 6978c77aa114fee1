//! Counts what was left out of a text.

use serde::{Deserialize, Serialize};

/// Counts of files, documents and parts of documents that were left out, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Files that are not UTF-8, hold a NUL, or are larger than any that a person writes.
    pub unreadable_files: usize,
    /// Documents that no person wrote: generated files, licences, tables of numbers.
    pub unwritten_documents: usize,
    /// Documents with too little text.
    pub short_documents: usize,
    /// Documents equal to an earlier one.
    pub repeated_documents: usize,
    /// Long paragraphs equal to an earlier one.
    pub repeated_paragraphs: usize,
    /// Long lines equal to an earlier one, not counting those in repeated paragraphs.
    pub repeated_lines: usize,
    /// Lines longer than any that a person writes.
    pub overlong_lines: usize,
    /// Documents that are not UTF-8 or hold the separator, dropped because the options ask for it.
    pub invalid_documents: usize,
    /// Lines and rows that hold no text.
    pub empty_documents: usize,
    /// Train documents outside the bounds of the quality filter.
    pub poor_documents: usize,
    /// Documents left out so that a mixture keeps its weights.
    pub left_documents: usize,
}

impl Dropped {
    /// Sum of the counts of two parts.
    #[must_use]
    pub(crate) fn plus(self, other: Dropped) -> Self {
        Dropped {
            unreadable_files: self.unreadable_files + other.unreadable_files,
            unwritten_documents: self.unwritten_documents + other.unwritten_documents,
            short_documents: self.short_documents + other.short_documents,
            repeated_documents: self.repeated_documents + other.repeated_documents,
            repeated_paragraphs: self.repeated_paragraphs + other.repeated_paragraphs,
            repeated_lines: self.repeated_lines + other.repeated_lines,
            overlong_lines: self.overlong_lines + other.overlong_lines,
            invalid_documents: self.invalid_documents + other.invalid_documents,
            empty_documents: self.empty_documents + other.empty_documents,
            poor_documents: self.poor_documents + other.poor_documents,
            left_documents: self.left_documents + other.left_documents,
        }
    }
}
