//! What stands beside the weights of a model: what they are, and their checksum.

use super::{FORMAT, Manifest};
use isoflop_core::digest::sha256;
use isoflop_core::text::shown_up_to;
use serde::{Deserialize, Serialize};

/// The content of `NAME.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Label {
    #[serde(flatten)]
    pub(super) manifest: Manifest,
    /// SHA-256 of `NAME.safetensors`; not there in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

impl Label {
    pub(super) fn of(manifest: &Manifest, numbers: &[u8]) -> Self {
        Label { manifest: manifest.clone(), sha256: Some(sha256([numbers])) }
    }

    /// Reads the bytes of the file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let label: Label =
            serde_json::from_slice(bytes).map_err(|error| shown_up_to(200, &error.to_string()))?;
        match label.manifest.format {
            FORMAT => Ok(label),
            other => Err(format!("its format is {other}, this program's {FORMAT}")),
        }
    }

    /// Whether these are the weights that were written with it.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn check(&self, numbers: &[u8]) -> Result<(), String> {
        match &self.sha256 {
            Some(sum) if *sum != sha256([numbers]) => {
                Err("its checksum does not match: the weights are damaged".to_owned())
            }
            _ => Ok(()),
        }
    }
}
