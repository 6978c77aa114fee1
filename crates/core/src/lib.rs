//! The words of the field as types: units, scaling laws, schedules, keyed randomness. No I/O, no
//! training, no fitting.

pub mod data;
pub mod digest;
pub mod fuzz;
pub mod guard;
pub mod laws;
pub mod optimizer;
pub mod rng;
pub mod schedule;
pub mod series;
pub mod text;
pub mod units;

pub use laws::{ChinchillaLaw, PowerLaw};
pub use optimizer::Optimizer;
pub use schedule::Schedule;
pub use series::Series;
pub use units::{Flops, Params, Tokens};
