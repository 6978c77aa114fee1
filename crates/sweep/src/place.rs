//! Remembers where `isoflop run` was started and where it keeps its texts. A worker started
//! elsewhere needs this, but a repository must not hold it.

use crate::error::SweepError;
use crate::folder::ResultsFolder;
use crate::plan::Plan;
use isoflop_results::file::write_atomic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file `place.json` of a results folder. Its paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Folder from which relative paths in the sweep file are resolved.
    pub folder: PathBuf,
    /// Folder of the cache of prepared texts.
    pub cache: PathBuf,
    /// Digests of the texts that the plan trains on.
    pub data_digests: Vec<String>,
}

const FILE: &str = "place.json";

/// Content of the folder's `.gitignore`: paths of one machine, and what is needed only while a
/// sweep is being trained.
const IGNORED: &str = "place.json\ndevice.json\ncheckpoints/\nleases/\nlogs/\nslurm/\n.*.partial\n";

impl Place {
    /// The place of a plan that this process made, whose texts lie in `cache`.
    ///
    /// # Errors
    /// The working folder of this process no longer exists.
    pub fn here(plan: &Plan, cache: &Path) -> std::io::Result<Self> {
        let data = plan.data().iter();
        Ok(Place {
            folder: std::env::current_dir()?,
            cache: std::path::absolute(cache)?,
            data_digests: data.map(|record| record.data_digest.clone()).collect(),
        })
    }

    /// The place of a results folder; `None` where the file is absent or cannot be read, as in a
    /// folder that came from a repository.
    pub fn of(folder: &ResultsFolder) -> Option<Self> {
        let bytes = std::fs::read(folder.root().join(FILE)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes the file into a results folder, with a `.gitignore` that keeps it out of
    /// repositories.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep(&self, folder: &ResultsFolder) -> Result<(), SweepError> {
        let ignore = folder.root().join(".gitignore");
        if !ignore.exists() {
            write_atomic(&ignore, IGNORED.as_bytes())?;
        }
        let text = serde_json::to_string_pretty(self).expect("a struct of text");
        Ok(write_atomic(&folder.root().join(FILE), text.as_bytes())?)
    }
}
