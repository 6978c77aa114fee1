//! Scaling-law fits with intervals: from rows of (N, D, C, loss) to exponents, what they are worth, and which
//! runs are missing. The crate takes slices of [`Point`] and knows no files.
//!
//! # What is fitted
//! A [`Law`] says what the loss is as a function of parameters N, tokens D, compute C and, for some,
//! steps, batch, distinct tokens or experts. [`Law::list`] has them all with formula and source. A fit
//! minimises an [`Objective`] over the rows given: a penalty (squares, Huber's, absolute values, or
//! Huber's counting runs above the law a quarter) on the residual of L or of ln L, summed or averaged.
//! [`fit`] does one law on one table, [`analyse`] all that a results folder allows, [`isoflop`] the optima
//! per budget, [`side_by_side`] the three approaches of Hoffmann et al. 2022.
//!
//! # How the optimum is found
//! Sums of powers are linear in E and the coefficients once the exponents are given (variable
//! projection, Golub & Pereyra 1973). In `(A, alpha, B, beta, E)` the problem's condition number is about
//! 3.5e11, in the two exponents 11: so a grid over the exponents, with non-negative least squares solved
//! exactly at each cell and logarithms centred, sees every basin there is. Laws that are no such sums draw
//! their starts where published parameters lie. From each start Newton's method with exact second
//! derivatives goes down the objective itself, scaled to order one: a tolerance that is met because the
//! objective is tiny is the commonest false convergence in the literature. A fit reports its optimum and
//! gradient, every distinct basin and how many starts agreed; it says in words which starts did not move or hit
//! their limit of steps, and which parameters are at a bound.
//!
//! # What it is worth
//! *Intervals* (of coverage [`LEVEL`] throughout) of many units come from refitting: branches of one trunk
//! (size, data, seed) are not independent, so trunks are resampled. Each replicate starts from the known optima, and looks
//! elsewhere where a grid of its own says so (laws without a grid: where the fit itself had several optima).
//! Ends are corrected for bias and skew (BCa, Efron 1987). Below twenty units the interval is a profile of the
//! squares under Student's t, with the error that rows of a unit share as a second variance (`errors`), and
//! replicates draw errors of both kinds; `bootstrap.headline` says which interval stands beside the estimates.
//!
//! *Profiles* say what the rows identify: each quantity is held along its axis with all others at their
//! best. Where the objective never rises beyond what its dispersion allows (a likelihood-ratio type test for
//! penalties of any shape, Huber & Ronchetti 2009, widened for trunks and uneven errors), the parameter is
//! `identified: false`, with the interval that the data do allow. A profile that comes below the optimum has
//! found a better one: the fit begins there again and says so.
//!
//! *Extrapolation* is what in-sample errors do not show. Every window that fits the smaller budgets is judged
//! by all later ones, and all but the largest size by that ([`output::Validation`]); laws of the same rows are
//! ranked by it ([`rank`]), and [`choose`] says which of them forecasts. [`predict`] carries four things: the
//! parameters' replicates, the scatter of single runs, the choice of law, and the drift that those windows show,
//! with its sign: a law that is wrong by a little bends away from the rows, by the square of the distance in ln C,
//! so that long windows and late ones tell most.
//!
//! # When it refuses
//! Rows of one token count, of one number of tokens per parameter, of one size or one width, with all runs on
//! one side of every minimum, or no more of them than parameters cannot tell the law, whatever an optimiser
//! prints.
//! [`FitError`] says which runs to add. [`advise`](mod@advise) says which would help most once there is a
//! fit.
//!
//! # Where things are
//! `laws` holds a file for each law with its facts, formula and natural parameters; `jet` numbers that carry
//! two derivatives; `engine` starts, polish and basins; `fit` the account of one fit. The parts of that account
//! are `bootstrap`, `profile`, `dispersion`, `errors`, `influence`, `sensitivity` and `validate` (with `outlook`
//! and `drift`); `choice` chooses among laws. How the best size grows is the question of `isoflop`, `interpolated`,
//! `frontier`, `parametric` and, side by side, of `approaches`; what one series costs over another is that of
//! `multiplier`; which learning rate and batch are best is that of `rate`, and whose rate is off that of `collapse`.
//! Whole learning curves have a law of their own, `multi_power`. `design` says whether rows, or runs that are only
//! planned, identify a law.

mod account;
pub mod advise;
mod akima;
mod analyse;
mod approaches;
mod bootstrap;
mod checklist;
mod choice;
pub mod collapse;
mod curve;
pub mod design;
mod dispersion;
mod drift;
mod effective;
mod engine;
mod envelope;
mod error;
mod errors;
mod few;
mod findings;
mod fit;
mod fixed;
pub mod from_text;
mod frontier;
#[doc(hidden)]
pub mod fuzz;
mod headline;
mod influence;
mod interpolated;
mod intervals;
mod isoflop;
mod isoflop_bootstrap;
mod jet;
mod laws;
mod line;
mod lines;
pub mod multi_power;
pub mod multiplier;
pub mod noise;
mod objective;
mod objective_text;
pub mod optimum;
mod options;
mod outlook;
pub mod output;
mod parabola;
mod parametric;
mod point;
pub mod predict;
mod profile;
mod ranking;
pub mod rate;
mod sensitivity;
mod spread;
mod units;
mod validate;
mod watch;
mod work;

pub use analyse::analyse;
pub use approaches::side_by_side;
pub use checklist::checklist;
pub use choice::choose;
pub use envelope::{Envelope, envelope};
pub use error::FitError;
pub use fit::{fit, fit_each};
pub use intervals::{LEVEL, half_width, level_words};
pub use isoflop::isoflop;
pub use laws::Law;
pub use objective::{Objective, Penalty, Reduction, Residual};
pub use options::{Options, REPLICATES, TRUNKS};
pub use point::{MOST_EPOCHS, Point};
pub use ranking::{Best, best, rank};
pub use watch::Watch;
