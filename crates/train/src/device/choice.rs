//! Parses `--device`, and explains why a device is not available.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A value of `--device`: `auto`, `cpu`, `wgpu`, `wgpu:N` or `ndarray`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DeviceChoice {
    /// The fastest device for the sweep.
    Auto,
    /// The processor.
    #[default]
    Cpu,
    /// A GPU: adapter number N of the list that `isoflop doctor` prints, or the first of hardware.
    Wgpu(Option<usize>),
    /// The processor, by means of Burn's older backend.
    NdArray,
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("wgpu:").map(str::parse)) {
            ("auto", _) => Ok(DeviceChoice::Auto),
            ("cpu", _) => Ok(DeviceChoice::Cpu),
            ("wgpu", _) => Ok(DeviceChoice::Wgpu(None)),
            ("ndarray", _) => Ok(DeviceChoice::NdArray),
            (_, Some(Ok(index))) => Ok(DeviceChoice::Wgpu(Some(index))),
            _ => {
                Err("give auto, cpu, wgpu, wgpu:N (number N of `isoflop doctor`) or ndarray"
                    .to_owned())
            }
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> String {
        choice.to_string()
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => f.write_str("auto"),
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Wgpu(None) => f.write_str("wgpu"),
            DeviceChoice::Wgpu(Some(index)) => write!(f, "wgpu:{index}"),
            DeviceChoice::NdArray => f.write_str("ndarray"),
        }
    }
}

/// Reason why a device cannot be trained on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message names every field")]
pub enum DeviceError {
    #[error("`auto` has to be settled before a device is opened")]
    NotChosen,
    #[error("this program was built without {feature}")]
    NotBuilt { feature: &'static str },
    #[error("there is no graphics adapter")]
    NoAdapter,
    #[error("there is no adapter {index}; the last is {last}")]
    NoSuchAdapter { index: usize, last: usize },
    #[error("adapter {index}, {name}: {problem}")]
    Refused { index: usize, name: String, problem: String },
}

impl DeviceError {
    /// Advice for the person at the terminal.
    pub fn hint(&self) -> Option<String> {
        match self {
            DeviceError::NotChosen => Some("give --device cpu or wgpu".to_owned()),
            DeviceError::NotBuilt { feature } => Some(format!(
                "build it with `cargo build --release --features {feature}`; --device cpu needs nothing"
            )),
            DeviceError::NoAdapter => Some(
                "install a Vulkan driver (Debian: mesa-vulkan-drivers libvulkan1, or NVIDIA's own), or \
                 train with --device cpu; `isoflop doctor` lists what is found"
                    .to_owned(),
            ),
            DeviceError::NoSuchAdapter { .. } => {
                Some("`isoflop doctor` lists the adapters by number".to_owned())
            }
            DeviceError::Refused { .. } => {
                Some("update its driver, or train with --device cpu".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_as_they_are_written_and_others_are_refused() {
        for text in ["auto", "cpu", "wgpu", "wgpu:1", "ndarray"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        for text in ["gpu", "wgpu:", "wgpu:-1", "wgpu:x", "cuda", ""] {
            assert!(text.parse::<DeviceChoice>().unwrap_err().contains("doctor"));
        }
    }
}
