//! Why rows cannot be fitted, and which runs would change that.

use crate::objective::OBJECTIVES;
use crate::output::Axis;
use std::borrow::Cow;

/// Why a fit was refused. A fit that ran and went badly is no error: its warnings say so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Nothing to fit.
    #[error("there are no rows to fit")]
    Empty,
    /// A coordinate or a loss that no logarithm can take.
    #[error("row {label}: {column} is {value}; it must be positive and finite")]
    BadValue {
        /// Run id or row number.
        label: String,
        /// `n`, `d`, `c`, `flops_budget` or `loss`.
        column: &'static str,
        /// What stands there.
        value: f64,
    },
    /// The law needs a coordinate that a row lacks.
    #[error("row {label} has no {column}, which {law} needs")]
    Missing {
        /// Run id or row number.
        label: String,
        /// `n`, `d` or `c`.
        column: &'static str,
        /// The law asked for.
        law: Cow<'static, str>,
    },
    /// `drop_worst` leaves nothing.
    #[error("dropping the {dropped} worst of {rows} rows leaves nothing to fit")]
    DropsAll {
        /// Rows to leave out.
        dropped: usize,
        /// Rows there are.
        rows: usize,
    },
    /// A law needs one row more than it has parameters.
    #[error("{law} has {parameters} parameters and needs {needed} rows; there are {rows}")]
    TooFewRows {
        /// The law asked for.
        law: Cow<'static, str>,
        /// Its free parameters.
        parameters: usize,
        /// Rows needed.
        needed: usize,
        /// Rows there are.
        rows: usize,
    },
    /// The rows do not vary enough along an axis.
    #[error("{law} needs {needed} different {axis}; these rows have {values}", axis = plural(*.axis))]
    TooFewValues {
        /// The law asked for.
        law: Cow<'static, str>,
        /// Along which axis.
        axis: Axis,
        /// Distinct values, to one per cent.
        values: usize,
        /// Distinct values needed.
        needed: usize,
    },
    /// N and D cannot be told apart.
    #[error(
        "every row has {tokens_per_param:.3} tokens per parameter, so the share of N and the share of D in the loss cannot be told apart"
    )]
    OneTokensPerParam {
        /// `D / N` of the rows.
        tokens_per_param: f64,
    },
    /// D is a function of N, other than a constant multiple.
    #[error(
        "tokens follow parameters along one line (D ~ N^{slope:.2}), so the share of N and the share of D in the loss cannot be told apart"
    )]
    OneLine {
        /// Slope of ln D against ln N.
        slope: f64,
    },
    /// No law with positive coefficients describes the rows.
    #[error(
        "no {law} that falls fits these {rows} rows: the loss does not fall along its variables"
    )]
    NoFall {
        /// The law asked for.
        law: Cow<'static, str>,
        /// Rows there are.
        rows: usize,
    },
    /// The optimum has numbers beyond what a computer holds.
    #[error(
        "no {law} in finite numbers fits these {rows} rows: they span too many orders of magnitude"
    )]
    NotFinite {
        /// The law asked for.
        law: Cow<'static, str>,
        /// Rows there are.
        rows: usize,
    },
    /// No envelope can be read off the runs.
    #[error("{reason}")]
    NoEnvelope {
        /// What is missing.
        reason: String,
        /// Which runs to add.
        hint: String,
    },
    /// A name that is no law's.
    #[error("`{name}` is not a law")]
    UnknownLaw {
        /// What was written.
        name: String,
        /// The law's name that is closest to it, where one is close.
        close: Option<&'static str>,
    },
    /// A power law in which variable?
    #[error("{law} is a law of one variable: N, D or C?")]
    AxisRequired {
        /// The law asked for.
        law: &'static str,
    },
    /// `chinchilla-pinned` without a usable E.
    #[error("`{name}`: the E to pin must be a positive number")]
    PinnedWithoutE {
        /// What was written.
        name: String,
    },
    /// All models are equally wide.
    #[error(
        "every model is {width} wide, so sizes differ in depth alone and N says nothing of models that grow as yours will"
    )]
    OneWidth {
        /// The width.
        width: f64,
    },
    /// Every isoFLOP curve falls or rises through all its sizes.
    #[error(
        "in each of {budgets} budgets the loss is lowest at the {end} size: all runs lie on one side of every minimum"
    )]
    OneSided {
        /// Budgets of three sizes or more.
        budgets: usize,
        /// `smallest` or `largest`.
        end: &'static str,
    },
    /// A law of repetition, and no row that repeats.
    #[error("no row repeats its data, so {law} cannot tell what repetition is worth")]
    NoRepetition {
        /// The law asked for.
        law: Cow<'static, str>,
    },
    /// The rows do not vary enough in something other than N, D and C.
    #[error("{law} needs {needed} different values of {what}; these rows have {values}")]
    TooFewKinds {
        /// The law asked for.
        law: Cow<'static, str>,
        /// What should vary.
        what: &'static str,
        /// Distinct values.
        values: usize,
        /// Distinct values needed.
        needed: usize,
    },
    /// [`crate::Watch::stop`] was called.
    #[error("stopped before the fits were done")]
    Stopped,
    /// A name to hold that is no parameter of the law.
    #[error("{law} has no parameter `{name}` to fix")]
    UnknownParameter {
        /// The law asked for.
        law: Cow<'static, str>,
        /// What was written.
        name: String,
        /// The law's parameters.
        names: String,
    },
    /// A value that a parameter cannot be held at.
    #[error("{law}: {name} cannot be fixed at {value}: {problem}")]
    BadFixed {
        /// The law asked for.
        law: Cow<'static, str>,
        /// The parameter.
        name: String,
        /// Where it was to stay.
        value: f64,
        /// Why it cannot.
        problem: String,
        /// The law's parameters.
        names: String,
    },
    /// Every parameter is held.
    #[error("every parameter of {law} is fixed, so that nothing is left to fit")]
    AllFixed {
        /// The law asked for.
        law: Cow<'static, str>,
    },
    /// A text that is no objective.
    #[error("`{text}` is not an objective")]
    UnknownObjective {
        /// What was written.
        text: String,
    },
    /// A Huber threshold that is no positive number.
    #[error("objective `{text}`: the threshold must be a positive number")]
    BadDelta {
        /// What was written.
        text: String,
    },
}

