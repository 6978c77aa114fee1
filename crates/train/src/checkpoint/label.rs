//! The file beside the weights of a model: a description of them, and their checksum.

use super::{FORMAT, Manifest};
use isoflop_core::text::shown_up_to;
use isoflop_model::{ParamCount, Shape};
use isoflop_sweep::checkpoints::checksum;
use serde::{Deserialize, Serialize};

/// Content of `NAME.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Label {
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
    /// SHA-256 of `NAME.safetensors`; `None` in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

impl Label {
    pub(crate) fn of(manifest: &Manifest, numbers: &[u8]) -> Self {
        Label { manifest: manifest.clone(), sha256: Some(checksum(numbers)) }
    }

    /// Parses the file.
    ///
    /// # Errors
    /// The problem with the bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let label: Label =
            serde_json::from_slice(bytes).map_err(|error| shown_up_to(200, &error.to_string()))?;
        match label.manifest.format {
            FORMAT => Ok(label),
            other => Err(format!("its format is {other}, this program's {FORMAT}")),
        }
    }

    /// Checks that `numbers` are the weights that this label was written for.
    ///
    /// # Errors
    /// The weights have another checksum.
    pub(crate) fn check(&self, numbers: &[u8]) -> Result<(), String> {
        match &self.sha256 {
            Some(sum) if *sum != checksum(numbers) => {
                Err("its checksum does not match: the weights are damaged".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Manifest {
    /// Checks that the model can be built from this many numbers, before memory is allocated for
    /// it.
    ///
    /// # Errors
    /// The problem with the model.
    pub(super) fn check(&self, numbers: usize) -> Result<(), String> {
        const LARGEST_ROTARY_TABLE: f64 = 268_435_456.0;
        let model = &self.model;
        let Shape { d_model, n_layers, n_heads } = model.shape;
        let shape = Shape::new(d_model, n_layers, n_heads).and_then(|_| model.check());
        shape.map_err(|error| error.to_string())?;
        let table = model.context as f64 * d_model as f64;
        match ParamCount::of(model).total().0 > numbers as f64 || table > LARGEST_ROTARY_TABLE {
            true => {
                Err(format!("{numbers} numbers are too few for the model that it is said to be"))
            }
            false => Ok(()),
        }
    }
}
