//! Why rows cannot be fitted, and which runs would change that.

use crate::objective::OBJECTIVES;
use crate::output::Axis;
use std::borrow::Cow;

/// Why a fit was refused. A fit that ran and went badly is no error: its remarks say so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// No rows were given.
    #[error("there are no rows to fit")]
    Empty,
    /// A coordinate or a loss that no logarithm can take.
    #[error("row {label}: {column} is {value}; it must be positive and finite")]
    BadValue {
        /// Run id or row number.
        label: String,
        /// `n`, `d`, `c`, `flops_budget` or `loss`.
        column: &'static str,
        /// The value of the column.
        value: f64,
    },
    /// The law needs a coordinate that a row lacks.
    #[error("row {label} has no {column}, which {law} needs")]
    Missing {
        /// Run id or row number.
        label: String,
        /// `n`, `d` or `c`.
        column: &'static str,
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
    },
    /// [`crate::Options::drop_worst`] leaves no row.
    #[error("dropping the {dropped} worst of {rows} rows leaves nothing to fit")]
    DropsAll {
        /// Rows to leave out.
        dropped: usize,
        /// Number of rows that were given.
        rows: usize,
    },
    /// A law needs one row more than it has parameters.
    #[error("{law} has {parameters} parameters and needs {needed} rows; there are {rows}")]
    TooFewRows {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// Number of its free parameters.
        parameters: usize,
        /// Number of rows that the law needs.
        needed: usize,
        /// Number of rows that were given.
        rows: usize,
    },
    /// The rows do not vary enough along an axis.
    #[error("{law} needs {needed} different {axis}; these rows have {values}", axis = plural(*.axis))]
    TooFewValues {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// The axis along which they should vary.
        axis: Axis,
        /// Number of distinct values, to one per cent.
        values: usize,
        /// Number of distinct values that the law needs.
        needed: usize,
    },
    /// Every row has the same number of tokens per parameter, so that N and D cannot be told apart.
    #[error(
        "every row has {tokens_per_param:.3} tokens per parameter, so the share of N and the share of D in the loss cannot be told apart"
    )]
    OneTokensPerParam {
        /// `D / N` of the rows.
        tokens_per_param: f64,
    },
    /// D follows N along one line of another slope than one, so that the two cannot be told apart.
    #[error(
        "tokens follow parameters along one line (D ~ N^{slope:.2}), so the share of N and the share of D in the loss cannot be told apart"
    )]
    OneLine {
        /// Slope of ln D against ln N.
        slope: f64,
    },
    /// No law with positive coefficients describes the rows.
    #[error(
        "{law} cannot be fitted: over these {rows} rows the loss does not decrease with its variables"
    )]
    NoFall {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// Number of rows that were given.
        rows: usize,
    },
    /// The optimum has numbers beyond what a computer holds.
    #[error(
        "{law} cannot be fitted in finite numbers: these {rows} rows span too many orders of magnitude"
    )]
    NotFinite {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// Number of rows that were given.
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
    /// No runs differ in their learning rate alone.
    #[error(
        "the law of learning rates needs three rates of one size, token count, batch and decay; these runs have {most}"
    )]
    NoRates {
        /// Most rates of one size, token count, batch and decay.
        most: usize,
    },
    /// A name that is no law's.
    #[error("`{name}` is not a law")]
    UnknownLaw {
        /// The text as it was written.
        name: String,
        /// The law's name that is closest to it, where one is close.
        close: Option<&'static str>,
    },
    /// A law of one variable was asked for without saying which.
    #[error("{law} is a law of one variable, and nothing says whether that is N, D or C")]
    AxisRequired {
        /// Name of the law that was asked for.
        law: &'static str,
    },
    /// `chinchilla-pinned` without a usable E.
    #[error("`{name}`: the E to pin must be a positive number")]
    PinnedWithoutE {
        /// The text as it was written.
        name: String,
    },
    /// All models are equally wide.
    #[error(
        "every model is {width} wide, so these sizes differ in depth alone, and a law in N fitted to them would not hold for models that also grow wider"
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
    /// A law of repetition was asked for, and no row repeats its data.
    #[error("no row repeats its data, so {law} cannot tell what repetition is worth")]
    NoRepetition {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
    },
    /// The rows do not vary enough in something other than N, D and C.
    #[error("{law} needs {needed} different values of {what}; these rows have {values}")]
    TooFewKinds {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// What should vary.
        what: &'static str,
        /// Number of distinct values.
        values: usize,
        /// Number of distinct values that the law needs.
        needed: usize,
    },
    /// A row with fewer experts than a token uses.
    #[error(
        "row {label}: it has {experts} experts for each one that a token uses; there is at least one"
    )]
    FewerThanActive {
        /// Run id or row number.
        label: String,
        /// Experts for each one that a token uses.
        experts: f64,
    },
    /// What experts are worth was asked of rows without a dense model.
    #[error("no row is of a dense model, so {law} cannot tell what experts are worth")]
    NoDense {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
    },
    /// A quantity follows the others of the law along one line.
    #[error(
        "{what} follows {others} along one line, so {law} cannot tell their shares in the loss apart"
    )]
    Follows {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// The quantity.
        what: &'static str,
        /// The other quantities.
        others: &'static str,
    },
    /// The rows differ in something that the law does not know.
    #[error("{law} is a law of one {what}, and these rows have {values}")]
    SeveralKinds {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// What should be one and the same.
        what: &'static str,
        /// Number of distinct values.
        values: usize,
    },
    /// [`crate::Watch::stop`] was called.
    #[error("the fits were stopped before they were done")]
    Stopped,
    /// A name to hold that is no parameter of the law.
    #[error("{law} has no parameter `{name}` to fix")]
    UnknownParameter {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// The text as it was written.
        name: String,
        /// The law's parameters.
        names: String,
    },
    /// A value that a parameter cannot be held at.
    #[error("{law}: {name} cannot be fixed at {value}: {problem}")]
    BadFixed {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
        /// The parameter.
        name: String,
        /// The value at which it was to be held.
        value: f64,
        /// Why the parameter cannot have this value.
        problem: String,
        /// The law's parameters.
        names: String,
    },
    /// Every parameter is held.
    #[error("every parameter of {law} is fixed, so that nothing is left to fit")]
    AllFixed {
        /// Name of the law that was asked for.
        law: Cow<'static, str>,
    },
    /// A text that is no objective.
    #[error("`{text}` is not an objective")]
    UnknownObjective {
        /// The text as it was written.
        text: String,
    },
    /// A Huber threshold that is no positive number.
    #[error("objective `{text}`: the threshold must be a positive number")]
    BadDelta {
        /// The text as it was written.
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
            FitError::Missing { column, .. } => {
                format!("name the column that holds it with --{} COL", column.replace('_', "-"))
            }
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
            FitError::NoRates { .. } => {
                "train the sweep at several rates: `\"train.learning_rate\" = [0.002, 0.004, 0.008]` under `[axes]`".into()
            }
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
            FitError::FewerThanActive { .. } => {
                "look whether the columns of experts and of active experts are those".into()
            }
            FitError::NoDense { .. } => {
                "add dense runs at sizes and token counts of the others (1 in a column of experts), or hold E_start with --fix".into()
            }
            FitError::Follows { what, .. } => {
                format!("add runs of the sizes and token counts there are, at other values of {what}")
            }
            FitError::SeveralKinds { .. } => {
                "choose the rows of one with --where, without the dense ones, or fit sparsity or joint-experts".into()
            }
            FitError::UnknownParameter { names, .. } | FitError::BadFixed { names, .. } => {
                format!("its parameters are {names}")
            }
            FitError::AllFixed { .. } => "leave one of them free".into(),
            FitError::Stopped => return None,
            FitError::AxisRequired { .. } => "say which with --x n, --x d or --x c".into(),
            FitError::UnknownObjective { .. } | FitError::BadDelta { .. } => {
                format!("an objective is one of {OBJECTIVES}; mean- in front of all averages over rows instead of summing")
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
