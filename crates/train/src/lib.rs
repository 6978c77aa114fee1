//! The training engine: the model on Burn tensors, its operations, optimizer, evaluation, and the
//! loop that turns a planned run into losses. No other crate knows Burn.

pub mod bench;
pub mod checkpoint;
pub mod coordinates;
mod curve;
pub mod device;
pub mod divergence;
pub mod evaluate;
pub mod export;
mod feed;
mod flat;
mod flight;
#[doc(hidden)]
pub mod fuzz;
pub mod halves;
mod init;
pub mod model;
mod operations;
pub mod ops;
pub mod optimizer;
pub mod price;
pub mod profile;
mod rehearsal;
mod session;
pub mod source;
pub mod trainer;

pub use source::{data_facts, prepare, prepare_run};
pub use trainer::BurnTrainer;

/// Version of the numerics, which is part of every run's identity. It is raised whenever a change
/// in this crate or in the data crate changes a loss.
pub const NUMERICS_VERSION: u64 = 3;

/// Version of Burn that this crate is pinned to.
pub const BURN_VERSION: &str = "0.22.1";
