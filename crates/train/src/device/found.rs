//! A device that is there, before it is opened.

use super::{DeviceChoice, DeviceError, processor};

/// What a choice means on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// With the number of an adapter; never `auto`.
    pub choice: DeviceChoice,
    /// The processor; API, name and driver of an adapter.
    pub detail: String,
    /// Bytes of an adapter's memory, where it tells.
    pub memory_bytes: Option<u64>,
}

impl Found {
    /// The processor, which is always there.
    pub fn cpu() -> Self {
        Found { choice: DeviceChoice::Cpu, detail: processor(), memory_bytes: None }
    }

    /// Whether it is a graphics adapter.
    pub fn is_adapter(&self) -> bool {
        matches!(self.choice, DeviceChoice::Wgpu(_))
    }

    #[cfg(feature = "wgpu")]
    fn of(adapter: &super::adapter::Adapter) -> Self {
        Found {
            choice: DeviceChoice::Wgpu(Some(adapter.index)),
            detail: adapter.detail(),
            memory_bytes: adapter.memory_bytes,
        }
    }
}

/// What a choice names on this machine, without opening it.
///
/// # Errors
/// As [`super::TrainDevice::open`], but for a driver that refuses.
pub fn find(choice: DeviceChoice) -> Result<Found, DeviceError> {
    match choice {
        DeviceChoice::Auto => Err(DeviceError::NotChosen),
        DeviceChoice::Cpu => Ok(Found::cpu()),
        #[cfg(feature = "wgpu")]
        DeviceChoice::Wgpu(index) => {
            super::adapter::choose(index).map(|adapter| Found::of(&adapter))
        }
        #[cfg(not(feature = "wgpu"))]
        DeviceChoice::Wgpu(_) => Err(DeviceError::NotBuilt { feature: "wgpu" }),
        DeviceChoice::NdArray if cfg!(feature = "ndarray") => Ok(Found { choice, ..Found::cpu() }),
        DeviceChoice::NdArray => Err(DeviceError::NotBuilt { feature: "ndarray" }),
    }
}

/// Adapters of hardware; of software ones too where the environment variable
/// `ISOFLOP_SOFTWARE_ADAPTERS` is set, which tests of `auto` are for.
pub fn hardware() -> Vec<Found> {
    #[cfg(feature = "wgpu")]
    {
        let software = std::env::var_os("ISOFLOP_SOFTWARE_ADAPTERS").is_some();
        let adapters = super::adapter::adapters().into_iter();
        let taken = adapters.filter(|adapter| software || !adapter.is_software());
        taken.map(|adapter| Found::of(&adapter)).collect()
    }
    #[cfg(not(feature = "wgpu"))]
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_there_and_is_no_adapter() {
        let found = find(DeviceChoice::Cpu).unwrap();
        assert_eq!(found, Found::cpu());
        assert!(!found.is_adapter() && !found.detail.is_empty());
        assert!(hardware().iter().all(Found::is_adapter));
    }
}
