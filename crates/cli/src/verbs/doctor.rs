//! `isoflop doctor`: what this machine can train on.

use crate::output::{print, print_json};
use anyhow::Result;
use isoflop_sweep::memory::{machine_bytes, shown};
use isoflop_train::device::probe::{Probe, probe};
use isoflop_train::device::{DeviceChoice, instruction_set, processor};
use serde::{Deserialize, Serialize};
use std::process::{Command, ExitCode, Stdio};

/// Lists what this machine can train on: the processor and every graphics adapter. Each is tried
/// with a few training steps whose losses are compared with the processor's. Also says which device
/// `--device auto` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  isoflop doctor")]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Try one device and print the result; `doctor` starts this in a process of its own, which a
    /// crashing driver may take down.
    #[arg(long, hide = true)]
    probe: Option<DeviceChoice>,
}

/// Findings about one device.
#[derive(Debug, Serialize, Deserialize)]
struct Finding {
    device: String,
    name: String,
    kind: String,
    api: Option<String>,
    driver: Option<String>,
    memory_bytes: Option<u64>,
    largest_buffer_bytes: Option<u64>,
    workgroup_size: Option<u32>,
    features: Vec<String>,
    /// Reason why the device cannot be trained on.
    problem: Option<String>,
    probe: Option<Probe>,
}

#[derive(Debug, Serialize)]
struct Output {
    devices: Vec<Finding>,
    auto: String,
    hint: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(choice) = args.probe {
        print_json(&probe(choice)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut devices = vec![processor_finding()];
    devices.extend(adapters());
    if cfg!(feature = "ndarray") {
        devices.push(ndarray());
    }
    for finding in &mut devices {
        match tried(&finding.device) {
            Ok(probe) => {
                finding.problem = probe.problem();
                finding.probe = Some(probe);
            }
            Err(error) => finding.problem = Some(format!("{error:#}")),
        }
    }
    let output = Output { auto: auto(&devices), hint: hint(&devices), devices };
    match args.json {
        true => print_json(&output)?,
        false => print(&output.shown())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn processor_finding() -> Finding {
    Finding {
        device: "cpu".to_owned(),
        name: processor(),
        kind: format!(
            "processor, {} cores, {}",
            std::thread::available_parallelism().map_or(1, usize::from),
            instruction_set()
        ),
        memory_bytes: Some(machine_bytes()),
        ..Finding::blank()
    }
}

fn ndarray() -> Finding {
    Finding {
        device: "ndarray".to_owned(),
        name: processor(),
        kind: "processor, Burn's older backend (deprecated by its authors, slower)".to_owned(),
        ..Finding::blank()
    }
}

#[cfg(feature = "wgpu")]
fn adapters() -> Vec<Finding> {
    let found = isoflop_train::device::adapter::adapters().into_iter();
    let findings = found.map(|adapter| Finding {
        device: format!("wgpu:{}", adapter.index),
        kind: adapter.kind.to_owned(),
        name: adapter.name,
        api: Some(adapter.api),
        driver: Some(adapter.driver),
        memory_bytes: adapter.memory_bytes,
        largest_buffer_bytes: Some(adapter.largest_buffer),
        workgroup_size: Some(adapter.workgroup_size),
        features: adapter.features.into_iter().map(str::to_owned).collect(),
        ..Finding::blank()
    });
    findings.collect()
}

#[cfg(not(feature = "wgpu"))]
fn adapters() -> Vec<Finding> {
    Vec::new()
}

/// Probes a device in a process of its own.
fn tried(device: &str) -> Result<Probe> {
    let output = Command::new(std::env::current_exe()?)
        .args(["doctor", "--probe", device])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find(|line| !line.trim().is_empty());
        anyhow::bail!("{}: {}", output.status, line.unwrap_or("it said nothing"));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Device that `auto` takes, and why.
fn auto(devices: &[Finding]) -> String {
    if !cfg!(feature = "wgpu") {
        return "cpu: this program was built without wgpu".to_owned();
    }
    let hardware = |finding: &&Finding| finding.api.is_some() && finding.kind != "software";
    let named: Vec<&str> = devices
        .iter()
        .filter(hardware)
        .filter(|finding| finding.problem.is_none())
        .map(|finding| finding.device.as_str())
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

impl Finding {
    fn blank() -> Self {
        Finding {
            device: String::new(),
            name: String::new(),
            kind: String::new(),
            api: None,
            driver: None,
            memory_bytes: None,
            largest_buffer_bytes: None,
            workgroup_size: None,
            features: Vec::new(),
            problem: None,
            probe: None,
        }
    }

    fn shown(&self) -> String {
        let mut lines = vec![format!("{}  {}", self.device, self.name)];
        let mut say = |label: &str, what: Option<String>| {
            if let Some(what) = what {
                lines.push(format!("  {label:<10}{what}"));
            }
        };
        say("kind", Some(self.kind.clone()));
        say(
            "driver",
            self.api
                .as_ref()
                .zip(self.driver.as_ref())
                .map(|(api, driver)| format!("{api}, {driver}")),
        );
        say(
            "memory",
            match (self.memory_bytes, &self.api) {
                (Some(bytes), _) => Some(shown(bytes)),
                (None, Some(_)) => Some("not told by wgpu".to_owned()),
                (None, None) => None,
            },
        );
        say(
            "limits",
            self.largest_buffer_bytes
                .zip(self.workgroup_size)
                .map(|(bytes, size)| format!("buffers of {}, workgroups of {size}", shown(bytes))),
        );
        if self.api.is_some() {
            let features = match self.features.is_empty() {
                true => "none of those that could matter".to_owned(),
                false => self.features.join(", "),
            };
            say("features", Some(features));
        }
        say(
            "probe",
            match (&self.probe, &self.problem) {
                (Some(probe), None) => Some(probe.to_string()),
                (Some(probe), Some(problem)) => Some(format!("FAILED: {problem} ({probe})")),
                (None, Some(problem)) => Some(format!("FAILED: {problem}")),
                (None, None) => None,
            },
        );
        lines.join("\n")
    }
}

impl Output {
    fn shown(&self) -> String {
        let mut parts: Vec<String> = self.devices.iter().map(Finding::shown).collect();
        parts.push(format!("auto takes {}", self.auto));
        parts.extend(self.hint.as_ref().map(|hint| format!("hint: {hint}")));
        parts.join("\n\n")
    }
}
