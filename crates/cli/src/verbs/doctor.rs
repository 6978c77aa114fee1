//! `isoflop doctor`: what this machine can train on.

use crate::output::{print, print_json};
use crate::terminal::with_lab;
use anyhow::Result;
use isoflop_lab::doctor::{Diagnosis, Finding, diagnose};
use isoflop_sweep::memory::shown;
use isoflop_train::device::DeviceChoice;
use isoflop_train::device::probe::probe;
use std::process::ExitCode;

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

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if let Some(choice) = args.probe {
        print_json(&probe(choice)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let diagnosis = with_lab(|lab| Ok(diagnose(lab.crew)))?;
    match args.json {
        true => print_json(&diagnosis)?,
        false => print(&in_words(&diagnosis))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_words(diagnosis: &Diagnosis) -> String {
    let mut parts: Vec<String> = diagnosis.devices.iter().map(of_device).collect();
    parts.push(format!("auto takes {}", diagnosis.auto));
    parts.extend(diagnosis.hint.as_ref().map(|hint| format!("hint: {hint}")));
    parts.join("\n\n")
}

fn of_device(finding: &Finding) -> String {
    let mut lines = vec![format!("{}  {}", finding.device, finding.name)];
    let mut say = |label: &str, what: Option<String>| {
        if let Some(what) = what {
            lines.push(format!("  {label:<10}{what}"));
        }
    };
    say("kind", Some(finding.kind.clone()));
    say(
        "driver",
        finding
            .api
            .as_ref()
            .zip(finding.driver.as_ref())
            .map(|(api, driver)| format!("{api}, {driver}")),
    );
    say(
        "memory",
        match (finding.memory_bytes, &finding.api) {
            (Some(bytes), _) => Some(shown(bytes)),
            (None, Some(_)) => Some("not told by wgpu".to_owned()),
            (None, None) => None,
        },
    );
    say(
        "limits",
        finding
            .largest_buffer_bytes
            .zip(finding.workgroup_size)
            .map(|(bytes, size)| format!("buffers of {}, workgroups of {size}", shown(bytes))),
    );
    if finding.api.is_some() {
        let features = match finding.features.is_empty() {
            true => "none of those that could matter".to_owned(),
            false => finding.features.join(", "),
        };
        say("features", Some(features));
    }
    say(
        "probe",
        match (&finding.probe, &finding.problem) {
            (Some(probe), None) => Some(probe.to_string()),
            (Some(probe), Some(problem)) => Some(format!("FAILED: {problem} ({probe})")),
            (None, Some(problem)) => Some(format!("FAILED: {problem}")),
            (None, None) => None,
        },
    );
    lines.join("\n")
}
