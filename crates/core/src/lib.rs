//! The words of the field as types: units, scaling laws, recipes, keyed randomness. No I/O, no
//! training, no fitting.

pub mod data;
pub mod digest;
pub mod fuzz;
pub mod guard;
pub mod laws;
pub mod optimizer;
pub mod placement;
pub mod recipe;
pub mod rng;
pub mod schedule;
pub mod series;
pub mod text;
pub mod units;

pub use laws::{ChinchillaLaw, PowerLaw};
pub use optimizer::{Optimizer, OptimizerKind};
pub use recipe::Recipe;
pub use schedule::{Schedule, ScheduleKind};
pub use series::Series;
pub use units::{Flops, Params, Tokens};
