//! Lists graphics adapters and opens them, by means of wgpu.

use super::{DeviceError, TrainDevice};
use burn::backend::{Cube, DispatchDevice};
use burn::tensor::wgpu::{WgpuBackend, wgpu};
use burn::tensor::{Device, DeviceKind, Tensor};
use isoflop_sweep::memory::machine_bytes;
use std::sync::Mutex;

/// An adapter as its driver describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// Number in the list: the N of `wgpu:N`.
    pub index: usize,
    /// Name of the hardware.
    pub name: String,
    /// Kind: `discrete GPU`, `integrated GPU`, `virtual GPU`, `software` or `other`.
    pub kind: &'static str,
    /// Graphics API: `Vulkan`, `Metal`, `Dx12` or `Gl`.
    pub api: String,
    /// Name and version of the driver.
    pub driver: String,
    /// Bytes of memory, if the adapter shares that of the processor; wgpu does not tell the size of
    /// an adapter's own memory.
    pub memory_bytes: Option<u64>,
    /// Maximum bytes of one tensor.
    pub largest_buffer: u64,
    /// Maximum number of invocations in a workgroup.
    pub workgroup_size: u32,
    /// Names of those features that matter for training.
    pub features: Vec<&'static str>,
    selector: Selector,
}

/// How Burn addresses an adapter.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Selector {
    api: wgpu::Backend,
    kind: wgpu::DeviceType,
    /// Index among the adapters of the same kind.
    place: usize,
}

impl Adapter {
    /// Whether the adapter computes on the processor. Such an adapter is chosen only by name or if
    /// there is no other.
    pub fn is_software(&self) -> bool {
        self.selector.kind == wgpu::DeviceType::Cpu
    }

    /// API, name and driver, on which the bits of a loss depend.
    pub(super) fn detail(&self) -> String {
        format!("{}, {}, {}", self.api, self.name, self.driver)
    }
}

/// Adapters of the first graphics API that has one of hardware, or else of the first that has any.
/// Several APIs would list one adapter twice. Of the software adapters only the first can be
/// addressed; the others are left out.
pub fn adapters() -> Vec<Adapter> {
    let mut software = Vec::new();
    for api in apis() {
        let found = adapters_of(api);
        if found.iter().any(|adapter| !adapter.is_software()) {
            return found;
        }
        if software.is_empty() {
            software = found;
        }
    }
    software
}

fn apis() -> Vec<wgpu::Backend> {
    let there = wgpu::Instance::enabled_backend_features();
    let order =
        [wgpu::Backend::Vulkan, wgpu::Backend::Metal, wgpu::Backend::Dx12, wgpu::Backend::Gl];
    let there = |api: &wgpu::Backend| there.contains((*api).into());
    order.into_iter().filter(there).collect()
}

fn adapters_of(api: wgpu::Backend) -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: api.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let found = super::block::block_on(instance.enumerate_adapters(api.into()));
    let mut adapters: Vec<Adapter> = Vec::new();
    for found in found {
        let info = found.get_info();
        let same = |adapter: &&Adapter| adapter.selector.kind == info.device_type;
        let place = adapters.iter().filter(same).count();
        if info.device_type == wgpu::DeviceType::Cpu && place > 0 {
            continue;
        }
        let limits = found.limits();
        let shared =
            matches!(info.device_type, wgpu::DeviceType::Cpu | wgpu::DeviceType::IntegratedGpu);
        adapters.push(Adapter {
            index: adapters.len(),
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => "discrete GPU",
                wgpu::DeviceType::IntegratedGpu => "integrated GPU",
                wgpu::DeviceType::VirtualGpu => "virtual GPU",
                wgpu::DeviceType::Cpu => "software",
                wgpu::DeviceType::Other => "other",
            },
            api: format!("{api:?}"),
            driver: format!("{} {}", info.driver, info.driver_info),
            name: info.name,
            memory_bytes: shared.then(machine_bytes),
            largest_buffer: limits.max_buffer_size.min(limits.max_storage_buffer_binding_size),
            workgroup_size: limits.max_compute_invocations_per_workgroup,
            features: features(found.features()),
            selector: Selector { api, kind: info.device_type, place },
        });
    }
    adapters
}

