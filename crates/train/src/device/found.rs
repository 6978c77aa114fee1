//! Finds a device without opening it.

use super::{DeviceChoice, DeviceError, processor};

/// A device that exists on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Choice that names the device; it has the number of an adapter, and is never `auto`.
    pub choice: DeviceChoice,
    /// Name of the processor; or API, name and driver of an adapter.
    pub detail: String,
    /// Bytes of an adapter's memory, if it tells.
    pub memory_bytes: Option<u64>,
}

impl Found {
    /// The processor, which always exists.
    pub fn cpu() -> Self {
        Found { choice: DeviceChoice::Cpu, detail: processor(), memory_bytes: None }
    }

    /// Whether the device is a graphics adapter.
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

/// Finds the device that a choice names on this machine, without opening it.
///
/// # Errors
/// The same as those of [`super::TrainDevice::open`], except that a driver is not asked yet.
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

/// All adapters of hardware. If the environment variable `ISOFLOP_SOFTWARE_ADAPTERS` is set,
/// software adapters are included, for tests of `auto`.
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
