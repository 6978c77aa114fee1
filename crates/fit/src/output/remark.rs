//! What is said beside the numbers of a fit: a [`Warning`] asks for an action and names it, a [`Note`] is
//! method, which stands in the details. Which problems ask for an action is the list [`Problem`], and there is
//! no warning without one.

use serde::{Deserialize, Serialize};
use std::fmt;

/// All that is said of one fit, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Remarks(Vec<Remark>);

/// Something that a reader is told of a fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Remark {
    /// Something to act on.
    Warning(Warning),
    /// How the numbers were made and how far they go.
    Note(Note),
}

/// Something to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What the matter is.
    pub problem: Problem,
    /// What happened, with its values.
    pub text: String,
    /// What the action is about: runs, parameters, or sizes to add.
    pub about: Vec<String>,
    /// What to do.
    pub action: String,
}

/// How numbers were made and how far they go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The sentence.
    pub text: String,
}

/// What can be the matter with a fit such that something can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// The optimizer did not reach an optimum.
    NotConverged,
    /// The law errs to one side wherever it was not fitted.
    Errs,
    /// A few rows move a parameter out of its interval.
    FewDecide,
    /// The law that charts draw has an open exponent or floor.
    NotIdentified,
    /// Budgets whose sizes do not hold their minimum.
    MissedMinimum,
    /// Fewer budgets than an exponent with an interval needs.
    FewBudgets,
    /// Fewer runs a budget than an interval needs.
    FewSizes,
    /// A run whose curve does not fall on those of the others.
    OffCurve,
    /// Rows of several series in one fit.
    SeriesTogether,
    /// Losses that were computed from the law.
    Computed,
}

impl Problem {
    /// What to do about the problem.
    pub fn action(self, about: &[String]) -> String {
        let all = about.join(", ");
        match self {
            Problem::NotConverged => {
                "quote no number of it; another objective may converge (`--objective log-mse`)"
                    .into()
            }
            Problem::Errs => {
                "forecast from budgets nearer by, or by a law that errs less on the same windows"
                    .into()
            }
            Problem::FewDecide => {
                let them = if about.len() == 1 { "it" } else { "them" };
                format!("train a neighbour of {all}, or repeat {them} with another seed")
            }
            Problem::NotIdentified => {
                let target = about.first().map_or("n_exponent", String::as_str);
                format!(
                    "`isoflop advise RESULTS_DIR --target {target}` names the runs that tell most"
                )
            }
            Problem::MissedMinimum => format!("add {all}"),
            Problem::FewBudgets => "add budgets, at least three in all".into(),
            Problem::FewSizes => "add sizes or seeds".into(),
            Problem::OffCurve => format!("train {all}"),
            Problem::SeriesTogether => "fit them one by one (`--where COLUMN=VALUE`)".into(),
            Problem::Computed => "fit losses that were measured".into(),
        }
    }

    /// The problem in a clause, where several fits have it.
    pub fn in_common(self) -> &'static str {
        match self {
            Problem::NotConverged => "the optimizer did not come to an optimum",
            Problem::Errs => "a law errs to one side wherever it was not fitted",
            Problem::FewDecide => "a few runs move a parameter out of its interval",
            Problem::NotIdentified => "the runs leave an exponent or E of L(N, D) open",
            Problem::MissedMinimum => "the sizes of a budget do not hold its minimum for sure",
            Problem::FewBudgets => "there are too few budgets with a minimum for an exponent",
            Problem::FewSizes => {
                "the minima have no intervals, because a parabola meets three runs a budget exactly"
            }
            Problem::OffCurve => {
                "the loss of a run does not fall over the decay of its rate as that of the others"
            }
            Problem::SeriesTogether => "rows of several series are fitted as one",
            Problem::Computed => "the losses look computed from the law, not measured",
        }
    }
}

impl Warning {
    /// A warning with the action that its problem asks for.
    pub fn new(problem: Problem, text: impl Into<String>, about: Vec<String>) -> Warning {
        let action = problem.action(&about);
        Warning { problem, text: text.into(), about, action }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.text, self.action)
    }
}

impl Remarks {
    /// Adds something to act on.
    pub fn warn(&mut self, problem: Problem, text: impl Into<String>, about: Vec<String>) {
        self.0.push(Remark::Warning(Warning::new(problem, text, about)));
    }

    /// Adds a note on method.
    pub fn note(&mut self, text: impl Into<String>) {
        self.0.push(Remark::Note(Note { text: text.into() }));
    }

    /// Makes notes of the warnings of a problem that something else has answered, which `answer` says.
    pub fn settle(&mut self, problem: Problem, answer: &str) {
        for remark in &mut self.0 {
            match remark {
                Remark::Warning(warning) if warning.problem == problem => {
                    let text = format!("{}; {answer}", warning.text);
                    *remark = Remark::Note(Note { text });
                }
                _ => {}
            }
        }
    }

    /// What there is to act on.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.0.iter().filter_map(|remark| match remark {
            Remark::Warning(warning) => Some(warning),
            Remark::Note(_) => None,
        })
    }

    /// How the numbers were made and how far they go.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|remark| match remark {
            Remark::Note(note) => Some(note.text.as_str()),
            Remark::Warning(_) => None,
        })
    }

    /// Whether any warning or note holds these words.
    pub fn say(&self, words: &str) -> bool {
        self.warnings().any(|warning| warning.text.contains(words))
            || self.notes().any(|note| note.contains(words))
    }
}

impl Extend<Remark> for Remarks {
    fn extend<T: IntoIterator<Item = Remark>>(&mut self, remarks: T) {
        self.0.extend(remarks);
    }
}

impl IntoIterator for Remarks {
    type Item = Remark;
    type IntoIter = std::vec::IntoIter<Remark>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Version of a `fits.json`: 1 has remarks, 2 the choice of a law in every series and remarks that follow it.
/// Fits of another version are made anew where their rows are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Format(u32);

impl Format {
    /// That of files which had warnings alone, as text.
    pub(super) fn before() -> Format {
        Format(0)
    }
}

impl Default for Format {
    fn default() -> Self {
        Format(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_remark_with_its_kind() {
        let mut remarks = Remarks::default();
        remarks.note("2 of 5 starts did not converge");
        remarks.warn(Problem::FewDecide, "B depends on 1 of 28 rows", vec!["n332k".into()]);
        let json = serde_json::to_value(&remarks).unwrap();
        assert_eq!(json[0]["kind"], "note");
        assert_eq!(
            (&json[1]["kind"], &json[1]["problem"]),
            (&"warning".into(), &"few-decide".into())
        );
        assert_eq!(json[1]["action"], "train a neighbour of n332k, or repeat it with another seed");
        assert_eq!(serde_json::from_value::<Remarks>(json).unwrap(), remarks);
    }

    #[test]
    fn a_warning_says_what_happened_and_what_to_do() {
        let warning = Warning::new(Problem::FewSizes, "the minima have no intervals", vec![]);
        assert_eq!(warning.to_string(), "the minima have no intervals; add sizes or seeds");
    }
}
