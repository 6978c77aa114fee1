//! What a sweep leaves behind: rows of runs and points of learning curves, and the files that
//! hold them. Knows nothing of how a run is planned or trained.

pub mod csv;
pub mod curve;
pub mod data;
mod digest;
pub mod error;
pub mod file;
mod frame;
#[doc(hidden)]
pub mod fuzz;
pub mod parquet;
pub mod position;
pub mod record;
pub mod repeat;
pub mod row;
pub mod schema;
pub mod seal;
pub mod sealed;
pub mod spent;
mod status;
pub mod table;

pub use curve::{Curve, CurvePoint, OfRun};
pub use data::{DataFile, DataRecord};
pub use error::ResultsError;
pub use frame::{Sealed, Trust};
pub use position::{PositionPoint, Positions};
pub use record::RunRecord;
pub use row::RunRow;
pub use sealed::{Chain, SealedForecast};
pub use status::{FailureKind, Status};
pub use table::Table;