fn features(has: wgpu::Features) -> Vec<&'static str> {
    let all = [
        (wgpu::Features::SHADER_F16, "f16"),
        (wgpu::Features::SUBGROUP, "subgroups"),
        (wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
        (wgpu::Features::SHADER_FLOAT32_ATOMIC, "f32 atomics"),
    ];
    let there = all.into_iter().filter(|(feature, _)| has.contains(*feature));
    there.map(|(_, name)| name).collect()
}

/// Adapters that this process has opened, since Burn can start its runtime on each only once.
static OPEN: Mutex<Vec<(Adapter, TrainDevice)>> = Mutex::new(Vec::new());

/// The adapter with number `index`. Without a number it is the first of hardware, or the first of
/// software if there is no other.
pub(super) fn choose(index: Option<usize>) -> Result<Adapter, DeviceError> {
    let mut adapters = adapters();
    let count = adapters.len();
    let index = match index {
        Some(index) if index >= count && count > 0 => {
            return Err(DeviceError::NoSuchAdapter { index, last: count - 1 });
        }
        Some(index) => index,
        None => {
            let hardware = adapters.iter().position(|adapter| !adapter.is_software());
            hardware.unwrap_or(0)
        }
    };
    match count {
        0 => Err(DeviceError::NoAdapter),
        _ => Ok(adapters.swap_remove(index)),
    }
}

/// Opens the adapter that [`choose`] chooses.
pub(super) fn open(index: Option<usize>) -> Result<TrainDevice, DeviceError> {
    let adapter = choose(index)?;
    let mut open = OPEN.lock().unwrap_or_else(|poison| poison.into_inner());
    if let Some((_, device)) = open.iter().find(|(other, _)| *other == adapter) {
        return Ok(device.clone());
    }
    let device = TrainDevice::of_adapter(&adapter, start(&adapter)?);
    open.push((adapter, device.clone()));
    Ok(device)
}

fn start(adapter: &Adapter) -> Result<Device, DeviceError> {
    let Selector { api, kind, place } = adapter.selector;
    let kind = match kind {
        wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(place),
        wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(place),
        wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu(place),
        wgpu::DeviceType::Cpu => DeviceKind::Cpu,
        wgpu::DeviceType::Other => DeviceKind::DefaultDevice,
    };
    let api = match api {
        wgpu::Backend::Vulkan => WgpuBackend::Vulkan,
        wgpu::Backend::Metal => WgpuBackend::Metal,
        wgpu::Backend::Dx12 => WgpuBackend::Dx12,
        wgpu::Backend::Gl => WgpuBackend::Gl,
        _ => WgpuBackend::Auto,
    };
    let options = Device::wgpu_options().device_kind(kind).graphics_api(api);
    options.init().map_err(|error| DeviceError::Refused {
        index: adapter.index,
        name: adapter.name.clone(),
        problem: error.to_string(),
    })
}

/// Whether a tensor is on an adapter.
pub(crate) fn holds<const D: usize>(tensor: &Tensor<D>) -> bool {
    matches!(tensor.device().without_autodiff().as_dispatch(), DispatchDevice::Cube(_))
}

/// Reads the numbers of a contiguous tensor without gradients from an adapter, after all work that
/// is queued so far. The request is sent when the future is first polled.
pub(super) async fn read(numbers: Tensor<1>) -> Result<Vec<f32>, String> {
    let numbers = numbers.try_into_primitive::<Cube>().map_err(|error| format!("{error:?}"))?;
    let bytes = numbers.client.read_async(vec![numbers.handle]).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    let words = bytes.iter().flat_map(|bytes| bytes.as_chunks().0);
    Ok(words.map(|word| f32::from_le_bytes(*word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_are_numbered_and_an_adapter_that_is_not_there_is_named() {
        let found = adapters();
        assert!(found.iter().enumerate().all(|(at, adapter)| adapter.index == at));
        let error = open(Some(found.len() + 7)).unwrap_err();
        let expected = match found.len() {
            0 => DeviceError::NoAdapter,
            count => DeviceError::NoSuchAdapter { index: count + 7, last: count - 1 },
        };
        assert_eq!(error, expected);
    }
}
