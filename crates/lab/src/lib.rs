//! What the verbs of `isoflop` do, without a terminal: a sweep file becomes a plan with prices, a plan
//! becomes runs, runs and tables become points and fits, and a results folder becomes a report.
//!
//! Nothing here prints, reads arguments or ends the process. What is said and shown on the way goes
//! through [`Notice`], processes are started through [`Crew`], and what asks for an early end is a
//! [`Stop`]; the three together are a [`Lab`].

pub mod advise;
pub mod bench;
pub mod calibration;
pub mod check;
pub mod columns;
mod crew;
pub mod curve_laws;
pub mod doctor;
mod error;
pub mod eta;
pub mod fits;
pub mod forecast;
pub mod jobs;
pub mod ledger;
mod notice;
pub mod path;
pub mod places;
pub mod plan;
pub mod predict;
pub mod price;
pub mod prices;
pub mod prospects;
pub mod rates;
pub mod reach;
pub mod report;
pub mod run;
pub mod score;
pub mod stages;
pub mod submit;
mod table_file;
pub mod tables;
pub mod transfer;
mod tune;
mod until;
pub mod validate;
pub mod words;

pub use crew::{Crew, Processes};
pub use error::{Hinted, LabError, no_room};
pub use notice::{Bar, Begun, Notice};

use std::sync::atomic::AtomicBool;

/// What the functions of this crate are given besides their input.
#[derive(Clone, Copy)]
pub struct Lab<'a> {
    /// Who is told of what happens.
    pub notice: &'a dyn Notice,
    /// Who does the work that takes processes of its own.
    pub crew: &'a dyn Crew,
    /// What asks for an early end.
    pub stop: &'a dyn Stop,
}

/// What asks work to keep its states and end.
pub trait Stop {
    /// Set once the work is to end.
    fn flag(&self) -> &AtomicBool;

    /// Told with `true` when the work begins to look at the flag, and with `false` when it no longer does.
    fn heeded(&self, is: bool);
}

/// A flag that nobody but its holder sets.
impl Stop for AtomicBool {
    fn flag(&self) -> &AtomicBool {
        self
    }

    fn heeded(&self, _: bool) {}
}
