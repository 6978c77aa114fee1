//! Where the rows of fits came from.

use serde::{Deserialize, Serialize};

/// A file of rows, and how it was understood.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RowSource {
    /// Name of the file as it was given.
    pub file: String,
    /// SHA-256 of the bytes of the file, in hex, or of a sweep's rows without what may differ between
    /// repeats; absent where the rows came from elsewhere.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Rows in the file.
    pub rows: usize,
    /// Rows that were handed to the fits.
    pub used: usize,
    /// Conditions that a row had to meet.
    #[serde(default)]
    pub filter: Vec<String>,
    /// Column and unit that N was read from.
    pub n: String,
    /// Column and unit that D was read from.
    pub d: String,
    /// Column and unit that C was read from.
    pub c: String,
    /// Column that the loss was read from.
    pub loss: String,
    /// What was seen in the rows and done about it.
    #[serde(default)]
    pub remarks: Vec<String>,
}

impl RowSource {
    /// File, digest, counts, filter and columns in a line.
    pub fn words(&self) -> String {
        let digest = self.sha256.as_ref();
        let digest = digest.map_or(String::new(), |digest| {
            format!(" (sha256 {})", &digest[..digest.len().min(12)])
        });
        let filter = match self.filter.is_empty() {
            true => String::new(),
            false => format!(" with {}", self.filter.join(" and ")),
        };
        format!(
            "{}{digest}, {} of {} rows{filter}; {}",
            self.file,
            self.used,
            self.rows,
            self.columns()
        )
    }

    /// How the columns of the file were understood.
    pub fn columns(&self) -> String {
        format!("N is {}, D is {}, C is {}, loss is {}", self.n, self.d, self.c, self.loss)
    }
}
