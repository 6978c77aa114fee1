//! Parquet files of anybody's making as columns of text and numbers, through polars' own parquet
//! crates: the data frame above them would add a third to the build and nothing to what is needed
//! here. Whatever a file holds, reading it ends in values or in a sentence: what would make the
//! decoder abort or fill the memory is looked for first, and its panics are caught.

mod checks;
mod chunk;
mod column;
mod file;
#[doc(hidden)]
pub mod fuzz;
mod kind;
mod thrift;
mod write;

pub use chunk::Chunk;
pub use column::{Column, Values};
pub use file::{File, Limits};
pub use write::write;
