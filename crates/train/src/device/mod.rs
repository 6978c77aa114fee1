//! Opens the device that `--device` names, for training.

#[cfg(feature = "wgpu")]
pub mod adapter;
pub(crate) mod block;
mod choice;
mod found;
mod micro;
pub mod peak;
pub mod probe;
mod processor;
pub(crate) mod traffic;
pub(crate) mod wait;

pub use choice::{DeviceChoice, DeviceError};
pub use found::{Found, find, hardware};
pub use processor::{instruction_set, processor};
pub use traffic::Traffic;

use burn::tensor::Device;

/// A device that is ready for training.
#[derive(Clone, Debug)]
pub struct TrainDevice {
    name: &'static str,
    detail: String,
    tensors: Device,
    largest_buffer: Option<u64>,
    /// Bytes of memory, if the device tells.
    memory: Option<u64>,
}

impl TrainDevice {
    /// One core of the processor, with the fused operations.
    pub fn cpu() -> Self {
        TrainDevice {
            name: "cpu",
            detail: instruction_set().to_owned(),
            tensors: Device::flex(),
            largest_buffer: None,
            memory: None,
        }
    }

    /// Opens the device that a choice names. A process opens an adapter once and keeps it open.
    ///
    /// # Errors
    /// This build does not support the device, the adapter does not exist, or its driver refuses.
    /// `auto` does not name a device yet and gives [`DeviceError::NotChosen`].
    pub fn open(choice: DeviceChoice) -> Result<Self, DeviceError> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::cpu()),
            DeviceChoice::Auto => Err(DeviceError::NotChosen),
            #[cfg(feature = "wgpu")]
            DeviceChoice::Wgpu(index) => adapter::open(index),
            #[cfg(not(feature = "wgpu"))]
            DeviceChoice::Wgpu(_) => Err(DeviceError::NotBuilt { feature: "wgpu" }),
            #[cfg(feature = "ndarray")]
            DeviceChoice::NdArray => Ok(Self::ndarray()),
            #[cfg(not(feature = "ndarray"))]
            DeviceChoice::NdArray => Err(DeviceError::NotBuilt { feature: "ndarray" }),
        }
    }

    #[cfg(feature = "ndarray")]
    #[allow(deprecated, reason = "kept for those who ask for it by name")]
    fn ndarray() -> Self {
        TrainDevice {
            name: "ndarray",
            detail: instruction_set().to_owned(),
            tensors: Device::ndarray(),
            largest_buffer: None,
            memory: None,
        }
    }

    #[cfg(feature = "wgpu")]
    fn of_adapter(adapter: &adapter::Adapter, tensors: Device) -> Self {
        TrainDevice {
            name: "wgpu",
            detail: adapter.detail(),
            tensors,
            largest_buffer: Some(adapter.largest_buffer),
            memory: adapter.memory_bytes,
        }
    }

    /// Name of the kind of device: `cpu`, `wgpu` or `ndarray`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Instruction set of the processor; or API, name and driver of an adapter.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Everything about the device that the bits of a loss depend on; training resumes only from
    /// states of the same kind. It can be used as the name of a folder.
    pub fn kind(&self) -> String {
        let plain = |c: char| match c.is_ascii_alphanumeric() {
            true => c.to_ascii_lowercase(),
            false => '-',
        };
        let detail: String = self.detail.chars().map(plain).collect();
        let parts = detail.split('-').filter(|part| !part.is_empty());
        let parts: Vec<&str> = std::iter::once(self.name).chain(parts).collect();
        parts.join("-")
    }

    /// Burn's device for tensors without gradients.
    pub fn tensors(&self) -> Device {
        self.tensors.clone()
    }

    /// Burn's device for tensors with gradients.
    pub fn autodiff(&self) -> Device {
        self.tensors.clone().autodiff()
    }

    /// Whether the device queues its work, so that reading a number waits for all work before it.
    pub fn is_queued(&self) -> bool {
        self.name == "wgpu"
    }

    /// Bytes that the device's allocator holds; `None` if it does not tell. The allocator does not
    /// free memory by itself, so at the end of a run this is the maximum that the run has used.
    pub fn memory_bytes(&self) -> Option<u64> {
        let usage = self.tensors.memory_pool_usage()?;
        (self.name == "wgpu").then_some(usage.bytes_reserved)
    }

    /// Frees the memory of earlier runs.
    pub fn release_memory(&self) {
        if self.is_queued() {
            self.tensors.memory_cleanup();
        }
    }
}

impl Default for TrainDevice {
    fn default() -> Self {
        Self::cpu()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_the_processor_is_its_name_and_instruction_set() {
        assert_eq!(TrainDevice::cpu().kind(), format!("cpu-{}", instruction_set()));
        assert!(!TrainDevice::cpu().is_queued());
        assert_eq!(TrainDevice::cpu().memory_bytes(), None);
    }

    #[test]
    fn auto_is_not_a_device_yet() {
        assert_eq!(TrainDevice::open(DeviceChoice::Auto).unwrap_err(), DeviceError::NotChosen);
    }

    #[cfg(not(feature = "wgpu"))]
    #[test]
    fn what_is_not_in_this_build_says_how_to_get_it() {
        let error = TrainDevice::open(DeviceChoice::Wgpu(None)).unwrap_err();
        assert!(error.hint().unwrap().contains("--features wgpu"));
    }
}
