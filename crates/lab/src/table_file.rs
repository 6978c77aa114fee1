//! The bytes of somebody's table, unpacked, and their digest.

use crate::{Hinted, LabError};
use isoflop_core::digest::sha256;
use isoflop_results::file::{LARGEST_TABLE, read_table};
use isoflop_results::table::{Format, How};
use isoflop_results::{ResultsError, Table};
use std::path::{Path, PathBuf};

/// Ends of the names of packed files.
const PACKED: [&str; 3] = ["gz", "zst", "zstd"];

/// Reads a table of any format, packed or not, in UTF-8 or UTF-16; and the SHA-256 of its file.
///
/// # Errors
/// The file cannot be read, cannot be unpacked, or holds no table.
pub(crate) fn read(path: &Path, how: How) -> Result<(Table, String), LabError> {
    let bytes = read_table(path)?;
    let digest = sha256([bytes.as_slice()]);
    let plain = plain(path);
    // What is in no format that is read is told by its name, before its content is looked at.
    if let Format::Parquet = Format::of(&plain, &bytes)? {
        return Ok((Table::parse(path, Format::Parquet, bytes, how)?, digest));
    }
    let most = LARGEST_TABLE as usize;
    let text = isoflop_data::unpacked(path, &bytes, most)?;
    let text = text.ok_or_else(|| ResultsError::TooLarge {
        path: path.to_owned(),
        problem: format!("a file that unpacks to more than {} MB", LARGEST_TABLE >> 20),
    })?;
    if text.is_empty() {
        let hint = "give a table with names in the first line and a run a row";
        return Err(Hinted::new(format!("{}: it is empty", path.display()), hint).into());
    }
    let format = Format::of(&plain, &text)?;
    Ok((Table::parse(path, format, text, how)?, digest))
}

/// The path without the end that tells the packing.
fn plain(path: &Path) -> PathBuf {
    let end = path.extension().unwrap_or_default().to_string_lossy();
    match PACKED.contains(&end.to_lowercase().as_str()) {
        true => path.with_extension(""),
        false => path.to_owned(),
    }
}
