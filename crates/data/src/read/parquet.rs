//! Reads parquet files: a row of one text column is a document, and one row group is in memory at a
//! time.

use super::OneFile;
use crate::error::DataError;
use crate::mapped::Bytes;
use isoflop_core::text::{listed, shown};
use isoflop_parquet::{File, Limits};

pub(super) fn read(one: &mut OneFile, column: &str) -> Result<bool, DataError> {
    let path = one.file.path.clone();
    let bad = |problem: String| DataError::UnreadableParquet { path: path.clone(), problem };
    let bytes = Bytes::map(&one.file.path).map_err(one.read_error())?;
    let file = File::open(Mapped(bytes), Limits::TEXTS).map_err(bad)?;
    let Some(at) = file.names().position(|name| name == column) else {
        let names: Vec<_> = file.names().collect();
        return Err(DataError::BadParquet {
            path: path.clone(),
            problem: format!("no column `{}`; it has {}", shown(column), listed(&names)),
        });
    };
    let mut row = 0;
    for group in 0..file.groups() {
        let chunk = file.chunk(group, at).map_err(bad)?;
        let Some(texts) = chunk.texts() else {
            return Err(DataError::BadParquet {
                path: path.clone(),
                problem: format!("column `{}` holds {}, not text", shown(column), file.holds(at)),
            });
        };
        for text in texts {
            row += 1;
            // A null is a document without text.
            let text = text.unwrap_or_default().to_vec();
            if !one.give(row, text)? {
                return Ok(false);
            }
        }
        (one.step)(file.end(group));
    }
    Ok(true)
}

/// A mapped file in the form that the decoder asks for.
struct Mapped(Bytes);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
