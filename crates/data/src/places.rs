//! Finds the folders of the cache and of cargo's sources on this machine.

use crate::error::DataError;
use etcetera::BaseStrategy;
use std::path::PathBuf;

/// The two folders that preparing data needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Folder of prepared data; it is made when something is first written to it.
    pub cache: PathBuf,
    /// Folder of cargo's unpacked sources, `registry/src` of cargo's home. It has a folder per
    /// registry, which holds the folders `NAME-VERSION`.
    pub sources: PathBuf,
}

impl Places {
    /// The places that the environment names. The cache is `ISOFLOP_CACHE` or, by default,
    /// `isoflop` in the platform's cache folder. The sources are below `CARGO_HOME` or, by default,
    /// below `.cargo` in the home folder.
    ///
    /// # Errors
    /// Neither the variables nor a home folder give the places.
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