impl FitError {
    /// What the person at the terminal can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            FitError::Empty => "fits use finished runs; `isoflop status` counts them".into(),
            FitError::BadValue { .. } => {
                "leave the row out, or correct the column; diverged runs belong in no fit".into()
            }
            FitError::Missing { column, .. } => format!("name the column that holds it with --{column} COL"),
            FitError::DropsAll { rows, .. } => format!("--drop-worst takes at most {}", rows - 1),
            FitError::TooFewRows { needed, rows, .. } => {
                let more = needed - rows;
                let noun = if more == 1 { "run" } else { "runs" };
                format!("add {more} {noun} or more, at sizes and token counts not tried yet")
            }
            FitError::TooFewValues { axis, values, needed, .. } => {
                let more = needed - values;
                match axis {
                    Axis::N => format!("add runs at {more} or more other model sizes, at token counts already used"),
                    Axis::D => format!("add runs at {more} or more other token counts, at model sizes already used"),
                    Axis::C => format!("add runs at {more} or more other compute budgets"),
                }
            }
            FitError::OneTokensPerParam { tokens_per_param } => format!(
                "add runs of the same sizes at other tokens per parameter, such as {:.3} and {:.3}",
                tokens_per_param / 4.0,
                tokens_per_param * 4.0
            ),
            FitError::OneLine { .. } => {
                "add runs of the same sizes at a quarter and at four times their tokens".into()
            }
            FitError::NoFall { .. } => {
                "look at the rows: runs may be undertrained, diverged or listed in the wrong columns".into()
            }
            FitError::NotFinite { .. } => {
                "look for a row whose size, tokens, compute or loss is off by many orders of magnitude".into()
            }
            FitError::NoEnvelope { hint, .. } => hint.clone(),
            FitError::UnknownLaw { close, .. } => match close {
                Some(close) => format!("did you mean `{close}`? `isoflop fit --list` has them all"),
                None => "`isoflop fit --list` has them all".into(),
            },
            FitError::PinnedWithoutE { .. } => "write it as chinchilla-pinned:1.69".into(),
            FitError::OneWidth { .. } => {
                "add runs at two or more other widths, each with its usual depth".into()
            }
            FitError::OneSided { end: "smallest", .. } => {
                "add smaller sizes to each budget, until the loss rises again on that side".into()
            }
            FitError::OneSided { .. } => {
                "add larger sizes to each budget, until the loss rises again on that side".into()
            }
            FitError::NoRepetition { .. } => {
                "add runs of more than one epoch (a column `epochs` or `unique_tokens`), or fit chinchilla".into()
            }
            FitError::TooFewKinds { what, values, needed, .. } => {
                format!("add runs at {} or more other values of {what}", needed - values)
            }
            FitError::UnknownParameter { names, .. } | FitError::BadFixed { names, .. } => {
                format!("its parameters are {names}")
            }
            FitError::AllFixed { .. } => "leave one of them free".into(),
            FitError::Stopped => return None,
            FitError::AxisRequired { .. } => "say which with --x n, --x d or --x c".into(),
            FitError::UnknownObjective { .. } | FitError::BadDelta { .. } => {
                format!("objectives: {OBJECTIVES}; with mean- in front of all, the mean over rows")
            }
        })
    }
}

fn plural(axis: Axis) -> &'static str {
    match axis {
        Axis::N => "model sizes",
        Axis::D => "token counts",
        Axis::C => "amounts of compute",
    }
}
