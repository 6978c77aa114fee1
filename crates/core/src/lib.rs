//! The words of the field as types: units, model shapes, exact parameter and FLOP accounting,
//! scaling laws. No I/O, no training, no fitting.

pub mod data;
pub mod flops;
pub mod fuzz;
pub mod guard;
pub mod laws;
pub mod model;
pub mod params;
pub mod rng;
pub mod schedule;
pub mod shape;
pub mod text;
pub mod units;

pub use flops::FlopCount;
pub use laws::{ChinchillaLaw, PowerLaw};
pub use model::{ModelConfig, Norm, Parametrization, Position};
pub use params::ParamCount;
pub use schedule::Schedule;
pub use shape::{Shape, ShapeError};
pub use units::{Flops, Params, Tokens};
