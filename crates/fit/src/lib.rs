//! Scaling-law fits with intervals: from rows of (N, D, C, loss) to exponents, what they are worth,
//! and which runs are missing. Takes slices, knows no files.
//!
//! [`analyse`] fits everything a results folder allows, [`fit`] one law to one table, [`isoflop`]
//! the optima per budget. Inside: a grid over exponents with the rest solved exactly (`varpro`),
//! a polish of several starts on the objective itself (`polish`, `solve`), then replicates,
//! influence and warnings.

mod analyse;
mod bootstrap;
mod design;
mod envelope;
mod error;
mod findings;
mod fit;
mod form;
mod general;
mod influence;
mod isoflop;
mod isoflop_bootstrap;
mod law;
mod linalg;
pub mod noise;
mod objective;
pub mod output;
mod parabola;
mod point;
mod polish;
pub mod predict;
mod problem;
mod solve;
mod validate;
mod varpro;

pub use analyse::analyse;
pub use bootstrap::LEVEL;
pub use envelope::{Envelope, envelope};
pub use error::FitError;
pub use fit::{Options, fit};
pub use general::{GeneralLaw, fit_general};
pub use isoflop::isoflop;
pub use law::Law;
pub use objective::{Objective, Penalty, Reduction, Residual};
pub use point::{MOST_EPOCHS, Point};
