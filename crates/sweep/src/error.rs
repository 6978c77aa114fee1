//! Errors of a sweep file, shown with file, line and caret, and errors of running it.

use crate::lack::Lack;
use isoflop_results::ResultsError;
use isoflop_results::error::is_forbidden;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An error in a sweep file: what is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecError {
    file: PathBuf,
    place: Option<Box<Place>>,
    message: String,
    hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Place {
    line: usize,
    column: usize,
    /// Number of characters before the marked ones in `text`.
    before: usize,
    text: String,
    width: usize,
}

/// Maximum number of characters of a line that are shown.
const LONGEST_LINE: usize = 160;

/// An error in a sweep file, before the file is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) span: Option<Range<usize>>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Problem { span: Some(span), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    pub(crate) fn in_file(self, file: &Path, source: &str) -> SpecError {
        let place = self.span.map(|span| Box::new(Place::of(source, span)));
        SpecError { file: file.to_owned(), place, message: self.message, hint: self.hint }
    }
}

impl Place {
    fn of(source: &str, span: Range<usize>) -> Self {
        let start = span.start.min(source.len());
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let marked = &source[start..span.end.clamp(start, line_end)];
        let column = source[line_start..start].chars().count() + 1;
        let text = source[line_start..line_end].trim_end();
        // Of a long line only the surroundings of the marked characters are shown.
        let skipped = match text.chars().count() > LONGEST_LINE {
            true => (column - 1).saturating_sub(LONGEST_LINE / 4),
            false => 0,
        };
        let shown = text.chars().skip(skipped).take(LONGEST_LINE);
        let before = column - 1 - skipped;
        Place {
            line: source[..start].matches('\n').count() + 1,
            column,
            before,
            text: shown.collect(),
            width: marked.chars().count().clamp(1, (LONGEST_LINE - before).max(1)),
        }
    }
}

impl SpecError {
    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Advice for the person who wrote the file.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        let Some(place) = &self.place else {
            return write!(f, "{file}: {}", self.message);
        };
        let Place { line, column, before, text, width } = &**place;
        writeln!(f, "{file}:{line}:{column}: {}", self.message)?;
        let gutter = " ".repeat(line.to_string().len());
        writeln!(f, " {gutter} |")?;
        writeln!(f, " {line} | {text}")?;
        write!(f, " {gutter} | {}{}", " ".repeat(*before), "^".repeat(*width))
    }
}

impl std::error::Error for SpecError {}

/// Why a sweep could not be run, or its folder could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message names every field")]
pub enum SweepError {
    #[error(transparent)]
    Spec(#[from] SpecError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error("{}: cannot {action}: {source}", path.display())]
    Io { path: PathBuf, action: &'static str, source: std::io::Error },
    #[error("{}: it holds the results of sweep `{found}`, not of `{wanted}`", path.display())]
    OtherSweep { path: PathBuf, found: String, wanted: String },
    #[error("{}: it is not empty and not a results folder", path.display())]
    NotAResultsFolder { path: PathBuf },
    #[error("{}: no sweep has been run here: {problem}", path.display())]
    NoPlan { path: PathBuf, problem: String },
    #[error("{}: a symbolic link; nothing is written through it", path.display())]
    Link { path: PathBuf },
    #[error("{}: {problem}", path.display())]
    DamagedPlan { path: PathBuf, problem: String },
    #[error("{}: run {run_id} {how}, so that no forecast can come before it", path.display())]
    KnownRun { path: PathBuf, run_id: String, how: &'static str },
    #[error("{}: no forecast is sealed: {problem}", path.display())]
    Unsealed { path: PathBuf, problem: String },
    #[error("this worker cannot train here: {0}")]
    Lack(#[from] Lack),
    #[error("a worker cannot train: {said}")]
    Unable { said: String, hint: Option<String> },
    #[error("cannot start a worker process: {source}")]
    Spawn { source: std::io::Error },
}

impl SweepError {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| SweepError::Io { path: path.to_owned(), action, source }
    }

    /// Whether a worker lacks something that training needs. Any other error is an accident.
    pub fn is_lack(&self) -> bool {
        match self {
            SweepError::Io { source, .. } => is_forbidden(source),
            SweepError::Lack(_)
            | SweepError::Link { .. }
            | SweepError::DamagedPlan { .. }
            | SweepError::NoPlan { .. } => true,
            _ => false,
        }
    }

    /// Advice for the person at the terminal.
    pub fn hint(&self) -> Option<String> {
        match self {
            SweepError::Spec(error) => error.hint().map(str::to_owned),
            SweepError::Results(error) => error.hint(),
            SweepError::OtherSweep { found, .. } => Some(format!(
                "rename the sweep (`name = ...`), or choose another place with --results DIR; \
                 results/{found} belongs to `{found}` alone"
            )),
            SweepError::NotAResultsFolder { .. } => {
                Some("choose another place with --results DIR, or another `name`".to_owned())
            }
            SweepError::NoPlan { .. } => Some(
                "give the folder that `isoflop run` made, such as results/quickstart".to_owned(),
            ),
            SweepError::KnownRun { .. } => Some(
                "forecast another compute; a run that scores a forecast is sealed before it is planned"
                    .to_owned(),
            ),
            SweepError::Link { .. } => Some(
                "put a folder in its place; the results folder as a whole may be a link".to_owned(),
            ),
            SweepError::DamagedPlan { .. } => Some(
                "`isoflop run SWEEP.toml` writes the plan anew from the sweep file and uses every \
                 record that belongs to it"
                    .to_owned(),
            ),
            SweepError::Lack(Lack { hint, .. }) | SweepError::Unable { hint, .. } => hint.clone(),
            SweepError::Io { source, .. } if is_forbidden(source) => {
                Some("choose a folder you may write to, with --results DIR".to_owned())
            }
            SweepError::Io { .. } | SweepError::Spawn { .. } | SweepError::Unsealed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_under_its_line() {
        let source = "name = \"a\"\n[model]\nnorn = \"rms\"\n";
        let at = source.find("norn").unwrap();
        let error =
            Problem::new(at..at + 4, "unknown key `norn`").in_file(Path::new("x.toml"), source);
        assert_eq!(
            error.to_string(),
            "x.toml:3:1: unknown key `norn`\n   |\n 3 | norn = \"rms\"\n   | ^^^^"
        );
    }

    #[test]
    fn of_a_line_that_is_very_long_the_part_around_its_mark_is_shown() {
        let source = format!("a = \"{}\"\nb = 1\n", "k".repeat(5000));
        let at = |span: Range<usize>| {
            let error = Problem::new(span, "no").in_file(Path::new("x.toml"), &source);
            let text = error.to_string();
            assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
            text
        };
        let whole = at(4..5006);
        assert!(whole.contains("1:5: no") && whole.contains("| a = \"kkk"), "{whole}");
        let late = at(4000..4001);
        let mark = late.lines().last().unwrap().find('^').unwrap();
        assert!(late.contains("1:4001: no") && late.lines().nth(2).unwrap().len() > mark, "{late}");
    }

    #[test]
    fn a_span_of_many_lines_is_marked_on_its_first() {
        let source = "sizes = [\n  1,\n]\n";
        let error = Problem::new(8..source.len(), "no").in_file(Path::new("x.toml"), source);
        assert!(error.to_string().ends_with(" 1 | sizes = [\n   |         ^"), "{error}");
    }
}
