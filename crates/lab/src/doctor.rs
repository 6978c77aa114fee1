//! What this machine can train on.

use crate::Crew;
use isoflop_sweep::memory::machine_bytes;
use isoflop_train::device::probe::Probe;
use isoflop_train::device::{DeviceChoice, instruction_set, processor};
use serde::{Deserialize, Serialize};

/// What is said of one device.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Finding {
    /// Its name in `--device`.
    pub device: DeviceChoice,
    /// Name of the part.
    pub name: String,
    /// What kind of part it is.
    pub kind: String,
    /// Graphics API; none of a processor.
    pub api: Option<String>,
    /// Name and version of the driver.
    pub driver: Option<String>,
    /// Memory, where it tells.
    pub memory_bytes: Option<u64>,
    /// Most bytes of one tensor.
    pub largest_buffer_bytes: Option<u64>,
    /// Most units of a workgroup.
    pub workgroup_size: Option<u32>,
    /// What matters of its features.
    pub features: Vec<String>,
    /// Why it cannot be trained on.
    pub problem: Option<String>,
    /// What it showed when it was tried.
    pub probe: Option<Probe>,
}

/// Every device, tried.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// The processor, then the adapters.
    pub devices: Vec<Finding>,
    /// What `--device auto` takes, and why.
    pub auto: String,
    /// What more could be had.
    pub hint: Option<String>,
}

/// Tries the processor and every graphics adapter, each in the place that the crew gives it.
pub fn diagnose(crew: &dyn Crew) -> Diagnosis {
    let mut devices = vec![processor_finding()];
    devices.extend(adapters());
    if cfg!(feature = "ndarray") {
        devices.push(ndarray());
    }
    for finding in &mut devices {
        match crew.probe(finding.device) {
            Ok(probe) => {
                finding.problem = probe.problem();
                finding.probe = Some(probe);
            }
            Err(error) => finding.problem = Some(error.in_full()),
        }
    }
    Diagnosis { auto: auto(&devices), hint: hint(&devices), devices }
}

fn processor_finding() -> Finding {
    Finding {
        device: DeviceChoice::Cpu,
        name: processor(),
        kind: format!(
            "processor, {} cores, {}",
            std::thread::available_parallelism().map_or(1, usize::from),
            instruction_set()
        ),
        memory_bytes: Some(machine_bytes()),
        ..Finding::default()
    }
}

fn ndarray() -> Finding {
    Finding {
        device: DeviceChoice::NdArray,
        name: processor(),
        kind: "processor, Burn's older backend (deprecated by its authors, slower)".to_owned(),
        ..Finding::default()
    }
}

#[cfg(feature = "wgpu")]
fn adapters() -> Vec<Finding> {
    let found = isoflop_train::device::adapter::adapters().into_iter();
    let findings = found.map(|adapter| Finding {
        device: DeviceChoice::Wgpu(Some(adapter.index)),
        kind: adapter.kind.to_owned(),
        name: adapter.name,
        api: Some(adapter.api),
        driver: Some(adapter.driver),
        memory_bytes: adapter.memory_bytes,
        largest_buffer_bytes: Some(adapter.largest_buffer),
        workgroup_size: Some(adapter.workgroup_size),
        features: adapter.features.into_iter().map(str::to_owned).collect(),
        ..Finding::default()
    });
    findings.collect()
}

#[cfg(not(feature = "wgpu"))]
fn adapters() -> Vec<Finding> {
    Vec::new()
}

/// What `auto` would take, and why.
fn auto(devices: &[Finding]) -> String {
    if !cfg!(feature = "wgpu") {
        return "cpu: this program was built without wgpu".to_owned();
    }
    let hardware = |finding: &&Finding| finding.api.is_some() && finding.kind != "software";
    let named: Vec<String> = devices
        .iter()
        .filter(hardware)
        .filter(|finding| finding.problem.is_none())
        .map(|finding| finding.device.to_string())
        .collect();
    match (named.is_empty(), devices.iter().any(|finding| finding.api.is_some())) {
        (true, false) => "cpu: there is no graphics adapter".to_owned(),
        (true, true) => {
            "cpu: there is no adapter of hardware that trains as the processor does".to_owned()
        }
        (false, _) => format!(
            "the faster of cpu on all cores and {}, priced for each sweep and kept for it",
            named.join(", ")
        ),
    }
}

fn hint(devices: &[Finding]) -> Option<String> {
    if !cfg!(feature = "wgpu") {
        return Some(
            "for a GPU build with `cargo build --release --features wgpu`; docs/gpu.md".to_owned(),
        );
    }
    let any = devices.iter().any(|finding| finding.api.is_some());
    (!any).then(|| {
        "no driver was found: NVIDIA's comes from NVIDIA, AMD's and Intel's are Debian's \
         mesa-vulkan-drivers with libvulkan1; in a container the device has to be passed in; docs/gpu.md"
            .to_owned()
    })
}
