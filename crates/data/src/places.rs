//! Where this machine keeps the cache and cargo's sources.

use crate::error::DataError;
use etcetera::BaseStrategy;
use std::path::PathBuf;

/// The two folders that a built-in corpus needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Prepared corpora; made when first written to.
    pub cache: PathBuf,
    /// Cargo's unpacked sources, `registry/src` of its home: a folder per registry, in it
    /// `NAME-VERSION`.
    pub sources: PathBuf,
}

impl Places {
    /// The cache is `ISOFLOP_CACHE`, else `isoflop` in the platform's cache folder; the sources
    /// are those of `CARGO_HOME`, else of `.cargo` in the home folder.
    ///
    /// # Errors
    /// Neither the variables nor a home folder say where.
    pub fn of_this_machine() -> Result<Self, DataError> {
        let cache = match std::env::var_os("ISOFLOP_CACHE").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => etcetera::choose_base_strategy()
                .map_err(|_| DataError::NoHome { variable: "ISOFLOP_CACHE" })?
                .cache_dir()
                .join("isoflop"),
        };
        let cargo = home::cargo_home().map_err(|_| DataError::NoHome { variable: "CARGO_HOME" })?;
        Ok(Places { cache, sources: cargo.join("registry").join("src") })
    }
}
