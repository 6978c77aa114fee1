//! Turns a sweep file into a plan, and a plan into trained runs: claims, workers, resuming. The
//! trait [`Trainer`] hides how a run is trained, and [`Workers`] where workers are. The caller
//! tells what a corpus holds.

mod attempts;
mod book;
mod burial;
pub mod checkpoint;
pub mod claim;
pub mod error;
pub mod files;
pub mod folder;
pub mod forecast;
#[doc(hidden)]
pub mod fuzz;
pub mod hold;
mod keeper;
pub mod lack;
pub mod lease;
pub mod leases;
pub mod memory;
pub mod pilot;
pub mod place;
pub mod plan;
pub mod reuse;
pub mod row;
pub mod rules;
pub mod run;
pub mod shelf;
pub mod spec;
pub mod supervise;
pub mod time_left;
pub mod trainer;
mod tuned;
pub mod tuning;
mod watch;
pub mod worker;
pub mod workers;
pub mod workplace;

pub use error::{SpecError, SweepError};
pub use folder::ResultsFolder;
pub use isoflop_core::data::DataSource;
pub use lack::Lack;
pub use place::Place;
pub use plan::{DataFacts, Plan, PlanContext, PlanKind};
pub use run::{PlannedRun, RunConfig, RunRole};
pub use spec::Sweep;
pub use trainer::{Ending, Keeper, Progress, TestScore, TrainFailure, Trained, Trainer};
pub use workers::Workers;
